"""Mistakes in the settings as sentences: each names its key, and the one of several sources, rigs or cameras."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError


def sentences(error: ValidationError, known: Iterable[str], written: Mapping[str, Any]) -> list[str]:
    """One sentence per mistake.

    Args:
        error: what pydantic found.
        known: every key that can be set, such as ``nats.url`` and ``sources.path``.
        written: the settings file's content, by which the member of a list is called.
    """
    names = list(known)
    return [_sentence(item["loc"], item["type"], item["msg"], names, written) for item in error.errors()]


def _sentence(
    location: tuple[int | str, ...], kind: str, message: str, known: list[str], written: Mapping[str, Any]
) -> str:
    key = ".".join(str(part) for part in location if not isinstance(part, int))
    where = _member(location, message, written)
    match location:
        case (str(section),) if kind == "tuple_type" and isinstance(written.get(section), Mapping):
            return f"setting {section}: write [[{section}]] with double brackets, once per {section.removesuffix('s')}"
    if kind != "extra_forbidden":
        words = message.removeprefix("Value error, ")
        return f"setting {key}{where}: {words}" if key else words
    sections = sorted({name.split(".")[0] for name in known})
    near = difflib.get_close_matches(key, known + sections, n=1, cutoff=0.5)
    return f"unknown setting {key}{where}" + (f"; did you mean {near[0]}?" if near else "")


def _member(location: tuple[int | str, ...], message: str, written: Mapping[str, Any]) -> str:
    """Which of several: `` of 'seestar'`` where the file names it and the message does not, else its place."""
    match location:
        case (str(section), int(number), *_):
            pass
        case _:
            return ""
    try:
        member = written[section][number]
        name = member.get("name", member.get("id"))
    except (AttributeError, IndexError, KeyError, TypeError):  # it is of the environment, or no table at all
        name = None
    if not isinstance(name, str):
        return f" of number {number + 1}"
    return "" if repr(name) in message else f" of {name!r}"
