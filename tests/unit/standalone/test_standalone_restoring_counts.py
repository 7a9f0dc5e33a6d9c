"""Promises of what a restore of everything tells of its files, however many there are."""

from services.backup.restore.restore import Failure
from services.backup.restore.wanted import Copy
from services.standalone.restoring.files import MOST_NAMED, Files


def test_failures_are_counted_and_the_first_are_named() -> None:
    """A disk that is full fails every file: all are counted, and memory holds no more than the first by name."""
    files = Files()
    copy = Copy("disk", "a.tar", packed=False, position=0, file_id="0" * 64, member="m", size_bytes=1, stored_offset=0,
                stored_bytes=1)  # fmt: skip
    for page in range(30):
        files.fail([Failure(f"{page}/{n}", "no room", copies=(copy,)) for n in range(100)])
        files.rename([(f"{page}/{n}", "other") for n in range(100)])
    assert (files.failed, files.renamed_count) == (3000, 3000)
    assert len(files.failures) == len(files.renamed) == MOST_NAMED
    assert (files.failures[0].name, files.failures[-1].name) == ("0/0", "9/99")
    assert files.failures[0].copies == ()
