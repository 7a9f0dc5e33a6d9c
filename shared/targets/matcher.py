"""Which object a frame shows: by what it is called and by where it points.

Asked in this order; the first answer counts:

1. ``given``: a catalogue id that the caller vouches for
2. ``designation``, ``name``, ``fuzzy``: the header's name (``reading.py``), which the position confirms or contradicts
   (``conflict``, see ``evidence.py``)
3. ``position``: what the frame points at (``position.py``), where the name says nothing
4. ``folder``: the name of the nearest folder that says something, read as the header's, where position and name do not
5. ``file_name``: the file's own name, where the folders say nothing either
6. ``hint``: what the source is said to show, where all of these say nothing, or leave a doubt that it settles

A person's decision will stand between the first and the second; it is a ``given`` id to this module.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Self

from shared.events.frame import TargetCandidate, TargetMatch
from shared.targets.catalogue import Catalogue, SkyObject, display
from shared.targets.designation import parse
from shared.targets.evidence import (
    CONFLICT,
    FILE_NAME,
    LOOSE_FILE_NAME,
    Finding,
    Look,
    from_name,
    from_nameless,
    with_hint,
)
from shared.targets.own import OwnTarget
from shared.targets.position import Field, Positions, Seen, separation_deg
from shared.targets.reading import LONGEST_TEXT, UNCERTAIN_BELOW, Reader

_CACHED_ANSWERS = 65_536
_COORDINATE_DIGITS = 4
_FOLDERS_UP = 8
"""How many folders above a file are looked at."""
_CATALOG_ID = re.compile(r"[A-Za-z0-9+-]{1,64}")
_MOST_CANDIDATES = 5

NO_MATCH = TargetMatch(confidence=0.0, method="none")


class Matcher:
    """Finds the object that a frame shows. Immutable apart from its caches: an answer depends on its question alone."""

    def __init__(self, catalogue: Catalogue, *, uncertain_below: float = UNCERTAIN_BELOW) -> None:
        self.catalogue = catalogue
        self._uncertain_below = uncertain_below
        self._reader = Reader(catalogue)
        self.positions = Positions(catalogue)
        self._cached = lru_cache(maxsize=_CACHED_ANSWERS)(self._match)

    @classmethod
    def load(cls, own: Iterable[OwnTarget] = (), *, uncertain_below: float = UNCERTAIN_BELOW) -> Self:
        """A matcher over the installed catalogue and the user's own targets."""
        return cls(Catalogue.load(own), uncertain_below=uncertain_below)

    def match(
        self,
        query: str | None,
        *,
        ra_deg: float | None = None,
        dec_deg: float | None = None,
        width_deg: float | None = None,
        height_deg: float | None = None,
        hints_catalog_id: str | None = None,
        folder: str | None = None,
        file_name: str | None = None,
        file_name_is_loose: bool = False,
        hint: str | None = None,
    ) -> TargetMatch:
        """Name the object.

        Args:
            query: what the header's OBJECT says, or a file's name.
            ra_deg: right ascension of the frame's centre, ICRS degrees; rounded to 0.0001.
            dec_deg: declination likewise.
            width_deg: the field's width, degrees; None where the optics are unknown.
            height_deg: the field's height likewise.
            hints_catalog_id: the id that the caller gives; ignored when it is not one.
            folder: the folders that hold the file, below its root, with slashes between them; the last one holds it.
            file_name: what the file's own name may call the object.
            file_name_is_loose: whether nothing of a capture (a type, an exposure, a filter) stands beside these words.
            hint: what the file's source is said to show.

        Returns:
            The match; with ``catalog_id`` None, confidence 0 and method ``none`` where nothing fits.
        """
        field = None
        if ra_deg is not None and dec_deg is not None:
            field = Field(
                round(ra_deg, _COORDINATE_DIGITS),
                round(dec_deg, _COORDINATE_DIGITS),
                width_deg or None,
                height_deg or None,
            )
        return self._cached(
            (query or "")[:LONGEST_TEXT],
            field,
            (hints_catalog_id or "")[:LONGEST_TEXT],
            tuple([name[:LONGEST_TEXT] for name in (folder or "").split("/")[-_FOLDERS_UP:]]) if folder else (),
            (file_name or "")[:LONGEST_TEXT],
            LOOSE_FILE_NAME if file_name_is_loose else FILE_NAME,
            (hint or "")[:LONGEST_TEXT],
        )

    def _match(
        self,
        query: str,
        field: Field | None,
        given: str,
        folders: tuple[str, ...],
        file_name: str,
        file_sure: float,
        hint: str,
    ) -> TargetMatch:
        if given and (known := self._given(given)) is not None:
            return self._answer(Finding(((known, 1.0),), "given"), field)
        reading = self._reader.read(query)

        def look() -> tuple[Seen, ...]:
            named_otherwise = reading.means_something and not reading.pairs
            return self.positions.meant(field, named_otherwise=named_otherwise) if field is not None else ()

        if reading.pairs:
            finding: Finding | None = from_name(reading, field, look)
        else:
            finding = self._nameless(field, folders, file_name, file_sure, look)
        if hint and (finding is None or self._is_doubtful(finding)):
            finding = with_hint(finding, self._reader.read(hint), field, look)
        return self._answer(finding, field) if finding is not None else NO_MATCH

    def _nameless(
        self, field: Field | None, folders: tuple[str, ...], file_name: str, file_sure: float, look: Look
    ) -> Finding | None:
        """The finding on a frame whose header's name says nothing."""
        by_folder = self._reader.read_folders(folders)
        if file_name and not by_folder.pairs and (named := self._reader.read(file_name)).pairs:
            return from_nameless(named, field, look, factor=file_sure, method="file_name")
        return from_nameless(by_folder, field, look)

    def _is_doubtful(self, finding: Finding) -> bool:
        """Whether a person should decide."""
        return finding.pairs[0][1] < self._uncertain_below or finding.method == CONFLICT

    def _given(self, given: str) -> SkyObject | None:
        plain = parse(given)
        known = self.catalogue.resolve(plain) if plain else self.catalogue.get(given)
        if known is None and _CATALOG_ID.fullmatch(given):
            known = SkyObject(given, display(given), "")
        return known

    def _answer(self, finding: Finding, field: Field | None) -> TargetMatch:
        """A match from a finding, with the distances from the frame's centre; the others become candidates."""
        best, confidence = finding.pairs[0]
        others = {one.catalog_id: (one, sure) for one, sure in reversed(finding.pairs) if one is not best}
        others.pop(best.catalog_id, None)
        ranked = sorted(others.values(), key=lambda pair: -pair[1])[:_MOST_CANDIDATES] if others else ()
        return TargetMatch(
            catalog_id=best.catalog_id,
            name=best.name,
            confidence=confidence,
            method=finding.method,
            separation_deg=_away_deg(best, field),
            candidates=tuple(
                TargetCandidate(
                    catalog_id=one.catalog_id, name=one.name, confidence=sure, separation_deg=_away_deg(one, field)
                )
                for one, sure in ranked
            ),
            uncertain=self._is_doubtful(finding),
        )


def _away_deg(one: SkyObject, field: Field | None) -> float | None:
    return None if field is None else separation_deg(one, field.ra_deg, field.dec_deg)
