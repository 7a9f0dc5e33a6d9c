"""`calibration missing`: the shopping list."""

from services.cli.calibration.columns import type_word
from services.cli.calibration.options import KindOption
from services.cli.connection import HomeOption, find_stack, reader, wait_for
from services.cli.filters import (
    CameraOption,
    CsvOption,
    JsonOption,
    LimitOption,
    RigOption,
    Where,
    make_filters,
)
from services.cli.layout import Column
from services.cli.listing import Listing, Query
from services.cli.output import Format, Row, chosen_format, counted
from shared.quantities import duration

_QUERY = """
SELECT s.requirement_id, s.master_type, s.capture_type, s.capture_frames, s.capture_s, s.capture_words, s.lights,
       s.integration_s, s.sessions, s.first_night, s.last_night, s.rigs, s.camera, s.telescope, s.exposure_s, s.gain,
       s."offset", s.set_temp_c, s.sensor_temp_c, s.filter, s.x_binning, s.readout_mode, s.width_px, s.height_px,
       s.night, s.rotator_angle_deg
FROM calibration.shopping s WHERE {where}
"""
_READY = "SELECT count(*) FROM calibration.sets WHERE state = 'ready'"
_ORDER = "lights DESC, master_type, requirement_id"
_RIGS = "EXISTS (SELECT FROM unnest(s.rigs) AS k (rig) WHERE {where})"


def missing(
    kind: KindOption = None,
    rig: RigOption = None,
    camera: CameraOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List what to capture so that every light has its masters, most lights first, and how long that takes."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    where = Where()
    make_filters(None, None, None, None, None, None, camera, None, None).add_kinds(where, "s")
    if rig:
        of_rigs = Where(parameters=where.parameters)
        make_filters(None, None, None, None, None, rig, None, None, None).add_kinds(of_rigs, "k")
        where.conditions.append(_RIGS.format(where=of_rigs.sql))
    if kind is not None:
        where.add("s.master_type = {}", f"MASTER_{kind.upper()}")
    query = Query(_QUERY.format(where=where.sql), where.parameters)
    listing = Listing(query, _ORDER, _COLUMNS, "missing master", total=query.count)
    stack = find_stack(home)

    async def work() -> None:
        async with reader(stack) as connection:
            await listing.show(connection, output, limit)
            if output is Format.TABLE:
                totals = f"SELECT count(*) AS masters, sum(capture_s) AS total_s FROM ({query.sql}) x"
                (total,) = await connection.fetch(totals, *query.parameters)
                if total["total_s"]:
                    masters = counted(total["masters"], "missing master")
                    print(f"{masters}; darks and biases take {duration(total['total_s'])}")
                ready = await connection.fetchval(_READY) if total["masters"] else 0
                if ready:
                    print(f"{counted(ready, 'set')} of raw frames can become masters now: nightbus calibration build")

    wait_for(work())


def _what(row: Row) -> str:
    return str(row["capture_words"]).removeprefix("capture ")


def _nights(row: Row) -> str:
    first, last = row["first_night"], row["last_night"]
    return f"{first}" if first == last else f"{first} to {last}"


_COLUMNS = (
    Column("type", type_word),
    Column("camera", lambda row: row["camera"], fold=True),
    Column("to capture", _what, fold=True, below=True),
    Column("lights", lambda row: row["lights"], "right"),
    Column("sessions", lambda row: row["sessions"], "right", spare=1),
    Column("nights", _nights, spare=2),
    Column("requirement", lambda row: row["requirement_id"], spare=3),
)
