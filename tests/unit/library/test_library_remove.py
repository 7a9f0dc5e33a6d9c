"""Removal: nothing goes whose stored copy was not read and found whole at that moment."""

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from shared.errors import Permanent, TooEarly, Transient, UserError
from shared.library import onefile as onefile_module
from shared.library import remove as remove_module
from shared.library import writers as writers_module
from shared.library.hashing import Digest, Progress, sha256_descriptor, sha256_file
from shared.library.reading import open_source
from shared.library.remove import NotStoredError, remove_verified

CONTENT = b"content"
EXPECTED = Digest(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source in a folder of its own."""
    path = tmp_path / "card" / "source.fit"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def copy(tmp_path: Path, source: Path) -> Path:
    """Its stored copy, with the same mtime."""
    path = tmp_path / "library" / "copy.fit"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    same_mtime(path, source)
    return path


def same_mtime(path: Path, like: Path) -> None:
    """Give a file another one's mtime."""
    status = like.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_source_goes_when_its_copy_is_whole(source: Path, copy: Path) -> None:
    """A source with the stored content goes, its copy stays, and a repeated removal finds nothing to do."""
    assert remove_verified(source, EXPECTED, stored_at=copy)
    assert not source.exists()
    assert not remove_verified(source, EXPECTED, stored_at=copy)
    assert copy.read_bytes() == CONTENT
    assert list(copy.parent.iterdir()) == [copy]


@pytest.mark.parametrize("content", [b"CONTENT", b"conten", b"content\0", b""])
def test_a_damaged_copy_keeps_the_source(source: Path, copy: Path, content: bytes) -> None:
    """Other bytes in the stored copy, also at the same size and mtime, keep the source."""
    copy.write_bytes(content)
    same_mtime(copy, source)
    with pytest.raises(NotStoredError, match=r"source\.fit is kept: .*copy\.fit does not hold the bytes"):
        remove_verified(source, EXPECTED, stored_at=copy)
    assert source.read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"CONTENT", b"content and more", b""])
def test_a_rewritten_source_is_kept(source: Path, copy: Path, content: bytes) -> None:
    """A device that rewrote its stack keeps it, whether the size differs or the bytes alone."""
    source.write_bytes(content)
    with pytest.raises(UserError, match="differs from what was stored"):
        remove_verified(source, EXPECTED, stored_at=copy)
    assert source.read_bytes() == content


@pytest.mark.parametrize("after", [1, 2])
def test_a_source_that_changes_while_it_is_compared_is_kept(
    source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """A source that is replaced by a new file after it was hashed, or after its copy was, stays."""
    calls = 0

    def replaced(fd: int, _progress: Progress) -> Digest:
        nonlocal calls
        calls += 1
        digest = sha256_descriptor(fd)
        if calls == after:
            (source.parent / "new").write_bytes(b"new stack")
            (source.parent / "new").rename(source)
        return digest

    monkeypatch.setattr(remove_module, "sha256_descriptor", replaced)
    with pytest.raises(Transient, match=r"source\.fit changed while it was read"):
        remove_verified(source, EXPECTED, stored_at=copy)
    assert source.read_bytes() == b"new stack"


def test_a_copy_that_is_missing_or_no_file_keeps_the_source(source: Path, tmp_path: Path) -> None:
    """Without a stored file of its own, also where a link to the source or a folder has its name, the source stays."""
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (
        ("missing", "No such file"), ("link", "symbolic link"), ("folder", "not a regular"), ("pipe", "not a regular")
    ):  # fmt: skip
        with pytest.raises(NotStoredError, match=rf"source\.fit is kept: .*{name}.*{reason}"):
            remove_verified(source, EXPECTED, stored_at=tmp_path / name)
    with pytest.raises(Permanent, match="symbolic link"):
        remove_verified(tmp_path / "link", EXPECTED, stored_at=source)
    assert source.read_bytes() == CONTENT


def test_a_copy_that_is_the_source_itself_keeps_it(source: Path, tmp_path: Path) -> None:
    """One file by two names, a hard link or a library reached through a link, is never removed under either."""
    (tmp_path / "hardlink").hardlink_to(source)
    (tmp_path / "library by link").symlink_to(source.parent)
    for same in (source, tmp_path / "hardlink", tmp_path / "library by link" / source.name):
        with pytest.raises(UserError, match="it is the stored file itself"):
            remove_verified(source, EXPECTED, stored_at=same)
    assert source.read_bytes() == CONTENT


def elsewhere(status: os.stat_result, inode: int) -> os.stat_result:
    """The same file on another device."""
    times = {name: getattr(status, name) for name in ("st_atime_ns", "st_mtime_ns", "st_ctime_ns")}
    return os.stat_result((status.st_mode, inode, status.st_dev + 1, *tuple(status)[3:]), times)


@pytest.fixture
def share(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The source's folder as a share that is mounted here shows it: another device, with inodes of its own."""
    by_share = tmp_path / "share"
    by_share.symlink_to(source.parent)
    true_lstat = os.lstat

    def lstat(path: Path, **options: object) -> os.stat_result:
        status = true_lstat(path)
        if by_share not in Path(path).parents:
            return status
        return elsewhere(status, status.st_ino + 1)

    monkeypatch.setattr(onefile_module, "is_network_filesystem", lambda path: path == by_share)
    monkeypatch.setattr(onefile_module, "filesystem_of", lambda path: "nfs4" if path == by_share else "ext4")
    monkeypatch.setattr(os, "lstat", lstat)
    return by_share


@pytest.mark.parametrize("blind_to", ["nothing", "new names", "new times"])
def test_one_folder_mounted_twice_keeps_the_source(
    source: Path, share: Path, monkeypatch: pytest.MonkeyPatch, blind_to: str
) -> None:
    """A share that shows the library's folder as another device is recognised, also through caches; nothing is left."""
    before = source.stat()
    if blind_to == "new names":
        monkeypatch.setattr(onefile_module, "_shows_new_names", lambda *_args: False)
    elif blind_to == "new times":
        monkeypatch.setattr(onefile_module, "_shows_new_times", lambda *_args: False)
    with pytest.raises(UserError, match="it is the stored file itself"):
        remove_verified(source, EXPECTED, stored_at=share / source.name)
    assert source.read_bytes() == CONTENT
    assert list(source.parent.iterdir()) == [source]
    assert source.stat().st_mtime_ns == before.st_mtime_ns


def test_a_true_copy_on_a_share_is_a_copy(
    source: Path, copy: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy in another folder of a share is a file of its own; where that takes no file, nobody can tell."""
    share.unlink()
    share.symlink_to(copy.parent)
    shown = share / copy.name
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with open_source(source) as opened, pytest.raises(Transient, match="no file can be made in"):
            onefile_module.is_one_file(opened, shown)
    with open_source(source) as opened:
        assert not onefile_module.is_one_file(opened, shown)
    assert source.read_bytes() == copy.read_bytes() == CONTENT
    assert list(copy.parent.iterdir()) == [copy]


def test_one_server_by_two_protocols_is_known_by_its_numbers(
    source: Path, copy: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both mounts may hide what is new; but both give the number that the server has for the file."""
    copy.unlink()
    copy.hardlink_to(source)
    true_lstat = os.lstat

    def lstat(path: Path) -> os.stat_result:
        status = true_lstat(path)
        return elsewhere(status, status.st_ino) if path == copy else status

    monkeypatch.setattr(os, "lstat", lstat)
    monkeypatch.setattr(onefile_module, "is_network_filesystem", lambda _path: True)
    monkeypatch.setattr(onefile_module, "filesystem_of", lambda _path: "cifs")
    for way in ("_shows_new_names", "_shows_new_times"):
        monkeypatch.setattr(onefile_module, way, lambda *_args: False)
    with pytest.raises(UserError, match="it is the stored file itself"):
        remove_verified(source, EXPECTED, stored_at=copy)


def refuse(_fd: int) -> None:
    """A disk that confirms nothing."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_copy_that_cannot_be_read_keeps_the_source(
    source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A failing disk, a permission or a stale handle says nothing of the bytes: the source stays for another try."""
    calls = 0

    def failing(fd: int, _progress: Progress) -> Digest:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(number, os.strerror(number))
        return sha256_descriptor(fd)

    monkeypatch.setattr(remove_module, "sha256_descriptor", failing)
    with pytest.raises(NotStoredError, match=rf"copy\.fit cannot be read: {os.strerror(number)}"):
        remove_verified(source, EXPECTED, stored_at=copy)
    assert source.read_bytes() == CONTENT


def test_what_cannot_be_made_durable_keeps_the_source(
    source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy whose bytes the disk does not confirm is no copy."""
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(NotStoredError, match="is kept"):
        remove_verified(source, EXPECTED, stored_at=copy)
    assert source.read_bytes() == CONTENT


def test_a_source_that_cannot_be_removed_is_told(source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that only others may write to is a reason to try again later."""

    def refuse(_name: str, *, dir_fd: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(Transient, match=r"source\.fit cannot be removed: Permission denied"):
        remove_verified(source, sha256_file(copy), stored_at=copy)


def test_a_source_that_somebody_writes_to_is_kept(source: Path, copy: Path) -> None:
    """A recorder that pauses with its file open keeps it, whatever the file holds; once it is closed it goes."""
    with source.open("ab"), pytest.raises(TooEarly, match="another program has it open for writing"):
        remove_verified(source, EXPECTED, stored_at=copy)
    assert source.read_bytes() == CONTENT
    assert remove_verified(source, EXPECTED, stored_at=copy)


@pytest.mark.parametrize("after", [1, 2])
def test_a_writer_that_comes_while_it_is_compared_keeps_it(
    source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Whoever opens the source for writing meanwhile waits for a moment, and has it, with all that is written to it."""
    calls = 0
    writers: list[threading.Thread] = []
    opening = threading.Event()

    def write() -> None:
        opening.set()
        with source.open("ab") as file:
            file.write(b" and more")

    def come(fd: int, progress: Progress) -> Digest:
        nonlocal calls
        calls += 1
        if calls == after:
            writers.append(threading.Thread(target=write))
            writers[0].start()
            assert opening.wait(10)
            while writers[0].is_alive():  # until the system tells us that somebody wants it
                progress(0)
        return sha256_descriptor(fd, progress)

    monkeypatch.setattr(remove_module, "sha256_descriptor", come)
    with pytest.raises(TooEarly, match="another program has it open for writing"):
        remove_verified(source, EXPECTED, stored_at=copy)
    writers[0].join(10)
    assert source.read_bytes() == CONTENT + b" and more"


def test_without_leases_the_open_files_of_others_tell(
    source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system gives no lease, a file must have rested for long, and nobody that we see may have it open."""
    monkeypatch.setattr(writers_module, "_lease", lambda _source: False)
    with pytest.raises(TooEarly, match="cannot be told here, so it has to rest for 15 minutes"):
        remove_verified(source, EXPECTED, stored_at=copy, rested_s=899)
    for mode in ("ab", "r+b"):
        with source.open(mode), pytest.raises(TooEarly, match="another program has it open for writing"):
            remove_verified(source, EXPECTED, stored_at=copy, rested_s=900)
    with source.open("rb"):
        assert remove_verified(source, EXPECTED, stored_at=copy, rested_s=900)


def test_no_link_is_followed_to_a_source(source: Path, copy: Path, tmp_path: Path) -> None:
    """A folder of the source that became a link, at whatever depth, leads to files that are not ours to delete."""
    card, elsewhere = source.parent, tmp_path / "elsewhere"
    (card / "one").mkdir()
    source.rename(card / "one" / source.name)
    card.rename(elsewhere)
    for link, parts in ((card / "night", ("night", "one")), (card / "night" / "deep", ("night", "deep"))):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(elsewhere if parts[-1] == "one" else elsewhere / "one")
        with pytest.raises(Permanent, match="a folder on its way is a symbolic link"):
            remove_verified(card.joinpath(*parts, source.name), EXPECTED, stored_at=copy, root=card)
        link.unlink()
    assert (elsewhere / "one" / source.name).read_bytes() == CONTENT
    card.rename(tmp_path / "true card")
    card.symlink_to(elsewhere)  # the root itself may be reached through links
    assert remove_verified(card / "one" / source.name, EXPECTED, stored_at=copy, root=card)
    assert not remove_verified(card / "gone" / source.name, EXPECTED, stored_at=copy, root=card)


def test_a_folder_that_moves_while_its_file_is_compared_keeps_it(
    source: Path, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is moved out of the source, with a link left in its place, takes its files along."""
    calls = 0

    def move(fd: int, progress: Progress) -> Digest:
        nonlocal calls
        calls += 1
        if calls == 2:
            source.parent.rename(tmp_path / "moved")
            source.parent.symlink_to(tmp_path / "moved")
        return sha256_descriptor(fd, progress)

    monkeypatch.setattr(remove_module, "sha256_descriptor", move)
    with pytest.raises(Permanent, match="a folder on its way is a symbolic link"):
        remove_verified(source, EXPECTED, stored_at=copy, root=tmp_path)
    assert (tmp_path / "moved" / source.name).read_bytes() == CONTENT


@pytest.mark.parametrize("seen", ["overlay", "fuse.mergerfs", "ecryptfs", "something new"])
def test_a_layer_over_the_folder_of_the_source_is_no_copy(
    source: Path, share: Path, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    """Devices tell two files only where both file systems keep their files themselves; a layer over one does not."""
    monkeypatch.setattr(onefile_module, "is_network_filesystem", lambda _path: False)
    monkeypatch.setattr(onefile_module, "filesystem_of", lambda path: seen if path == share else "ext4")
    with open_source(source) as opened:
        assert onefile_module.is_one_file(opened, share / source.name)
        monkeypatch.setattr(onefile_module, "filesystem_of", lambda path: "xfs" if path == share else "ext4")
        assert not onefile_module.is_one_file(opened, share / source.name)
