"""The library's lock tells whether this process is alone in a library."""

from pathlib import Path

from shared.library.lock import LibraryLock
from shared.library.roots import Root, open_library


def library(folder: Path) -> Root:
    """An opened library."""
    root = Root("library", folder / "library", writable=True)
    open_library(root, first_time=True)
    return root


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    """The second one is refused while the first holds the lock, and gets it afterwards."""
    root = library(tmp_path)
    first, second = LibraryLock(root), LibraryLock(root)
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_the_lock_is_no_capture(tmp_path: Path) -> None:
    """The lock lies in the library's own folder, which is never walked or placed into."""
    root = library(tmp_path)
    lock = LibraryLock(root)
    assert lock.acquire()
    assert [path.name for path in root.path.iterdir()] == [".nightbus"]
    lock.release()
