"""The sky's objects: one identity each, however many catalogues list them.

The canonical id is the Messier number, else NGC, else IC, else the number in the object's own catalogue. OpenNGC is
read from pyongc's SQLite file in two queries (pyongc's own builds 14,000 objects one by one); the nebulae that it
lacks, and the names and cross-identifiers that it does not know, come from this package's tables, which win.
"""

import math
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Self

from shared.targets.designation import parse
from shared.targets.own import OwnTarget
from shared.targets.spelling import key
from shared.targets.stars import is_star_id, star_display, star_places
from shared.targets.tables import OBJECT_TABLES, AliasRow, ObjectRow, alias_row, read_aliases, read_objects


class SkyObject(NamedTuple):
    """One object. Positions are ICRS degrees, ``kind`` is OpenNGC's type code (G, OCl, PN, HII, DrkN, SNR, ...)."""

    catalog_id: str
    name: str
    kind: str
    ra_deg: float | None = None
    dec_deg: float | None = None
    size_arcmin: float | None = None
    magnitude: float | None = None
    common_names: tuple[str, ...] = ()


_COMPLETE = re.compile(
    r"(?:NGC|IC|M)\d+[A-Z]*(?:NED\d\d)?|(?:K|He|Hu|Me|Vy)\d-\d+|(?:JnEr|Jn|PuWe|EGB|HDW|DeHt|WeDe|IsWe|LoTr|Lo|Mz|Ou|HB)\d+"
    r"|(?:SNRG|PNG).*"
)
"""Catalogues of which every number that counts is in the tables: what is not there does not exist."""

_WRONG_NAMES = {
    "NGC253": {"Sculptor Filament"},  # a chain of galaxies that it belongs to
    "IC2431NED02": {"Browning"},
    "NGC7114": {"Schmidt's Nova Cygni"},  # a nova
    "IC1318": {"Gam Cyg"},  # a star
    "IC434": {"Flame Nebula", "Orion B"},  # the Flame is NGC 2024; Orion B is the cloud around both
    "NGC2237": {"Rosette A"},
    "NGC2238": {"Rosette Nebula"},  # the nebula as a whole is NGC 2237, as in Caldwell's list (C 49)
    "NGC2246": {"Rosette B"},
    "NGC4990": {"Cocoon Galaxy"},  # a slip for NGC 4490
    "IC4703": {"Eagle Nebula", "Star Queen"},  # people mean M 16
    "NGC1990": {"Alnilam"},  # a star
    "NGC6995": {"Eastern Veil", "Network Nebula"},  # its southern end; people mean NGC 6992
}

_OPENNGC = """
    SELECT name, type, ra, dec, majax, coalesce(vmag, bmag), messier, ngc, ic, commonnames
    FROM objects WHERE type <> 'NonEx' AND name <> 'M102'"""
_OPENNGC_IDENTIFIERS = """
    SELECT name, identifier FROM objIdentifiers
    WHERE identifier NOT GLOB 'NGC*' AND identifier NOT GLOB 'IC*' AND identifier NOT GLOB 'MWSC*'"""

_SPACED = re.compile(
    r"(NGC|IC|M|C|B|LDN|LBN|vdB|Cr|Mel|Tr|Abell|ACO|Arp|HCG|Gum|RCW|UGCA?|PGC|Stock|King|Berkeley|Czernik|Dolidze"
    r"|Ruprecht|Roslund|Tombaugh|Westerlund|Blanco|Harvard|Pal|Ter|Ced|Simeis|CTA|CTB|HB|WR|DWB|JnEr|Jn|PuWe|EGB|HDW|DeHt"
    r"|WeDe|IsWe|LoTr|Lo|Mz)(\d+[A-Za-z]*)|(K|He|Hu|Me|Vy)(\d-\d+)"
)
_MINUTED = re.compile(r"(PK|SNRG|PNG)(\d+)(?:-(\d))?([+-]\d+)-(\d+)")
_COMET = re.compile(r"([CPXDA])(\d{4})([A-Z]{1,2}\d+(?:-[A-Z]+)?)")
_PADDED = re.compile(r"([A-Za-z]+)0*(\d+)(-?)0*(.*)")
_SPELLINGS = {"CL": "Cr", "Cl": "Cr", "MEL": "Mel", "H": "Harvard"}


class Catalogue:
    """Every object that is known by position or name, found by designation."""

    def __init__(self) -> None:
        self._objects: dict[str, SkyObject] = {}
        self._canonical: dict[str, str] = {}

    @classmethod
    def load(cls, own: Iterable[OwnTarget] = ()) -> Self:
        """Read OpenNGC and this package's tables, about 0.2 s, and then the user's own targets, which win.

        Raises:
            FileNotFoundError: when pyongc has no data.
        """
        catalogue = cls()
        catalogue._add_openngc(_openngc_path())
        for table in OBJECT_TABLES:
            for listed in read_objects(table):
                catalogue._add_object(listed)
        named = read_aliases()
        for row in named:
            catalogue._add_alias(row)
        catalogue._put_first(row.catalog_id for row in named)
        mine = [catalogue._add_own(target) for target in own]
        catalogue._put_first(mine)
        return catalogue

    def __iter__(self) -> Iterator[SkyObject]:
        """The user's own targets, then the named objects in the order of the tables of names, then all others."""
        return iter(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)

    def resolve(self, designation: str) -> SkyObject | None:
        """The object of a plain designation (``NGC224`` gives M31), or None where there is none.

        A valid number of a catalogue whose positions are not shipped (Arp, UGC, ...) is an object without position.
        """
        catalog_id = self._identity(designation)
        known = self._objects.get(catalog_id)
        if known is not None or _COMPLETE.fullmatch(catalog_id):
            return known
        return SkyObject(catalog_id, display(catalog_id), "")

    def get(self, catalog_id: str) -> SkyObject | None:
        """The object with this canonical id, if a table lists it or it is a star's."""
        known = self._objects.get(catalog_id)
        if (known is None or known.ra_deg is None) and is_star_id(catalog_id):
            return self.star(catalog_id)
        return known

    def star(self, designation: str) -> SkyObject:
        """The star with an id of `stars.parse_star`, with its position where the table of stars has it."""
        root, ra_deg, dec_deg = star_places().get(designation, (designation, None, None))
        known = self._objects.get(root) or SkyObject(root, star_display(root) or root, "")
        return known if known.ra_deg is not None else known._replace(kind="*", ra_deg=ra_deg, dec_deg=dec_deg)

    def is_listed(self, designation: str) -> bool:
        """Whether a table lists this very designation, as an object or as a cross-identifier."""
        return designation in self._objects or designation in self._canonical

    def _add_openngc(self, path: Path) -> None:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            rows = database.execute(_OPENNGC).fetchall()
            identifiers = database.execute(_OPENNGC_IDENTIFIERS).fetchall()
        plain_of = {row[0]: _plain(row[0]) for row in rows}
        canonical, objects = self._canonical, self._objects
        for name, kind, ra, dec, size, magnitude, messier, ngc, ic, common in rows:
            plain = plain_of[name]
            catalog_id = plain
            if messier:
                catalog_id = f"M{int(messier)}"
            elif kind == "Dup" or not plain.startswith("NGC"):
                catalog_id = f"NGC{_unpadded(ngc)}" if ngc else f"IC{_unpadded(ic)}" if ic and kind == "Dup" else plain
            if catalog_id != plain:
                canonical[plain] = catalog_id
            if kind == "Dup":
                continue
            names = _clean_names(plain, common) if common else ()
            shown = names[0] if names else display(catalog_id)
            ra_deg, dec_deg = ra and math.degrees(ra), dec and math.degrees(dec)
            objects[catalog_id] = SkyObject(catalog_id, shown, kind, ra_deg, dec_deg, size, magnitude, names)
        for name, identifier in identifiers:
            own = plain_of.get(name)
            if own is not None:
                plain = _plain(identifier)
                if plain != own and plain not in objects:
                    canonical.setdefault(plain, own)

    def _add_object(self, row: ObjectRow) -> None:
        """Take the row's object, unless it is listed already: then its other designations are that object's."""
        objects, canonical = self._objects, self._canonical
        root = None
        for one in row.designations:
            if one in objects or one in canonical:
                root = self._identity(one)
                break
        if root is None:
            root = row.designations[0]
            # a planetary nebula is filed by its number in PK and known by its discoverer
            shown = row.designations[1] if root.startswith("PK") and len(row.designations) > 1 else root
            objects[root] = SkyObject(root, display(shown), row.kind, row.ra_deg, row.dec_deg, row.size_arcmin)
        for one in row.designations:
            if one not in objects:
                canonical.setdefault(one, root)

    def _add_alias(self, row: AliasRow) -> None:
        """Join what the row says is one object, under the row's id."""
        root = self._identity(row.catalog_id)
        together = dict.fromkeys((root, *row.designations))
        absorbed = [one for one in together if one in self._objects and one != row.catalog_id]
        known = self._objects.get(row.catalog_id)
        for one in absorbed:
            if known is None or known.ra_deg is None:
                known = self._objects[one]
            del self._objects[one]
            self._canonical[one] = row.catalog_id
        for one in row.designations:
            self._canonical[one] = row.catalog_id
        self._canonical.pop(row.catalog_id, None)
        base = known or SkyObject(row.catalog_id, "", "")
        names = row.names + tuple(name for name in base.common_names if name not in row.names)
        numbered = row.catalog_id in row.designations or not names
        self._objects[row.catalog_id] = base._replace(
            catalog_id=row.catalog_id, name=display(row.catalog_id) if numbered else names[0], common_names=names
        )

    def _put_first(self, catalog_ids: Iterable[str]) -> None:
        """Iterate over these first: of several objects of one name, the first one is the answer."""
        self._objects = {catalog_id: self._objects[catalog_id] for catalog_id in catalog_ids} | self._objects

    def _add_own(self, target: OwnTarget) -> str:
        """Give the user's names to their object and take them from all others. Returns its id."""
        plain = parse(target.catalog_id)
        catalog_id = self._identity(plain or target.catalog_id)
        row = alias_row(catalog_id, "|".join(target.names)) if target.names else AliasRow(catalog_id, (), ())
        if plain is None and catalog_id not in self._objects:
            row = row._replace(names=(*row.names, catalog_id))  # an id of the user's own is a name to type
        taken = {key(name) for name in row.names}
        for one in list(self._objects.values()) if taken else ():
            kept = tuple(name for name in one.common_names if key(name) not in taken)
            if kept != one.common_names:
                shown = one.name if key(one.name) not in taken else kept[0] if kept else display(one.catalog_id)
                self._objects[one.catalog_id] = one._replace(name=shown, common_names=kept)
        self._add_alias(row)
        if target.ra_deg is not None:
            moved = self._objects[catalog_id]._replace(ra_deg=target.ra_deg, dec_deg=target.dec_deg)
            self._objects[catalog_id] = moved
        if target.size_arcmin is not None:
            self._objects[catalog_id] = self._objects[catalog_id]._replace(size_arcmin=target.size_arcmin)
        return catalog_id

    def _identity(self, designation: str) -> str:
        """The canonical id of a designation; a cross-identifier of a duplicate takes more than one step."""
        while (target := self._canonical.get(designation)) is not None:
            designation = target
        return designation


def display(catalog_id: str) -> str:
    """A catalogue id as people write it: ``NGC 7000``, ``M 31``, ``C/2023 A3``, ``Sh2-101``, ``PK 164+31.1``."""
    if (spaced := _SPACED.fullmatch(catalog_id)) is not None:
        prefix = spaced[1] or spaced[3]
        return f"{'Jones' if prefix == 'Jn' else prefix} {spaced[2] or spaced[4]}"
    if (minuted := _MINUTED.fullmatch(catalog_id)) is not None:
        prefix, longitude, tenth, latitude, last = minuted.groups()
        spelt = {"PK": "PK ", "SNRG": "SNR G", "PNG": "PN G"}[prefix]
        return f"{spelt}{longitude}{f'.{tenth}' if tenth else ''}{latitude}.{last}"
    comet = _COMET.fullmatch(catalog_id)
    return f"{comet[1]}/{comet[2]} {comet[3]}" if comet else star_display(catalog_id) or catalog_id


def _openngc_path() -> Path:
    """Where pyongc keeps its database; found without importing pyongc, which may import pandas."""
    spec = find_spec("pyongc")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "ongc.db"
        if path.is_file():
            return path
    raise FileNotFoundError("pyongc's database ongc.db was not found; reinstall pyongc")


def _plain(padded: str) -> str:
    """OpenNGC's padded form without padding: ``NGC0224``, ``ESO056-115``, ``NGC4656 NED01``, ``MCG-02-01-031``."""
    if padded[:3] in {"NGC", "PGC", "UGC"} and padded[3:].isdigit():
        return f"{padded[:3]}{int(padded[3:])}"
    match = _PADDED.fullmatch(padded)
    if match is None:
        return padded.replace(" ", "")
    prefix, number, dash, rest = match.groups()
    return f"{_SPELLINGS.get(prefix, prefix)}{number}{dash}{rest.replace(' ', '')}"


def _unpadded(number: str) -> str:
    return number.lstrip("0").replace(" ", "")


def _clean_names(plain: str, common: str) -> tuple[str, ...]:
    """OpenNGC's comma-separated names without its errors, each with a capital."""
    wrong = _WRONG_NAMES.get(plain, set())
    names = (name.strip().removeprefix("the ") for name in common.split(","))
    return tuple(name[0].upper() + name[1:] for name in names if name and name not in wrong)
