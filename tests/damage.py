"""A library with one damaged copy, and its repair from the source: made alike for kills, traces and tests.

``python -m tests.damage FUNCTION FOLDER`` does one of the functions below, for a trace of its system calls.
"""

import os
import sys
from pathlib import Path

from shared.library import mend
from shared.library.exchange import CannotExchangeError
from shared.library.hashing import sha256_file
from shared.library.mend import Replaced, replace_damaged
from shared.library.place import copy_verified
from shared.library.remove import remove_verified
from shared.library.roots import Root, open_library
from shared.library.stage import stage_file
from shared.library.stored import Condition, examine

GOOD = bytes(range(256)) * 400
ROTTEN = GOOD[:50_000] + b"\xff" + GOOD[50_001:]
PATH = "rig/M 31/a.fit"
PLACED_NS = 1_600_000_000_123_456_789


def library_in(folder: Path) -> Root:
    """The library of a state."""
    return Root("library", folder / "library", writable=True)


def prepare(folder: Path) -> None:
    """A source, and a library whose copy of it has rotted: one byte differs, size and mtime are as they were."""
    open_library(library_in(folder), first_time=True)
    source, copy = folder / "card" / "a.fit", folder / "library" / PATH
    for path, content in ((source, GOOD), (copy, ROTTEN)):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        os.utime(path, ns=(PLACED_NS, PLACED_NS))


def repair(folder: Path) -> Replaced:
    """Replace the copy from the source, as ingest does."""
    library, source = library_in(folder), folder / "card" / "a.fit"
    examined = examine(library, PATH, sha256_file(source), whole_at_ns=PLACED_NS, hashing=True)
    assert examined.condition is Condition.DAMAGED, examined
    return replace_damaged(stage_file(source, library), library, PATH, examined)


def repair_and_remove(folder: Path) -> None:
    """Replace the copy, then remove the source: what a move does."""
    repair(folder)
    source = folder / "card" / "a.fit"
    remove_verified(source, sha256_file(source), stored_at=folder / "library" / PATH)


def repair_and_remove_without_exchange(folder: Path) -> None:
    """The same on a file system whose files cannot change names."""

    def cannot(*_args: object) -> None:
        raise CannotExchangeError

    setattr(mend, "exchange", cannot)  # noqa: B010 - what a monkeypatch does, in a process of its own
    repair_and_remove(folder)


def move(folder: Path) -> None:
    """Copy a source into a folder of the library that is not there yet, then remove it."""
    library, source = library_in(folder), folder / "card" / "a.fit"
    placed = copy_verified(source, library, "new/night/a.fit")
    remove_verified(source, sha256_file(source), stored_at=library.path / placed.relative_path)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
