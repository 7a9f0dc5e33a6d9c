"""Hints name the program as the person who reads them can call it."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from services.standalone import calling


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment below the current folder whose program is running; the shell does not find it."""
    script = tmp_path / ".venv" / "bin" / "nightbus"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return script


def test_a_program_off_the_path_is_named_by_its_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `make setup` hints say .venv/bin/nightbus, and from elsewhere the whole path."""
    assert calling.command("up") == ".venv/bin/nightbus up"
    elsewhere = installed.parents[2] / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert calling.command("up") == shlex.join([str(installed), "up"])


def test_a_program_on_the_path_is_named_by_its_name(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shell finds this very program, its name is enough; another of that name does not count."""
    monkeypatch.setenv("PATH", f"{installed.parent}:/usr/bin")
    assert calling.command("up") == "nightbus up"
    other = installed.parents[2] / "other" / "nightbus"
    other.parent.mkdir()
    other.write_text("")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}:/usr/bin")
    assert calling.command("up") == ".venv/bin/nightbus up"


def test_a_hint_can_be_pasted_into_a_shell(installed: Path) -> None:
    """A folder with blanks and quotes reaches the program as it is."""
    home = "my 'nas'; $HOME"
    line = calling.command("status", "--home", Path(home))
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["status", "--home", home]
