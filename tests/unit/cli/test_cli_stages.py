"""What `status` says of the stages."""

from dataclasses import replace

from services.cli.status import Stages, stages_text

QUIET = Stages(
    arrived=3,
    on_the_way=0,
    scanned=2,
    quarantined=1,
    waiting=0,
    failed=0,
    kept_sources=0,
    open_sessions=1,
    adds_up=True,
)


def test_moved_files_that_stayed_at_the_source_are_told() -> None:
    """Files that `move` could not delete are said, with where the reasons are; nothing is said where there are none."""
    assert "source" not in stages_text(QUIET)
    assert (
        "2 moved files could not be deleted at the source; the view ingest.kept_source has the reasons"
        in stages_text(replace(QUIET, kept_sources=2)).splitlines()
    )


def test_what_could_not_be_taken_is_told_with_the_latest_reasons() -> None:
    """A few reasons stand under the count, harmless to a terminal, with where to find the others."""
    reasons = (
        "/captures/bad\\xff.fit: the name is not UTF-8; rename it",
        "/captures/a\x1b[31m.fit cannot be read: EIO",
    )
    text = stages_text(replace(QUIET, failed=5, failures=reasons))
    assert text.splitlines()[1:5] == [
        "5 files could not be taken from the sources and are tried again at each scan",
        "  /captures/bad\\xff.fit: the name is not UTF-8; rename it",
        "  /captures/a\\x1b[31m.fit cannot be read: EIO",
        "  and 3 more: the view ingest.not_taken has them all",
    ]
