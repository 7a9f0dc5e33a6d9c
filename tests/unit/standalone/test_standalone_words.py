"""What `up` and `demo` say to a person, as far as it needs no stack."""

import errno
import io
import logging
import os
import shlex
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import TextIO, cast

import asyncpg
import pytest
from rich.console import Console

from services.cli.main import app
from services.descriptions import NAMES
from services.standalone import readablelog
from services.standalone.app import read_from
from services.standalone.demo import Place, _announced, _print_sum, _print_where_next
from services.standalone.readablelog import Kept, OwnLines, ReadableLog
from services.standalone.simulation import Anomaly, FileTruth, NightManifest
from shared.errors import UserError
from shared.logging import SETTLED, configure_logging, get_logger
from shared.settings import LogSettings

UP = f"{'up':<{max(len(name) for name in NAMES)}} | "
"""How a line of `up` itself begins: names of services are one column."""


@pytest.mark.parametrize("kept", [True, False])
def test_commands_of_the_demo_work_as_printed(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However narrow the terminal, each command is on one line, names the program and is understood by it."""
    monkeypatch.setattr(sys, "argv", ["x"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nightbus").touch()
    monkeypatch.chdir(tmp_path)
    output = io.StringIO()
    home = Path("/nas/my 'captures' of a rather long name") / ("deep" * 30)
    _print_where_next(Console(file=output, width=40), Place(home / "captures", home / "home", kept))
    found = [line.split("   ")[0].strip() for line in output.getvalue().splitlines() if "bin/nightbus" in line]
    assert len(found) == (3 if kept else 2)
    for line in found:
        program, *words = shlex.split(line)
        assert program == "bin/nightbus"
        assert app([*words, "--help"], standalone_mode=False) in (0, None)
        assert not kept or str(home / "home") in words
    capsys.readouterr()


def test_what_up_logs_itself_is_in_the_one_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of its own look like those of the services, on a pipe too, and are in nightbus.log as well."""
    with ReadableLog(tmp_path / "nightbus.log") as log:
        configure_logging(LogSettings(format="console"), "up", cast("TextIO", OwnLines(log)))
        get_logger("x").info("stream created", stream="NIGHTBUS")
        logging.getLogger("other").warning("two\nlines")
    shown = capsys.readouterr().out
    assert shown == (tmp_path / "nightbus.log").read_text()
    assert all(line.startswith(UP) for line in shown.splitlines())
    assert "stream created" in shown.splitlines()[0]
    assert "stream=NIGHTBUS" in shown.splitlines()[0]


def test_up_says_which_settings_it_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that holds is named, and where there is none, the place where one was looked for."""
    monkeypatch.delenv("NIGHTBUS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert read_from() == f"no nightbus.toml found, looked at {tmp_path}/nightbus.toml; defaults and environment hold"
    (tmp_path / "nightbus.toml").touch()
    assert read_from() == f"settings of {tmp_path}/nightbus.toml"
    monkeypatch.setenv("NIGHTBUS_CONFIG", "/etc/nightbus/other.toml")
    assert read_from() == "settings of /etc/nightbus/other.toml"


class _Counts:
    """A database that has counted."""

    async def fetchrow(self, _query: str) -> dict[str, int]:
        """The one row."""
        return {"files": 4, "scanned": 3, "quarantined": 1}


async def test_the_files_of_the_demo_add_up() -> None:
    """What was written is what arrived and what stayed out, with its reason; what arrived is scanned or quarantined."""
    anomalies = [None, None, None, Anomaly.NOT_FITS, Anomaly.DUPLICATE, Anomaly.DUPLICATE, Anomaly.UNFINISHED]
    files = tuple(FileTruth("a", 1, None, date(2025, 10, 20), anomaly=anomaly) for anomaly in anomalies)
    output = io.StringIO()
    nights = [NightManifest(date(2025, 10, 20), 1, "full", files)]
    await _print_sum(Console(file=output, width=60), cast("asyncpg.Connection", _Counts()), nights)
    assert output.getvalue() == (
        "  7 files written = 4 arrived + 2 second copies of files + 1 unfinished upload (.part)\n"
        "  4 arrived = 3 scanned + 1 quarantined\n"
    )


def _space(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    usage = shutil._ntuple_diskusage(10**15, 0, free_bytes)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)


def test_the_demo_says_first_what_it_will_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and folder are told before anything is written, and a disk without room is refused."""
    output = io.StringIO()
    place = Place(tmp_path / "captures", tmp_path / "home", kept=True)
    _space(monkeypatch, 10**12)
    with _announced(Console(file=output, width=40), place, 99):
        assert (
            output.getvalue()
            == f"99 nights, the library's copy and the archive of them: about 57.1 GB, in {tmp_path}\n"
        )
    _space(monkeypatch, 10**9)
    with (
        pytest.raises(UserError, match=r"about 57\.1 GB, in .*; but only 1\.0 GB are free there: play fewer nights"),
        _announced(Console(file=output), place, 99),
    ):
        pytest.fail("it began all the same")
    assert list(tmp_path.iterdir()) == []


class _FullDisk:
    """The file of a log on a disk that is full for so many writes."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.content = b""

    def write(self, data: bytes) -> int:
        """Take all of it, or refuse."""
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.content += data
        return len(data)

    def close(self) -> None:
        """Nothing is open."""


def test_the_log_survives_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that cannot be kept are still shown, and their number is written as soon as there is room again."""
    with ReadableLog(tmp_path / "nightbus.log") as log:
        log._file.close()
        log._file = full = _FullDisk(3)  # type: ignore[assignment]
        for number in range(5):
            log.line("up", f"line {number}")
    assert full.content.decode().splitlines() == [
        "3 lines are missing here: the disk was full", f"{UP}line 3", f"{UP}line 4"
    ]  # fmt: skip
    assert [line[len(UP) :] for line in capsys.readouterr().out.splitlines()] == [
        f"line {number}" for number in range(5)
    ]


def test_a_full_log_is_put_aside_and_no_line_is_lost(tmp_path: Path) -> None:
    """Every line stands once in one of the files, in order, as long as that many files are kept; older ones go."""
    kept = Kept(limit_bytes=200, files=3)
    with ReadableLog(tmp_path / "nightbus.log", terminal=False, kept=kept) as log:
        for number in range(40):
            log.line("up", f"line {number:02}")
    names = ["nightbus.log.3", "nightbus.log.2", "nightbus.log.1", "nightbus.log"]
    texts = [(tmp_path / name).read_text() for name in names]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert all(0 < len(text) <= 200 for text in texts)
    lines = "".join(texts).splitlines()
    assert lines == [f"{UP}line {number:02}" for number in range(40 - len(lines), 40)]
    assert len(lines) > 30
    with ReadableLog(tmp_path / "nightbus.log", terminal=False, kept=kept) as log:
        log.line("up", "x" * 150)
    assert len((tmp_path / "nightbus.log").read_text()) <= 200


def test_a_log_without_room_for_a_new_file_grows_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no new file keeps the lines in the old one."""
    with ReadableLog(tmp_path / "nightbus.log", terminal=False, kept=Kept(limit_bytes=100, files=2)) as log:
        log.line("up", "first")

        def full(_path: Path) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(readablelog, "_opened", full)
        for number in range(20):
            log.line("up", f"line {number}")
    assert (tmp_path / "nightbus.log").read_text().count("\n") == 21
    assert [path.name for path in tmp_path.iterdir()] == ["nightbus.log"]


def test_a_person_at_a_terminal_is_spared_the_line_of_each_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in the file; where the output goes to a program they are there too."""
    for watched in (True, False):
        monkeypatch.setattr(sys.stdout, "isatty", lambda watched=watched: watched, raising=False)
        with ReadableLog(tmp_path / f"{watched}.log") as log:
            log.line("stats", f"2026-03-01 [info     ] {SETTLED} subject=file.scanned")
        assert (SETTLED in capsys.readouterr().out) is not watched
        assert SETTLED in (tmp_path / f"{watched}.log").read_text()
