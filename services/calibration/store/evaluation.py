"""When all was last matched anew, by which rules; and what there is, counted."""

from datetime import datetime
from typing import NamedTuple

from shared.bus.transaction import Connection

_LAST = """
SELECT rules, evaluated_at, evaluated_at + $1 * interval '1 second' < clock_timestamp() AS is_old FROM evaluation
"""
_BEGIN = """
INSERT INTO evaluation (rules, evaluated_at) VALUES ($1, clock_timestamp())
ON CONFLICT (one) DO UPDATE SET rules = excluded.rules, evaluated_at = excluded.evaluated_at
"""
_COUNTS = """
SELECT lights_matched, lights_missing, lights_complete, lights_waiting, requirements_matched, requirements_missing,
       requirements_waiting, masters, masters_refused, raw_frames
FROM counts
"""


class Evaluation(NamedTuple):
    """The last evaluation of all."""

    rules: str
    evaluated_at: datetime
    is_old: bool


class Counts(NamedTuple):
    """How far lights and requirements are; see the view ``calibration.counts``."""

    lights_matched: int
    lights_missing: int
    lights_complete: int
    lights_waiting: int
    requirements_matched: int
    requirements_missing: int
    requirements_waiting: int
    masters: int
    masters_refused: int
    raw_frames: int


async def last(connection: Connection, interval_s: float) -> Evaluation | None:
    """The last evaluation, and whether it is older than an interval; None before the first."""
    row = await connection.fetchrow(_LAST, interval_s)
    return None if row is None else Evaluation(*row)


async def begin(connection: Connection, rules: str) -> None:
    """Note that all is matched anew from now on."""
    await connection.execute(_BEGIN, rules)


async def counts(connection: Connection) -> Counts:
    """What there is."""
    (row,) = await connection.fetch(_COUNTS)
    return Counts(*row)
