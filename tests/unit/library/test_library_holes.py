"""Sparse files: their holes are found, copied as holes, and hashed as the zeros that they read as."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from shared.jobs.outcome import Stopped
from shared.library.hashing import sha256_file
from shared.library.holes import data_bytes, data_parts, may_be_sparse, room_for
from shared.library.room import NoRoom, Room
from shared.library.roots import Root
from shared.library.stage import stage_file

MIB = 1024**2
LAYOUTS = {
    "a hole in the middle": ((0, b"begin"), (64 * MIB, b"end")),
    "a hole at the end": ((0, b"begin" * 100_000), (48 * MIB, b"")),
    "a hole at the beginning": ((40 * MIB, b"end" * 700_001),),
    "only a hole": ((33 * MIB, b""),),
    "many holes": tuple((part * 2 * MIB, bytes([part]) * 5000) for part in range(30)),
    "no hole": ((0, b"whole" * 1_000_000),),
    "nothing": (),
}


def sparse(path: Path, layout: tuple[tuple[int, bytes], ...]) -> bytes:
    """A file with these bytes at these places and holes between; its content."""
    with path.open("wb") as file:
        for start, content in layout:
            file.truncate(start)
            file.seek(start)
            file.write(content)
    return path.read_bytes()


def knows_holes(folder: Path) -> bool:
    """Whether the file system of a folder has holes and tells where they are."""
    path = folder / "probe"
    sparse(path, LAYOUTS["a hole in the middle"])
    with path.open("rb") as file:
        return data_bytes(file.fileno()) < 2 * MIB


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sparse_file_is_copied_sparse(tmp_path: Path, library: Root, layout: str) -> None:
    """The copy has the same bytes and takes no more room than the data; its hash is that of all of its bytes."""
    content = sparse(tmp_path / "a.fits", LAYOUTS[layout])
    staged = stage_file(tmp_path / "a.fits", library)
    copy = library.own_folder / "tmp" / staged.temporary_name
    assert copy.read_bytes() == content
    assert staged.file_id == hashlib.sha256(content).hexdigest() == sha256_file(copy).file_id
    assert staged.size_bytes == copy.stat().st_size == len(content)
    if knows_holes(tmp_path):
        data = sum(len(part) for _, part in LAYOUTS[layout])
        assert copy.stat().st_blocks * 512 <= data + 64 * 4096 * max(1, len(LAYOUTS[layout]))


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_knows_no_holes_gives_the_whole_file(
    tmp_path: Path, library: Root, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where nobody can tell where holes are, all is data: the copy is the same, and only takes more room."""
    content = sparse(tmp_path / "a.fits", LAYOUTS["a hole in the middle"])
    seek = os.lseek

    def refuse(fd: int, position: int, how: int) -> int:
        if how in {os.SEEK_DATA, os.SEEK_HOLE}:
            raise OSError(number, os.strerror(number))
        return seek(fd, position, how)

    monkeypatch.setattr("shared.library.holes.os.lseek", refuse)
    with (tmp_path / "a.fits").open("rb") as file:
        assert list(data_parts(file.fileno())) == [(0, len(content))]
    staged = stage_file(tmp_path / "a.fits", library)
    assert staged.file_id == hashlib.sha256(content).hexdigest()
    assert (library.own_folder / "tmp" / staged.temporary_name).read_bytes() == content


def test_a_disk_that_fails_while_holes_are_looked_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is none of a file system without holes: it is raised."""
    sparse(tmp_path / "a.fits", LAYOUTS["a hole in the middle"])

    def fail(_fd: int, _position: int, _how: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("shared.library.holes.os.lseek", fail)
    with (tmp_path / "a.fits").open("rb") as file, pytest.raises(OSError, match="Input/output error"):
        list(data_parts(file.fileno()))


class Tight(Room):
    """A disk with room for 32 MiB."""

    def _fits(self, size_bytes: int) -> bool:
        return size_bytes <= 32 * MIB


def test_room_is_asked_for_the_data_alone(tmp_path: Path, library: Root) -> None:
    """A sparse file that is longer than the disk has room is copied; what does not fit even so is not begun."""
    if not knows_holes(tmp_path):
        pytest.skip("the file system of the temporary folder tells of no holes")
    path = tmp_path / "a.fits"
    sparse(path, ((0, b"begin"), (64 * MIB, b"end")))
    tight = Tight(library.path)
    assert may_be_sparse(path)
    assert tight.fits(room_for(path))
    assert not tight.fits(path.stat().st_size)
    assert stage_file(path, library, tight).size_bytes == 64 * MIB + 3
    path.write_bytes(b"x" * 64 * MIB)
    assert not may_be_sparse(path)
    with pytest.raises(NoRoom):
        stage_file(path, library, tight)
    assert len(list((library.own_folder / "tmp").iterdir())) == 1


def test_a_copy_tells_how_far_it_is_and_can_be_ended(tmp_path: Path, library: Root) -> None:
    """Bytes are told once, holes included; what the teller raises ends the copy at once and leaves nothing behind."""
    content = sparse(tmp_path / "a.fits", LAYOUTS["many holes"])
    told: list[int] = []
    stage_file(tmp_path / "a.fits", library, progress=told.append)
    assert sum(told) == len(content)

    def enough(_count: int) -> None:
        raise Stopped

    before = sorted((library.own_folder / "tmp").iterdir())
    with pytest.raises(Stopped):
        stage_file(tmp_path / "a.fits", library, progress=enough)
    assert sorted((library.own_folder / "tmp").iterdir()) == before
