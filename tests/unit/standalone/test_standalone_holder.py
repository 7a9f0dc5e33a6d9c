"""Who holds a home, as other processes see it."""

import os
from pathlib import Path

import pytest

from services.standalone.home import LOCK_FILE, Home

_DEAD = 2**22 + 1
"""Above the largest process id of Linux."""


@pytest.mark.parametrize(
    ("text", "holder"),
    [("", None), ("\n", None), (f"{_DEAD}\n", None), (f"{os.getpid()}\n", os.getpid())],
    ids=["emptied", "a line without a number", "of a process that ended", "of one that runs"],
)
def test_the_holder_is_the_process_that_runs(tmp_path: Path, text: str, holder: int | None) -> None:
    """A lock names its holder; one that was emptied, or whose process has ended, names nobody."""
    (tmp_path / LOCK_FILE).write_text(text)
    assert Home(tmp_path).holder() == holder


def test_a_holder_that_takes_no_signal_of_ours_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root without the capability to send signals, as in a closed container, sees that another user's `up` runs."""

    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    (tmp_path / LOCK_FILE).write_text("4242\n")
    monkeypatch.setattr(os, "kill", refuse)
    assert Home(tmp_path).holder() == 4242
