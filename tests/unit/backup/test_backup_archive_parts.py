"""The parts that an archive is made of: headers, seek table, sizes of parts, headers of FITS files."""

import hashlib
import io
import struct
import tarfile
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from services.backup.archive import tar
from services.backup.archive.fits_header import LONGEST_BYTES, HeaderHash
from services.backup.archive.model import MIB, Member, Packing
from services.backup.archive.packer import frame_lengths, most_frame_bytes
from services.backup.archive.sizes import MOST_PARTS, most_stored_bytes, part_bytes_for
from tests.archives import KIB, MTIME_S, PLAIN, ZSTD, member, parts_of, whole

GB = 10**9


def sized(size_bytes: int, path: str = "s/library/a.fit", position: int = 0) -> Member:
    """A member of which only the size matters."""
    return Member(position, "0" * 64, path, size_bytes, MTIME_S)


@pytest.mark.parametrize(
    ("path", "size_bytes", "blocks"),
    [
        ("s/library/M 31/Light_0001.fit", 4 * MIB, 1),
        ("s/library/" + "long/" * 40 + "Light_0001.fit", 4 * MIB, 1),
        ("s/library/" + "n" * 200 + ".fit", 4 * MIB, 3),
        ("s/library/Größe.fit", 4 * MIB, 3),
        ("s/library/not utf-8 \\xff.fit", 4 * MIB, 1),
        ("s/library/ends\nlines\r.fit", 4 * MIB, 1),
        ("s/library/large.fit", 9 * GB, 3),
        ("s/library/" + "\N{MILKY WAY}" * 500, 0, 6),
    ],
)
def test_a_header_says_what_the_member_is(path: str, size_bytes: int, blocks: int) -> None:
    """Plain ustar where it fits, else pax; the same each time, with nothing of this machine in it."""
    header = tar.header(sized(size_bytes, path))
    assert len(header) == blocks * tar.BLOCK_BYTES
    assert header[-255:-250] == b"ustar", "the last block is a header of POSIX"
    with tarfile.open(fileobj=io.BytesIO(header + tar.END)) as opened:
        info = opened.next()
    assert info is not None
    assert (info.name, info.size, info.mtime) == (path, size_bytes, MTIME_S)
    assert (info.mode, info.uid, info.gid, info.uname, info.gname) == (0o644, 0, 0, "", "")


def test_a_name_of_bytes_is_written_as_the_library_stores_it() -> None:
    """The library knows it as text, and so does the archive."""
    with tarfile.open(fileobj=io.BytesIO(tar.header(sized(0, "s/library/\udcff.fit")) + tar.END)) as opened:
        assert opened.getnames() == ["s/library/\\xff.fit"]


def test_a_time_before_1970_fits() -> None:
    """Whatever somebody's clock said."""
    header = tar.header(replace(sized(0), mtime_s=-1))
    with tarfile.open(fileobj=io.BytesIO(header + tar.END)) as opened:
        assert opened.getmembers()[0].mtime == -1


def test_the_same_header_in_every_python() -> None:
    """An upload that goes on after an update goes on with the same bytes."""
    headers = [tar.header(sized(4 * MIB)), tar.header(sized(9 * GB, "s/library/Größe.fit"))]
    assert [hashlib.sha256(header).hexdigest() for header in headers] == [
        "85343e508a1f0bf4a36d67b5b347ee7993b2484419c9e9b6c59124ee61e6bc30",
        "c9323bcac18708f7950987166482371d1c497845a4ad9fdd5759074ad24c60c9",
    ]


def test_the_seek_table_tells_all_frames() -> None:
    """As zstd's own format says it: a skippable frame, sizes of each frame, a footer that is read from the end."""
    contents = {position: bytes([position]) * (position * 100 * KIB) for position in range(4)}
    members = [member(position, content) for position, content in contents.items()]
    archive = whole(parts_of(members, contents, replace(ZSTD, frame_bytes=128 * KIB), 10 * KIB))
    count, descriptor, magic = struct.unpack("<IBI", archive[-9:])
    assert (descriptor, magic) == (0, 0x8F92EAB1)
    table = archive[-9 - 8 * count :]
    assert archive[-len(table) - 8 : -len(table)] == struct.pack("<II", 0x184D2A5E, len(table))
    at = unpacked = 0
    for stored_bytes, tar_bytes in struct.iter_unpack("<II", table[:-9]):
        frame = archive[at : at + stored_bytes]
        assert zstandard.frame_content_size(frame) == tar_bytes
        assert zstandard.get_frame_parameters(frame).has_checksum
        assert len(zstandard.ZstdDecompressor().decompress(frame)) == tar_bytes
        at += stored_bytes
        unpacked += tar_bytes
    assert at == len(archive) - len(table) - 8
    assert unpacked == sum(map(tar.tar_bytes, members)) + len(tar.END)


@given(tar_bytes=st.integers(1, 5_000_000), frame_bytes=st.sampled_from([512, 4096, 4 * MIB]))
def test_frames_are_all_of_one_length_but_the_last(tar_bytes: int, frame_bytes: int) -> None:
    """And together they are the member."""
    lengths = list(frame_lengths(tar_bytes, frame_bytes))
    assert sum(lengths) == tar_bytes
    assert set(lengths[:-1]) <= {frame_bytes}
    assert 0 < lengths[-1] <= frame_bytes


@pytest.mark.parametrize("size", [0, 1, 127 * KIB, 128 * KIB, 128 * KIB + 1, 1_000_000, 4 * MIB])
@pytest.mark.parametrize("level", [1, 3, 19])
def test_a_frame_is_never_longer_than_is_reckoned(size: int, level: int) -> None:
    """Noise cannot be packed, and has the longest frames."""
    noise = hashlib.shake_256(b"noise").digest(size)
    packed = zstandard.ZstdCompressor(level=level, write_content_size=True, write_checksum=True).compress(noise)
    assert len(packed) <= most_frame_bytes(size)


@pytest.mark.parametrize("packing", [PLAIN, ZSTD, replace(ZSTD, frame_bytes=4096)], ids=["plain", "zstd", "small"])
def test_an_archive_is_never_longer_than_is_reckoned(packing: Packing) -> None:
    """Of noise, of tiny files, and of none."""
    contents = {position: hashlib.shake_256(bytes([position])).digest(position**4) for position in range(20)}
    members = [member(position, content) for position, content in contents.items()]
    for some in (members, members[:2], []):
        length = len(whole(parts_of(some, contents, packing, 100 * KIB)))
        most = most_stored_bytes(some, packing)
        assert length <= most
        assert packing.kind == "zstd" or length == most


@pytest.mark.parametrize("packing", [PLAIN, ZSTD], ids=["plain", "zstd"])
@pytest.mark.parametrize(
    ("members", "part_mib"),
    [
        ([], 8),
        ([sized(4 * 10**6, position=at) for at in range(10_000)], 8),
        ([sized(52 * 10**6, position=at) for at in range(962)], 8),
        ([sized(50 * GB, position=at) for at in range(4)], 20),
        ([sized(5000 * GB)], 482),
    ],
    ids=["nothing", "10,000 small", "50 GB", "200 GB", "5 TB"],
)
def test_parts_are_as_large_as_they_must_be(members: list[Member], part_mib: int, packing: Packing) -> None:
    """Whole MiB, at least 8, and never more parts than servers take."""
    part_bytes = part_bytes_for(members, packing)
    assert part_bytes == part_mib * MIB
    assert most_stored_bytes(members, packing) <= MOST_PARTS * part_bytes <= 10_000 * part_bytes


def header_hash(content: bytes, pieces: int = 1000) -> str | None:
    """Of a file that comes in pieces."""
    header = HeaderHash()
    for at in range(0, len(content), pieces):
        header.update(memoryview(content)[at : at + pieces])
    return header.hexdigest()


def fits(cards: int) -> bytes:
    """A primary header of so many cards, END among them, without padding."""
    text = b"SIMPLE  =                    T".ljust(80) + b"".join(b"COMMENT END   ".ljust(80) for _ in range(cards - 2))
    return text + b"END".ljust(80)


@pytest.mark.parametrize("pieces", [1, 80, 2880, 1 << 20])
@pytest.mark.parametrize("cards", [2, 36, 37, 200])
def test_the_header_of_a_fits_file_is_hashed_to_its_last_block(cards: int, pieces: int) -> None:
    """Whatever follows it, and however it comes by."""
    header = fits(cards).ljust(-(-cards // 36) * 2880)
    assert header_hash(header + bytes(9000), pieces) == hashlib.sha256(header).hexdigest()
    assert header_hash(header, pieces) == hashlib.sha256(header).hexdigest()


def test_other_files_have_no_header() -> None:
    """Pictures, an empty file, a header that is cut, and one that never ends."""
    endless = b"SIMPLE  =".ljust(80) + b"COMMENT".ljust(80) * 60_000
    for content in (b"", b"\xff\xd8\xff" * 3000, fits(36)[:-80], endless, endless[:LONGEST_BYTES] + fits(36)):
        assert header_hash(content) is None
