"""Which object a frame shows, from what it is called.

Asked in this order; the first answer counts:

1. ``given``: a catalogue id that the caller vouches for
2. ``designation``: the name is, or contains, a catalogue designation; one that does not exist ends the search
3. ``name``: the name is a proper name of the tables
4. ``fuzzy``: it resembles one (see ``names.py`` for how much, and what that was measured on)
5. ``folder``: the same three for the parent folder's name, a little less sure

Coordinates do not decide yet: they fill ``separation_deg``, and of several objects with one name (there are two
Butterfly Nebulae) they pick the nearest.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Self

from shared.events.frame import TargetCandidate, TargetMatch
from shared.targets import decoration
from shared.targets.catalogue import Catalogue, SkyObject, display
from shared.targets.designation import Designation, find, parse
from shared.targets.names import FUZZY_THRESHOLD, NameIndex

_CACHED_ANSWERS = 65_536
_COORDINATE_DIGITS = 4
_LONGEST_TEXT = 200
"""A name longer than this is none; the cache must not grow with what a damaged header holds."""
_CATALOG_ID = re.compile(r"[A-Za-z0-9+-]{1,64}")
_COMPONENT = re.compile(r"(.*\d) ([A-Za-z])")
"""``NGC 7318 B`` is the galaxy NGC 7318B where there is one, and NGC 7318 in blue where there is none."""
_PARENTHESES = re.compile(r"[(\[{]([^)\]}]*)[)\]}]")
_NOTHING_ELSE = re.compile(
    r"(?:nebula|galaxy|cluster|region|area|dark|and|with|widefield|wide|field|[\W\d])*", re.IGNORECASE
)

_WHOLE, _WITHIN, _SEVERAL, _CONTRADICTED = 1.0, 0.95, 0.85, 0.6
_NAME, _SHARED_NAME, _FOLDER_FACTOR = 0.97, 0.6, 0.9

NO_MATCH = TargetMatch(confidence=0.0, method="none")


class Matcher:
    """Finds the object behind a name. Immutable apart from its cache: an answer depends on its question alone."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._names = NameIndex(catalogue)
        self._cached = lru_cache(maxsize=_CACHED_ANSWERS)(self._match)

    @classmethod
    def load(cls) -> Self:
        """A matcher over the installed catalogue."""
        return cls(Catalogue.load())

    def match(
        self,
        query: str | None,
        *,
        ra_deg: float | None = None,
        dec_deg: float | None = None,
        hints_catalog_id: str | None = None,
        folder: str | None = None,
    ) -> TargetMatch:
        """Name the object.

        Args:
            query: what the header's OBJECT says, or a file's name.
            ra_deg: right ascension of the frame's centre, ICRS degrees; rounded to 0.0001.
            dec_deg: declination likewise.
            hints_catalog_id: the id that the caller gives; ignored when it is not one.
            folder: name of the folder that holds the file.

        Returns:
            The match; with ``catalog_id`` None, confidence 0 and method ``none`` where nothing fits.
        """
        centred = ra_deg is not None and dec_deg is not None
        ra = round(ra_deg, _COORDINATE_DIGITS) if centred and ra_deg is not None else None
        dec = round(dec_deg, _COORDINATE_DIGITS) if centred and dec_deg is not None else None
        return self._cached(
            (query or "")[:_LONGEST_TEXT],
            ra,
            dec,
            (hints_catalog_id or "")[:_LONGEST_TEXT],
            (folder or "")[:_LONGEST_TEXT],
        )

    def _match(self, query: str, ra: float | None, dec: float | None, given: str, folder: str) -> TargetMatch:
        centre = None if ra is None or dec is None else (ra, dec)
        if given:
            plain = parse(given)
            known = self.catalogue.resolve(plain) if plain else self.catalogue.get(given)
            if known is None and _CATALOG_ID.fullmatch(given):
                known = SkyObject(given, display(given), "")
            if known is not None:
                return _answer([(known, 1.0)], "given", centre)
        found = self._by_text(query, centre)
        if found is not None:
            return found
        found = self._by_text(folder, centre)
        if found is not None:
            return found.model_copy(update={"method": "folder", "confidence": found.confidence * _FOLDER_FACTOR})
        return NO_MATCH

    def _by_text(self, raw: str, centre: tuple[float, float] | None) -> TargetMatch | None:
        text = decoration.tidy(raw)
        if not text:
            return None
        whole = self._whole(text, centre)
        if whole is not None:
            return whole
        bare = decoration.strip(text)
        outside = decoration.strip(_PARENTHESES.sub(" ", bare))
        for part in (bare, outside):
            if part != text and (whole := self._whole(part, centre)) is not None:
                return whole
        hits = list(find(bare))
        if hits and (answer := self._by_hits(bare, hits, centre)) is not None:
            return None if answer is NO_MATCH else answer
        inside = [decoration.strip(part) for part in _PARENTHESES.findall(bare)]
        for part in inside:
            if (whole := self._whole(part, centre)) is not None:
                return whole
        if decoration.says_nothing(outside):
            return None
        near = self._names.near(outside)
        if not near:
            return None
        best, second = near[0].score, near[1].score if len(near) > 1 else 0.0
        pairs = [(self._object(near[0].catalog_id), _fuzzy_confidence(best, second))]
        pairs += [(self._object(one.catalog_id), _fuzzy_confidence(one.score, best)) for one in near[1:]]
        return _answer(pairs, "fuzzy", centre)

    def _whole(self, text: str, centre: tuple[float, float] | None) -> TargetMatch | None:
        """The answer when the whole text is one designation or one proper name."""
        component = _COMPONENT.fullmatch(text)
        joined = parse(f"{component[1]}{component[2]}") if component else None
        plain = joined if joined and self.catalogue.is_listed(joined) else parse(text)
        known = self.catalogue.resolve(plain) if plain else None
        if known is not None:
            return _answer([(known, _WHOLE)], "designation", centre)
        owners = [self._object(catalog_id) for catalog_id in self._names.exact(text)]
        if not owners:
            return None
        if len(owners) == 1:
            return _answer([(owners[0], _NAME)], "name", centre)
        if centre is not None:
            owners.sort(key=lambda one: _separation_deg(one, centre) or math.inf)
        return _answer([(one, _SHARED_NAME) for one in owners], "name", centre)

    def _by_hits(
        self, text: str, hits: Sequence[Designation], centre: tuple[float, float] | None
    ) -> TargetMatch | None:
        """Judge designations inside a longer text: NO_MATCH where one does not exist, None where none is believed."""
        rest = text
        for hit in reversed(hits):
            rest = f"{rest[: hit.start]} {rest[hit.end :]}"
        rest = decoration.strip(" ".join(rest.split()))
        named = self._names.exact(rest) if rest else ()
        objects: list[SkyObject] = []
        for hit in hits:
            known = self.catalogue.resolve(hit.catalog_id) if hit.catalog_id else None
            if known is None and not hit.weak:
                return NO_MATCH
            believed = not hit.weak or _NOTHING_ELSE.fullmatch(rest) or (known and known.catalog_id in named)
            if known is not None and believed and known not in objects:
                objects.append(known)
        if not objects:
            return None
        others = [self._object(catalog_id) for catalog_id in named if catalog_id != objects[0].catalog_id]
        if named and objects[0].catalog_id not in named:
            pairs = [(objects[0], _CONTRADICTED), *((one, 1 - _CONTRADICTED) for one in others)]
        elif len(objects) > 1:
            pairs = [(objects[0], _SEVERAL), *((one, 1 - _SEVERAL) for one in objects[1:])]
        else:
            pairs = [(objects[0], _WITHIN)]
        return _answer(pairs, "designation", centre)

    def _object(self, catalog_id: str) -> SkyObject:
        return self.catalogue.get(catalog_id) or SkyObject(catalog_id, display(catalog_id), "")


def _fuzzy_confidence(score: float, next_score: float) -> float:
    """Similarity 82 to 100 as 0.7 to 0.95, two thirds of that where another object is as near."""
    sure = 0.7 + (score - FUZZY_THRESHOLD) / (100 - FUZZY_THRESHOLD) * 0.25
    return round(sure if score - next_score > 1 else sure * 2 / 3, 3)


def _answer(pairs: Sequence[tuple[SkyObject, float]], method: str, centre: tuple[float, float] | None) -> TargetMatch:
    """A match from objects and their confidences, best first; the others become candidates."""
    best, confidence = pairs[0]
    return TargetMatch(
        catalog_id=best.catalog_id,
        name=best.name,
        confidence=confidence,
        method=method,
        separation_deg=_separation_deg(best, centre),
        candidates=tuple(
            TargetCandidate(
                catalog_id=one.catalog_id, name=one.name, confidence=sure, separation_deg=_separation_deg(one, centre)
            )
            for one, sure in pairs[1:]
        ),
    )


def _separation_deg(one: SkyObject, centre: tuple[float, float] | None) -> float | None:
    """Great-circle distance by the haversine formula, degrees; None without both positions."""
    if centre is None or one.ra_deg is None or one.dec_deg is None:
        return None
    ra1, dec1, ra2, dec2 = map(math.radians, (*centre, one.ra_deg, one.dec_deg))
    half = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return round(math.degrees(2 * math.asin(min(1.0, math.sqrt(half)))), 5)
