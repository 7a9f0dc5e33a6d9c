"""Hostile values: the JSON of an example with a field, wherever in it, exchanged for something that nobody expects."""

import copy
import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

from shared.events.base import Model

Path = tuple[str | int, ...]
"""Keys and positions that lead to a value of a JSON document."""

TIMES = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-12:00",
    "0999-12-31T23:59:59Z", "1000-01-01T00:00:00Z", "1000-01-01T00:00:00+23:59", "8999-12-31T23:59:59.999999Z",
    "9000-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2024-03-01T20:00:00", "infinity", "-infinity",
    "2024-02-30T00:00:00Z", "2024-03-01T24:00:00Z", "2016-12-31T23:59:60Z", "10000-01-01T00:00:00Z",
)  # fmt: skip
DATES = ("0001-01-01", "0999-12-31", "1000-01-01", "8999-12-31", "9000-01-01", "9999-12-31", "2024-02-30", "infinity")
NUMBERS = (
    0, 1, -1, 2**15 - 1, 2**15, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63),
    2**64, 10**40, math.nan, math.inf, -math.inf, 1e10, 1e11, 3.4e38, 3.5e38, -3.5e38, 1e300, 5e-324, -0.0, 0.5, 360.0,
)  # fmt: skip
TEXTS = (
    "", "\0", "a\0b", "\ud800", "a\udcff", "\uffff", "\u202egnp.exe", "\x1b[31m", "a\nb\r", "\u009b31m",
    "'; DROP TABLE", "../../etc/passwd", "NaN", "null", "{}", "\u00e9" * 255, "\u00e9" * 256, "\U0001f30c" * 255,
    "\U0001f30c" * 600, "x" * 4096, "y" * 4097, "z" * 10_000, "Europe/Berlin", "Mars/Olympus", "0" * 64,
    "\u0662" * 8 + "_00000000",
)  # fmt: skip

VALUES = st.one_of(
    st.sampled_from(TIMES),
    st.sampled_from(DATES),
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS),
    st.sampled_from((None, True, [], {}, [None], {"a": 1}, [[]])),
    st.datetimes(timezones=st.timezones()).map(str),
    st.dates().map(str),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
)


def places(document: Any, path: Path = ()) -> Iterator[Path]:
    """Every place of a document, its parts and their keys included."""
    if path:
        yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield from places(value, (*path, key))


def exchanged(document: Any, path: Path, value: Any) -> str:
    """The JSON of a document with another value at one place."""
    whole = copy.deepcopy(document)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(whole)


@st.composite
def damaged(draw: st.DrawFn, example: Model) -> str:
    """The JSON of an example with one to three of its values exchanged."""
    document = json.loads(example.model_dump_json())
    text = ""
    for _ in range(draw(st.integers(1, 3))):
        text = exchanged(document, draw(st.sampled_from(sorted(places(document), key=str))), draw(VALUES))
        document = json.loads(text)
    return text


def unfit(value: Any, place: str = "") -> list[str]:
    """What in a model could not be stored in Postgres, subtracted or published again; one sentence each."""
    if isinstance(value, BaseModel):
        return [line for name in type(value).model_fields for line in unfit(getattr(value, name), f"{place}.{name}")]
    if isinstance(value, dict):
        return [line for item in value.items() for line in unfit(item, f"{place}[]")]
    if isinstance(value, tuple):
        return [line for item in value for line in unfit(item, f"{place}[]")]
    if isinstance(value, str):
        return [] if "\0" not in value and value.encode().decode() == value else [f"{place} is {value!r}"]
    if isinstance(value, float):
        return [] if math.isfinite(value) and abs(value) <= 3.4e38 else [f"{place} is {value}"]
    if isinstance(value, int):
        return [] if abs(value) < 2**63 else [f"{place} is {value}"]
    if isinstance(value, datetime):
        century = timedelta(days=36525)
        assert value.tzinfo is not None, place
        return [] if (value - century).astimezone(UTC) < value < (value + century).astimezone(UTC) else [place]
    if isinstance(value, date):
        return [] if value - timedelta(days=36525) < value < value + timedelta(days=36525) else [place]
    return []
