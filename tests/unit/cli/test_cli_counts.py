"""What `status` says of the counts."""

from dataclasses import replace
from datetime import UTC, datetime

from services.cli.counts import Counts, counts_text
from services.cli.status import source_word, sources_text

QUIET = Counts(
    arrived=2,
    on_the_way=0,
    scanned=2,
    quarantined=0,
    waiting=0,
    failed=0,
    kept_sources=0,
    open_sessions=1,
    adds_up=True,
)


def test_moved_files_that_stayed_at_the_source_are_told() -> None:
    """Files that `move` could not delete are said, with where the reasons are; nothing is said where there are none."""
    assert "source" not in counts_text(QUIET)
    assert (
        "2 moved files could not be deleted at the source; "
        "`nightbus sql -- -c 'SELECT * FROM ingest.kept_source'` has the reasons"
        in counts_text(replace(QUIET, kept_sources=2)).splitlines()
    )


def test_files_that_wait_for_a_backup_are_told_and_are_no_failure() -> None:
    """How many stay at their source, how large they are and who names them; and that without a destination all stay."""
    words = (
        "1 file (5.0 MB) at the source until read back from an archive; "
        "`nightbus sql -- -c 'SELECT * FROM ingest.awaited_backup'` names them"
    )
    waiting = replace(QUIET, awaiting_backup=1, awaiting_backup_bytes=5_000_000)
    assert words in counts_text(waiting).splitlines()
    without = counts_text(replace(waiting, has_destination=False))
    assert f"{words}. No destination is set, so they stay: see `nightbus backup setup`" in without.splitlines()


def test_files_of_which_no_event_is_kept_are_told() -> None:
    """How many are still to be read anew and how many are away, with where the reasons are; nothing where all are."""
    assert "read anew" not in counts_text(QUIET)
    words = "12 files scanned before headers were kept whole: 12 still to be read anew, in the background, 0 away"
    assert words in counts_text(replace(QUIET, to_read_anew=12)).splitlines()
    words = (
        "1 file scanned before headers were kept whole: 0 still to be read anew, in the background, 1 away; "
        "`nightbus sql -- -c 'SELECT * FROM stats.unkept_file'` has the reasons"
    )
    assert words in counts_text(replace(QUIET, away=1)).splitlines()


def test_quarantined_files_are_told_with_the_latest_reasons() -> None:
    """A count alone helps nobody: a few files stand below it with their reasons, and what can be done."""
    text = counts_text(replace(QUIET, quarantined=2, reasons=("library/notes.fit: it is a \x1b[31mtext",)))
    assert text.splitlines()[1:4] == [
        "  library/notes.fit: it is a \\x1b[31mtext",
        "  and 1 more quarantined: `nightbus sql -- -c 'SELECT * FROM stats.quarantined'` has all reasons",
        "  `nightbus reread --quarantined` reads them anew, `nightbus dismiss` takes one out of the count",
    ]


def test_sessions_of_nights_that_are_over_are_not_called_open() -> None:
    """After an import of old nights nothing is open: their sessions only wait until no more files come."""
    assert counts_text(QUIET).splitlines()[-1] == "1 session is open"
    text = counts_text(replace(QUIET, open_sessions=3, closing_sessions=3)).splitlines()[-1]
    assert text == "0 sessions are open, 3 sessions whose nights are over close once no more files come"


def test_what_could_not_be_taken_is_told_with_the_latest_reasons() -> None:
    """A few reasons stand under the count, harmless to a terminal, with where to find the others."""
    reasons = (
        "/captures/bad\\xff.fit: the name is not UTF-8; rename it",
        "/captures/a\x1b[31m.fit cannot be read: EIO",
    )
    text = counts_text(replace(QUIET, failed=5, failures=reasons))
    assert text.splitlines()[1:5] == [
        (
            "5 files could not be taken: those of watched sources are tried again at each walk, those of an import by "
            "`nightbus ingest` of the same paths"
        ),
        "  /captures/bad\\xff.fit: the name is not UTF-8; rename it",
        "  /captures/a\\x1b[31m.fit cannot be read: EIO",
        "  and 3 more: `nightbus sql -- -c 'SELECT * FROM ingest.not_taken'` has all",
    ]


def test_a_source_is_called_by_what_was_seen_of_it() -> None:
    """Watched, looked at again, not reachable or foreign; the reason and what is waited for stand below."""
    row = {
        "source": "seestar", "state": "reachable", "reason": None, "hints": True, "unfinished": 3,
        "walked_at": datetime(2026, 1, 1, tzinfo=UTC), "unfinished_for": ["a.fit: it changed a moment ago"],
    }  # fmt: skip
    assert source_word(row) == "watched"
    assert source_word(row | {"hints": False}) == "looked at again and again"
    assert source_word(row | {"walked_at": None}) == "first look"
    assert source_word(row | {"state": "foreign"}) == "foreign or empty"
    away = row | {"state": "away", "reason": "/mnt/seestar cannot be read: No such file or directory"}
    assert source_word(away) == "not reachable"
    assert sources_text([away]).splitlines() == [
        "source seestar: /mnt/seestar cannot be read: No such file or directory",
        "source seestar waits for a.fit: it changed a moment ago",
        "source seestar waits for 2 more files",
    ]


def test_what_became_of_the_library_is_told() -> None:
    """Files that have gone, copies that were damaged, and a library that could not be looked at, each in a line."""
    text = counts_text(QUIET)
    assert "gone" not in text
    assert "damaged" not in text
    lines = counts_text(replace(QUIET, missing=1, damaged=2, library_problem="a\nproblem")).splitlines()
    what = "`nightbus files --missing` names them, `nightbus ingest PATH` of the originals brings them back"
    assert f"1 file has gone from the library: {what}" in lines
    assert "1 damaged copy in the library was replaced and is kept" in counts_text(replace(QUIET, damaged=1))
    assert (
        "2 damaged copies in the library were replaced and are kept; "
        "`nightbus sql -- -c 'SELECT * FROM ingest.damaged_copy'` says where"
    ) in lines
    assert "a\\nproblem" in lines
    assert "a\\nproblem" in lines


def test_what_is_unknown_forgotten_or_offline_is_told() -> None:
    """Captures that no place tells of, contents that were forgotten and roots that are away: a line each."""
    assert "unknown" not in counts_text(QUIET)
    reason = "the root nas is offline: /mnt/nas does not answer"
    lines = counts_text(replace(QUIET, strangers=1, forgotten=3, offline=(reason,))).splitlines()
    assert "1 unknown capture in the library: left alone, and counted nowhere" in lines
    assert "forgotten: 3; `nightbus sql -- -c 'SELECT * FROM ingest.forgotten_file'` has the reasons" in lines
    assert f"{reason}; its files stay in all totals" in lines
