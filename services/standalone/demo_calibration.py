"""What the demonstration shows of calibration: lights that have their masters, lights that lack one, and why.

The masters lay in a folder of their own before the night began, as WBPP leaves them; the darks of the longest exposure
are of a warmer night.
"""

import asyncio
import time

import asyncpg
from rich.console import Console

from services.standalone.simulation import NightManifest
from shared import inert
from shared.errors import Transient
from shared.events.frame import FrameType

ANSWER_S, POLL_S = 120.0, 0.3
HURRY = {"NIGHTBUS_CALIBRATION__MATCH_INTERVAL_S": "1"}

_COUNTS = """
SELECT c.lights_matched, c.lights_missing, c.lights_complete, c.lights_waiting, c.masters, c.lights,
       (SELECT coalesce(sum(files), 0)::bigint FROM stats.session_types WHERE frame_type = 'LIGHT') AS scanned
FROM calibration.counts c
"""
_BEST_KNOWN = """
SELECT master_type, explanation, lights, exposure_s, filter FROM calibration.requirements
WHERE state = $1 ORDER BY lights DESC, master_type, requirement_id LIMIT 1
"""


async def show_calibration(console: Console, connection: asyncpg.Connection, masters: NightManifest) -> None:
    """Wait until every light has its answers; then print how many are covered, one that is, and one that is not.

    Raises:
        Transient: the answers did not come in time.
    """
    made = len(masters.files)
    deadline = time.monotonic() + ANSWER_S
    while True:
        counts = await connection.fetchrow(_COUNTS)
        assert counts is not None
        if counts["lights"] == counts["scanned"] and not counts["lights_waiting"] and counts["masters"] == made:
            break
        if time.monotonic() >= deadline:
            raise Transient(f"lights were not matched with masters within {ANSWER_S:.0f} s")
        await asyncio.sleep(POLL_S)
    covered = f"{counts['lights_matched']} with every master + {counts['lights_missing']} that lack one"
    lines = [
        "Calibration: each light with its masters, and why",
        f"  {counts['lights']} lights = {covered} + {counts['lights_complete']} of the Seestar, which needs none",
    ]
    for state in ("matched", "missing"):
        row = await connection.fetchrow(_BEST_KNOWN, state)
        assert row is not None
        lines.append(f"  {state}: the {_named(row)} of {row['lights']} lights: {row['explanation']}")
    lines.append("  all of it: nightbus calibration status; what to shoot: nightbus calibration missing")
    for line in lines:
        console.print(inert.printable(line), soft_wrap=True, highlight=False, markup=False)


def _named(row: asyncpg.Record) -> str:
    kind = FrameType(row["master_type"]).value.removeprefix("MASTER_").lower()
    return f"{row['filter']} flat" if kind == "flat" else f"{row['exposure_s']:g} s {kind}"
