"""The columns of properties, which several tables have alike."""

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from services.calibration.properties import Properties

_TYPES = {
    "exposure_s": "double precision",
    "gain": "double precision",
    "offset": "double precision",
    "set_temp_c": "double precision",
    "sensor_temp_c": "double precision",
    "x_binning": "integer",
    "width_px": "integer",
    "height_px": "integer",
    "night": "date",
    "rotator_angle_deg": "double precision",
}
"""Types of the columns that are not text."""


def names(prefix: str = "") -> str:
    """The columns, joined by commas; ``prefix`` is that of their table, such as ``g.``."""
    return ", ".join(f'{prefix}"{name}"' for name in Properties._fields)


def arrays(first: int) -> str:
    """Parameters from ``$first`` on, one array for each column."""
    return ", ".join(f"${first + at}::{_TYPES.get(name, 'text')}[]" for at, name in enumerate(Properties._fields))


def excluded() -> str:
    """Assignments for ON CONFLICT DO UPDATE."""
    return ", ".join(f'"{name}" = excluded."{name}"' for name in Properties._fields)


def values(rows: Iterable[Properties]) -> list[Sequence[Any]]:
    """The arrays of ``arrays``."""
    found: list[Sequence[Any]] = list(zip(*rows, strict=True))
    return found or [()] * len(Properties._fields)


def read(row: asyncpg.Record) -> Properties:
    """The properties of a row that has the columns."""
    return Properties(*(row[name] for name in Properties._fields))
