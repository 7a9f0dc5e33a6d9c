"""This package's own tables: objects with positions, and names checked by hand."""

from importlib import resources
from typing import NamedTuple

from shared.targets.designation import parse

OBJECT_TABLES = (
    "dark-and-bright-nebulae.tsv",
    "star-clusters.tsv",
    "planetary-nebulae.tsv",
    "peculiar-galaxies-and-groups.tsv",
    "more-objects.tsv",
)
"""In the order of authority: an object that one lists is not listed again by the next."""
ALIAS_TABLES = ("aliases.tsv", "aliases-in-other-languages.tsv", "aliases-in-more-languages.tsv")


class ObjectRow(NamedTuple):
    """One line of a table of objects.

    ``designations`` are the object's own first and then its others, in plain form. Positions are ICRS degrees, None
    where the line only adds designations to an object that another table lists; ``kind`` is OpenNGC's type code.
    """

    designations: tuple[str, ...]
    ra_deg: float | None
    dec_deg: float | None
    size_arcmin: float | None
    kind: str


class AliasRow(NamedTuple):
    """One line of a table of names: an object, its proper names (display name first) and further designations of it.

    Where the object's own number is among the designations, that is the display name.
    """

    catalog_id: str
    names: tuple[str, ...]
    designations: tuple[str, ...]


def read_objects(table: str) -> list[ObjectRow]:
    """The rows of a table of objects in file order. Raises ValueError where a line is not of the table's form."""
    rows = []
    for line in _lines(table)[1:]:
        catalog_id, ra, dec, size, kind, _source, *also = line.split("\t")
        others = also[0].split("|") if also and also[0] else ()
        rows.append(
            ObjectRow((catalog_id, *others), _number(ra), _number(dec), _number(size), kind),
        )
    return rows


def read_aliases() -> list[AliasRow]:
    """The rows of the tables of names, one an object: the first table's names before the next one's."""
    rows: dict[str, AliasRow] = {}
    for table in ALIAS_TABLES:
        for line in _lines(table):
            row = alias_row(*line.split("\t"))
            known = rows.setdefault(row.catalog_id, row)
            if known is not row:
                rows[row.catalog_id] = AliasRow(
                    row.catalog_id, known.names + row.names, known.designations + row.designations
                )
    return list(rows.values())


def alias_row(catalog_id: str, text: str) -> AliasRow:
    """Names separated by ``|``; one that reads as a catalogue designation is one."""
    names, designations = [], []
    for entry in text.split("|"):
        plain = parse(entry)
        if plain is None:
            names.append(entry)
        else:
            designations.append(plain)
    return AliasRow(catalog_id, tuple(names), tuple(designations))


def _number(text: str) -> float | None:
    return float(text) if text else None


def _lines(name: str) -> list[str]:
    text = (resources.files("shared.targets") / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
