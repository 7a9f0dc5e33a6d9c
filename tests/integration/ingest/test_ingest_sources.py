"""What is known of each source: green comes from a real read, never from a setting; failures end when they are over."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from nats.aio.client import Client

from services.ingest import follow, watch
from services.ingest.forgetting import forget_failures
from services.ingest.settings import SourceSettings
from services.ingest.walker import Walker
from shared.settings import Settings
from tests.integration.ingest.world import Ingest, Row, configured, fits, ingest, until, write

NEVER_S = 3600.0


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses, the same rules."""
    monkeypatch.setattr(follow, "DEBOUNCE_S", 0.1)
    monkeypatch.setattr(watch, "MISSING_POLL_S", 0.1)
    monkeypatch.setattr(follow, "GONE_S", 0.1)
    monkeypatch.setattr(watch, "REACH_EVERY_S", 0.2)


def rig(path: Path, **more: object) -> SourceSettings:
    """A watched source."""
    return SourceSettings.model_validate(
        {"name": "rig", "path": path, "walk_interval_s": NEVER_S, "settle_s": 0.0, **more}
    )


async def state(running: Ingest) -> Row | None:
    """The source as `status` shows it."""
    rows = await running.rows("SELECT * FROM source_status")
    return rows[0] if rows else None


async def until_state(running: Ingest, **expected: object) -> Row:
    """Wait until the source is so; what it is then."""

    async def so() -> bool:
        row = await state(running)
        return row is not None and all(row[name] == value for name, value in expected.items())

    await until(so)
    row = await state(running)
    assert row is not None
    return row


async def test_a_source_tells_its_last_walk(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """Reachable and watched, when it was read and walked, what was found, and which files are unfinished and why."""
    folder = tmp_path / "captures"
    write(folder, {"a.fits": fits(fill=1), "notes.txt": b"clouds", "half.fits": fits(width=100)[:4000]})
    configuration = configured(settings, tmp_path, rig(folder), incomplete_wait_s=NEVER_S)
    async with ingest(configuration, nats_client) as running:
        row = await until_state(running, state="reachable", hints=True, unfinished=1, found=3)
        assert row["reached_at"] is not None
        assert row["walked_at"] is not None
        assert row["unfinished_for"][0].startswith("half.fits: ")
        assert (row["path"], row["not_taken"], row["reason"]) == (str(folder), 0, None)


async def test_a_source_that_is_away_is_not_green(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """A folder that never was there, goes away or comes back is told so within a minute, whatever the settings say."""
    folder = tmp_path / "captures"
    async with ingest(configured(settings, tmp_path, rig(folder)), nats_client) as running:
        row = await until_state(running, state="away")
        assert row["reason"] == f"{folder} cannot be read: No such file or directory"
        assert (row["reached_at"], row["walked_at"], row["hints"]) == (None, None, False)
        write(folder, {"a.fits": fits(fill=1)})
        first = await until_state(running, state="reachable", found=1)
        shutil.rmtree(folder)
        row = await until_state(running, state="away")
        assert row["reached_at"] >= first["reached_at"]


async def test_a_busy_source_is_read_again_and_again(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a file is unfinished, and while a walk takes long, the last read goes on; away is told then too."""
    folder = tmp_path / "captures"
    write(folder, {"half.fits": fits(width=100)[:4000]})
    configuration = configured(settings, tmp_path, rig(folder), incomplete_wait_s=NEVER_S)
    async with ingest(configuration, nats_client) as running:
        first = await until_state(running, unfinished=1)

        async def read_again() -> bool:
            row = await state(running)
            return row is not None and row["reached_at"] > first["reached_at"]

        await until(read_again)
        walking = asyncio.Event()

        async def endless(*_: object, **__: object) -> None:
            walking.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(Walker, "walk", endless)
        write(folder, {"more.fits": fits(fill=2)})
        await asyncio.wait_for(walking.wait(), 20)
        first = await until_state(running, state="reachable")
        await until(read_again)
        shutil.rmtree(folder)
        await until_state(running, state="away")


async def test_what_a_source_holds_is_counted_as_files_come_and_go(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """The number of files is that of the last look at each folder, and not of the last walk over all of them."""
    folder = tmp_path / "captures"
    write(folder, {"a.fits": fits(fill=1), "night/b.fits": fits(fill=2), "night/notes.txt": b"clouds"})
    async with ingest(configured(settings, tmp_path, rig(folder)), nats_client) as running:
        walked = await until_state(running, hints=True, found=3)
        write(folder, {"night/c.fits": fits(fill=3), "new/d.fits": fits(fill=4), "new/half.part": b"-"})
        await until_state(running, found=6, walked_at=walked["walked_at"])
        (folder / "night/b.fits").unlink()
        (folder / "night/notes.txt").unlink()
        write(folder, {"night/e.fits": fits(fill=5)})
        await until_state(running, found=5, walked_at=walked["walked_at"])


async def test_an_empty_mount_is_told_apart(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """A folder without any of its known files is not called reachable, although it can be read."""
    folder = tmp_path / "captures"
    write(folder, {f"{number}.fits": fits(fill=number) for number in range(5)})
    async with ingest(configured(settings, tmp_path, rig(folder)), nats_client) as running:
        await until_state(running, state="reachable", found=5)
        folder.rename(tmp_path / "unmounted")
        folder.mkdir()
        row = await until_state(running, state="foreign")
        assert "holds none of its known files" in row["reason"]


async def test_a_source_that_is_configured_no_more_is_not_listed(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """Only sources of the settings have a state."""
    folder = tmp_path / "captures"
    folder.mkdir()
    async with ingest(configured(settings, tmp_path, rig(folder)), nats_client) as running:
        await until_state(running, state="reachable")
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        assert await state(running) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
async def test_a_file_that_may_not_be_read_is_told_by_the_source(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """Its source counts it as not taken, until it can be read."""
    folder = tmp_path / "captures"
    write(folder, {"a.fits": fits(fill=1)})
    (folder / "a.fits").chmod(0)
    async with ingest(configured(settings, tmp_path, rig(folder, walk_interval_s=0.5)), nats_client) as running:
        await until_state(running, not_taken=1)
        (folder / "a.fits").chmod(0o600)
        await until_state(running, not_taken=0)


async def test_one_file_that_two_sources_saw_fails_once_and_is_over_when_one_took_it(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """A file below a watched source and an imported folder above it is one failure, and none once it is home."""
    folder = tmp_path / "card" / "captures"
    write(folder, {"a.fits": fits(fill=1), "b.fits": fits(fill=2)})
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        await running.take(tmp_path / "card", mode="index")
        await running.pool.execute("INSERT INTO root (name, path, kind) VALUES ('rig', $1, 'source')", str(folder))
        fail = "UPDATE source_file SET state = 'failed', file_id = NULL, reason = 'EIO' WHERE name = $1"
        await running.pool.execute(fail, "a.fits")
        await running.pool.execute(
            "INSERT INTO source_file (source, folder, name, size_bytes, mtime_ns, fingerprint, state, reason)"
            " SELECT 'rig', '', name, size_bytes, mtime_ns, fingerprint, 'failed', 'EIO' FROM source_file"
        )
        rows = await running.rows("SELECT * FROM not_taken ORDER BY path")
        # Of a.fits both say that it failed: one failure. b.fits was taken by the import before the source failed.
        assert [(row["path"], row["reason"]) for row in rows] == [("a.fits", "EIO"), ("b.fits", "EIO")]
        again = "UPDATE source_file SET observed_at = clock_timestamp(), state = 'arrived' WHERE source <> 'rig'"
        await running.pool.execute(again)
        assert await running.rows("SELECT * FROM not_taken") == []
        (counts,) = await running.rows("SELECT failed FROM counts")
        assert counts["failed"] == 0


async def test_a_failure_of_an_import_ends_when_its_file_has_gone(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """A file that an import could not take and that somebody put away is not told of for ever; one that is there is."""
    folder = tmp_path / "card"
    write(folder, {"a.fits": fits(fill=1), "b.fits": fits(fill=2)})
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        await running.take(folder)
        await running.pool.execute("UPDATE source_file SET state = 'failed', reason = 'EIO'")
        assert await forget_failures(running.pool, ()) == 0
        (folder / "a.fits").unlink()
        assert await forget_failures(running.pool, ()) == 1
        assert [row["path"] for row in await running.rows("SELECT path FROM not_taken")] == ["b.fits"]
        folder.rename(tmp_path / "unplugged")
        assert await forget_failures(running.pool, ()) == 0
