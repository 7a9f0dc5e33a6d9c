"""A home of version 0.1 is opened by `up` of today: nothing is lost, and it goes on."""

import asyncio
from typing import Any

import pytest

from services.descriptions import SCHEMAS
from services.standalone.simulation import tiny_frames
from shared.db.migrate import migrate
from shared.settings import PostgresSettings
from tests.e2e.running import QUICK, Up, up
from tests.stack import open_folder
from tests.upgrade.home import STORE, V01, listing, restored

pytestmark = pytest.mark.usefixtures("embedded_stack")


async def _migrate(settings: PostgresSettings, revision: str) -> None:
    await migrate(settings, SCHEMAS, revision)


def totals(stack: Up) -> dict[str, Any]:
    """What the listings say that must stay, whatever else they say today."""
    counts = stack.json("status")["counts"]
    return {
        "captures": stack.json("captures"),
        "sessions": stack.json("sessions"),
        "dead letters": stack.json("dead-letters", "list"),
        "counts": {name: counts[name] for name in ("arrived", "scanned", "quarantined", "waiting", "adds_up")},
    }


def test_a_home_of_v01_is_upgraded_with_its_totals() -> None:
    """Totals equal, consumers go on where they were, nothing is delivered again, and new files are counted."""
    counts = listing(V01, "status")["stages"]  # as version 0.1 called them
    before = {
        "captures": listing(V01, "captures"),
        "sessions": listing(V01, "sessions"),
        "dead letters": listing(V01, "dead-letters"),
        "counts": {name: counts[name] for name in ("arrived", "scanned", "quarantined", "waiting", "adds_up")},
    }
    with open_folder() as folder:
        asyncio.run(restored(V01, folder / "home", _migrate)).close()
        with up(folder / "home", **QUICK) as stack:
            assert totals(stack) == before
            services = {row["service"]: row for row in stack.json("status")["services"]}
            assert all(row["running"] and row["on"] and row["waiting"] == 0 for row in services.values())
            assert services["stats"]["handled"] >= before["counts"]["arrived"]
            tiny_frames(folder / "new", 3, 1)
            stack.run("ingest", str(folder / "new"), "--mode", "index", "--wait")
            _until_counted(stack, before["counts"]["arrived"] + 3)
        at_rest = folder / "home" / STORE / "jetstream"
        assert [found.name for found in at_rest.iterdir()] == ["$G"], "where that version looks for its streams"
        with up(folder / "home", **QUICK) as again:
            assert again.json("status")["counts"]["arrived"] == before["counts"]["arrived"] + 3


def _until_counted(stack: Up, files: int) -> None:
    for _ in range(60):
        counts = stack.json("status")["counts"]
        if counts["scanned"] + counts["quarantined"] == files:
            return
    raise AssertionError(counts)
