"""Writing everything that is kept by differences anew from the base rows; what is right already is not written."""

from services.stats.store import writers
from services.stats.store.derived import COUNTERS, PLACES, SESSION, TARGET, Derived
from shared.bus.transaction import Connection

_PLACES = f"""
UPDATE frame f SET session_id = p.session_id, counted = p.counted FROM ({PLACES}) p
WHERE f.file_id = p.file_id AND (f.session_id, f.counted) IS DISTINCT FROM (p.session_id, p.counted)
"""
_EMPTY_SESSIONS = """
UPDATE session SET sky_files = 0, files = 0, size_bytes = 0, exposures = 0, integration_ms = 0, open = true,
    untold = NULL
WHERE files <> 0 AND session_id NOT IN (SELECT session_id FROM frame)
"""
_EMPTY_TARGETS = """
UPDATE target SET exposures = 0, integration_ms = 0, sessions = 0, revision = revision + 1
WHERE exposures <> 0 AND catalog_id NOT IN (SELECT catalog_id FROM target_session)
"""
_SESSIONS_AS_TOLD = """
UPDATE session s SET revision = t.revision, finished_at = t.told_at, told_at = coalesce(s.told_at, t.told_at)
FROM told t
WHERE t.key = s.session_id AND t.revision >= s.revision
  AND (s.revision, s.finished_at) IS DISTINCT FROM (t.revision, t.told_at)
"""
_TARGETS_AS_TOLD = """
UPDATE target g SET revision = greatest(g.revision, t.revision + 1), published_revision = t.revision,
    published_at = t.told_at
FROM told t
WHERE t.key = g.catalog_id AND t.revision >= g.published_revision
  AND (g.published_revision, g.published_at) IS DISTINCT FROM (t.revision, t.told_at)
"""
_TOLD = """
INSERT INTO told AS t (key, revision, told_at)
SELECT session_id, revision, finished_at FROM session WHERE revision > 0
UNION ALL SELECT catalog_id, published_revision, published_at FROM target WHERE published_revision > 0
ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, told_at = excluded.told_at, digest = ''
WHERE t.revision < excluded.revision
"""
_AS_TOLD = (_SESSIONS_AS_TOLD, _TARGETS_AS_TOLD, _TOLD)
"""A revision never goes down: of a row and of what was told of it the higher one counts."""


async def prepare(connection: Connection) -> None:
    """Take the writers' lock for a transaction that reads everything, unlike a batch, and may take its time."""
    await writers.lock(connection)
    await unhurried(connection)


async def unhurried(connection: Connection) -> None:
    """Let a transaction read whole tables, for as long as it takes, on one processor."""
    for setting in ("enable_seqscan = on", "statement_timeout = 0", "work_mem = '64MB'",
                    "max_parallel_workers_per_gather = 0"):  # fmt: skip
        await connection.execute(f"SET LOCAL {setting}")


async def rebuild(connection: Connection) -> None:
    """Put every derived row right, in the caller's transaction, which holds writers off until it ends."""
    await prepare(connection)
    await connection.execute(_PLACES)
    for derived in COUNTERS:
        await replace(connection, derived)
    await replace(connection, SESSION, ", open = true, untold = NULL", "AND revision = 0")
    also = ", revision = t.revision + 1, updated_at = clock_timestamp()"
    await replace(connection, TARGET, also, "AND published_revision = 0 AND status IS NULL")
    await connection.execute(_EMPTY_SESSIONS)
    await connection.execute(_EMPTY_TARGETS)
    for statement in _AS_TOLD:
        await connection.execute(statement)


async def replace(connection: Connection, derived: Derived, also: str = "", unless: str = "") -> None:
    """Write the rows that differ and delete those that nothing stands behind (``unless`` some have to stay)."""
    theirs = ", ".join(f"excluded.{name}" for name in derived.values)
    ours = ", ".join(f"t.{name}" for name in derived.values)
    same = " AND ".join(f"q.{name} = t.{name}" for name in derived.key)
    await connection.execute(
        f"""
        WITH q AS MATERIALIZED (SELECT {derived.columns} FROM ({derived.query}) d
        ), gone AS (
            DELETE FROM {derived.table} t WHERE NOT EXISTS (SELECT FROM q WHERE {same}) {unless}
        )
        INSERT INTO {derived.table} AS t ({derived.columns}) SELECT {derived.columns} FROM q
        ON CONFLICT ({", ".join(derived.unique or derived.key)})
        DO UPDATE SET ({", ".join(derived.values)}) = ROW ({theirs}){also}
        WHERE ROW ({ours}) IS DISTINCT FROM ROW ({theirs})
        """
    )
