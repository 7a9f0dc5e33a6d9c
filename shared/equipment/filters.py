"""Filter names: many spellings, one canonical name. Names that are in no table stay as they were written.

What is no name at all, a list or a sentence, is not made one: it stays in ``filter_raw`` alone.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from shared.equipment.tables import Filter, built_in_filters

_NO_FILTER = frozenset({"", "none", "na", "null", "nofilter", "empty", "notavailable", "dark", "blank", "opaque"})
"""Spellings of 'there is none', and opaque wheel positions, which name no passband."""
_BAYER_WORDS = frozenset({"rggb", "bggr", "grbg", "gbrg"})
_DECORATION = re.compile(r"[\s_\-./+°()\[\]\",:]+")
_MAKERS = frozenset(
    {
        "altair", "antlia", "astrodon", "astrohutech", "astronomik", "askar", "baader", "chroma", "explorescientific",
        "gso", "hutech", "idas", "lumicon", "omegon", "optolong", "orion", "playerone", "qhy", "radian", "sharpstar",
        "svbony", "tsoptics", "zwo",
    }
)  # fmt: skip
_WORDS = re.compile(r"[\s_\-/+()\[\]\",:]+")
_TRIMMINGS = re.compile(
    r"\d+(?:\.\d+)?(?:nm|mm|inch|in)?|filter|narrowband|bandpass|pro|edge|ultra|cmos|ccd|highspeed|fast|f\d", re.ASCII
)


_LONGEST_NAME = 40
_NO_NAME = re.compile(r"[,;=]")


class FilterNames:
    """The user's aliases and the built-in table."""

    def __init__(self, own: Iterable[tuple[str, str]] = ()) -> None:
        self.own = {filter_key(alias): name for alias, name in own}

    def canonical(self, raw: str | None, first: Mapping[str, str] | None = None) -> str | None:
        """The canonical name of a filter as written; None for no filter ('None', 'N/A', '', 'Dark', a Bayer pattern).

        ``first`` are a rig's own aliases by ``filter_key``, which go before the user's and the built-in ones. An alias
        of the empty text names what is in the light path when no filter is written.
        """
        key = filter_key(raw or "")
        own = (first or {}).get(key) or self.own.get(key)
        return own if own is not None else canonical_filter(raw)


def filter_key(raw: str) -> str:
    """A filter's name without case, blanks and punctuation."""
    return _DECORATION.sub("", raw.lower().replace("α", "alpha").replace("β", "beta"))


@lru_cache(maxsize=256)
def canonical_filter(raw: str | None) -> str | None:
    """The canonical name by the built-in table alone."""
    if raw is None:
        return None
    stripped = " ".join(raw.split())
    key = filter_key(stripped)
    if key in _NO_FILTER or key in _BAYER_WORDS:
        return None
    table = _table()
    if key in table:
        return table[key]
    words = [word for word in _WORDS.split(stripped.lower().replace("α", "alpha").replace("β", "beta")) if word]
    named = [word for word in words if word not in _MAKERS]
    plain = [word for word in named if not _TRIMMINGS.fullmatch(word)]
    for rest in (named, plain):
        if rest and (found := table.get(filter_key("".join(rest)))) is not None:
            return found
    found = table.get(_glued(key))
    return found if found is not None or len(stripped) > _LONGEST_NAME or _NO_NAME.search(stripped) else stripped


def _glued(key: str) -> str:
    """``baaderha``, ``ha7nm`` and ``zwol`` written in one piece, without maker and bandwidth."""
    for maker in _MAKERS:
        if key.startswith(maker):
            key = key.removeprefix(maker)
            break
    return re.sub(r"\d{1,3}nm", "", key)


@cache
def _table() -> dict[str, str]:
    found: dict[str, str] = {}
    for row in built_in_filters():
        for alias in (row.name, *row.aliases):
            found.setdefault(filter_key(alias), row.name)
    return found


def rows(own: Iterable[tuple[str, str]], origin: str) -> list[Filter]:
    """The table with the user's aliases in front, for listings."""
    mine: dict[str, list[str]] = {}
    for alias, name in own:
        mine.setdefault(name, []).append(alias)
    return [*(Filter(name, "", tuple(aliases), origin) for name, aliases in mine.items()), *built_in_filters()]
