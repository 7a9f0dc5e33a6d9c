"""What is said of how much archives have."""

from datetime import UTC, datetime, timedelta

from services.cli.backup.covered import covered_text, made_since_counted, not_counted
from services.cli.backup.run import result_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_files_of_no_night_are_told_without_nights() -> None:
    """Notes and flats of nobody belong to no night: "in 0 nights" would be a riddle."""
    row = {
        "files": 4, "archived": 3, "unprotected": 1, "unprotected_bytes": 10_000, "unreadable": 0, "nights": 0,
        "destinations": 1,
    }  # fmt: skip
    assert covered_text(row) == "4 files = 3 archived + 1 unprotected (10.0 kB)"
    assert covered_text(row | {"nights": 2}) == "4 files = 3 archived + 1 unprotected (10.0 kB in 2 nights)"
    alone = "no destination is set: 1 file is unprotected; `nightbus backup setup`"
    assert covered_text(row | {"destinations": 0}) == alone


def test_an_archive_newer_than_the_count_is_noticed() -> None:
    """Files are counted at times: an archive that was verified since makes the count an old one, and no other does."""
    counted = {"counted_at": NOON}
    before, after = ({"verified_at": NOON + timedelta(seconds=by)} for by in (-1, 1))
    assert made_since_counted(counted, [{"verified_at": None}, after])
    assert not made_since_counted(counted, [{"verified_at": None}, before])
    assert not made_since_counted(None, [after])


def test_how_often_files_are_counted_is_what_the_settings_say() -> None:
    """An interval that was set to a minute is not called ten; where the settings cannot be read none is named."""
    assert "which is done every 1 min (backup.look_interval_s)" in not_counted(60.0)
    assert "which is done every 2 h (backup.look_interval_s)" in not_counted(7200.0)
    assert "which is done (backup.look_interval_s)" in not_counted(None)


def test_what_waits_is_not_called_nothing() -> None:
    """An archive that waits for its disk is one to come: "nothing new to archive" beside it would deny it."""
    row = {"archived": 0, "files": 0, "stored_bytes": 0, "unprotected": 3, "left_out": 0, "open": 1, "failed": 0}
    waiting = row | {"reason": "is the disk plugged in?"}
    assert result_text(waiting) == "no archive is made yet\n1 archive under way or waiting: is the disk plugged in?"
    assert result_text(row | {"open": 0, "unprotected": 0}) == "nothing new to archive"
