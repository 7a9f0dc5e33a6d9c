"""The bytes of archives: parts, members, beginnings, and what is spoilt."""

import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.backup.archive.extract import ArchiveReader, Listing
from services.backup.archive.model import Member, Packing, Part, Point, Spoilt
from services.backup.archive.stream import ArchiveStream, Stopped
from shared.errors import Away, Gone
from shared.library.hashing import sha256_file
from shared.library.stream import Stream, open_stream
from tests.archives import KIB, MTIME_S, PLAIN, ZSTD, MemoryStream, member, parts_of, whole, written_in

CONTENTS = {
    0: b"",
    1: b"SIMPLE  =" + bytes(range(256)) * 40,
    2: bytes(700 * KIB),
    5: b"x",
    6: hashlib.shake_256(b"noise").digest(300 * KIB),
}
MEMBERS = [member(position, content) for position, content in CONTENTS.items()]
SMALL_FRAMES = replace(ZSTD, frame_bytes=100 * KIB)


def untarred(archive: bytes, packing: Packing) -> dict[str, bytes]:
    """What the standard library's tar finds in an archive."""
    if packing.kind == "zstd":
        with zstandard.ZstdDecompressor().stream_reader(archive, read_across_frames=True) as reader:
            archive = reader.read()
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            file = tar.extractfile(entry)
            assert file is not None
            found[entry.name] = file.read()
    return found


@pytest.mark.parametrize("packing", [PLAIN, ZSTD, SMALL_FRAMES], ids=["plain", "zstd", "small frames"])
@pytest.mark.parametrize("part_bytes", [1000, 64 * KIB, 16 * 1024 * KIB])
def test_an_archive_is_a_tar_of_its_members(packing: Packing, part_bytes: int) -> None:
    """Any tar, behind any zstd, reads the members in their order, empty ones and ones of many parts among them."""
    parts = parts_of(MEMBERS, CONTENTS, packing, part_bytes)
    assert list(untarred(whole(parts), packing).items()) == [(one.path, CONTENTS[one.position]) for one in MEMBERS]


@pytest.mark.parametrize("packing", [PLAIN, SMALL_FRAMES], ids=["plain", "zstd"])
def test_all_parts_but_the_last_are_of_one_size_and_know_their_sums(packing: Packing) -> None:
    """Parts are numbered from 1, have the size that was asked for, and their MD5 and SHA-256."""
    parts = parts_of(MEMBERS, CONTENTS, packing, 5000)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert {len(part.data) for part in parts[:-1]} == {5000}
    assert 0 < len(parts[-1].data) <= 5000
    for part in parts:
        assert part.md5 == hashlib.md5(part.data, usedforsecurity=False).digest()
        assert part.sha256 == hashlib.sha256(part.data).digest()


@pytest.mark.parametrize("packing", [PLAIN, SMALL_FRAMES], ids=["plain", "zstd"])
def test_each_member_is_a_range_of_bytes(packing: Packing) -> None:
    """By offset and length alone a member comes back, and by frame sizes each of its frames."""
    parts = parts_of(MEMBERS, CONTENTS, packing, 5000)
    archive = whole(parts)
    written = written_in(parts)
    assert [one.position for one in written] == list(CONTENTS)
    for one, of in zip(written, MEMBERS, strict=True):
        stored = archive[one.stored_offset : one.stored_offset + one.stored_bytes]
        assert untarred(stored, packing) == {of.path: CONTENTS[of.position]}
        if packing.kind == "zstd":
            assert sum(one.frame_sizes) == one.stored_bytes
            assert len(one.frame_sizes) == -(-(512 + -(-of.size_bytes // 512) * 512) // packing.frame_bytes)
        else:
            assert one.frame_sizes == ()


def test_a_member_is_told_with_the_part_that_has_its_last_byte() -> None:
    """Earlier parts do not tell of it, and it is told once."""
    parts = parts_of(MEMBERS, CONTENTS, SMALL_FRAMES, 5000)
    for part in parts:
        first = (part.number - 1) * 5000
        for one in part.written:
            assert first < one.stored_offset + one.stored_bytes <= first + len(part.data)
    assert len(written_in(parts)) == len(MEMBERS)


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 3000) | st.sampled_from([0, 511, 512, 513, 9216]), max_size=6),
    seed=st.integers(0, 3),
    kind=st.sampled_from([PLAIN, replace(ZSTD, frame_bytes=1024), ZSTD]),
    part_bytes=st.integers(1, 4000),
)
def test_beginning_again_at_any_part_gives_the_same_bytes(
    sizes: list[int], seed: int, kind: Packing, part_bytes: int
) -> None:
    """Each part's beginning, and the members before it, are all that is needed to make it and those that follow."""
    contents = {at: hashlib.shake_256(bytes([seed, at])).digest(size) for at, size in enumerate(sizes)}
    members = [member(position, content) for position, content in contents.items()]
    part_bytes = max(part_bytes, 40)
    parts = parts_of(members, contents, kind, part_bytes)
    assert untarred(whole(parts), kind) == {one.path: contents[one.position] for one in members}
    for at in range(0, len(parts), max(1, len(parts) // 4)):
        part = parts[at]
        written = [one for one in written_in(parts) if one.position < part.begins.position]
        again = parts_of(members, contents, kind, part_bytes, number=part.number, begin=part.begins, written=written)
        assert again == parts[at:]


def test_each_part_begins_where_the_one_before_it_ends() -> None:
    """So that the next part can be begun before it was made."""
    parts = parts_of(MEMBERS, CONTENTS, PLAIN, 512)
    assert parts[0].begins == Point()
    assert parts[1].begins == Point(1), "the empty member has a header alone"
    offsets = {one.position + 1: one.stored_offset + one.stored_bytes for one in written_in(parts)}
    offsets |= {one.position: one.stored_offset for one in written_in(parts)}
    end = Point(MEMBERS[-1].position + 1)
    at = [offsets[part.begins.position] + part.begins.offset for part in parts]
    assert at == list(range(0, 512 * len(parts), 512))
    behind = replace(end, offset=512 * len(parts) - offsets[end.position])
    assert (
        parts_of(MEMBERS, CONTENTS, PLAIN, 512, number=len(parts) + 1, begin=behind, written=written_in(parts)) == []
    ), "behind the end there is nothing"


def test_a_member_that_is_left_out_changes_nothing_before_the_part_in_which_it_began() -> None:
    """The archive goes on at the beginning of that part, and later members keep their positions."""
    parts = parts_of(MEMBERS, CONTENTS, SMALL_FRAMES, 5000)
    begins = Point(5)
    at = max(part.number - 1 for part in parts if part.begins <= begins)
    kept = [one for one in MEMBERS if one.position != 5]
    written = [one for one in written_in(parts[:at]) if one.position < parts[at].begins.position]
    again = parts_of(kept, CONTENTS, SMALL_FRAMES, 5000, number=at + 1, begin=parts[at].begins, written=written)
    assert parts[:at] + again == parts_of(kept, CONTENTS, SMALL_FRAMES, 5000)


def test_a_beginning_at_a_member_that_is_left_out_is_that_of_the_next_one() -> None:
    """A part that began with the very member that is left out begins with the next one, or with the end."""
    parts = parts_of(MEMBERS, CONTENTS, PLAIN, 512)
    part = next(part for part in parts if part.begins == Point(3))
    kept = [one for one in MEMBERS if one.position != 5]
    written = [one for one in written_in(parts) if one.position < 5]
    again = parts_of(kept, CONTENTS, PLAIN, 512, number=part.number, begin=Point(3), written=written)
    assert whole(parts[: part.number - 1] + again) == whole(parts_of(kept, CONTENTS, PLAIN, 512))
    none_left = parts_of(kept[:3], CONTENTS, PLAIN, 512, number=part.number, begin=Point(3), written=written)
    assert whole(none_left) == bytes(1024)


def test_what_does_not_belong_together_is_refused() -> None:
    """A point, a part's number and members of another archive give no bytes at all."""
    parts = parts_of(MEMBERS, CONTENTS, PLAIN, 512)
    part = parts[10]
    written = [one for one in written_in(parts) if one.position < part.begins.position]
    for number, begin, known in (
        (part.number + 1, part.begins, written),
        (part.number, replace(part.begins, offset=part.begins.offset + 1), written),
        (part.number, part.begins, written[:-1]),
        (part.number, part.begins, [replace(written[0], stored_offset=1), *written[1:]]),
    ):
        with pytest.raises(ValueError, match=r"begin|before"):
            parts_of(MEMBERS, CONTENTS, PLAIN, 512, number=number, begin=begin, written=known)
    with pytest.raises(ValueError, match="order"):
        parts_of(MEMBERS[::-1], CONTENTS, PLAIN, 512)
    with pytest.raises(ValueError, match=r"zstd 0\.1"):
        parts_of(MEMBERS, CONTENTS, replace(ZSTD, version="0.1"), 512)


def test_a_hole_is_zeros() -> None:
    """A sparse file, with holes longer than a frame, is in the archive with the zeros that it reads as."""
    content = b"a" * 5000 + bytes(3_000_000) + b"b" * 70_000 + bytes(200_000)
    one = member(0, content)

    @contextmanager
    def opened(_member: Member) -> Iterator[Stream]:
        yield MemoryStream(content, holes={5000: 3_000_000, 3_075_000: 200_000})

    with ArchiveStream([one], opened, SMALL_FRAMES, 20 * KIB) as stream:
        parts = list(stream)
    assert untarred(whole(parts), SMALL_FRAMES) == {one.path: content}


@pytest.mark.parametrize(
    ("content", "changed", "words"),
    [
        (bytes(700 * KIB - 1), False, "is 716,799 bytes long, and was 716,800 when it arrived"),
        (b"\1" + bytes(700 * KIB - 1), False, "has another content than when it arrived"),
        (bytes(700 * KIB), True, "changed while it was read"),
    ],
)
def test_a_member_with_another_content_is_spoilt(content: bytes, changed: bool, words: str) -> None:
    """No part that has its last byte comes, and the sentence names the file."""

    @contextmanager
    def opened(one: Member) -> Iterator[Stream]:
        other = one.position == 2
        yield MemoryStream(content if other else CONTENTS[one.position], changed=changed and other)

    with ArchiveStream(MEMBERS, opened, PLAIN, 64 * KIB) as stream:
        parts: list[Part] = []
        with pytest.raises(Spoilt) as spoilt:
            parts.extend(stream)
        with pytest.raises(Spoilt):
            stream.next_part()
    assert spoilt.value.member == MEMBERS[2]
    assert spoilt.value.reason == f"/library/a.fit {words}"
    assert 2 not in [one.position for one in written_in(parts)]


def test_a_stream_that_ends_early_or_goes_on_is_spoilt() -> None:
    """Whatever the file said of its size when it was opened."""

    class Lying(MemoryStream):
        @property
        def size_bytes(self) -> int:
            return 1000

    for length in (999, 1001):
        one = member(0, bytes(1000))

        @contextmanager
        def opened(_member: Member, length: int = length) -> Iterator[Stream]:
            yield Lying(bytes(length))

        with ArchiveStream([one], opened, ZSTD, 64 * KIB) as stream, pytest.raises(Spoilt, match="changed"):
            stream.next_part()


@pytest.mark.parametrize("error", [Away("the disk is not there"), Gone("a.fit is gone")])
def test_a_root_that_is_away_spoils_nothing(error: Exception) -> None:
    """The caller waits for it; a file that is gone is spoilt, with the reason."""

    def opened(_member: Member) -> AbstractContextManager[Stream]:
        raise error

    with ArchiveStream(MEMBERS, opened, ZSTD, 64 * KIB) as stream:
        if isinstance(error, Away):
            with pytest.raises(Away):
                stream.next_part()
        else:
            with pytest.raises(Spoilt, match=r"a\.fit is gone") as spoilt:
                stream.next_part()
            assert spoilt.value.cause is error


def test_a_closed_stream_has_closed_its_file_and_ended_its_threads() -> None:
    """Whatever it was doing: whoever still waits for a part hears that it was closed."""
    before = threading.active_count()
    open_files = []

    @contextmanager
    def opened(one: Member) -> Iterator[Stream]:
        open_files.append(one)
        try:
            yield MemoryStream(CONTENTS[one.position], most_at_once=512)
        finally:
            open_files.remove(one)

    with ArchiveStream(MEMBERS, opened, PLAIN, 1000) as stream:
        assert stream.next_part() is not None
    assert threading.active_count() == before
    assert open_files == []
    with pytest.raises(Stopped):
        stream.next_part()


def test_a_stream_may_be_closed_while_somebody_waits_for_a_part() -> None:
    """That one hears of it, and nothing is left open."""
    opening, goes_on = threading.Event(), threading.Event()

    @contextmanager
    def opened(one: Member) -> Iterator[Stream]:
        opening.set()
        assert goes_on.wait(60)
        yield MemoryStream(CONTENTS[one.position])

    with ThreadPoolExecutor(2) as threads:
        stream = ArchiveStream(MEMBERS, opened, ZSTD, 1000)
        waiting = threads.submit(stream.next_part)
        assert opening.wait(60)
        closing = threads.submit(stream.close)
        while not stream._stop.is_set():
            time.sleep(0.001)
        goes_on.set()
        assert isinstance(waiting.exception(60), Stopped)
        assert closing.exception(60) is None


def test_ten_thousand_small_members() -> None:
    """A session of many tiny files is one archive, with a frame and a place for each."""
    contents = {position: b"%d" % position for position in range(10_000)}
    members = [member(position, content) for position, content in contents.items()]
    parts = parts_of(members, contents, ZSTD, 512 * KIB)
    assert [one.position for one in written_in(parts)] == list(range(10_000))
    assert untarred(whole(parts), ZSTD) == {one.path: contents[one.position] for one in members}


def test_a_capture_comes_back_byte_for_byte(corpus: Path) -> None:
    """Real files of all kinds and names, read as the library is read."""
    paths = sorted(path for path in corpus.rglob("*") if path.is_file())
    digests = [sha256_file(path) for path in paths]
    members = [
        Member(position, digest.file_id, f"s/corpus/{path.relative_to(corpus)}", digest.size_bytes, MTIME_S)
        for position, (path, digest) in enumerate(zip(paths, digests, strict=True))
    ]
    with ArchiveStream(members, lambda one: open_stream(paths[one.position]), ZSTD, 1024 * KIB) as stream:
        parts = list(stream)
    listing = Listing()
    reader = ArchiveReader("corpus.tar.zst", "zstd", listing, whole=True)
    for part in parts:
        reader.feed(part.data)
    reader.end()
    assert [(entry.path, file_id) for entry, file_id in listing.files] == [(one.path, one.file_id) for one in members]
    having = {members[one.position].path for one in written_in(parts) if one.header_sha256}
    assert {one.path for one in members if "/seestar_s50/" in one.path and one.path.endswith(".fit")} <= having
    assert not [path for path in having if path.endswith((".xisf", ".jpg", ".json"))]
    assert having
