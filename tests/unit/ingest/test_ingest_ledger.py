"""Whatever a file system says of a file becomes a row, and costs no other file anything."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest import refusals
from services.ingest.ledger import LARGEST_BYTES, Known, folders_of, key_of, observe, refusal, unchanged
from services.ingest.placement import Placement
from services.ingest.source import Source
from services.ingest.sources.folder import Folder
from services.ingest.take import Failed, take
from shared.library.settle import Settler
from shared.library.walk import DirectoryListing, Entry, walk

NS = 10**9
numbers = st.integers(min_value=-(2**70), max_value=2**70)
times_ns = st.one_of(numbers, st.integers(min_value=-(2**63), max_value=2**63).map(lambda seconds: seconds * NS))
names = st.binary(min_size=1, max_size=255).filter(lambda name: not {0, ord("/")} & set(name)).map(os.fsdecode)
folders = st.lists(names, max_size=20).map("/".join)
entries = st.builds(
    Entry, name=st.just("a.fit"), relative_path=st.just("night/a.fit"), size_bytes=numbers, mtime_ns=times_ns,
    changed_ns=times_ns, fingerprint=st.binary(max_size=64),
)  # fmt: skip


def source_of(path: Path, zone: str | None = None) -> Source:
    """A source named rig."""
    return Source("rig", Folder(path), "copy", 0.0, Settler(0.0, network=False), zone=zone)


@given(entry=entries)
def test_every_file_has_a_row(entry: Entry) -> None:
    """Sizes and times of any size are numbers that a column holds, and the file is known by them again."""
    row = observe(entry)
    for number in (row.size_bytes, row.mtime_ns):
        assert -(2**63) <= number < 2**63
    known = Known(row.size_bytes, row.mtime_ns, row.fingerprint, "arrived", None, None)
    assert unchanged(known, entry)
    assert not unchanged(replace(known, fingerprint=known.fingerprint + b"x"), entry)


@given(folder=folders, name=names)
@example(folder="x" * 255 + "/" + "/".join(["y" * 200] * 18), name="a.fit")
def test_every_path_has_a_key(folder: str, name: str) -> None:
    """Paths of any length and bytes have a key that an index holds, and that is found by its folder."""
    key = key_of(folder, name)
    assert sum(len(part.encode()) for part in key) < 2500
    assert key[0] in folders_of(folder)
    assert refusal(folder, name, "because").key == key


def test_keys_of_long_paths_differ() -> None:
    """Two paths that are equal at their beginning only have two keys."""
    deep = "/".join(["x" * 200] * 12)
    assert len({key_of(deep + tail, "a.fit") for tail in ("/1", "/2", "")}) == 3


@given(mtime_ns=times_ns, zone=st.sampled_from([None, "Pacific/Kiritimati", "Pacific/Pago_Pago"]))
@example(mtime_ns=253_402_300_799 * NS, zone="Pacific/Kiritimati")
@example(mtime_ns=-62_135_596_800 * NS, zone="Pacific/Pago_Pago")
def test_every_mtime_has_a_place(mtime_ns: int, zone: str | None) -> None:
    """A template of days gives every file a place; a day that no calendar has is unknown."""
    entry = Entry("a.fit", "a.fit", 1, mtime_ns, 0, b"")
    path = Placement("{year}/{month}/{day}/{date}/{name}").path_of(
        source_of(Path("/nowhere"), zone), entry, Path("/nowhere")
    )
    *parts, name = path.split("/")
    assert name == "a.fit"
    if parts != ["Unknown"] * 4:
        assert [len(part) for part in parts] == [4, 2, 2, 10]
        assert "-".join(parts[:3]) == parts[3]


def test_days_before_the_year_1000_have_four_digits() -> None:
    """A path sorts by year."""
    entry = Entry("a.fit", "a.fit", 1, -61_000_000_000 * NS, 0, b"")
    assert Placement("{year}/{name}").path_of(source_of(Path("/nowhere")), entry, Path("/nowhere")) == "0036/a.fit"


@given(first=entries, second=entries)
def test_every_file_comes_to_rest(first: Entry, second: Entry) -> None:
    """Files of any times rest once they were seen unchanged for the quiet time, on shares and local disks alike."""
    for network in (False, True):
        settler = Settler(10.0, network=network)
        now_ns = time.time_ns()
        settler.settled("a", first, now_ns, 0.0)
        settler.settled("a", second, now_ns + NS, 1.0)
        assert settler.settled("a", second, now_ns + 12 * NS, 12.0)


def test_odd_sizes_fail_with_a_sentence() -> None:
    """A size below nothing, and one that no capture has, are told and not read."""
    for size_bytes, word in ((-1, "gives a size of -1 bytes"), (LARGEST_BYTES + 1, "is no capture: it claims to hold")):
        refused = refusals.of_entry(source_of(Path("/captures")), Entry("a.fit", "n/a.fit", size_bytes, 0, 0, b""))
        assert refused is not None
        assert word in (refused.reason or "")
        assert (refused.reason or "").startswith("/captures/n/a.fit")
    assert refusals.of_entry(source_of(Path("/captures")), Entry("a.fit", "n/a.fit", 1, 0, 0, b"")) is None


def test_a_path_that_no_index_holds_fails_with_a_sentence() -> None:
    """A path of more than 2,000 bytes is told, under a key that can be stored."""
    path = "/".join(["x" * 200] * 11) + "/a.fit"
    refused = refusals.of_entry(source_of(Path("/captures")), Entry("a.fit", path, 1, 0, 0, b""))
    assert refused is not None
    assert "the path has 2216 bytes" in (refused.reason or "")
    assert refused.name == "a.fit"


def test_what_vanished_is_no_failure_unless_it_was_asked_for(tmp_path: Path) -> None:
    """A folder that goes while others are looked at is nobody's loss; one that a person named is missed."""
    source = source_of(tmp_path)
    (gone,) = walk(tmp_path / "gone")
    assert list(refusals.of_listing(source, gone, asked_for=False)) == []
    (failure,) = refusals.of_listing(source, gone, asked_for=True)
    assert failure.key == ("", "")
    locked = DirectoryListing("night", [], [], "the folder /captures/night cannot be read: Permission denied")
    (failure,) = refusals.of_listing(source, locked, asked_for=False)
    assert (failure.key, failure.reason) == (("night", ""), locked.error)


def test_a_file_that_makes_us_fail_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a file's bytes make our own code do, it is a failure of that file, with a sentence."""

    def breaks(_file: object) -> None:
        raise OverflowError("too large for a C long")

    (tmp_path / "a.fit").touch()
    monkeypatch.setattr("services.ingest.take.completeness_of", breaks)
    taken = take(source_of(tmp_path), Entry("a.fit", "a.fit", 1, 0, 0, b""), None, even_unfinished=False)
    assert isinstance(taken, Failed)
    assert taken.sentence == f"{tmp_path}/a.fit cannot be taken: too large for a C long"
