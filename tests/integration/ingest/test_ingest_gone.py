"""Files that had gone when they were to be read: found again where they are, and said to be missing where not."""

from pathlib import Path

import asyncpg
from nats.aio.client import Client

from services.ingest.gone import look_for_gone
from shared.bus.outbox import OutboxRelay
from shared.events.file import GONE
from shared.settings import Settings
from tests.integration.ingest.world import Ingest, configured, fits, ingest, write
from tests.stack import connected_as


async def give_up(stats: asyncpg.Connection, path: str, file_id: str) -> None:
    """What stats knows once the scanner has given a file up."""
    await stats.execute(
        "INSERT INTO quarantine (quarantine_key, file_id, root, path, service, attempt, reason, error, occurred_at)"
        " VALUES ($1, $1, 'card', $2, 'scanner', 1, 'it has gone', $3, now())",
        file_id, path, GONE,
    )  # fmt: skip


async def places(running: Ingest) -> dict[str, bool]:
    """Whether each place is known to be missing."""
    return {row["path"]: row["gone"] for row in await running.rows("SELECT path, missing_since IS NOT NULL AS gone"
                                                                   " FROM location")}  # fmt: skip


async def test_a_file_that_had_gone_is_read_where_it_is_now(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """After a rename the new place is announced; one that came back too; what is nowhere is marked as missing."""
    folder = tmp_path / "card"
    write(folder, {f"{name}.fits": fits(fill=number) for number, name in enumerate(("renamed", "back", "lost"), 1)})
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        await running.take(folder, mode="index")
        rows = await running.rows("SELECT path, file_id FROM location")
        ids = {row["path"].removesuffix(".fits"): row["file_id"] for row in rows}
        (folder / "renamed.fits").rename(folder / "renamed-2.fits")
        (folder / "lost.fits").unlink()
        await running.take(folder, mode="index")
        async with connected_as(settings.postgres, "stats") as stats:
            for name, file_id in ids.items():
                await give_up(stats, f"{name}.fits", file_id)
        relay = OutboxRelay(running.pool, nats_client.jetstream(), "ingest")
        assert await look_for_gone(running.pool, relay) == 2
        assert await places(running) == {
            "renamed.fits": True, "renamed-2.fits": False, "back.fits": False, "lost.fits": True,
        }  # fmt: skip
        again = {event.path: event.scan_revision for event in await running.arrivals() if event.scan_revision > 1}
        assert again == {"renamed-2.fits": 2, "back.fits": 2}
        assert await look_for_gone(running.pool, relay) == 0  # the others are still lost, and these two are being read
        folder.rename(tmp_path / "unplugged")
        assert await look_for_gone(running.pool, relay) == 0
        assert (await places(running))["back.fits"] is False
