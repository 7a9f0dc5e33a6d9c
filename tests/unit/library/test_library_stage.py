"""Copying into the library when something fails: the source, the disk, the volume. Nothing is left behind."""

import errno
import hashlib
import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import Permanent, Transient
from shared.library.hashing import StreamHash, sha256_file
from shared.library.place import copy_verified
from shared.library.reading import BUFFER_BYTES
from shared.library.roots import Root, open_library
from shared.library.stage import clean_temporaries, discard, stage_file
from shared.library.stream import FileStream
from tests.unit.library.conftest import OLD_NS


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _temporary(library: Root) -> list[str]:
    return [path.name for path in (library.path / ".nightbus").rglob("*") if path.parent.name == "tmp"]


def _files(library: Root) -> list[str]:
    found = (path for path in library.path.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(library.path)) for path in found if ".nightbus" not in path.parts)


def test_a_source_that_is_a_link_is_refused(library: Root, source: Path, tmp_path: Path) -> None:
    """A symbolic link, a folder and a pipe are not copied, and none of them holds the thread."""
    (tmp_path / "link.fit").symlink_to(source)
    os.mkfifo(tmp_path / "pipe.fit")
    with pytest.raises(Permanent, match="symbolic link"):
        copy_verified(tmp_path / "link.fit", library, "a.fit")
    for name in ("pipe.fit", "library"):
        with pytest.raises(Permanent, match="not a regular file"):
            copy_verified(tmp_path / name, library, "a.fit")
    with pytest.raises(Transient, match=r"missing\.fit cannot be read"):
        copy_verified(tmp_path / "missing.fit", library, "a.fit")
    assert _files(library) == []
    assert _temporary(library) == []


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _rewrite_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(OLD_NS, OLD_NS))


def _truncate(path: Path) -> None:
    os.truncate(path, 100)


def _replace(path: Path) -> None:
    (path.parent / "new").write_bytes(path.read_bytes())
    (path.parent / "new").rename(path)


@pytest.mark.parametrize("change", [_grow, _rewrite_in_place, _truncate, _replace, Path.unlink])
def test_a_source_that_changes_while_it_is_copied(
    library: Root, source: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """Growing, rewriting with the old mtime, truncating, replacing or removing the source ends in Transient."""
    true_read = FileStream.read_into
    calls: list[int] = []

    def read(stream: FileStream, view: memoryview) -> int:
        count = true_read(stream, view)
        calls.append(count)
        if len(calls) == 2:
            change(source)
        return count

    monkeypatch.setattr(FileStream, "read_into", read)
    with pytest.raises(Transient, match="while it was read"):
        copy_verified(source, library, "a.fit")
    assert _files(library) == []
    assert _temporary(library) == []


def test_a_wrong_copy_is_found_by_reading_back(library: Root, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte that changes on its way to the disk is found before the copy gets its name."""
    true_fsync = os.fsync

    def flip(fd: int) -> None:
        if os.fstat(fd).st_size == source.stat().st_size:
            os.pwrite(fd, b"\x00\x01\x02\x03", 1000)
        true_fsync(fd)

    monkeypatch.setattr(os, "fsync", flip)
    with pytest.raises(Transient, match="read back differently"):
        copy_verified(source, library, "a.fit")
    assert _files(library) == []
    assert _temporary(library) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_disk_that_fails_while_written(
    library: Root, source: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A full, failing or read-only disk is Transient with a sentence, leaves nothing behind, and the next try works."""
    true_write, calls = os.write, []

    def write(fd: int, data: memoryview) -> int:
        calls.append(fd)
        if len(calls) == 2:
            raise OSError(code, os.strerror(code))
        return true_write(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(Transient, match="the library root main"):
            copy_verified(source, library, "a.fit")
    assert _temporary(library) == []
    assert copy_verified(source, library, "a.fit").already_here is False


def test_a_full_disk(tmp_path: Path, source: Path) -> None:
    """On a file system that is really full the copy says so, leaves nothing, and works once there is room."""
    mount = tmp_path / "small"
    mount.mkdir()
    tool = shutil.which("mount")
    command = [str(tool), "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(mount)]
    if tool is None or os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        library = Root("small", mount / "library", writable=True)
        open_library(library, first_time=True)
        (mount / "ballast").write_bytes(bytes(4 * 1024 * 1024))
        with pytest.raises(Transient, match="has no room for"):
            copy_verified(source, library, "a.fit")
        assert _files(library) == []
        assert _temporary(library) == []
        (mount / "ballast").unlink()
        assert copy_verified(source, library, "a.fit").file_id == _sha256(source)
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_only_our_temporaries_are_cleaned(library: Root, source: Path) -> None:
    """Cleaning removes files with the name of a temporary copy, no others, and a copy's old mtime does not age it."""
    staged = stage_file(source, library)
    (library.own_folder / "tmp" / "notes.txt").touch()
    assert clean_temporaries(library) == 0
    discard(staged, library)
    discard(staged, library)
    assert clean_temporaries(library, older_than_hours=0) == 0
    assert _temporary(library) == ["notes.txt"]


def test_an_unmounted_library_is_not_written_to(library: Root, source: Path) -> None:
    """Where the marker is missing nothing is made, not even a folder."""
    shutil.rmtree(library.path)
    library.path.mkdir()
    with pytest.raises(Transient, match="is the volume mounted"):
        copy_verified(source, library, "d/a.fit")
    assert list(library.path.iterdir()) == []


@pytest.mark.parametrize("extra_bytes", [-1, 0, 1, 700_001])
def test_large_files_are_hashed_beside_their_copy(tmp_path: Path, library: Root, extra_bytes: int) -> None:
    """A file large enough for a helper thread has the hash of its content, and its copy is that content."""
    content = random.Random(extra_bytes).randbytes(16 * 1024 * 1024 + extra_bytes)
    path = tmp_path / "large.fits"
    path.write_bytes(content)
    staged = stage_file(path, library)
    assert (staged.file_id, staged.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (library.own_folder / "tmp" / staged.temporary_name).read_bytes() == content
    assert sha256_file(path).file_id == staged.file_id


def test_a_buffer_comes_again_only_when_its_part_is_hashed() -> None:
    """However slow the helper thread is, no part is overwritten before it is in the hash."""
    content = random.Random(1).randbytes(20 * BUFFER_BYTES + 17)
    stream = StreamHash(len(content))
    assert stream._helper is not None
    held = threading.Event()
    stream._helper.submit(held.wait)
    done: list[str] = []
    free = 0

    def read_all() -> None:
        nonlocal free
        for number, view in enumerate(stream.buffers()):
            part = content[number * BUFFER_BYTES : (number + 1) * BUFFER_BYTES]
            if not part:
                break
            view[: len(part)] = part
            free = number
            stream.update(view[: len(part)])
        done.append(stream.hexdigest())

    reader = threading.Thread(target=read_all)
    reader.start()
    reader.join(0.5)
    assert reader.is_alive()
    assert free == 3, "four buffers are full, and the first is not given again"
    held.set()
    reader.join(30)
    assert done == [hashlib.sha256(content).hexdigest()]
