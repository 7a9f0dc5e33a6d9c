"""What `nightbus ingest` says while it waits, where there is no terminal."""

import pytest

from services.cli.ingest import SETTLED_AFTER_S, _Progress
from shared.inert import sentence as printable


def test_files_that_are_waited_for_are_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Files that rest for a moment are not worth a line; those that stay incomplete are named, once."""
    clock = [0.0]
    files = ["a\n.fit: truncated: declares 9 bytes, has 5", "b.fit: it changed a moment ago"]
    with _Progress(now=lambda: clock[0]) as progress:
        for _ in range(40):
            progress.show("importing", 31, 34)
            progress.wait_for(3, files)
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
