"""The ledger's view of a file: what it is called there, and its numbers as Postgres can hold them.

File systems say more than a row can keep: names that are not UTF-8, paths of 4,095 bytes where an index holds 2,700,
times before the year 1 and after the year 30000. Whatever they say becomes a row.
"""

import hashlib
from dataclasses import dataclass, replace
from uuid import UUID

from shared.library.reading import as_utf8
from shared.library.walk import Entry

FORGOTTEN = "forgotten: `nightbus ingest` of the file itself, by its name, brings it back"
"""The rule by which a file is ignored whose content a person asked to forget."""
LONGEST_PATH_BYTES = 2000
"""Longest path below a source that is taken; the entries of an index of Postgres end at 2,704 bytes."""
LARGEST_BYTES = 2**40
"""Largest file that is taken, bytes. What claims to be larger is a sparse file, which would be hashed for hours."""
_FOLDER_BYTES = 1000
"""How much of a folder's name is kept where the whole path is too long."""
_MOST, _LEAST = 2**63 - 1, -(2**63)


@dataclass(frozen=True, slots=True)
class Known:
    """A row of the ledger."""

    size_bytes: int
    mtime_ns: int
    fingerprint: bytes
    state: str
    file_id: str | None
    import_id: UUID | None


@dataclass(frozen=True, slots=True)
class Observation:
    """A file of a source as it was when it was taken; without ``file_id`` it failed, for ``reason``.

    ``named``: a person named this very file for an import. ``forgotten``: a person asked to forget this content, and
    nobody has named this file since.
    """

    folder: str
    name: str
    size_bytes: int
    mtime_ns: int
    fingerprint: bytes
    file_id: str | None = None
    reason: str | None = None
    named: bool = False
    forgotten: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Folder and name."""
        return self.folder, self.name

    def failed(self, reason: str) -> "Observation":
        """The same as something that could not be taken."""
        return replace(self, file_id=None, reason=reason, forgotten=False)


def observe(
    entry: Entry,
    *,
    file_id: str | None = None,
    reason: str | None = None,
    named: bool = False,
    forgotten: bool = False,
) -> Observation:
    """A file as the ledger keeps it."""
    folder, _, name = entry.relative_path.rpartition("/")
    folder, name = key_of(folder, name)
    numbers = bigint(entry.size_bytes), bigint(entry.mtime_ns)
    return Observation(folder, name, *numbers, entry.fingerprint, file_id, reason, named, forgotten)


def refusal(folder: str, name: str, reason: str) -> Observation:
    """Something of which no more is known than that it cannot be taken; without a name it is the folder itself."""
    folder, name = key_of(folder, name)
    return Observation(folder, name, 0, 0, b"", reason=reason)


def unchanged(row: Known, entry: Entry) -> bool:
    """Whether a file still is what the ledger knows."""
    return (
        row.fingerprint == entry.fingerprint
        and row.size_bytes == bigint(entry.size_bytes)
        and row.mtime_ns == bigint(entry.mtime_ns)
    )


def key_of(folder: str, name: str) -> tuple[str, str]:
    """Folder and name of a path in the ledger; where the path is too long, the folder is cut and gets its hash."""
    folder, name = as_utf8(folder), as_utf8(name)
    if len(folder.encode()) + len(name.encode()) < LONGEST_PATH_BYTES:
        return folder, name
    digest = hashlib.sha256(folder.encode()).hexdigest()[:16]
    return f"{folder.encode()[:_FOLDER_BYTES].decode(errors='ignore')}...{digest}", name


def folders_of(folder: str) -> set[str]:
    """Under what names the files of a folder may stand in the ledger."""
    longest_name = "x" * LONGEST_PATH_BYTES
    return {key_of(folder, "")[0], key_of(folder, longest_name)[0]}


def bigint(number: int) -> int:
    """The nearest number that a signed 64-bit column holds."""
    return min(max(number, _LEAST), _MOST)
