"""The words of `stats check`, `stats rebuild` and of the last check in `status`."""

from datetime import UTC, datetime
from typing import Any

from services.cli.stats import result_text
from services.cli.status import check_text

ROW: dict[str, Any] = {
    "task": "check", "state": "done", "reason": None, "frames": 4, "differences": 2, "mended": 1, "read_anew": 1,
    "left_alone": 0, "dry_run": False, "lines": ["session X: files is 3, the frames say 2", "frame\x1b: lost"],
    "finished_at": datetime(2024, 3, 2, 8, tzinfo=UTC),
    "started_at": datetime(2024, 3, 2, 7, 59, tzinfo=UTC), "compared_until": datetime(2024, 3, 2, 7, 49, 1, tzinfo=UTC),
    "not_compared": 0, "again_at": None,
}  # fmt: skip


def test_a_check_says_what_differed_and_what_was_done() -> None:
    """The result names the rows, inert, and how many were put right or are read anew."""
    assert result_text(ROW).splitlines() == [
        "4 frames: 2 rows differ",
        "  session X: files is 3, the frames say 2",
        "  frame\\x1b: lost",
        "1 row put right, 1 file read anew",
    ]
    assert result_text(ROW | {"dry_run": True}).endswith("nothing was changed")
    assert result_text(ROW | {"differences": 0, "lines": []}) == "4 frames: all counts agree"
    rebuilt = ROW | {"task": "rebuild"}
    assert result_text(rebuilt).endswith("all counts were written anew")
    assert result_text(rebuilt | {"differences": 0}) == "4 frames: all counts were written anew; none differed"
    assert result_text(rebuilt | {"differences": 0, "dry_run": True}) == "4 frames: all counts agree"
    assert result_text(ROW | {"state": "failed", "reason": "why"}) == "the check failed: why"


def test_a_file_that_differs_is_named_by_a_short_id_and_its_path() -> None:
    """Nobody reads 64 digits: the first of them, and the path where the file is known."""
    row = ROW | {"lines": [f"frame {'a' * 64}: lost", f"quarantine {'b' * 64}: the file was scanned"]}
    assert result_text(row, {"a" * 64: "library/M 31.fits"}).splitlines()[1:3] == [
        "  frame aaaaaaaaaaaa (library/M 31.fits): lost",
        "  quarantine bbbbbbbbbbbb: the file was scanned",
    ]


def test_status_tells_of_the_last_check() -> None:
    """One line: never yet, all agree, or what differed."""
    assert check_text(None).startswith("the counts have not been compared")
    assert (
        check_text(ROW | {"differences": 0})
        == "counts, frames and files were compared at 2024-03-02 08:00 UTC: all agree"
    )
    assert check_text(ROW).endswith("2 rows differed, 1 put right, 1 file read anew")


def test_what_was_not_compared_is_said() -> None:
    """Files that came just now are left out by a check and all by a rebuild: none says that all agree and no more."""
    row = ROW | {"differences": 0, "lines": [], "not_compared": 3}
    words = "3 files that arrived less than 10 minutes"
    assert result_text(row).splitlines() == ["4 frames: all counts agree", f"{words} ago were not compared"]
    assert check_text(row).endswith(f"all agree; {words} before were not compared")
    again = ROW | {"not_compared": 1, "again_at": datetime(2024, 3, 2, 8, 9, tzinfo=UTC)}
    assert result_text(again).splitlines()[-1] == (
        "1 file that arrived less than 10 minutes ago was not compared; a further check does that at 08:09 UTC"
    )
    rebuilt = ROW | {"task": "rebuild", "compared_until": None}
    assert result_text(rebuilt).splitlines()[-1] == "the files were not compared; `nightbus stats check` does that"
