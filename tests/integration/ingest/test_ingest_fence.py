"""Forgetting at the very moment at which an import of the same content is recorded: one comes first, and it counts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from nats.aio.client import Client

from services.ingest.ledger import Observation
from services.ingest.mend import Mended
from services.ingest.recorder import Recorded, Recorder
from services.ingest.settings import FolderSettings
from services.ingest.store import batch, looks, tombstones
from services.ingest.store.batch import Batch
from services.ingest.store.files import Arrival
from shared.db.pool import pool_of, transaction
from shared.events.commands import ForgetFiles
from shared.library.hashing import Digest
from shared.settings import PostgresSettings, Settings
from tests.integration.ingest.test_ingest_keeper import keep
from tests.integration.ingest.world import configured, ingest, library_files, sha256, until, write

KNOWN = sha256(b"known")
_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'ingest'"


@pytest.fixture
async def pool(database: PostgresSettings) -> AsyncIterator[asyncpg.Pool]:
    """The tables of ingest, in which one content is known, at a place of the library."""
    async with pool_of(database, "ingest") as pool:
        async with transaction(pool) as connection:
            assert await batch.save(connection, Batch("rig", None, [seen("a.fit")], [placed("a.fit")]), None)
        yield pool


def seen(name: str, **words: Any) -> Observation:
    """The known content as a file of the source."""
    return Observation("", name, 5, 1, b"", file_id=KNOWN, **words)


def placed(path: str) -> Arrival:
    """The known content at a place of the library."""
    return Arrival(KNOWN, 5, "library", path, "/library", path, None, 1)


async def forget(pool: asyncpg.Pool) -> None:
    """Forget the known content, in a transaction of its own."""
    async with transaction(pool) as connection:
        await tombstones.forget(connection, uuid4(), [KNOWN], "clouds", delete_files=False)


async def waits(pool: asyncpg.Pool) -> None:
    """Wait until a transaction waits for another one."""

    async def waiting() -> bool:
        return bool(await pool.fetchval(_WAITS))

    await until(waiting)


async def left(pool: asyncpg.Pool) -> tuple[int, int, int]:
    """How many files, places and tombstones there are."""
    row = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM file), (SELECT count(*) FROM location), (SELECT count(*) FROM tombstone)"
    )
    assert row is not None
    return tuple(row)


async def states(pool: asyncpg.Pool) -> dict[str, str]:
    """What the ledger says of each file of the source."""
    return {row["name"]: row["state"] for row in await pool.fetch("SELECT name, state FROM source_file")}


async def test_a_forgetting_under_way_is_waited_for(pool: asyncpg.Pool) -> None:
    """What is recorded while its content is being forgotten is forgotten as well: no row of it comes back."""
    whole = Batch("rig", None, [seen("b.fit")], [placed("b.fit")], freed=[seen("b.fit")])
    async with transaction(pool) as forgetting:
        await tombstones.forget(forgetting, uuid4(), [KNOWN], "clouds", delete_files=False)

        async def record() -> list[str]:
            async with transaction(pool) as connection:
                return await batch.save(connection, whole, None)

        recording = asyncio.create_task(record())
        await waits(pool)
    assert await recording == ["forgotten"]
    assert await left(pool) == (0, 0, 1)
    assert await states(pool) == {"a.fit": "forgotten", "b.fit": "forgotten"}
    assert await pool.fetchval("SELECT count(*) FROM deletion") == 0


async def test_a_forgetting_waits_for_what_is_being_recorded(pool: asyncpg.Pool) -> None:
    """What was recorded first is forgotten with all places that it got; no place is left without its file."""
    async with transaction(pool) as recording:
        whole = Batch("rig", None, [seen("b.fit")], [placed("b.fit")])
        assert await batch.save(recording, whole, None) == ["already_here"]
        forgetting = asyncio.create_task(forget(pool))
        await waits(pool)
    await forgetting
    assert await left(pool) == (0, 0, 1)
    assert await states(pool) == {"a.fit": "forgotten", "b.fit": "forgotten"}


async def test_a_copy_that_was_mended_meanwhile_brings_nothing_back(pool: asyncpg.Pool) -> None:
    """A copy that was placed anew of what has been forgotten since gets no row; a damaged one aside is told of."""
    await forget(pool)
    mended = Mended("repaired", Digest(KNOWN, 5), "a.fit", 1, kept_as=".nightbus/damaged/x/a.fit", kept_bytes=5)
    async with transaction(pool) as connection:
        await looks.save(connection, [mended])
    assert await left(pool) == (0, 0, 1)
    assert await pool.fetchval("SELECT count(*) FROM damage") == 1


async def test_a_file_that_was_named_comes_back_all_the_same(pool: asyncpg.Pool) -> None:
    """The import of a file by its own name brings it back, as new; its neighbour of the same content is ignored."""
    await forget(pool)
    whole = Batch("rig", None, [seen("b.fit"), seen("c.fit", named=True)], [placed("b.fit")])
    async with transaction(pool) as connection:
        assert await batch.save(connection, whole, None) == ["forgotten", "arrived"]
    assert await left(pool) == (1, 1, 0)


@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_a_watched_source_records_at_the_moment_of_a_forgetting(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """A file whose content is forgotten between its copy and its record is ignored, and stays at its source."""
    card = tmp_path / "card"
    write(card, {"one.fit": b"known"})
    source = FolderSettings(name="rig", path=card, mode=mode, walk_interval_s=0.2)
    recorded: list[str] = []
    record = Recorder.record

    async with ingest(configured(settings, tmp_path, source), nats_client) as service:
        await service.until_ledger("one.fit")

        async def late(self: Recorder, *args: Any, **words: Any) -> Recorded:
            if not recorded:
                recorded.append(KNOWN)
                await keep(service, ForgetFiles(file_ids=(KNOWN,), reason="clouds"))
            return await record(self, *args, **words)

        monkeypatch.setattr(Recorder, "record", late)
        write(card, {"two.fit": b"known"})
        await service.until_ledger("two.fit")
        assert (await service.ledger())["two.fit"] == "forgotten"
        assert await left(service.pool) == (0, 0, 1)
        assert (card / "two.fit").is_file()
        assert len(library_files(service.library)) == 1, "what was asked for was to forget, and not to delete"
