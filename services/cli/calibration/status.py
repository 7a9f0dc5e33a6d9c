"""`calibration status`: what every session needs, and the answer with its reason."""

from typing import Annotated, Literal

import typer

from services.cli.calibration.options import KindOption, RequirementOption
from services.cli.connection import HomeOption, find_stack, reader, wait_for
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
from services.cli.layout import Column
from services.cli.listing import Listing, Query
from services.cli.output import Format, Row, chosen_format, counted
from services.cli.usage import session_name

State = Literal["matched", "missing", "waiting"]
SessionOption = Annotated[
    str | None, typer.Option("--session", parser=session_name, metavar="ID", help="Only of this session.")
]
StateOption = Annotated[
    State | None, typer.Option("--state", metavar="STATE", help="Only what is matched, missing or waiting.")
]
COUNTS = """
SELECT lights, lights_matched, lights_missing, lights_complete, lights_waiting, requirements_matched,
       requirements_missing, requirements_waiting, masters, masters_refused, raw_frames,
       (SELECT coalesce(sum(files), 0)::bigint FROM stats.session_types WHERE frame_type = 'LIGHT') AS lights_scanned
FROM calibration.counts
"""
"""Lights by how far they are; ``lights_scanned`` are those that stats has counted."""
_QUERY = """
SELECT r.session_id, k.night AS session_night, r.session_rig, r.requirement_id, r.master_type, r.state, r.explanation,
       r.master_file_id, r.master_name, r.bias_file_id, r.nearest_file_id, r.is_pinned, r.others, r.lights,
       r.integration_s, r.capture_type, r.capture_frames, r.capture_s, r.capture_words, r.revision, r.answered_at,
       r.camera, r.telescope, r.exposure_s, r.gain, r."offset", r.set_temp_c, r.sensor_temp_c, r.filter, r.x_binning,
       r.readout_mode, r.width_px, r.height_px, r.night, r.rotator_angle_deg
FROM calibration.requirements r CROSS JOIN LATERAL (
    SELECT left(r.session_id, 8)::date AS night, r.session_rig AS rig, r.camera, r.filter, r.master_type AS frame_type
    ) k
WHERE {where}
"""
_ORDER = "session_night DESC, session_id, master_type, requirement_id"


def status(
    session: SessionOption = None,
    requirement: RequirementOption = None,
    state: StateOption = None,
    kind: KindOption = None,
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
    """List what the lights of each session need, newest night first, with the master or why there is none."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    where = Where()
    make_filters(None, filters, on, since, until, rig, camera, None, year).add_kinds(where, "k")
    for column, value in (("session_id", session), ("requirement_id", requirement), ("state", state)):
        if value is not None:
            where.add(f"r.{column} = {{}}", value)
    if kind is not None:
        where.add("r.master_type = {}", f"MASTER_{kind.upper()}")
    query = Query(_QUERY.format(where=where.sql), where.parameters)
    listing = Listing(query, _ORDER, _COLUMNS, "requirement", total=query.count)
    stack = find_stack(home)

    async def work() -> None:
        async with reader(stack) as connection:
            await listing.show(connection, output, limit)
            if output is Format.TABLE:
                (counts,) = await connection.fetch(COUNTS)
                print(counts_text(dict(counts)))

    wait_for(work())


def counts_text(counts: Row) -> str:
    """How many lights have their masters, adding up to those that were scanned; and the masters."""
    on_the_way = counts["lights_scanned"] - counts["lights"]
    parts = [
        f"{counts['lights_matched']} with every master", f"{counts['lights_missing']} that lack one",
        f"{counts['lights_complete']} that need none", f"{counts['lights_waiting']} waiting",
    ]  # fmt: skip
    if on_the_way:
        parts.append(f"{on_the_way} on the way")
    text = f"{counted(counts['lights_scanned'], 'light')} = {' + '.join(parts)}; {counted(counts['masters'], 'master')}"
    return f"{text}, {counts['masters_refused']} of them refused" if counts["masters_refused"] else text


def _state(row: Row) -> str:
    return "pinned" if row["is_pinned"] else str(row["state"])


_COLUMNS = (
    Column("session", lambda row: row["session_id"]),
    Column("rig", lambda row: row["session_rig"], fold=True, spare=1),
    Column("requirement", lambda row: row["requirement_id"]),
    Column("lights", lambda row: row["lights"], "right"),
    Column("state", _state),
    Column("because", lambda row: row["explanation"], fold=True, below=True),
)
