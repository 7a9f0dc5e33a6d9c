"""Which object a text names: the header's OBJECT, a file's or a folder's name.

Asked in this order; the first answer counts:

1. ``designation``: the text is, or contains, a catalogue designation; one that does not exist ends the search
2. ``name``: the text is a proper name of the tables, also without the kind at its end, or several
3. ``designation`` again: the whole text is a star's (``stars.py``)
4. ``fuzzy``: it resembles a name (see ``names.py`` for how much, and what that was measured on)
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from shared.targets import decoration
from shared.targets.catalogue import Catalogue, SkyObject, display
from shared.targets.designation import Designation, find, parse
from shared.targets.names import FUZZY_THRESHOLD, NameIndex, stem_of
from shared.targets.position import separation_deg, size_arcmin
from shared.targets.stars import NAMED_STARS, parse_star

UNCERTAIN_BELOW = 0.8
"""Matches below this confidence are marked uncertain, unless the settings say otherwise; conflicts always are."""
LONGEST_TEXT = 200
"""A name longer than this is none; caches must not grow with what a damaged header holds."""
_CACHED_READINGS = 16_384
_COMPONENT = re.compile(r"(.*\d) ([A-Za-z])")
"""``NGC 7318 B`` is the galaxy NGC 7318B where there is one, and NGC 7318 in blue where there is none."""
_JOINED = re.compile(r" *(?:[&+,/;]| [-–—] | and | und | et | y | e | i | en | with ) *", re.IGNORECASE)
"""``Heart and Soul``, ``Horsehead & Flame``: several names, of which each must be one."""
_OF_ALL = re.compile(r" (?:nebulae|nebulas|galaxies|clusters)$", re.IGNORECASE)
"""``Heart & Soul Nebulae``: the kind of all of them."""
_PART = re.compile(r"((?:NGC|IC|M)\d+)[A-E]")
"""``IC 1318A`` is a part of the nebula IC 1318. Of a galaxy a letter is a component, which exists or does not."""
_NUMBERED = re.compile(r"\d{1,2} ?[-.)] ?(?=[^\W\d]{3})")
"""``1-Whirlpool``: people number their targets."""
_ELSEWHERE = re.compile(
    r"(?:hd|hip|hr|sao|tyc|gsc|gaia|2mass|wise|sdss|kic|epic|tic|toi|koi|kepler|wasp|hat|tres|kelt|xo|qatar|corot|gj|gl"
    r"|gliese|wolf|ross|lhs|ltt|lp|bd|cd|nsv|asas|asassn|ztf|sn|at|psn|pgc|pks|3c|4c)[ -]?[-+]?\w*\d\w*(?:[-+ ].*)?",
    re.IGNORECASE,
)
"""Designations of catalogues that are not ours: stars, planets of stars, supernovae, quasars."""
_JOINING = {
    "after": re.compile(r"^(?:&|(?:and|und|et|y|e|with)(?= )) *", re.IGNORECASE),
    "before": re.compile(r" *(?:&|(?<= )(?:and|und|et|y|e|with))$", re.IGNORECASE),
}
"""``Bubble Nebula and M 52``: what stands beside a designation, before or after it, is another object."""
_PARENTHESES = re.compile(r"[(\[{]([^)\]}]*)[)\]}]")
_NOTHING_ELSE = re.compile(
    r"(?:nebula|galaxy|cluster|region|area|dark|and|with|widefield|wide|field|[\W\d])*", re.IGNORECASE
)

_WHOLE, _WITHIN, _SEVERAL, _CONTRADICTED = 0.99, 0.96, 0.85, 0.6
_ONE_PLACE = 0.9
"""``NGC 2244 Rosette``: the cluster within the nebula; a designation beside the name of what surrounds it."""
_NAME, _MISSPELT_KIND, _LEADING, _SHARED_NAME = 0.97, 0.93, 0.9, 0.6
_VARIABLE, _BAYER, _FLAMSTEED = 0.97, 0.95, 0.85
"""ASIAIR calls a field that nobody named after the nearest star with Flamsteed's number."""
_PART_OF, _PART_OF_WITHIN = 0.88, 0.85
_PAIR, _PAIR_WITHIN_DEG = 0.95, 1.0
"""A name of several objects that lie so near to each other means them together, and they are filed under the first."""
_BARE, _BARE_WORD, _SHORT_WORD = 0.9, 0.85, 5
"""``Pencil``, and ``Pipe``: of one short word less is certain."""
_RATHER_THE_STAR, _RATHER_ITS_CLUSTER = 0.7, 0.6
"""``Gamma Cas`` is the star and hardly the nebula of that name, ``Alpha Persei`` the star or the cluster around it."""
_PANEL_OR_NUMBER = re.compile(r"M ([1-4])-\d", re.IGNORECASE)
_RATHER_MINKOWSKI = 0.7
"""``M 1-2`` is Minkowski's nebula rather than a panel of M 1; where it points decides."""
_WITHOUT_KIND = 0.9
"""Of a fuzzy match without "nebula", "galaxy", ...: many words that are no names are one slip from one."""
_HYPHEN = re.compile(r"-")
_CLUSTERS = frozenset({"OCl", "GCl", "*Ass"})
_PASSED_UNKNOWN, _NUMBERED_SURE = 0.95, 0.95
_KINDS = frozenset({"nebula", "nebulae", "galaxy", "galaxies", "cluster", "nebel"})
"""What ends a name. ``Barnard's Star`` has none of them and does not begin with a name."""


class Reading(NamedTuple):
    """The objects that a text may mean with their confidences, the likeliest first, and how they were found.

    Without objects ``means_something`` tells words that may be a name from words that name nothing (``Snapshot``), and
    ``foreign`` tells what surely names something that is not ours: a star of another catalogue, a wrong number.
    """

    pairs: tuple[tuple[SkyObject, float], ...]
    method: str
    means_something: bool
    foreign: bool = False

    def doubted(self, factor: float) -> "Reading":
        """The same objects, each less sure by the factor."""
        return self._replace(pairs=tuple([(one, round(sure * factor, 4)) for one, sure in self.pairs]))


_SILENT = Reading((), "none", means_something=False)
_UNKNOWN = Reading((), "none", means_something=True)
_FOREIGN = Reading((), "none", means_something=True, foreign=True)


class Reader:
    """Reads texts against a catalogue. Immutable apart from its cache: a night's frames bear one name."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._names = NameIndex(catalogue)
        self.read = lru_cache(maxsize=_CACHED_READINGS)(self._read)

    def read_folders(self, folders: Sequence[str]) -> Reading:
        """The reading of the nearest folder that names an object, from the last outwards.

        Folders that name nothing known are passed, and each takes some of the confidence; one that names what is not
        ours ends the search.
        """
        instrument, passed = _SILENT, 1.0
        for folder in reversed(folders):
            reading = self.read(folder)
            if reading.pairs and decoration.INSTRUMENT.fullmatch(folder) is None:
                return reading if passed == 1 else reading.doubted(passed)
            if reading.pairs:
                instrument = reading if instrument is _SILENT else instrument
            elif reading.foreign:
                break
            elif reading.means_something and not decoration.is_decoration(folder):
                passed *= _PASSED_UNKNOWN
        return instrument

    def _read(self, raw: str) -> Reading:
        text = decoration.tidy(raw)
        if not text:
            return _SILENT
        whole = self._whole(text)
        if whole is not None:
            return whole
        bare = decoration.strip(text)
        inside = _PARENTHESES.findall(bare)
        outside = decoration.strip(_PARENTHESES.sub(" ", bare)) if inside else bare
        for part in dict.fromkeys((bare, outside)):
            if part != text and (whole := self._whole(part)) is not None:
                return whole
        hits = list(find(bare))
        if hits and (answer := self._by_hits(bare, hits)) is not None:
            return answer
        for part in inside:
            if (whole := self._whole(decoration.strip(part))) is not None:
                return whole
        return _SILENT if decoration.says_nothing(outside) else self._by_words(text, outside)

    def _by_words(self, text: str, outside: str) -> Reading:
        """The answer to words that are neither a designation nor a whole name; ``outside`` is without decoration."""
        if _ELSEWHERE.fullmatch(outside) or outside.lower() in NAMED_STARS:
            return _FOREIGN
        if (numbered := _NUMBERED.match(outside)) is not None:
            return self._read(outside[numbered.end() :]).doubted(_NUMBERED_SURE)
        stem, kind = stem_of(outside)
        for part in dict.fromkeys((text, outside)):
            if (bare_name := self._by_bare_name(part, stem)) is not None:
                return bare_name
        if (several := self._by_names(outside, stem, kind)) is not None:
            return several
        if (leading := self._by_leading_name(outside)) is not None:
            return leading
        near = self._names.near(outside)
        if not near:
            return _UNKNOWN
        best, second = near[0].score, near[1].score if len(near) > 1 else 0.0
        factor = 1.0 if kind else _WITHOUT_KIND
        pairs = [(self.named(near[0].catalog_id), _fuzzy_confidence(best, second))]
        pairs += [(self.named(one.catalog_id), _fuzzy_confidence(one.score, best)) for one in near[1:]]
        return Reading(tuple((one, round(sure * factor, 3)) for one, sure in pairs), "fuzzy", means_something=True)

    def _whole(self, text: str) -> Reading | None:
        """The answer when the whole text is one designation or one proper name."""
        component = _COMPONENT.fullmatch(text)
        joined = parse(f"{component[1]}{component[2]}") if component else None
        plain = joined if joined and self._catalogue.is_listed(joined) else parse(text)
        known = self._catalogue.resolve(plain) if plain else None
        if known is not None:
            pairs = [(known, _WHOLE)]
            if (panel := _PANEL_OR_NUMBER.fullmatch(text)) and not known.common_names:
                pairs = [(known, _RATHER_MINKOWSKI), (self.named(f"M{panel[1]}"), 1 - _RATHER_MINKOWSKI)]
            return Reading(tuple(pairs), "designation", means_something=True)
        if plain is not None and (part := self._whole_of(plain)) is not None:
            return Reading(((part, _PART_OF),), "designation", means_something=True)
        owners = [self.named(catalog_id) for catalog_id in self._names.exact(text)]
        if not owners:
            return self._by_star(text)
        leading = next(find(text), None)
        if leading and leading.start == 0 and self._catalogue.resolve(leading.catalog_id or "") == owners[0]:
            return Reading(((owners[0], _WHOLE),), "designation", means_something=True)  # C/2022 E3 (ZTF)
        return Reading(_of_one_name(owners, _NAME), "name", means_something=True)

    def _whole_of(self, plain: str) -> SkyObject | None:
        """The object of which a designation with a letter names a part, where no table has that part."""
        part = _PART.fullmatch(plain)
        known = self._catalogue.resolve(part[1]) if part else None
        return known if known and known.common_names and not known.kind.startswith("G") else None

    def _by_star(self, text: str) -> Reading | None:
        """The answer when the whole text is a star's designation."""
        star_id = parse_star(text)
        if star_id is None:
            return None
        star = self._catalogue.star(star_id)
        pairs = [(star, _FLAMSTEED if star_id[0].isdigit() else _BAYER if star_id[0].islower() else _VARIABLE)]
        if around := [self.named(catalog_id) for catalog_id in self._names.bare(text)]:
            first = _RATHER_THE_STAR
            pairs = [(star, first), *((one, 1 - first) for one in around)]
            if around[0].kind in _CLUSTERS:
                pairs = [(around[0], _RATHER_ITS_CLUSTER), (star, 1 - _RATHER_ITS_CLUSTER)]
        return Reading(tuple(pairs), "designation", means_something=True)

    def _by_names(self, text: str, stem: str, kind: str) -> Reading | None:
        """The answer when the text is several proper names, or one whose kind is misspelt (``Cigar Galxy``)."""
        plain = _OF_ALL.sub("", text)
        for joint in (_JOINED, _HYPHEN):
            parts = [part for part in joint.split(plain) if part]
            owners = [self._names.exact(part) or self._names.bare(part) for part in parts] if len(parts) > 1 else []
            if owners and all(owners):
                objects = [self.named(one) for one in dict.fromkeys(ids[0] for ids in owners)]
                pairs = _several(objects) if len(objects) > 1 else ((objects[0], _NAME),)
                return Reading(pairs, "name", means_something=True)
        known = self._names.exact(f"{stem} {kind}") if stem and kind else ()
        if len(known) != 1:
            return None
        return Reading(((self.named(known[0]), _MISSPELT_KIND),), "fuzzy", means_something=True)

    def _by_bare_name(self, text: str, stem: str) -> Reading | None:
        """The answer when the text is a name without its kind: ``Pencil``, ``Apple Core``."""
        owners = [self.named(catalog_id) for catalog_id in self._names.bare(text)]
        if not owners:
            return None
        sure = _BARE if len(stem) > _SHORT_WORD else _BARE_WORD
        return Reading(_of_one_name(owners, sure), "name", means_something=True)

    def _by_leading_name(self, text: str) -> Reading | None:
        """The answer when the text begins with a name and its kind: ``Heart Nebula left``, ``Veil Nebula broom``."""
        words = text.split(" ")
        for count in range(len(words) - 1, 1, -1):
            if words[count - 1].lower() in _KINDS and (owners := self._names.exact(" ".join(words[:count]))):
                return Reading(
                    tuple((self.named(one), _LEADING / len(owners)) for one in owners), "name", means_something=True
                )
        return None

    def _by_hits(self, text: str, hits: Sequence[Designation]) -> Reading | None:
        """Judge designations inside a longer text: no objects where one does not exist, None where none is believed."""
        rest = text
        for hit in reversed(hits):
            rest = f"{rest[: hit.start]} {rest[hit.end :]}"
        rest, joined = _unjoined(decoration.strip(" ".join(rest.split())))
        named = self._names.exact(rest) if rest else ()
        objects: list[SkyObject] = []
        within = _WITHIN
        strong = any(not hit.weak for hit in hits)
        for hit in hits:
            known = self._catalogue.resolve(hit.catalog_id) if hit.catalog_id else None
            if known is None and hit.catalog_id and (part := self._whole_of(hit.catalog_id)) is not None:
                known, within = part, _PART_OF_WITHIN
            if known is None and not hit.weak:
                return _FOREIGN
            # beside a designation of more letters "C11" is the telescope and "B2" the binning or the filter
            alone = not strong and _NOTHING_ELSE.fullmatch(rest)
            believed = not hit.weak or alone or (known and known.catalog_id in named)
            if known is not None and believed and known not in objects:
                objects.append(known)
        if not objects:
            return None
        others = [self.named(catalog_id) for catalog_id in named if catalog_id != objects[0].catalog_id]
        if joined and others and len(objects) == 1:
            pairs = list(_several([*others, *objects] if joined == "before" else [*objects, *others]))
        elif named and objects[0].catalog_id not in named:
            sure = _ONE_PLACE if any(_overlap(objects[0], one) for one in others) else _CONTRADICTED
            pairs = [(objects[0], sure), *((one, 1 - sure) for one in others)]
        else:
            pairs = list(_several(objects)) if len(objects) > 1 else [(objects[0], within)]
        return Reading(tuple(pairs), "designation", means_something=True)

    def named(self, catalog_id: str) -> SkyObject:
        """The object with this id; one without facts where no table lists it."""
        return self._catalogue.get(catalog_id) or SkyObject(catalog_id, display(catalog_id), "")


def _overlap(one: SkyObject, other: SkyObject) -> bool:
    """Whether one object lies within the other."""
    return _apart_deg(one, other) * 120 < max(size_arcmin(one), size_arcmin(other))


def _unjoined(text: str) -> tuple[str, str]:
    """A text without a joining word at its start or end, and whether it stands "after" or "before" what it joins."""
    for where, pattern in _JOINING.items():
        if (bare := pattern.sub("", text)) != text:
            return bare, where
    return text, ""


def _of_one_name(owners: Sequence[SkyObject], sure: float) -> tuple[tuple[SkyObject, float], ...]:
    """The objects that one name means: one alone, some that lie together, or any of several."""
    first, *others = owners
    if not others:
        return ((first, sure),)
    if all(_apart_deg(first, one) <= _PAIR_WITHIN_DEG for one in others):
        sure = min(sure, _PAIR)
        return ((first, sure), *((one, round(1 - sure, 4)) for one in others))
    return tuple((one, _SHARED_NAME) for one in owners)


def _apart_deg(one: SkyObject, other: SkyObject) -> float:
    apart = None
    if other.ra_deg is not None and other.dec_deg is not None:
        apart = separation_deg(one, other.ra_deg, other.dec_deg)
    return 180.0 if apart is None else apart


def _several(objects: Sequence[SkyObject]) -> tuple[tuple[SkyObject, float], ...]:
    """Of objects that are named together the first is the target, the others are with it."""
    return ((objects[0], _SEVERAL), *((one, 1 - _SEVERAL) for one in objects[1:]))


def _fuzzy_confidence(score: float, next_score: float) -> float:
    """Similarity 82 to 100 as 0.7 to 0.95, two thirds of that where another object is as near."""
    sure = 0.7 + (score - FUZZY_THRESHOLD) / (100 - FUZZY_THRESHOLD) * 0.25
    return round(sure if score - next_score > 1 else sure * 2 / 3, 3)
