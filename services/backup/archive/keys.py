"""Keys: where each thing lies at a destination, below the prefix of the installation, which the destination adds.

::

    backups/raw/<year>/<collection>[.r<n>].tar.zst            archive n of a collection; .tar: not packed
    backups/raw/<year>/<collection>[.r<n>].manifest.json      what is in it, and in those before it
    backups/raw/<year>/<collection>[.r<n>].SHA256SUMS         the same for sha256sum -c
    backups/database/nightbus-<UTC time>-<revisions>.dump     the database (services/backup/database/layout.py)
    backups/config/nightbus-<UTC time>.toml                   the settings without their secrets
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from shared.library.reading import as_utf8

Kind = Literal["archive", "manifest", "sums"]
PackingKind = Literal["zstd", "none"]

_RAW = "backups/raw"
_ENDINGS: dict[str, tuple[Kind, PackingKind | None]] = {
    ".tar.zst": ("archive", "zstd"),
    ".tar": ("archive", "none"),
    ".manifest.json": ("manifest", None),
    ".SHA256SUMS": ("sums", None),
}
_OF_PACKING = {packing: ending for ending, (_kind, packing) in _ENDINGS.items() if packing is not None}
_RAW_KEY = re.compile(
    rf"{_RAW}/(?P<year>\d{{4}})/(?P<collection>[A-Za-z0-9_-]+)(?:\.r(?P<number>[1-9]\d*))?"
    rf"(?P<ending>{'|'.join(map(re.escape, _ENDINGS))})"
)
_LONGEST_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class RawKey:
    """A key below ``backups/raw``, taken apart."""

    year: int
    collection_id: str
    number: int
    """Of the archive among those of its collection, from 1 on."""
    kind: Kind
    packing: PackingKind | None
    """Of an archive; None for what lies beside it."""


def raw_prefix(year: int | None = None) -> str:
    """What the keys of all archives begin with, or of those of one year."""
    return f"{_RAW}/" if year is None else f"{_RAW}/{year:04}/"


def archive_key(year: int, collection_id: str, number: int, packing: PackingKind) -> str:
    """Of an archive. ``year``: of the collection's night; ``number``: from 1 on."""
    return _stem(year, collection_id, number) + _OF_PACKING[packing]


def manifest_key(year: int, collection_id: str, number: int) -> str:
    """Of the manifest beside an archive."""
    return _stem(year, collection_id, number) + ".manifest.json"


def sums_key(year: int, collection_id: str, number: int) -> str:
    """Of the list for ``sha256sum -c`` beside an archive."""
    return _stem(year, collection_id, number) + ".SHA256SUMS"


def parse_raw(key: str) -> RawKey | None:
    """Take a key below ``backups/raw`` apart; None of what is no such key."""
    match = _RAW_KEY.fullmatch(key)
    if match is None:
        return None
    kind, packing = _ENDINGS[match["ending"]]
    return RawKey(int(match["year"]), match["collection"], int(match["number"] or 1), kind, packing)


def packing_of(key: str) -> PackingKind:
    """How the archive under a key is packed. Raises ValueError where it is the key of none."""
    parsed = parse_raw(key)
    if parsed is None or parsed.packing is None:
        raise ValueError(f"{key} is no key of an archive")
    return parsed.packing


def member_path(collection_id: str, root: str, path: str, file_id: str, taken: Container[str] = ()) -> str:
    """The name of a member in its archive.

    Two files of a collection may have had one path, one after the other: the first was moved, or another content took
    its place. The second gets the beginning of its id into its name, so that neither comes out over the other.

    Args:
        collection_id: the collection that the archive is of.
        root: name of the file's root.
        path: the file's path below it.
        file_id: its content.
        taken: names of all members of the collection's other files.
    """
    name = as_utf8(f"{collection_id}/{root}/{path}")
    if name not in taken:
        return name
    whole = PurePosixPath(name)
    ending = f".{file_id[:12]}{whole.suffix}"
    stem = whole.stem.encode()[: _LONGEST_NAME_BYTES - len(ending.encode())].decode(errors="ignore")
    return str(whole.with_name(stem + ending))


def _stem(year: int, collection_id: str, number: int) -> str:
    revision = f".r{number}" if number > 1 else ""
    return f"{raw_prefix(year)}{collection_id}{revision}"
