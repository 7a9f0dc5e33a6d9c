"""The library's lock tells whether this process is alone in a library, and whether another stack is there."""

import os
import socket
from pathlib import Path

import pytest

from shared.library.lock import InUseError, LibraryLock
from shared.library.roots import Root, open_library


def library(folder: Path) -> Root:
    """An opened library."""
    root = Root("library", folder / "library", writable=True)
    open_library(root, first_time=True)
    return root


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    """A second one of the same stack is not alone while the first holds the lock, and gets it afterwards."""
    root = library(tmp_path)
    first, second = LibraryLock(root), LibraryLock(root)
    assert first.acquire("ours")
    assert first.acquire("ours")
    assert not second.acquire("ours")
    first.release()
    assert second.acquire("ours")
    second.release()


def test_another_stack_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    """Two stacks never write to one library: the sentence names process and host of the one that does."""
    root = library(tmp_path)
    first, second = LibraryLock(root), LibraryLock(root)
    assert first.acquire("a much longer name of theirs")
    with pytest.raises(InUseError) as refused:
        second.acquire("ours")
    who = f"(process {os.getpid()} on {socket.gethostname()}) brings files into {root.path}"
    assert who in str(refused.value)
    first.release()
    assert second.acquire("ours")
    with pytest.raises(InUseError):
        first.acquire("a much longer name of theirs")
    (root.own_folder / "lock").write_bytes(b"")
    with pytest.raises(InUseError, match="another Nightbus brings files into"):
        first.acquire("ours")
    second.release()


def test_the_lock_is_no_capture(tmp_path: Path) -> None:
    """The lock lies in the library's own folder, which is never walked or placed into."""
    root = library(tmp_path)
    lock = LibraryLock(root)
    assert lock.acquire("ours")
    assert [path.name for path in root.path.iterdir()] == [".nightbus"]
    lock.release()
