"""Archives for tests: made by the real stream from bytes in memory, and put at a destination with their manifest."""

import hashlib
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from services.backup.archive import keys
from services.backup.archive.manifest import FileEntry, Manifest, PackingEntry, PartEntry, sums, to_json
from services.backup.archive.model import Member, Packing, Written
from services.backup.archive.packer import packing_here
from services.backup.archive.stream import ArchiveStream
from services.backup.destinations.port import Destination, Label, SentPart
from services.backup.restore.wanted import Copy
from shared.library.stream import Stream, open_stream

NIGHT = date(2026, 1, 10)
SESSION = "20260110_4C1F9A3E"
PART_BYTES = 64 * 1024


def contents(count: int, *, seed: int = 1, most_bytes: int = 40_000) -> dict[str, bytes]:
    """Files by path: noise and what can be packed, of lengths around whole blocks, and an empty one."""
    draw = random.Random(seed)
    made = {}
    for number in range(count):
        size = draw.choice((0, 1, 511, 512, 513, draw.randrange(most_bytes), draw.randrange(most_bytes)))
        noise = draw.randbytes(size)
        made[f"M 31/Light_{number:04}.fits"] = noise if number % 2 else (noise[:50] * (size // 50 + 1))[:size]
    return made


@dataclass(frozen=True)
class Made:
    """An archive at a destination."""

    key: str
    copies: tuple[Copy, ...]
    contents: Mapping[str, bytes]
    """By the name of the member."""
    stored: bytes
    """All of it."""
    parts: tuple[SentPart, ...]
    manifest: Manifest

    def copy(self, name: str) -> Copy:
        """The member of that path."""
        return next(copy for copy in self.copies if copy.member.endswith(name))


async def archive(
    destination: Destination,
    files: Mapping[str, bytes],
    folder: Path,
    *,
    session: str = SESSION,
    number: int = 1,
    kind: str = "zstd",
    earlier: Sequence[FileEntry] = (),
    part_bytes: int = PART_BYTES,
) -> Made:
    """Put an archive of files, by path below the root ``library``, at a destination. ``folder``: for the sources."""
    packing = packing_here("zstd" if kind == "zstd" else "none", 3)
    packing = Packing(packing.kind, packing.level, 16 * 1024, packing.version)
    members, sources = [], {}
    for position, (path, data) in enumerate(files.items()):
        source = folder / hashlib.sha256(data).hexdigest()
        source.write_bytes(data)
        name = keys.member_path(session, "library", path, source.name)
        members.append(Member(position, source.name, name, len(data), 1_768_000_000 + position))
        sources[position] = source

    @contextmanager
    def opened(member: Member) -> Iterator[Stream]:
        with open_stream(sources[member.position]) as stream:
            yield stream

    key = keys.archive_key(NIGHT.year, session, number, packing.kind)
    stored = io.BytesIO()
    sent: list[SentPart] = []
    written: list[Written] = []
    upload = await destination.begin(key, Label(), part_bytes)
    with ArchiveStream(members, opened, packing, part_bytes) as stream:
        for part in stream:
            etag = await destination.put_part(upload, part.number, part.data, part.md5, part.sha256)
            sent.append(SentPart(part.number, len(part.data), part.md5, part.sha256, etag))
            written += part.written
            stored.write(part.data)
    await destination.complete(upload, sent, Label())
    entries = tuple(
        FileEntry(
            member=member.path, root="library", path=path, file_id=member.file_id, size_bytes=member.size_bytes,
            archive=key, stored_offset=one.stored_offset, stored_bytes=one.stored_bytes, frame_sizes=one.frame_sizes,
        )
        for (path, member, one) in zip(files, members, written, strict=True)
    )  # fmt: skip
    manifest = Manifest(
        software_version="0", installation_id="3f9c21ab", destination=destination.name, collection_id=session,
        session_revision=number, night=NIGHT, number=number, key=key,
        packing=PackingEntry(
            kind=packing.kind, level=packing.level, frame_bytes=packing.frame_bytes, version=packing.version
        ),
        part_bytes=part_bytes, stored_bytes=stored.tell(),
        parts=tuple(
            PartEntry(number=part.number, size_bytes=part.size_bytes, md5=part.md5.hex(), sha256=part.sha256.hex())
            for part in sent
        ),
        files=(*earlier, *entries),
    )  # fmt: skip
    await destination.put(keys.manifest_key(NIGHT.year, session, number), to_json(manifest), Label(), replace=True)
    await destination.put(keys.sums_key(NIGHT.year, session, number), sums(manifest.files), Label(), replace=True)
    copies = tuple(
        Copy(
            destination.name, key, packing.kind == "zstd", member.position, member.file_id, member.path,
            member.size_bytes, one.stored_offset, one.stored_bytes,
        )
        for member, one in zip(members, written, strict=True)
    )  # fmt: skip
    by_name = {member.path: files[path] for path, member in zip(files, members, strict=True)}
    return Made(key, copies, by_name, stored.getvalue(), tuple(sent), manifest)
