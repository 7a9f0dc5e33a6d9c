"""The unit of systemd: it is one that systemd takes, and what it says of being closed holds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import Program

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "systemd" / "nightbus.service"
MOST_EXPOSED = 3.0
"""Of 10, by `systemd-analyze security`: below 5 is called "ok" there."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is here in the place of the one in /opt."""
    program = tmp_path / "nightbus"
    program.symlink_to(Path(sys.executable).with_name("nightbus"))
    text = UNIT.read_text().replace("/opt/nightbus/.venv/bin/nightbus", str(program))
    text = re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE)  # which this machine does not have
    written = tmp_path / "nightbus.service"
    written.write_text(text)
    return written


def test_systemd_finds_nothing_wrong_with_the_unit(program: Program, unit: Path) -> None:
    """`systemd-analyze verify` takes every line of it without a word."""
    analyze = program("systemd-analyze", "systemd")
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, ours) == (0, [])


def test_the_unit_is_closed(program: Program) -> None:
    """Judged by systemd's own measure, without being loaded, it is exposed less than an ordinary service."""
    analyze = program("systemd-analyze", "systemd")
    words = [analyze, "security", "--offline=true", "--no-pager", str(UNIT)]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) < MOST_EXPOSED, said
