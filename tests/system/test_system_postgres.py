"""The oldest PostgreSQL that is supported: migrations and the heaviest SQL on the distribution's own server."""

import pytest

from tests.stack import INSTALLED_POSTGRES
from tests.system.suite import passes

OLDEST = 15
PARTS = ("db", "stats/test_stats_counting.py", "stats/test_stats_order.py", "bus/test_bus_transaction.py")


@pytest.mark.timeout(1860)
def test_the_suite_passes_on_an_installed_postgres() -> None:
    """On PostgreSQL 15 migrations go up and down, and counting, inbox and outbox do as promised."""
    versions = sorted(int(path.name) for path in INSTALLED_POSTGRES.glob("[0-9]*") if (path / "bin/initdb").is_file())
    usable = [version for version in versions if version >= OLDEST]
    if not usable:
        pytest.skip(f"there is no {INSTALLED_POSTGRES}/{OLDEST}: the Debian package postgresql is not installed")
    summary = passes(f"postgresql-{usable[0]}", PARTS, 1800)
    print(f"PostgreSQL {usable[0]}: {summary}")
