"""`calibration sets`: raw calibration frames by what they are, and whether a master can be made of them."""

from typing import Annotated, Literal

import typer

from services.cli.calibration.columns import ID_DIGITS, number_column
from services.cli.calibration.options import set_number
from services.cli.connection import HomeOption, Stack, find_stack, reader, wait_for
from services.cli.filters import (
    CameraOption,
    CsvOption,
    DateOption,
    FilterOption,
    JsonOption,
    LimitOption,
    SinceOption,
    UntilOption,
    Where,
    make_filters,
)
from services.cli.layout import Column
from services.cli.listing import Listing, Query, show_listing
from services.cli.output import Format, Row, chosen_format
from shared.errors import UserError

RawKind = Literal["bias", "dark", "darkflat", "flat"]
RawOption = Annotated[RawKind | None, typer.Option("--type", metavar="TYPE", help="Only bias, dark, darkflat or flat.")]
ReadyOption = Annotated[bool, typer.Option("--ready", help="Only sets of which a master can be built now.")]
FramesOption = Annotated[
    int | None,
    typer.Option("--frames", metavar="SET", parser=set_number, help="The frames of this set, and why some stay out."),
]
_QUERY = """
SELECT s.set_no, s.frame_type, s.state, s.frames, s.kept, s.left_out, s.wanted, s.changed_at, s.master_file_id,
       s.camera, s.telescope, s.rig, s.exposure_s, s.gain, s."offset", s.set_temp_c, s.filter, s.x_binning,
       s.readout_mode, s.width_px, s.height_px, s.night, s.rotator_angle_deg
FROM calibration.sets s WHERE {where}
"""
_ORDER = "frame_type, camera, exposure_s, gain, set_temp_c, filter, night, set_no"
_FRAMES = """
SELECT f.set_no, f.file_id, f.name, f.state, f.reason, f.median_adu, f.mad_adu, f.noise_adu, f.min_adu, f.max_adu,
       f.high_share, f.nan_share, f.measured_at
FROM calibration.set_frames f WHERE f.set_no = $1
"""
_IS_SET = "SELECT EXISTS (SELECT FROM calibration.sets WHERE set_no = $1)"


def sets(
    frames: FramesOption = None,
    kind: RawOption = None,
    ready: ReadyOption = False,
    filters: FilterOption = None,
    on: DateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    camera: CameraOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List sets of raw calibration frames, which are equal in all that matters, and how far each is from a master."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    stack = find_stack(home)
    if frames is not None:
        wait_for(_show_frames(stack, frames, output, limit))
        return
    where = Where()
    make_filters(None, filters, on, since, until, None, camera, None, None).add_kinds(where, "s")
    if kind is not None:
        where.add("s.frame_type = {}", kind.upper())
    if ready:
        where.conditions.append("s.state = 'ready'")
    query = Query(_QUERY.format(where=where.sql), where.parameters)
    show_listing(stack, Listing(query, _ORDER, _COLUMNS, "set", total=query.count), output, limit)


async def _show_frames(stack: Stack, set_no: int, output: Format, limit: int | None) -> None:
    query = Query(_FRAMES, [set_no])
    listing = Listing(query, "state DESC NULLS FIRST, name, file_id", _OF_SET, "frame", total=query.count)
    async with reader(stack) as connection:
        if not await connection.fetchval(_IS_SET, set_no):
            raise UserError(f"there is no set {set_no}: `nightbus calibration sets` lists them")
        await listing.show(connection, output, limit)


def _fit(row: Row) -> str:
    return f"{row['kept']} of {row['frames']}"


def _adu(name: str, title: str, spare: int = 0) -> Column:
    def value(row: Row) -> object:
        return None if row[name] is None else f"{row[name]:,.1f}"

    return Column(title, value, "right", spare=spare)


_COLUMNS = (
    Column("set", lambda row: row["set_no"], "right"),
    Column("type", lambda row: row["frame_type"].lower()),
    Column("camera", lambda row: row["camera"], fold=True),
    number_column("exposure_s", "exposure (s)"),
    number_column("gain", "gain"),
    number_column("offset", "offset", spare=1),
    number_column("set_temp_c", "temp. (C)"),
    Column("filter", lambda row: row["filter"]),
    Column("night", lambda row: row["night"], spare=1),
    Column("fit", _fit, "right"),
    Column("needed", lambda row: row["wanted"], "right", spare=1),
    Column("state", lambda row: row["state"].replace("_", " ")),
    Column("master", lambda row: None if row["master_file_id"] is None else row["master_file_id"][:ID_DIGITS], spare=2),
)
_OF_SET = (
    Column("frame", lambda row: row["name"], fold=True),
    Column("state", lambda row: (row["state"] or "not measured").replace("_", " ")),
    _adu("median_adu", "median (ADU)"),
    _adu("noise_adu", "noise (ADU)"),
    _adu("max_adu", "max. (ADU)", spare=1),
    Column("why", lambda row: row["reason"], fold=True, below=True),
)
