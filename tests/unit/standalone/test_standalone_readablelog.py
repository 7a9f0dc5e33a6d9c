"""The one log of `nightbus up`, whatever the processes print and wherever its own output goes."""

import json
import sys
from pathlib import Path

import pytest

from services.standalone.readablelog import LINE_CHARS, ReadableLog

PRINTED = (
    '{"event": "as it should be"}', "{half a line}", '{"event": "cut', "{'python': 1}", "{}", "{" * 5000 + "}" * 5000,
    '{"a": 1} {"b": 2}', '{"text": "' + "x" * 10**6 + '"}', "\x1b[31mred\x00", '{"a": "\x07"}',
)  # fmt: skip


def test_each_line_is_one_object_whatever_was_printed(tmp_path: Path) -> None:
    """What only looks like JSON, is cut or has control characters becomes the event of an object."""
    path = tmp_path / "nightbus.log"
    with ReadableLog(path, terminal=False, as_json=True) as log:
        for text in PRINTED:
            log.line("stats", text)
    lines = path.read_text().splitlines()
    assert len(lines) == len(PRINTED)
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert json.loads(lines[0]) == {"event": "as it should be"}
    assert json.loads(lines[1])["event"] == "{half a line}"
    assert max(map(len, lines)) < 2 * LINE_CHARS


def test_a_full_disk_under_the_terminals_output_keeps_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nightbus up > FILE` on a disk that is full: the log of the home goes on."""
    path = tmp_path / "nightbus.log"
    full = Path("/dev/full").open("w")  # noqa: SIM115 - its close says that the disk is full, and is looked at
    with monkeypatch.context() as patch, ReadableLog(path) as log:
        patch.setattr(sys, "stdout", full)
        for number in range(3):
            log.line("stats", f"line {number}")
    with pytest.raises(OSError, match="No space left"):
        full.close()
    assert [line.split("| ")[1] for line in path.read_text().splitlines()] == ["line 0", "line 1", "line 2"]
