"""`calibration masters`: the masters of the library, and what each is used for."""

from typing import Annotated

import typer

from services.cli.calibration.columns import ID_DIGITS, number_column, type_word
from services.cli.calibration.options import KindOption
from services.cli.calibration.twins import AGED, lifetime_days, twin_listing
from services.cli.connection import HomeOption, find_stack
from services.cli.filters import (
    CameraOption,
    CsvOption,
    DateOption,
    FilterOption,
    JsonOption,
    LimitOption,
    RigOption,
    SinceOption,
    UntilOption,
    Where,
    YearOption,
    make_filters,
)
from services.cli.layout import Column, Noted
from services.cli.listing import Listing, Query, show_listing
from services.cli.output import Row, chosen_format

UnusedOption = Annotated[bool, typer.Option("--unused", help="Only masters that no light uses.")]
AgedOption = Annotated[bool, typer.Option("--aged", help="Only darks and biases past calibration.dark_lifetime_days.")]
TwinsOption = Annotated[
    bool, typer.Option("--twins", help="Only masters at several places, or of the same properties as another one.")
]
RefusedOption = Annotated[bool, typer.Option("--refused", help="Only masters that may not be used.")]
_QUERY = """
SELECT m.file_id, m.master_type, m.name, m.root, m.path, m.size_bytes, m.made_at, m.stack_count, m.refused_by,
       m.refused, m.sessions, m.lights, m.last_night, m.supplied, m.camera, m.telescope, m.rig, m.exposure_s, m.gain,
       m."offset", m.set_temp_c, m.sensor_temp_c, m.filter, m.x_binning, m.readout_mode, m.width_px, m.height_px,
       m.night, m.rotator_angle_deg
FROM calibration.masters m WHERE {where}
"""
_ORDER = "master_type, camera, exposure_s, gain, set_temp_c, filter, made_at DESC, file_id"


def masters(
    kind: KindOption = None,
    unused: UnusedOption = False,
    aged: AgedOption = False,
    twins: TwinsOption = False,
    refused: RefusedOption = False,
    filters: FilterOption = None,
    on: DateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    rig: RigOption = None,
    camera: CameraOption = None,
    year: YearOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List masters by type and properties, with the number of lights that use each."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    stack, where = find_stack(home), Where()
    make_filters(None, filters, on, since, until, rig, camera, None, year).add_kinds(where, "m")
    if kind is not None:
        where.add("m.master_type = {}", f"MASTER_{kind.upper()}")
    if unused:
        where.conditions.append("m.lights = 0")
    if refused:
        where.conditions.append("m.refused IS NOT NULL")
    if aged:
        where.add(AGED, lifetime_days(stack))
    if twins:
        show_listing(stack, twin_listing(where), output, limit)
        return
    query = Query(_QUERY.format(where=where.sql), where.parameters)
    show_listing(stack, Listing(query, _ORDER, _COLUMNS, "master", total=query.count), output, limit)


def _temperature(row: Row) -> str | None:
    known = row["set_temp_c"] if row["set_temp_c"] is not None else row["sensor_temp_c"]
    return None if known is None else f"{known:g}"


def _name(row: Row) -> object:
    return row["name"] if row["refused"] is None else Noted(row["name"], f"refused: {row['refused']}")


_COLUMNS = (
    Column("id", lambda row: row["file_id"][:ID_DIGITS]),
    Column("type", type_word),
    Column("camera", lambda row: row["camera"], fold=True),
    number_column("exposure_s", "exposure (s)"),
    number_column("gain", "gain", spare=1),
    number_column("offset", "offset", spare=1),
    Column("temp. (C)", _temperature, "right"),
    Column("filter", lambda row: row["filter"]),
    Column("night", lambda row: row["night"], spare=1),
    Column("lights", lambda row: row["lights"], "right"),
    Column("file", _name, fold=True, below=True),
)
