"""The words of a file's name that may name its object: what is left when its settings are known."""

import re
from collections.abc import Sequence
from typing import Protocol

_COUNTER_OF_A_CAMERA = re.compile(
    r"(?:img|dsc[fn]?|_?mg|picture|pict?|gopr|dji|cap|capture|image|frame|[a-z]{1,2}(?<!ic))[ -]?0*\d{4,}",
    re.IGNORECASE,
)
"""``DSC01234``, ``IMG 4711``, ``M0042``: no target."""
_NAMES_NOTHING = frozenset(
    {
        "asiimg", "fov", "fov center", "capture", "captureobjects", "img", "image", "frame", "snapshot", "dsc", "acc",
        "unknown", "target", "object", "test", "preview", "scope", "light", "lights", "result", "stack", "pp", "r", "a",
    }
)  # fmt: skip
"""What stands where an object's name would, and is none."""
_NO_TARGET = re.compile(
    r"(?:auto)?focus|bahtinov|plate ?solv|polar ?align|guid(?:e|ing)\b|snapshot|collimat", re.IGNORECASE
)
"""Words of what is no picture of a target, whatever else the name says."""
_NEIGHBOURS = frozenset({"type", "exposure", "filter"})
_LONGEST_NUMBER = 3
"""``4_Vesta``, ``61_Cygni``: so long may the number be that belongs to the first word."""


class _Part(Protocol):
    @property
    def text(self) -> str:
        """As written."""

    @property
    def kind(self) -> str | None:
        """What the part is; None and ``word`` are words, ``joined`` belongs to the part before."""


def object_words(parts: Sequence[_Part]) -> tuple[str | None, bool]:
    """The words that may name the object, and whether they stand beside a type, an exposure or a filter.

    The first such words beside one of these, else the first of all.
    """
    first: str | None = None
    for start, end in _runs(parts):
        text = " ".join(part.text.strip() for part in parts[start:end] if part.kind != "joined")
        if _NO_TARGET.search(text):
            return None, False
        if text.lower() in _NAMES_NOTHING or _COUNTER_OF_A_CAMERA.fullmatch(text):
            continue
        before = next((part.kind for part in reversed(parts[:start]) if part.kind != "joined"), None)
        after = parts[end].kind if end < len(parts) else None
        if before in _NEIGHBOURS or after in _NEIGHBOURS:
            return text, True
        first = first or text
    return first, False


def _runs(parts: Sequence[_Part]) -> list[tuple[int, int]]:
    """Where words stand together, from and to."""
    runs: list[tuple[int, int]] = []
    index = 0
    while index < len(parts):
        start = index
        if _begins_a_name(parts, index):
            index += 1
        while index < len(parts) and (parts[index].kind in (None, "word") or _goes_on(parts, start, index)):
            index += 1
        if index > start:
            runs.append((start, index))
        index = max(index, start + 1)
    return runs


def _goes_on(parts: Sequence[_Part], start: int, index: int) -> bool:
    return index > start and parts[index].kind == "joined"


def _begins_a_name(parts: Sequence[_Part], index: int) -> bool:
    """Whether a part is the number of the word behind it, before everything else in the name."""
    part = parts[index]
    after = parts[index + 1] if index + 1 < len(parts) else None
    return (
        part.kind == "counter"
        and part.text.isdigit()
        and part.text[0] != "0"
        and len(part.text) <= _LONGEST_NUMBER
        and after is not None
        and after.kind is None
        and index == 0
    )
