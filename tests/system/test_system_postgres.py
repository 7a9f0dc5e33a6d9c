"""The oldest PostgreSQL that is supported: migrations and the heaviest SQL on the distribution's own server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import INSTALLED_POSTGRES

REPOSITORY = Path(__file__).resolve().parents[2]
OLDEST = 15
FOLDERS = ("db", "stats/test_stats_counting.py", "stats/test_stats_order.py", "bus/test_bus_transaction.py")


@pytest.mark.timeout(400)
def test_the_suite_passes_on_an_installed_postgres() -> None:
    """On PostgreSQL 15 migrations go up and down, and counting, inbox and outbox do as promised."""
    versions = sorted(int(path.name) for path in INSTALLED_POSTGRES.glob("[0-9]*") if (path / "bin/initdb").is_file())
    usable = [version for version in versions if version >= OLDEST]
    if not usable:
        pytest.skip(f"there is no {INSTALLED_POSTGRES}/{OLDEST}: the Debian package postgresql is not installed")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *(f"tests/integration/{name}" for name in FOLDERS),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "NIGHTBUS_TEST_STACK": f"postgresql-{usable[0]}"},
        capture_output=True,
        text=True,
        timeout=390,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    summary = done.stdout.strip().splitlines()[-1]
    assert int(re.findall(r"(\d+) passed", summary)[0]) > 30, summary
    print(f"PostgreSQL {usable[0]}: {summary}")
