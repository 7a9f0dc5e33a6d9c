"""Proper names of objects: found exactly, or nearly.

Keys ignore case, accents, blanks and punctuation, so ``Cats-eye nebula`` is ``Cat's Eye Nebula``. A *bare* name lacks
the kind at its end (``Pencil`` for Pencil Nebula) or, in the languages that begin with it, at its start (``Bulle`` for
Nébuleuse de la Bulle), and is looked up where no object has it as a full name. Nearness is
rapidfuzz's normalised indel similarity (0 to 100) between *stems*: the names without their kind (nebula, galaxy,
cluster, ..., also in other European languages), which would make all nebulae alike. Kinds that contradict
each other exclude a pair, and a stem must have six letters, since shorter ones are one slip away from each other.
Designations and stars never come here.

The threshold is the value from which on precision hardly rises and only true matches are lost: docs/targets.md has the
measured table, which tests/unit/targets/fuzzy.py makes.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from shared.targets.catalogue import SkyObject
from shared.targets.spelling import key, words
from shared.targets.stars import is_star_id

FUZZY_THRESHOLD = 82.0
_SHORTEST_STEM = 6
_RUNNERS_UP = 4

_KINDS = {
    "nebula": "nebula", "nebulae": "nebula", "neb": "nebula", "nebulosity": "nebula", "galaxy": "galaxy",
    "galaxies": "galaxy", "gal": "galaxy", "cluster": "cluster", "globular": "cluster", "comet": "comet",
    "region": "", "complex": "", "area": "", "object": "", "the": "", "great": "",
    # German, French, Spanish, Italian, Portuguese, Polish, Dutch
    "nebel": "nebula", "nebuleuse": "nebula", "nebulosa": "nebula",
    "galaxie": "galaxy", "galaxien": "galaxy", "galaxia": "galaxy", "galaxias": "galaxy", "galassia": "galaxy",
    "galassie": "galaxy", "haufen": "cluster", "sternhaufen": "cluster", "kugelsternhaufen": "cluster",
    "amas": "cluster", "cumulo": "cluster", "ammasso": "cluster", "komet": "comet", "comete": "comet",
    "cometa": "comet", "mglawica": "nebula", "galaktyka": "galaxy", "gromada": "cluster", "aglomerado": "cluster",
    "enxame": "cluster", "nevel": "nebula", "sterrenstelsel": "galaxy", "stelsel": "galaxy", "sterrenhoop": "cluster",
    "bolhoop": "cluster", "kometa": "comet", "komeet": "comet",
    "de": "", "du": "", "des": "", "del": "", "di": "", "della": "", "la": "", "le": "", "les": "", "do": "", "da": "",
    "dos": "", "das": "",
}  # fmt: skip
_GLUED_KINDS = ("sternhaufen", "haufen", "nebel", "galaxie", "sterrenstelsel", "stelsel", "sterrenhoop", "nevel")
"""German and Dutch write the kind at the end of the word: ``Orionnebel``."""
_SHORTEST_GLUED = 4

_KINDS_AT_THE_END = {"nebula": 0, "galaxy": 1, "galaxies": 1, "cluster": 2, "globular": 2}
"""What a bare name lacks. Of objects that would share one, people mean the nebula before the galaxy."""

_KIND_FIRST = re.compile(
    r"(?:n[eé]buleuse|nebulosa|galaxie|galaxia|galáxia|galassia|mgławica|galaktyka)"
    r" (?:(?:de la|de|du|des|del|della|dello|di|do|da|dos|das|la|le) |d[ae]?ll['’]|d['’]|(?:de )?l['’])?(.+)",
    re.IGNORECASE,
)
_CONSTELLATIONS_ELSEWHERE = frozenset(
    {
        "andromeda", "aquila", "carene", "carena", "carina", "cygne", "cigno", "cisne", "cetus", "dragon", "escultor",
        "hercule", "lion", "licorne", "lira", "lyre", "orion", "orione", "oriona", "sculpteur", "scultore",
        "triangle", "triangolo", "triangulo", "trojkata", "andromedy", "kila",
    }
)  # fmt: skip
"""Constellations in these languages say where, and are no name of what lies there."""

_SPELT_OUT = ("nebula", "nebulae", "galaxy", "galaxies", "cluster")


class Near(NamedTuple):
    """An object whose name resembles the one asked for; ``score`` is 0 to 100."""

    catalog_id: str
    score: float


class NameIndex:
    """Names of objects, for exact and approximate look-up."""

    def __init__(self, objects: Iterable[SkyObject]) -> None:
        self._exact: dict[str, list[str]] = defaultdict(list)
        bare: dict[str, dict[str, int]] = defaultdict(dict)
        self._named = [entry for entry in objects if entry.common_names]
        for entry in self._named:
            for name in entry.common_names:
                owners = self._exact[key(name)]
                if entry.catalog_id not in owners:
                    owners.append(entry.catalog_id)
                shorter, _, last = name.rpartition(" ")
                if shorter and (rank := _KINDS_AT_THE_END.get(last.lower())) is not None:
                    bare[key(shorter)].setdefault(entry.catalog_id, rank)
                elif shorter and (first := _KIND_FIRST.fullmatch(name)) is not None:
                    short = key(first[1])
                    if short not in _CONSTELLATIONS_ELSEWHERE:
                        bare[short].setdefault(entry.catalog_id, 0)
        self._bare = {
            name: tuple(sorted(owners, key=owners.__getitem__))
            for name, owners in bare.items()
            if name not in self._exact
        }

    @cached_property
    def _stems(self) -> tuple[list[str], list[str], list[str]]:
        """The stems, their kinds and their owners; made when the first name is looked for that is none."""
        stems: dict[tuple[str, str], str] = {}
        for entry in self._named:
            if is_star_id(entry.catalog_id):
                continue
            named = [stem_of(name) for name in entry.common_names if not _is_number(name, entry.catalog_id)]
            kinded = {stem for stem, kind in named if kind}
            for stem, kind in named:
                # "Seagull" is short for "Seagull Nebula" and must not let a "Seagull Galaxy" in.
                if len(stem) >= _SHORTEST_STEM and (kind or stem not in kinded):
                    stems.setdefault((stem, kind), entry.catalog_id)
        return [stem for stem, _ in stems], [kind for _, kind in stems], list(stems.values())

    def exact(self, text: str) -> tuple[str, ...]:
        """Canonical ids of the objects with this name, the best known first."""
        return tuple(self._exact.get(key(text), ()))

    def bare(self, text: str) -> tuple[str, ...]:
        """Canonical ids of the objects whose name this is but for the kind at its end, the likeliest first."""
        return self._bare.get(key(text), ())

    def near(self, text: str, threshold: float = FUZZY_THRESHOLD) -> list[Near]:
        """Objects whose names resemble ``text``, best first, one entry an object."""
        stem, kind = stem_of(text)
        if len(stem) < _SHORTEST_STEM or any(character.isdigit() for character in stem):
            return []
        from rapidfuzz import fuzz, process  # for names that are none: most are found without it

        texts, kinds, owners = self._stems
        best: dict[str, float] = {}
        found = process.extract(stem, texts, scorer=fuzz.ratio, score_cutoff=threshold, limit=3 * _RUNNERS_UP)
        for _text, score, index in found:
            other = kinds[index]
            if not (kind and other and kind != other):
                best.setdefault(owners[index], score)
        return [Near(catalog_id, score) for catalog_id, score in list(best.items())[: _RUNNERS_UP + 1]]


def _is_number(name: str, catalog_id: str) -> bool:
    """Whether the name is right or wrong: an id of the user's own with digits, a comet's designation with its name."""
    return "/" in name or (name == catalog_id and not name.isalpha())


def stem_of(text: str) -> tuple[str, str]:
    """A name's proper part, joined, and its kind ('nebula', 'galaxy', 'cluster', 'comet' or '')."""
    parts = [part for word in words(text) for part in _unglued(word)]
    kinds = [_kind_of(word) for word in parts]
    stem = "".join(word for word, kind in zip(parts, kinds, strict=True) if kind is None)
    return stem, next((kind for kind in reversed(kinds) if kind), "")


def _unglued(word: str) -> tuple[str, ...]:
    for kind in _GLUED_KINDS:
        if word.endswith(kind) and len(word) >= len(kind) + _SHORTEST_GLUED:
            return word.removesuffix(kind), kind
    return (word,)


def _kind_of(word: str) -> str | None:
    """The kind that a word means, also when it is misspelt ("galxy"); '' for words that mean nothing, else None."""
    known = _KINDS.get(word)
    if known is None and len(word) > 4 and word[0] in "ngc":
        from rapidfuzz import fuzz, process

        nearest = process.extractOne(word, _SPELT_OUT, scorer=fuzz.ratio, score_cutoff=80)
        known = _KINDS[nearest[0]] if nearest else None
    return known
