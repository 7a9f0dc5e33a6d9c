"""Mending known content: which of several places counts, and what is left alone."""

import os
import time
from pathlib import Path

import pytest

from services.ingest.mend import NotAtRestError, Place, Seen, look, mend
from shared.library.hashing import Digest, sha256_file
from shared.library.roots import Root, open_library
from shared.library.stage import Staged, stage_file
from shared.library.stored import Condition

GOOD, OTHER = b"good bytes", b"GOOD BYTES"
PLACED_NS = 1_600_000_000_000_000_000


@pytest.fixture
def library(tmp_path: Path) -> Root:
    """A new library."""
    root = Root("library", tmp_path / "library", writable=True)
    open_library(root, first_time=True)
    return root


@pytest.fixture
def content(tmp_path: Path) -> Digest:
    """A good source's content."""
    (tmp_path / "source.fit").write_bytes(GOOD)
    return sha256_file(tmp_path / "source.fit")


def put(library: Root, name: str, content: bytes, mtime_ns: int = PLACED_NS) -> Place:
    """A place of the library that holds a content, known to be whole at the mtime of old."""
    (library.path / name).write_bytes(content)
    os.utime(library.path / name, ns=(mtime_ns, mtime_ns))
    return Place(name, PLACED_NS)


def staged(library: Root) -> Staged:
    """The source, staged."""
    return stage_file(library.path.parent / "source.fit", library)


def nowhere() -> str:
    """Where a file would go that is brought back."""
    raise AssertionError("nothing is to be brought back")


def test_one_sound_place_is_enough(library: Root, content: Digest) -> None:
    """Where one of several places is whole, nothing is mended; a place that has gone is noted."""
    rotten, sound = put(library, "rotten.fit", OTHER), put(library, "sound.fit", GOOD, PLACED_NS + 5)
    looked = look(library, content, [Place("gone.fit", PLACED_NS), rotten, sound], hashing=True)
    assert looked.condition is Condition.SOUND
    assert looked.seen == [Seen("gone.fit", None), Seen("sound.fit", PLACED_NS + 5)]


def test_rot_is_mended_before_a_change(library: Root, content: Digest) -> None:
    """Of a rotten and a changed place the rotten one gets the good copy, and the changed one is not touched."""
    changed, rotten = put(library, "changed.fit", OTHER, PLACED_NS + 5), put(library, "rotten.fit", OTHER)
    looked = look(library, content, [changed, rotten, Place("gone.fit", None)], hashing=True)
    mended = mend(library, staged(library), looked, nowhere, quiet_s=0.0)
    assert (mended.how, mended.path, mended.gone) == ("repaired", "rotten.fit", ("gone.fit",))
    assert (library.path / "rotten.fit").read_bytes() == GOOD
    assert (library.path / "changed.fit").read_bytes() == OTHER


def test_a_copy_that_is_being_changed_is_left_alone(library: Root, content: Digest) -> None:
    """Somebody may still be writing to a file of the library that changed a moment ago: it is looked at later."""
    place = put(library, "a.fit", OTHER, time.time_ns())
    looked = look(library, content, [place], hashing=False)
    with pytest.raises(NotAtRestError, match=r"a\.fit was changed a moment ago"):
        mend(library, staged(library), looked, nowhere, quiet_s=3600.0)
    assert (library.path / "a.fit").read_bytes() == OTHER
    assert mend(library, staged(library), looked, nowhere, quiet_s=0.0).how == "set_beside"


def test_a_change_is_dated_by_clocks_that_run_ahead(library: Root, content: Digest) -> None:
    """A mtime in the future says nothing of when the file was changed; it is not waited for."""
    place = put(library, "a.fit", OTHER, time.time_ns() + 10**15)
    looked = look(library, content, [place], hashing=False)
    assert mend(library, staged(library), looked, nowhere, quiet_s=3600.0).path == "a-2.fit"


def test_a_content_without_a_place_is_gone(library: Root, content: Digest) -> None:
    """What is recorded nowhere is placed where it belongs."""
    looked = look(library, content, [], hashing=True)
    assert (looked.condition, looked.gone) == (Condition.GONE, ())
    assert mend(library, staged(library), looked, lambda: "new/a.fit", quiet_s=0.0).path == "new/a.fit"
