"""Finding a telescope's row by what people type into TELESCOP."""

import re
from collections.abc import Iterable
from functools import lru_cache

from shared.equipment.tables import Telescope, built_in_telescopes

_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_CHANGES_FOCUS = re.compile(
    r"reduc|extend|barlow|powermate|flattener|hyperstar|starizona|\b[0-3]?[.,]\d+\s*x\b|\bx\s*[0-3]?[.,]\d+",
    re.IGNORECASE,
)
_FEWEST_LETTERS = 5
"""An alias must have so many characters to be looked for inside a longer text: ``C8`` and ``ST80`` are too short."""


class TelescopeTable:
    """The user's telescopes and the built-in ones."""

    def __init__(self, own: Iterable[Telescope] = ()) -> None:
        self.own = tuple(own)
        mine = {_words(row.name) for row in self.own}
        self.rows = (*self.own, *(row for row in built_in_telescopes() if _words(row.name) not in mine))
        self._exact: dict[str, Telescope] = {}
        self._inside: list[tuple[tuple[str, ...], Telescope]] = []
        for row in self.rows:
            for name in (row.name, *row.aliases):
                words = _words(name)
                self._exact.setdefault("".join(words), row)
                if sum(map(len, words)) >= _FEWEST_LETTERS and len(words) > 1:
                    self._inside.append((words, row))

    def named(self, text: str) -> Telescope | None:
        """The row whose name the text is, or else contains; the longest name found inside must be one row's alone."""
        words = _words(text)
        exact = self._exact.get("".join(words))
        if exact is not None or not words:
            return exact
        found: dict[str, Telescope] = {}
        longest = 0
        for name, row in self._inside:
            if len(name) < longest or not _contains(words, name):
                continue
            if len(name) > longest:
                longest, found = len(name), {}
            found[row.name] = row
        return next(iter(found.values())) if len(found) == 1 else None


def keeps_focal_length(text: str) -> bool:
    """Whether a telescope's description names nothing that changes the focal length, such as a reducer."""
    return _CHANGES_FOCUS.search(text) is None


@lru_cache(maxsize=256)
def telescope_key(text: str) -> str:
    """A telescope's name without case, blanks and punctuation."""
    return "".join(_words(text))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _contains(words: tuple[str, ...], name: tuple[str, ...]) -> bool:
    width = len(name)
    return any(words[start : start + width] == name for start in range(len(words) - width + 1))
