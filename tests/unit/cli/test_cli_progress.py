"""What `nightbus ingest` says while it waits, where there is no terminal."""

from typing import Any

import pytest

from services.cli.ingest import HELD_UP_AFTER_S, SETTLED_AFTER_S, STUCK_AFTER_S, _Progress
from shared.inert import sentence as printable

ROW: dict[str, Any] = {"waiting": 0, "waiting_for": [], "in_hand": [], "held_up_by": None}


def test_a_line_of_a_pipe_names_no_total_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything was found there is nothing of nothing to tell; then each line says so many of so many."""
    clock = [0.0]
    with _Progress(now=lambda: clock[0]) as progress:
        for done, total in ((0, 0), (0, 400), (120, 400)):
            clock[0] += 10.0
            progress.show("importing", done, total)
    assert capsys.readouterr().err.splitlines() == [
        "importing: looking for files",
        "importing 0 of 400",
        "importing 120 of 400",
    ]


def test_files_that_are_waited_for_are_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Files that rest for a moment are not worth a line; those that stay incomplete are named, once."""
    clock = [0.0]
    files = ["a\n.fit: truncated: declares 9 bytes, has 5", "b.fit: it changed a moment ago"]
    with _Progress(now=lambda: clock[0]) as progress:
        for _ in range(40):
            progress.show("importing", 31, 34)
            progress.wait_for(ROW | {"waiting": 3, "waiting_for": files})
            said = capsys.readouterr().err
            if clock[0] <= SETTLED_AFTER_S:
                assert "waiting" not in said
            elif clock[0] <= SETTLED_AFTER_S + 1:
                assert "waiting for 3 files to be complete:" in said
                assert printable(files[0]) in said
                assert "and 1 more" in said
            else:
                assert "waiting for" not in said
            clock[0] += 1.0


def test_what_holds_an_import_up_is_said_soon_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The library or room that is waited for is one line, whatever its numbers become, and so is that it goes on."""
    clock = [0.0]
    said = []
    with _Progress(now=lambda: clock[0]) as progress:
        for second in range(90):
            clock[0] = float(second)
            held_up_by = f"the library: no marker\n; {second} bytes are free" if second < 80 else None
            progress.show("importing", 0, 0)
            progress.wait_for(ROW | {"held_up_by": held_up_by})
            said += [(second, line) for line in capsys.readouterr().err.splitlines()]
    first = int(HELD_UP_AFTER_S) + 1
    assert said == [(first, f"waits for the library: no marker\\n; {first} bytes are free"), (80, "goes on")]
    assert first < STUCK_AFTER_S < 80


def test_a_large_file_is_taken_and_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """What is being hashed is complete: it is named once, with how far it is."""
    clock = [0.0]
    with _Progress(now=lambda: clock[0]) as progress:
        for second in range(60):
            clock[0] = float(second)
            progress.show("importing", 5, 6)
            progress.wait_for(ROW | {"waiting": 1, "in_hand": [f"a/b: c.ser: {second} MB of 3.0 GB are read"]})
    assert capsys.readouterr().err == (f"being taken: a/b: c.ser: {int(SETTLED_AFTER_S) + 1} MB of 3.0 GB are read\n")
