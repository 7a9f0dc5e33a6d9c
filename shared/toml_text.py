"""TOML as settings files have it: plain values, tables, and tables of which there are several."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

Place = tuple[str | int, ...]
"""Where something stands: keys, and numbers within lists of tables."""


def to_toml(table: Mapping[str, Any], notes: Mapping[Place, Sequence[str]]) -> str:
    """A settings file with these values, and with comments at the beginning of the tables at these places.

    Raises:
        ValueError: a value is of no kind that TOML knows.
    """
    lines = [*_comments(notes, ()), *_pairs(table)]
    for name, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{_key(name)}]", *_comments(notes, (name,)), *_pairs(value, inline=True)]
        elif _are_tables(value):
            for number, member in enumerate(value):
                lines += ["", f"[[{_key(name)}]]", *_comments(notes, (name, number)), *_pairs(member, inline=True)]
    return "\n".join(lines).lstrip("\n") + "\n"


def _comments(notes: Mapping[Place, Sequence[str]], place: Place) -> Iterator[str]:
    return (f"# {note}" for note in notes.get(place, ()))


def _pairs(table: Mapping[str, Any], *, inline: bool = False) -> Iterator[str]:
    for key, value in table.items():
        if inline or not (isinstance(value, Mapping) or _are_tables(value)):
            yield f"{_key(key)} = {_value(value)}"


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(member, Mapping) for member in value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _text(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value).replace("infinity", "inf")
        case int():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
    raise ValueError(f"TOML has no {type(value).__name__}")


def _text(text: str) -> str:
    """A basic string, in which everything is an escape that a terminal obeys or that nobody sees."""
    return '"' + "".join(map(_character, text)) + '"'


def _character(one: str) -> str:
    if one in _ESCAPES:
        return _ESCAPES[one]
    return one if one.isprintable() else f"\\U{ord(one):08X}"
