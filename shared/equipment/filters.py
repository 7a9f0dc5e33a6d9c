"""Filter names: many spellings, one canonical name. Names that are in no table stay as they were written.

What is no name at all, a list or a sentence, is not made one: it stays in ``filter_raw`` alone.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from shared.equipment.tables import Filter, built_in_filters

_NO_FILTER = frozenset({"", "none", "na", "null", "nofilter", "empty", "notavailable", "dark", "blank", "opaque"})
"""Spellings of 'there is none', and opaque wheel positions, which name no passband."""
_NARROW = frozenset({"Ha", "Hb", "OIII", "SII", "NII"})
_BAYER_WORDS = frozenset({"rggb", "bggr", "grbg", "gbrg"})
_DECORATION = re.compile(r"[\s_\-./+°()\[\]\",:]+")
_MAKERS = frozenset(
    {
        "altair", "antlia", "artesky", "astrodon", "astrohutech", "astronomik", "askar", "baader", "bresser",
        "celestron", "chroma", "custom", "explorescientific", "gso", "hutech", "idas", "lumicon", "meade", "moravian",
        "omegon", "optolong", "orion", "planetary", "playerone", "qhy", "radian", "saxon", "sharpstar", "sightron",
        "skywatcher", "starizona", "stc", "stellamira", "svbony", "tecnosky", "touptek", "tsoptics", "zwo",
    }
)  # fmt: skip
_WORDS = re.compile(r"[\s_\-/+()\[\]\",:;.®™]+")
_SIZES = re.compile(r"\d{1,4}(?:[.,]\d{1,4})?\s*(?:nm|mm|inch(?:es)?|in|\"|''|″|”)(?![a-z])|\bf/?\d(?:\.\d)?\b")
"""Bandwidths, wavelengths, diameters and focal ratios."""
_LINES = re.compile(r"\bv[- ]?(?:pro|series)\b|\b[ei][- ]?series\b|\banti[- ]?halo\b")
"""Makers' lines of filters whose letters would be taken for filters."""
_TWO_WORDS = re.compile(r"\b(player|explore|ts|sharp|sv|astro)[- ](one|scientific|optics|star|bony|hutech)\b")
_SLOT = re.compile(r"(?:(?:filter|slot|position|pos) ?)?#?\d{1,2} ?[:=.)\-_] ?(?=[A-Za-z])", re.IGNORECASE)
"""The place in the wheel before the name: ``Filter 1: Ha``."""
_BRACKETED = re.compile(r"[(\[][^)\]]*[)\]]")
_TRIMMINGS = re.compile(
    r"filter|narrowband|bandpass|band|pro|edge|ultra|cmos|ccd|dslr|highspeed|high|speed|fast|uhs|maxfr|xl|xt|antihalo|anti|halo"
    r"|gen\d?|(?:un)?mounted|round|square|imaging|optimi[sz]ed|photographic|deepsky"
    r"|lrgb|sho|hso|sv\d{3}|v\d|mk\d?|type|parfocal|new|old",
    re.ASCII,
)
_WIDTH_BEHIND = re.compile(r"(.*\D)(\d{1,2}(?:\.\d)?)")
"""A bandwidth without its unit, as in ``Ha 7``."""


_LETTER_TOKENS = frozenset("lrgbshov")
_NOT_TOKENS = frozenset(
    {"astro", "astrofilter", "clear", "visible", "vis", "dual", "duo", "quad", "ar", "lex", "so", "ho", "rot", "vert"}
)
"""What names a filter in a header and other things in the names of files and folders."""
_LONGEST_NAME = 40
_LONGEST_SEARCHED = 120
"""With maker, line, bandwidth and size; in a longer text nobody looks for a name."""
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
    for text in _readings(stripped):
        if (found := _named(text)) is not None:
            return found
    return None if len(stripped) > _LONGEST_NAME or _NO_NAME.search(stripped) else stripped


@lru_cache(maxsize=4096)
def filter_token(word: str) -> str | None:
    """The canonical name of a part of a file's name, or of a folder, that is surely a filter's name; else None."""
    key = filter_key(word)
    if len(key) == 1:
        return _table().get(key) if key in _LETTER_TOKENS and word.isalpha() else None
    if len(word) > _LONGEST_NAME or key in _NOT_TOKENS or key in _NO_FILTER or key in _BAYER_WORDS:
        return None
    left = [part for part in _WORDS.split(word.lower()) if part and part not in _MAKERS]
    if len("".join(left)) == 1 and len(key) > 1:
        return None  # "Orion B" is a cloud of gas
    return _named(word)


def _readings(text: str) -> tuple[str, ...]:
    """The text, and what it is without brackets and without the place in the wheel."""
    if len(text) > _LONGEST_SEARCHED:
        return (text,)
    return text, _BRACKETED.sub(" ", text), _SLOT.sub("", text, count=1)


def _named(text: str) -> str | None:
    """The canonical name of a text that is one filter's name and its maker's, line's and size's, nothing else."""
    table = _table()
    if (found := table.get(filter_key(text))) is not None or len(text) > _LONGEST_SEARCHED:
        return found
    plain = _SIZES.sub(" ", text.lower().replace("α", "alpha").replace("β", "beta"))
    plain = _LINES.sub(" ", _TWO_WORDS.sub(r"\1\2", plain))
    words = [word for word in _WORDS.split(plain) if word]
    named = [word for word in words if word not in _MAKERS]
    bare = [word for word in named if not _TRIMMINGS.fullmatch(word)]
    keys = [filter_key("".join(rest)) for rest in (words, named, bare) if rest]
    keys += [glued for key in keys[:2] if (glued := _glued(key))]
    for key in keys:
        if (found := table.get(key)) is not None:
            return found
    for key in keys:
        match = _WIDTH_BEHIND.fullmatch(key)
        if match is not None and (found := table.get(match[1])) in _NARROW:
            return found
    return None


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
