"""What `imports` and `status` say of an import."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.cli.imports import files_text, left_text, note, paths_text, rate_text, state_word
from services.cli.ingest import _Asked

ID = UUID("7f0a3c52-5f0e-4a57-9a53-b0a5a4b1c9d2")
RUNNING: dict[str, Any] = {
    "import_id": ID, "state": "running", "cancel_requested_at": None, "found": 1200, "total_files": 5000,
    "files_per_s": 27.4, "bytes_per_s": 310_400_000.0, "left_s": 754.0, "waiting": 0, "waiting_for": [], "reason": None,
    "held_up_by": None, "in_hand": [],
    "next_try_at": datetime(2026, 1, 10, 21, 14, 3, tzinfo=UTC),
}  # fmt: skip


def test_a_running_import_has_a_rate_and_what_is_left() -> None:
    """Files and bytes a second, so many of how many, and the time for the rest."""
    assert rate_text(RUNNING) == "27 files/s, 310.4 MB/s"
    assert rate_text(RUNNING | {"files_per_s": 0.25}) == "0.2 files/s, 310.4 MB/s"
    assert files_text(RUNNING) == "1200 of 5000"
    assert left_text(RUNNING) == "13 min"
    assert note(RUNNING) is None


def test_an_import_of_many_paths_is_a_narrow_row() -> None:
    """The first paths are named, and how many more there are; a single one more is named too."""
    assert paths_text({"paths": ["/a", "/b", "/c", "/d"]}) == ("/a", "/b", "/c", "/d")
    assert paths_text({"paths": ["/a", "/b", "/c"] + ["/d"] * 199_997}) == ("/a", "/b", "/c", "and 199997 more")


def test_what_is_not_known_is_not_said() -> None:
    """Before the files were counted there is no total and no time left; one that has ended has no rate."""
    unknown = RUNNING | {"total_files": None, "files_per_s": None, "bytes_per_s": None, "left_s": None}
    assert (rate_text(unknown), files_text(unknown), left_text(unknown)) == (None, "1200", None)
    done = RUNNING | {"state": "done"}
    assert (rate_text(done), left_text(done), note(done)) == (None, None, None)


def test_an_import_says_what_it_waits_for() -> None:
    """The first of the files with what it lacks, how many more, the turn, the next try, and why it ended."""
    waits = RUNNING | {"waiting": 3, "waiting_for": ["cut.fits: 100 of 8640 bytes", "b", "c"]}
    assert note(waits) == "waits for cut.fits: 100 of 8640 bytes and 2 more"
    taking = {"waiting": 5, "in_hand": ["a.ser: 1 of 3 GB are read", "b.ser: 0 of 3 GB are read"]}
    assert note(RUNNING | taking | {"waiting": 2}) == "takes a.ser: 1 of 3 GB are read and 1 more"
    assert note(waits | taking) == (
        "waits for cut.fits: 100 of 8640 bytes and 2 more; takes a.ser: 1 of 3 GB are read and 1 more"
    )
    held_up = RUNNING | {"waiting": 17, "held_up_by": "room in the library: 17 files wait (51.7 MB); 3.1 GB are free"}
    assert note(held_up) == "waits for room in the library: 17 files wait (51.7 MB); 3.1 GB are free"
    assert note(waits | held_up | {"waiting_for": ["cut.fits: truncated"]}) == (
        "waits for room in the library: 17 files wait (51.7 MB); 3.1 GB are free; waits for cut.fits: truncated"
    )
    assert note(RUNNING | {"state": "waiting"}) == "waits for its turn"
    postponed = RUNNING | {"state": "waiting", "reason": "the disk is busy"}
    assert note(postponed) == "tried again at 21:14:03 UTC: the disk is busy"
    assert note(RUNNING | {"state": "failed", "reason": "there is no library"}) == "there is no library"
    assert state_word(RUNNING | {"cancel_requested_at": datetime.now(UTC)}) == "ending"
    assert state_word(RUNNING) == "running"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (_Asked(), "nothing was imported"),
        (_Asked(ID), f"whether the import {ID} runs was not answered yet; `nightbus imports` shows it"),
        (
            _Asked(ID, accepted=True),
            (
                f"the import {ID} goes on without this command; `nightbus imports` shows how far it is, "
                "`nightbus imports cancel 7f0a3c52` ends it"
            ),
        ),
        (
            _Asked(ID, accepted=True, done=True),
            "the import is done, and its files are scanned without this command; `nightbus status` counts them",
        ),
    ],
)
def test_who_leaves_an_import_alone_is_told_what_is_true(asked: _Asked, words: str) -> None:
    """Ctrl-C says what goes on by what was answered up to then, and where to look."""
    assert asked.left_text() == words
