"""What ingest measures is what its tables and disks say."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY

from services.ingest.measures import measure_files, measure_places
from services.ingest.settings import FolderSettings
from services.ingest.source import IMPORTS
from services.ingest.space import SpaceWatch
from shared.db.pool import pool_of
from shared.settings import PostgresSettings, Settings
from tests.integration.ingest.world import configured, fits, ingest, until, write
from tests.stack import connected_as

MIB = 1024**2


def found(name: str, **labels: str) -> float:
    """The value of a series, 0 where there is none."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def bring_night(stats: asyncpg.Connection, night: date, size_bytes: int, *, is_open: bool) -> None:
    """A night with one large file in the library; ``is_open``: it is under way."""
    file_id = f"{night:%Y%m%d}" * 8
    await stats.execute(
        """
        INSERT INTO file (file_id, scan_revision, root, path, size_bytes, source, origin, arrived_at, announced_at)
        VALUES ($1, 1, 'library', $1, $2, 's', $1, now(), now())
        """,
        file_id,
        size_bytes,
    )
    await stats.execute(
        """
        INSERT INTO frame (file_id, scan_revision, format, frame_type, session_id, size_bytes, night, session_night,
            own_session_id, night_ends_at, arrived_at, source, stem, stem_key)
        VALUES ($1, 1, 'fits', 'LIGHT', $1, $2, $3, $3, $1, now(), now(), 's', $1, 1)
        """,
        file_id,
        size_bytes,
        night,
    )
    await stats.execute(
        """
        INSERT INTO session (session_id, night, rig, files, size_bytes, ends_at, last_arrived_at, open, revision,
            finished_at)
        VALUES ($1, $2, 'rig', 1, $3, now() + CASE WHEN $4 THEN interval '1 hour' ELSE interval '-1 hour' END, now(),
            $4, CASE WHEN $4 THEN 0 ELSE 1 END, CASE WHEN $4 THEN NULL ELSE now() END)
        """,
        file_id,
        night,
        size_bytes,
        is_open,
    )


async def test_files_and_bytes_are_counted_as_they_come(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """By source and outcome; paths of imports are one source, however many they are; a second copy is already here."""
    watched, card = tmp_path / "captures", tmp_path / "card"
    write(watched, {"a.fits": fits(fill=1), "b.fits": fits(fill=2), "twin.fits": fits(fill=2)})
    write(card, {"c.fits": fits(fill=3), "empty.fits": b""})
    rig = FolderSettings(name="rig", path=watched, walk_interval_s=3600.0, settle_s=0.0)
    arrived, again = ({"outcome": outcome} for outcome in ("arrived", "already_here"))
    before = {name: found("nightbus_ingested_files_total", source=name, **arrived) for name in ("rig", IMPORTS, "card")}
    twins = found("nightbus_ingested_files_total", source="rig", **again)
    size_bytes = found("nightbus_ingested_bytes_total", source="rig")
    async with ingest(configured(settings, tmp_path, rig), nats_client) as running:
        await running.until_ledger("a.fits", "b.fits", "twin.fits")
        await running.take(card)
        assert found("nightbus_ingested_files_total", source="rig", **arrived) - before["rig"] == 2
        assert found("nightbus_ingested_files_total", source="rig", **again) - twins == 1
        assert found("nightbus_ingested_files_total", source=IMPORTS, **arrived) - before[IMPORTS] == 1
        assert found("nightbus_ingested_files_total", source="card", **arrived) == before["card"] == 0
        expected = len(fits(fill=1)) + len(fits(fill=2))
        assert found("nightbus_ingested_bytes_total", source="rig") - size_bytes == expected

        await measure_files(running.pool)
        assert found("nightbus_files", state="here") == 3
        assert found("nightbus_file_bytes") == expected + len(fits(fill=3))

        async def walked() -> bool:
            await measure_places(running.pool)
            return found("nightbus_source_last_walk_timestamp_seconds", source="rig") > 0

        await until(walked)
        assert found("nightbus_source_reachable", source="rig") == 1
        assert found("nightbus_root_reachable", root="library") == 1
        assert REGISTRY.get_sample_value("nightbus_root_reachable", {"root": "rig"}) is None


async def test_files_that_can_be_read_nowhere_are_counted_once(database: PostgresSettings) -> None:
    """Gone, offline with their root, or both and in an archive: each file is in one count, and they add up."""
    async with pool_of(database, "ingest") as connection, connected_as(database, "backup") as backup:
        await connection.execute(
            """
            INSERT INTO root (name, path, kind, offline_since) VALUES
                ('library', '/library', 'library', NULL), ('old', '/old', 'indexed', now());
            INSERT INTO file (file_id, size_bytes, source, origin)
            SELECT repeat(n::text, 64), 100, 's', 'o' || n FROM generate_series(1, 5) n;
            INSERT INTO location (root, path, file_id, missing_since)
            SELECT 'library', n || '.fits', repeat(n::text, 64), CASE WHEN n <> 3 THEN now() END
            FROM generate_series(1, 3) n;
            INSERT INTO location (root, path, file_id) VALUES ('old', '4.fits', repeat('4', 64)),
                ('old', '5.fits', repeat('5', 64));
            """
        )
        archive = await backup.fetchval(
            """
            INSERT INTO archive (archive_id, destination, collection_id, night, number, phase)
            VALUES (gen_random_uuid(), 'usb', 's', '2026-01-01', 1, 'verified') RETURNING archive_id
            """
        )
        await backup.execute(
            """
            INSERT INTO member (archive_id, position, file_id, root, path, name, size_bytes, arrived_at, state)
            VALUES ($1, 0, repeat('2', 64), 'library', '2.fits', '2.fits', 100, now(), 'written')
            """,
            archive,
        )
        await measure_files(connection)
    states = {state: found("nightbus_files", state=state) for state in ("here", "missing", "offline", "archived_only")}
    assert states == {"here": 1, "missing": 1, "offline": 2, "archived_only": 1}
    assert found("nightbus_file_bytes") == 500


async def test_the_room_of_each_root_and_for_how_many_nights(database: PostgresSettings, tmp_path: Path) -> None:
    """Free and whole size as the disk says; nights by what the last whole nights brought to that root alone."""
    usage = shutil.disk_usage(tmp_path)
    last = date(2026, 3, 1)
    async with pool_of(database, "ingest") as connection, connected_as(database, "stats") as stats:
        await connection.execute(
            """
            INSERT INTO root (name, path, kind, offline_since) VALUES ('library', $1, 'library', NULL),
                ('old', $1, 'indexed', NULL), ('gone', '/nowhere', 'indexed', NULL), ('off', $1, 'indexed', now())
            """,
            str(tmp_path),
        )
        for number in range(12):
            await bring_night(stats, last - timedelta(days=number), 1000 * MIB, is_open=number == 0)
        watch = SpaceWatch(connection, 100)
        await watch.turn()
        rows = {row["root"]: row for row in await connection.fetch("SELECT * FROM root_space")}
        await measure_places(connection)
        await connection.execute("UPDATE root SET offline_since = now() WHERE name = 'library'")
        await watch.turn()
        assert await connection.fetchval("SELECT count(*) FROM root_space WHERE root = 'library'") == 0
    assert set(rows) == {"library", "old"}
    library = rows["library"]
    assert library["disk_bytes"] == usage.total
    assert library["free_bytes"] == pytest.approx(usage.free, rel=0.2)
    assert library["night_bytes"] == 1000 * MIB  # ten whole nights; of the one that is under way nobody knows the end
    assert library["nights_left"] == (library["free_bytes"] - 100 * MIB) / (1000 * MIB)
    assert (rows["old"]["night_bytes"], rows["old"]["nights_left"]) == (None, None)
    assert found("nightbus_root_free_bytes", root="library") == library["free_bytes"]
    assert found("nightbus_root_size_bytes", root="library") == usage.total
    assert found("nightbus_root_nights_left", root="library") == library["nights_left"]
    assert REGISTRY.get_sample_value("nightbus_root_nights_left", {"root": "old"}) is None
    assert found("nightbus_root_reachable", root="off") == 0
