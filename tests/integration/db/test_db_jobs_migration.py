"""A database of before the jobs keeps its imports and deletions, up and down."""

from uuid import uuid4

from services.descriptions import SCHEMAS
from shared.db.migrate import downgrade, migrate
from shared.settings import PostgresSettings
from tests.stack import connected_as

BEFORE = "ingest@ingest_0005"
STATES = ("waiting", "running", "done", "failed")


async def test_imports_and_deletions_of_today_become_jobs(database: PostgresSettings) -> None:
    """What waited or ran is due at once, what had ended stays as it was, and no file's deletion is forgotten."""
    await downgrade(database, SCHEMAS, BEFORE)
    ids = {state: uuid4() for state in STATES}
    async with connected_as(database, database.admin_role) as connection:
        for state, import_id in ids.items():
            await connection.execute(
                "INSERT INTO ingest.import"
                " (import_id, paths, mode, state, found, arrived, failures, error, leased_until)"
                " VALUES ($1, '{/a,/b}', 'move', $2, 3, 2, '{\"x: no\"}', $3, now() + interval '1 hour')",
                import_id, state, "no library" if state == "failed" else None,
            )  # fmt: skip
        await connection.execute(
            "INSERT INTO ingest.deletion"
            " (source, folder, name, file_id, size_bytes, state, reason, attempts, next_try_at)"
            " VALUES ('rig', '', 'new.fit', 'n', 1, 'waiting', NULL, 0, now()),"
            " ('rig', 'a', 'stuck.fit', 's', 2, 'waiting', 'it is locked', 4, now() + interval '1 day'),"
            " ('rig', 'a/b', 'changed.fit', 'c', 3, 'refused', 'it differs', 1, now())"
        )
    await migrate(database, SCHEMAS)
    async with connected_as(database, "ingest") as connection:
        rows = {row["import_id"]: row for row in await connection.fetch("SELECT * FROM import_progress")}
        states = {state: rows[import_id]["state"] for state, import_id in ids.items()}
        assert states == {"waiting": "waiting", "running": "waiting", "done": "done", "failed": "failed"}
        for row in rows.values():
            assert (row["found"], row["arrived"], row["failures"], row["paths"]) == (3, 2, ["x: no"], ["/a", "/b"])
            assert (row["attempt"], row["unexpected"], row["mode"]) == (0, 0, "move")
        assert rows[ids["failed"]]["error"] == "no library"
        assert await connection.fetchval(
            "SELECT count(*) FROM import WHERE state = 'waiting' AND next_try_at <= clock_timestamp()"
        ) == len(("waiting", "running"))
        deletions = await connection.fetch(
            "SELECT name, state, reason, postponed, next_try_at > now() AS later, deletion_id"
            " FROM deletion ORDER BY size_bytes"
        )
        assert [tuple(row.values())[:5] for row in deletions] == [
            ("new.fit", "waiting", None, 0, False),
            ("stuck.fit", "waiting", "it is locked", 4, True),
            ("changed.fit", "failed", "it differs", 1, False),
        ]
        assert len({row["deletion_id"] for row in deletions}) == 3
        kept = await connection.fetch("SELECT path, state, attempts FROM kept_source ORDER BY size_bytes")
        assert [tuple(row.values()) for row in kept] == [
            ("a/stuck.fit", "waiting", 4), ("a/b/changed.fit", "refused", 1)
        ]  # fmt: skip

    await downgrade(database, SCHEMAS, BEFORE)
    async with connected_as(database, "ingest") as connection:
        found = await connection.fetch("SELECT state, count(*) FROM import GROUP BY 1 ORDER BY 1")
        assert [tuple(row.values()) for row in found] == [("done", 1), ("failed", 1), ("waiting", 2)]
        back = await connection.fetch("SELECT name, state, attempts FROM deletion ORDER BY size_bytes")
        assert [tuple(row.values()) for row in back] == [
            ("new.fit", "waiting", 0), ("stuck.fit", "waiting", 4), ("changed.fit", "refused", 1)
        ]  # fmt: skip
    await migrate(database, SCHEMAS)
