"""The manifest: what an archive holds and what its collection is, in a file that outlives this program.

It is JSON of one entry a line, so that ``grep`` finds a file and two manifests compare by ``diff``. Each archive of a
collection has one, and each lists the whole collection: the latest is all that is needed.
"""

import json
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from shared.errors import Permanent
from shared.events.base import FileId
from shared.events.values import Count, Natural, Sum

FORMAT: Final = "nightbus-archive"
VERSION = 1
"""Grows when an older Nightbus could no longer understand what is written; fields are added without that."""

Md5 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class PartEntry(_Model):
    """A part of the archive's bytes, as it was sent."""

    number: Natural
    size_bytes: Sum
    md5: Md5
    sha256: FileId


class FileEntry(_Model):
    """A file of the collection, and where it is."""

    member: str
    """Its name in the archive."""
    root: str
    path: str
    """Where it was when the manifest was written: below its root."""
    file_id: FileId
    size_bytes: Sum
    archive: str
    """Key of the archive that has it: this one, or an earlier one of the collection."""
    stored_offset: Sum
    """Where its first byte lies in that archive."""
    stored_bytes: Sum
    frame_sizes: tuple[Count, ...] = ()
    """Stored size of each of its zstd frames, bytes; empty in a plain tar."""
    header_sha256: FileId | None = None
    elsewhere: bool = False
    """Whether it was taken from another destination, since it could not be read where it lay; written where it is."""


class LeftOut(_Model):
    """A file of the collection that no archive has."""

    member: str
    root: str
    path: str
    file_id: FileId
    size_bytes: Sum
    reason: str


class PackingEntry(_Model):
    """How the archive is packed."""

    kind: Literal["zstd", "none"]
    level: int
    frame_bytes: Natural
    version: str


class Manifest(_Model):
    """An archive and its collection."""

    format: Literal["nightbus-archive"] = FORMAT
    format_version: Natural = VERSION
    software_version: str
    installation_id: str
    destination: str
    collection_id: str
    session_revision: Natural | None
    """Of the session that the collection is; None for files of none, and where an archive was made without a finish."""
    night: date
    number: Natural
    """Of the archive among those of its collection."""
    key: str | None
    """None: no archive lies beside it, since all files of the collection lie in those of others."""
    packing: PackingEntry | None
    part_bytes: Natural | None
    stored_bytes: Sum
    """Size of the archive; 0 where there is none."""
    parts: tuple[PartEntry, ...]
    files: tuple[FileEntry, ...]
    """All of the collection, whichever archive has them."""
    left_out: tuple[LeftOut, ...] = ()


_LISTS = ("parts", "files", "left_out")


def to_json(manifest: Manifest) -> bytes:
    """The manifest as it is stored: the same for the same content, UTF-8, one line for each entry of its lists."""
    fields = manifest.model_dump(mode="json")
    for file in fields["files"]:
        if not file["elsewhere"]:
            del file["elsewhere"]
    lines = [f"{_json(name)}: {_listed(value) if name in _LISTS else _json(value)}" for name, value in fields.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def from_json(data: bytes, key: str) -> Manifest:
    """Read a manifest that lies under a key.

    Raises:
        Permanent: it is none, is damaged, or of a format that this Nightbus does not know.
    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Permanent(f"{key} is no manifest, or is damaged: {error}") from error
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise Permanent(f"{key} is no manifest of an archive")
    version = fields.get("format_version")
    if version != VERSION:
        raise Permanent(
            f"{key} is a manifest of format {version}, and this Nightbus knows format {VERSION}: "
            f"use the one that wrote it ({fields.get('software_version')}), or a newer one"
        )
    try:
        return Manifest.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Permanent(f"the manifest {key} is damaged: {place}: {first['msg']}") from error


def sums(files: Iterable[FileEntry]) -> bytes:
    """The collection as ``sha256sum`` lists it, to be checked by ``sha256sum -c`` where its archives were unpacked."""
    return "".join(_sum_line(file.file_id, file.member) for file in files).encode()


def _sum_line(file_id: str, name: str) -> str:
    """A name with a backslash or a line's end is escaped, which a backslash at the line's beginning tells."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "" if escaped == name else "\\"
    return f"{mark}{file_id}  {escaped}\n"


def _listed(entries: list[Any]) -> str:
    return "[\n" + ",\n".join(map(_json, entries)) + "\n]" if entries else "[]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
