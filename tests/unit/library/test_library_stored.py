"""Stored copies: what is rot, what somebody changed, what has gone, and what cannot be told now."""

import errno
import hashlib
import os
from pathlib import Path
from typing import Self

import pytest

from shared.errors import Permanent, Transient
from shared.library import stored as stored_module
from shared.library.hashing import Digest, sha256_file
from shared.library.presence import missing
from shared.library.roots import Root, open_library, read_marker
from shared.library.stored import Condition, Examined, examine

PLACED_NS = 1_600_000_000_123_456_789
CONTENT = b"content"
EXPECTED = Digest(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def library(tmp_path: Path) -> Root:
    """A library with one file."""
    root = Root("library", tmp_path / "library", writable=True)
    open_library(root, first_time=True)
    put(root, CONTENT)
    return root


def put(library: Root, content: bytes, mtime_ns: int = PLACED_NS) -> Path:
    """Write the file."""
    path = library.path / "rig" / "a.fit"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def look(library: Root, *, whole_at_ns: int | None = PLACED_NS, hashing: bool = True) -> Examined:
    """Examine the file."""
    return examine(library, "rig/a.fit", EXPECTED, whole_at_ns=whole_at_ns, hashing=hashing)


def test_a_whole_copy_is_sound(library: Root) -> None:
    """The right bytes are sound at any mtime, and what was hashed says so."""
    assert look(library, hashing=False).digest is None
    for whole_at_ns in (PLACED_NS, PLACED_NS + 1, None):
        found = look(library, whole_at_ns=whole_at_ns)
        assert (found.condition, found.mtime_ns) == (Condition.SOUND, PLACED_NS)
        assert found.digest == sha256_file(library.path / "rig/a.fit")


@pytest.mark.parametrize("content", [b"CONTENT", b"conten", b"", b"content\0"])
def test_other_bytes_at_the_same_mtime_are_rot(library: Root, content: bytes) -> None:
    """Whether bits flipped or a crash cut the file: nobody who changes a file leaves its mtime."""
    put(library, content)
    found = look(library)
    status = (library.path / "rig/a.fit").stat()
    assert (found.condition, found.inode, found.device) == (Condition.DAMAGED, status.st_ino, status.st_dev)


@pytest.mark.parametrize("content", [b"CONTENT", b"content and a note"])
def test_other_bytes_at_another_mtime_are_somebodys_work(library: Root, content: bytes) -> None:
    """A nanosecond is enough, and where the mtime was never noted every difference counts as a change."""
    put(library, content, PLACED_NS + 1)
    for whole_at_ns in (PLACED_NS, None):
        found = look(library, whole_at_ns=whole_at_ns)
        assert found.condition is Condition.CHANGED
        assert found.digest == sha256_file(library.path / "rig/a.fit")
    put(library, content)
    assert look(library, whole_at_ns=None).condition is Condition.CHANGED


def test_without_hashing_size_and_mtime_tell(library: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look without hashing reads only what differs in size or mtime, so rot of the same size is not seen by it."""
    read, read_back = [], stored_module.read_back

    def noted(path: Path) -> tuple[Digest, os.stat_result]:
        read.append(path)
        return read_back(path)

    monkeypatch.setattr(stored_module, "read_back", noted)
    put(library, b"CONTENT")
    assert look(library, hashing=False).condition is Condition.SOUND
    assert read == []
    put(library, b"cut")
    assert look(library, hashing=False).condition is Condition.DAMAGED
    put(library, b"CONTENT", PLACED_NS + 1)
    assert look(library, hashing=False).condition is Condition.CHANGED
    put(library, CONTENT, PLACED_NS + 1)
    assert look(library, hashing=False).condition is Condition.SOUND
    assert len(read) == 3


def test_a_name_without_a_file_is_gone(library: Root, tmp_path: Path) -> None:
    """Nothing, a folder, a pipe, and a link to whatever it may be: the library has no file of that name."""
    path = library.path / "rig/a.fit"
    elsewhere = path.rename(tmp_path / "elsewhere.fit")
    assert look(library).condition is Condition.GONE
    for target in (elsewhere, tmp_path / "nowhere", library.path / "rig"):
        path.symlink_to(target)
        assert look(library).condition is Condition.GONE
        path.unlink()
    os.mkfifo(path)
    assert look(library).condition is Condition.GONE
    path.unlink()
    path.mkdir()
    assert look(library).condition is Condition.GONE
    path.rmdir()
    path.parent.rmdir()
    assert look(library).condition is Condition.GONE
    path.parent.write_bytes(b"a file where the folder was")
    assert look(library).condition is Condition.GONE


def test_a_library_that_is_not_mounted_has_lost_nothing(
    library: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its marker nobody knows; where the volume comes at that very moment, the file is there."""
    volume = library.path.rename(tmp_path / "volume")
    library.path.mkdir()
    with pytest.raises(Transient, match="no marker"):
        look(library)
    with pytest.raises(Transient, match="no marker"):
        missing(library, ["rig/a.fit"])

    def mounted(root: Root) -> object:
        if not root.own_folder.exists():
            root.path.rmdir()
            volume.rename(root.path)
        return read_marker(root)

    monkeypatch.setattr(stored_module, "read_marker", mounted)
    assert look(library).condition is Condition.SOUND


def test_a_copy_that_cannot_be_read_is_not_judged(library: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing disk or a permission is a reason to try again, and never rot."""

    def fail(_fd: int) -> Digest:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(stored_module, "sha256_descriptor", fail)
        with pytest.raises(Transient, match=r"a\.fit cannot be read: Input/output error"):
            look(library)

    def refuse(_path: Path) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(Transient, match="Permission denied"):
        look(library)


def test_a_folder_that_leads_out_of_the_library_is_refused(library: Root, tmp_path: Path) -> None:
    """What lies behind a link out of the library is nothing that we stored."""
    (library.path / "rig").rename(tmp_path / "outside")
    (library.path / "rig").symlink_to(tmp_path / "outside")
    with pytest.raises(Permanent, match="leaves the root"):
        look(library)


def test_what_is_missing_is_found_by_listing(library: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are gone, or are links or folders now, are missing; one listing is made for each folder."""
    for name in ("b.fit", "c.fit", "d.fit"):
        (library.path / "rig" / name).write_bytes(b"-")
    (library.path / "top.fit").write_bytes(b"-")
    (library.path / "rig" / "b.fit").unlink()
    (library.path / "rig" / "c.fit").rename(tmp_path / "c.fit")
    (library.path / "rig" / "c.fit").symlink_to(tmp_path / "c.fit")
    (library.path / "rig" / "d.fit").unlink()
    (library.path / "rig" / "d.fit").mkdir()
    listed, scandir = [], os.scandir

    def counted(path: str) -> object:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    paths = [f"rig/{name}.fit" for name in "abcd"] + ["no/where.fit", "top.fit", "gone.fit"]
    assert missing(library, paths) == {"rig/b.fit", "rig/c.fit", "rig/d.fit", "no/where.fit", "gone.fit"}
    assert len(listed) == 3


def test_a_folder_that_cannot_be_listed_has_lost_nothing(library: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing disk, or one that lists a name in another spelling, makes no file missing."""

    def refuse(_path: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        assert missing(library, ["rig/a.fit", "rig/gone.fit"]) == set()

    class Nothing(list[os.DirEntry[str]]):
        """A listing that knows the file by another spelling."""

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_exc: object) -> None:
            """Nothing to close."""

    monkeypatch.setattr(os, "scandir", lambda _path: Nothing())
    assert missing(library, ["rig/a.fit", "rig/gone.fit"]) == {"rig/gone.fit"}
