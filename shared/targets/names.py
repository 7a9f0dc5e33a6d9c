"""Proper names of objects: found exactly, or nearly.

Keys ignore case, accents, blanks and punctuation, so ``Cats-eye nebula`` is ``Cat's Eye Nebula``. Nearness is
rapidfuzz's normalised indel similarity (0 to 100) between *stems*: the names without their kind (nebula, galaxy,
cluster, ...), which would make all nebulae alike. Kinds that contradict each other exclude a pair, and a stem must have
six letters, since shorter ones are one slip away from each other. Designations never come here.

Threshold measured on all 488 unambiguous proper names of the tables with one and with two random slips (a letter lost,
added, changed or two swapped) and on 189 names of no object (stars, constellations, places, words of the trade)::

    threshold   found, 1 slip   found, 2 slips   wrong object   false match   precision
    78          86 %            72 %             11 of 976      5 of 189      0.980
    80          86 %            71 %             11             5             0.980
    82          85 %            68 %             11             2             0.983
    84          81 %            62 %             10             2             0.983
    88          74 %            47 %             10             2             0.980
    92          64 %            31 %              7             2             0.981

At 82 precision has reached its plateau; above it only true matches are lost.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from rapidfuzz import fuzz, process

from shared.targets.catalogue import SkyObject

FUZZY_THRESHOLD = 82.0
_SHORTEST_STEM = 6
_RUNNERS_UP = 4

_KINDS = {
    "nebula": "nebula", "nebulae": "nebula", "neb": "nebula", "nebulosity": "nebula", "galaxy": "galaxy",
    "galaxies": "galaxy", "gal": "galaxy", "cluster": "cluster", "globular": "cluster", "comet": "comet",
    "region": "", "complex": "", "area": "", "object": "", "the": "", "great": "",
}  # fmt: skip

_SPELT_OUT = ("nebula", "nebulae", "galaxy", "galaxies", "cluster")


class Near(NamedTuple):
    """An object whose name resembles the one asked for; ``score`` is 0 to 100."""

    catalog_id: str
    score: float


class NameIndex:
    """Names of objects, for exact and approximate look-up."""

    def __init__(self, objects: Iterable[SkyObject]) -> None:
        self._exact: dict[str, list[str]] = defaultdict(list)
        stems: dict[tuple[str, str], str] = {}
        for entry in objects:
            for name in entry.common_names:
                owners = self._exact[key(name)]
                if entry.catalog_id not in owners:
                    owners.append(entry.catalog_id)
            named = [stem_of(name) for name in entry.common_names]
            kinded = {stem for stem, kind in named if kind}
            for stem, kind in named:
                # "Seagull" is short for "Seagull Nebula" and must not let a "Seagull Galaxy" in.
                if len(stem) >= _SHORTEST_STEM and (kind or stem not in kinded):
                    stems.setdefault((stem, kind), entry.catalog_id)
        self._stems = list(stems)
        self._owners = list(stems.values())
        self._texts = [stem for stem, _kind in self._stems]

    def exact(self, text: str) -> tuple[str, ...]:
        """Canonical ids of the objects with this name, the best known first."""
        return tuple(self._exact.get(key(text), ()))

    def near(self, text: str, threshold: float = FUZZY_THRESHOLD) -> list[Near]:
        """Objects whose names resemble ``text``, best first, one entry an object."""
        stem, kind = stem_of(text)
        if len(stem) < _SHORTEST_STEM or any(character.isdigit() for character in stem):
            return []
        best: dict[str, float] = {}
        found = process.extract(stem, self._texts, scorer=fuzz.ratio, score_cutoff=threshold, limit=3 * _RUNNERS_UP)
        for _text, score, index in found:
            other = self._stems[index][1]
            if not (kind and other and kind != other):
                best.setdefault(self._owners[index], score)
        return [Near(catalog_id, score) for catalog_id, score in list(best.items())[: _RUNNERS_UP + 1]]


def key(text: str) -> str:
    """A name without case, accents, blanks, punctuation and a leading article."""
    return "".join(_words(text)).removeprefix("the")


def stem_of(text: str) -> tuple[str, str]:
    """A name's proper part, joined, and its kind ('nebula', 'galaxy', 'cluster', 'comet' or '')."""
    words = _words(text)
    kinds = [_kind_of(word) for word in words]
    stem = "".join(word for word, kind in zip(words, kinds, strict=True) if kind is None)
    return stem, next((kind for kind in reversed(kinds) if kind), "")


def _kind_of(word: str) -> str | None:
    """The kind that a word means, also when it is misspelt ("galxy"); '' for words that mean nothing, else None."""
    known = _KINDS.get(word)
    if known is None and len(word) > 4 and word[0] in "ngc":
        nearest = process.extractOne(word, _SPELT_OUT, scorer=fuzz.ratio, score_cutoff=80)
        known = _KINDS[nearest[0]] if nearest else None
    return known


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).replace("'", "").replace("’", "").replace("&", " and ").casefold()
    return re.findall(r"[a-z0-9]+", "".join(character for character in plain if not unicodedata.combining(character)))
