"""Files out of the stored bytes of archives: whole ones, single members, and damage."""

import hashlib
import io
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backup.archive.extract import ArchiveReader, Damaged, Entry, Listing, read_member, read_through
from services.backup.archive.keys import archive_key
from services.backup.archive.model import Member, Packing, Written
from tests.archives import KIB, PLAIN, ZSTD, member, parts_of, whole, written_in

CONTENTS = {
    0: b"",
    1: hashlib.shake_256(b"noise").digest(200 * KIB),
    2: bytes(5_000_000),
    3: "Übel\n".encode() * 1000,
    4: b"x" * 512,
}
MEMBERS = [member(position, content) for position, content in CONTENTS.items()]
MEMBERS[3] = replace(MEMBERS[3], path="20240102_0123ABCD/library/" + "Ä ö\\xff\n" * 30 + "/a.fit")
SMALL_FRAMES = replace(ZSTD, frame_bytes=64 * KIB)
PACKINGS = pytest.mark.parametrize("packing", [PLAIN, ZSTD, SMALL_FRAMES], ids=["plain", "zstd", "small frames"])


@dataclass(frozen=True)
class Wanted:
    """A file as a manifest names it."""

    member: str
    file_id: str
    size_bytes: int


@dataclass(frozen=True)
class Archive:
    """An archive's bytes, and where its members are."""

    key: str
    packing: Packing
    data: bytes
    places: list[Written]

    def stored(self, place: Written) -> bytes:
        """The bytes of a member."""
        return self.data[place.stored_offset : place.stored_offset + place.stored_bytes]


def archive_of(packing: Packing) -> Archive:
    """All the members, packed."""
    parts = parts_of(MEMBERS, CONTENTS, packing, 64 * KIB)
    key = archive_key(2024, "20240102_0123ABCD", 2, packing.kind)
    return Archive(key, packing, whole(parts), written_in(parts))


def wanted(one: Member) -> Wanted:
    """What must come back."""
    return Wanted(one.path, one.file_id, one.size_bytes)


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """Bytes as a destination gives them."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


@PACKINGS
async def test_each_member_comes_back_from_its_range(packing: Packing) -> None:
    """Byte for byte, whatever its name, its size, and the pieces in which its bytes come."""
    archive = archive_of(packing)
    for place, one in zip(archive.places, MEMBERS, strict=True):
        for size in (7 * KIB, 1 << 20):
            target = io.BytesIO()
            await read_member(pieces(archive.stored(place), size), archive.key, wanted(one), target)
            assert target.getvalue() == CONTENTS[one.position]


@PACKINGS
async def test_an_archive_is_read_without_a_manifest(packing: Packing) -> None:
    """Its own bytes tell all names, sizes, times and contents."""
    archive = archive_of(packing)
    listing = Listing()
    await read_through(pieces(archive.data), ArchiveReader(archive.key, packing.kind, listing, whole=True))
    assert [(entry.path, entry.size_bytes, entry.mtime_s, file_id) for entry, file_id in listing.files] == [
        (one.path, one.size_bytes, one.mtime_s, one.file_id) for one in MEMBERS
    ]


@PACKINGS
@pytest.mark.parametrize("seed", range(6))
async def test_any_flipped_bit_is_found(packing: Packing, seed: int) -> None:
    """In header, content or packing, of which one sentence tells; padding of a plain tar holds nothing of the file."""
    archive = archive_of(packing)
    numbers = random.Random(seed)
    place, one = numbers.choice(list(zip(archive.places, MEMBERS, strict=True)))
    stored = bytearray(archive.stored(place))
    used = len(stored) if packing.kind == "zstd" else 512 + one.size_bytes
    if packing.kind == "none" and one.position == 3:
        used = len(stored) - (-one.size_bytes % 512)
    stored[numbers.randrange(used)] ^= 1 << numbers.randrange(8)
    with pytest.raises(Damaged) as damage:
        await read_member(pieces(bytes(stored)), archive.key, wanted(one))
    assert archive.key in str(damage.value)
    assert len(str(damage.value).splitlines()) == 1


@PACKINGS
async def test_a_range_that_is_cut_or_of_another_member_is_damage(packing: Packing) -> None:
    """Nothing at all, all but the last byte, the neighbour, and two members in place of one."""
    archive = archive_of(packing)
    place, one = archive.places[1], MEMBERS[1]
    stored = archive.stored(place)
    other = archive.stored(archive.places[4])
    for stored_bytes, words in (
        (b"", "ends before it"),
        (stored[:-600], "ends too early"),
        (other, "is not where it was"),
        (stored + other, "is not where it was"),
    ):
        with pytest.raises(Damaged, match=words):
            await read_member(pieces(stored_bytes), archive.key, wanted(one))


@PACKINGS
async def test_an_archive_that_is_cut_is_damage(packing: Packing) -> None:
    """Even between two members, where only its end is missing."""
    archive = archive_of(packing)
    last = archive.places[-1]
    for length in (last.stored_offset, last.stored_offset + last.stored_bytes, last.stored_offset + 1):
        reader = ArchiveReader(archive.key, packing.kind, Listing(), whole=True)
        with pytest.raises(Damaged, match="too early"):
            await read_through(pieces(archive.data[:length]), reader)


async def test_another_file_under_the_name_is_damage() -> None:
    """Of the same length, in a sound archive."""
    archive = archive_of(ZSTD)
    place, one = archive.places[4], MEMBERS[4]
    other = replace(wanted(one), file_id=MEMBERS[0].file_id)
    with pytest.raises(Damaged, match="another SHA-256"):
        await read_member(pieces(archive.stored(place)), archive.key, other)


async def test_a_target_that_takes_nothing_ends_the_reading() -> None:
    """What it raises is raised, through the packing, and is no damage."""

    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError("no space left")

    archive = archive_of(ZSTD)
    with pytest.raises(OSError, match="no space"):
        await read_member(pieces(archive.stored(archive.places[1])), archive.key, wanted(MEMBERS[1]), Full())


NUMBERS = (b"-1", b"1e400", b"99999999999999999999", b"0", b"")


@given(
    changes=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=4),
    pax=st.sampled_from([b"", *(b"%d %s" % (len(value) + 9, b"size=" + value + b"\n") for value in NUMBERS)]),
    resummed=st.booleans(),
)
def test_whatever_the_bytes_are_they_are_read_or_damaged(
    changes: list[tuple[int, int]], pax: bytes, resummed: bool
) -> None:
    """Nothing else is raised, also where headers were changed and have the right checksum."""
    contents = {0: b"a" * 3000, 1: b"b" * 512}
    members = [member(0, contents[0]), member(1, contents[1], "s/" + "ö" * 200)]
    before = whole(parts_of(members, contents, PLAIN, 64 * KIB))
    data = bytearray(before)
    for at, value in changes:
        data[at % len(data)] = value
    records = 512 + 3072 + 512
    data[records : records + len(pax)] = pax
    if resummed:
        for at in (0, 512 + 3072, records + 512):
            block = data[at : at + 512]
            total = sum(block[:148]) + 8 * 32 + sum(block[156:])
            data[at + 148 : at + 156] = b"%06o\0 " % total
    untouched, damage = listed(before)
    assert ([file_id for _entry, file_id in untouched], damage) == ([one.file_id for one in members], "")
    files, damage = listed(bytes(data))
    assert damage.startswith("a.tar is damaged: ") or damage == ""
    assert all(entry.size_bytes >= 0 for entry, _file_id in files)


def listed(data: bytes) -> tuple[list[tuple[Entry, str]], str]:
    """The files of a plain tar up to where it is damaged, and what is said of that."""
    listing = Listing()
    reader = ArchiveReader("a.tar", "none", listing, whole=True)
    try:
        reader.feed(data)
        reader.end()
    except Damaged as damage:
        return listing.files, str(damage)
    return listing.files, ""
