"""Recomputing everything that is kept by differences from the base rows, to compare or to put right.

Independent of the code that keeps the totals: plain SQL over ``stats.frame``.
"""

from dataclasses import dataclass

from services.stats import store
from shared.bus.transaction import Connection

PLACES = """
WITH sky AS (
    SELECT DISTINCT own_session_id AS session_id, session_night AS night, coalesce(rig, camera, 'unknown') AS rig,
           camera
    FROM frame WHERE frame_type NOT IN ('PREVIEW', 'DARK', 'FLAT', 'BIAS', 'DARKFLAT', 'MASTER_DARK', 'MASTER_FLAT',
                                        'MASTER_BIAS', 'MASTER_DARKFLAT')
), joined AS (
    SELECT DISTINCT ON (night, camera) night, camera, session_id FROM sky
    WHERE camera IS NOT NULL ORDER BY night, camera, rig
), frames AS (
    SELECT f.file_id, f.frame_type, f.stem, f.own_session_id, f.exposure_key,
           CASE WHEN f.frame_type NOT IN ('DARK', 'FLAT', 'BIAS', 'DARKFLAT', 'MASTER_DARK', 'MASTER_FLAT',
                                          'MASTER_BIAS', 'MASTER_DARKFLAT')
                     OR f.own_session_id IN (SELECT session_id FROM sky) THEN f.own_session_id
                ELSE coalesce(j.session_id, f.own_session_id) END AS session_id
    FROM frame f LEFT JOIN joined j ON j.night = f.session_night AND j.camera = f.camera
), leader AS (
    SELECT DISTINCT ON (stem) stem, session_id FROM frames WHERE frame_type <> 'PREVIEW' ORDER BY stem, file_id
), exposure AS (
    SELECT exposure_key, min(file_id) AS file_id FROM frame
    WHERE frame_type = 'LIGHT' AND exposure_key IS NOT NULL GROUP BY exposure_key
)
SELECT f.file_id,
       CASE WHEN f.frame_type = 'PREVIEW' THEN coalesce(l.session_id, f.own_session_id)
            ELSE f.session_id END AS session_id,
       f.frame_type = 'LIGHT' AND (e.file_id IS NULL OR e.file_id = f.file_id) AS counted
FROM frames f
LEFT JOIN leader l ON f.frame_type = 'PREVIEW' AND l.stem = f.stem
LEFT JOIN exposure e ON e.exposure_key = f.exposure_key
"""
"""Where each frame belongs and whether it stands for its exposure, by the rules of ``sessions``."""

_NAMED = """
SELECT DISTINCT own_session_id AS session_id, session_night AS night, coalesce(rig, camera, 'unknown') AS rig FROM frame
"""
_LIGHT = "WHERE f.counted AND f.frame_type = 'LIGHT'"


@dataclass(frozen=True, slots=True)
class Derived:
    """A table that follows from the frames: its key, its other columns, and the query that computes them."""

    table: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    query: str

    @property
    def columns(self) -> str:
        """All columns, for SQL."""
        return ", ".join((*self.key, *self.values))


SESSION = Derived(
    "session",
    ("session_id",),
    (
        "night", "rig", "sky_files", "files", "size_bytes", "exposures", "integration_ms", "ends_at", "last_arrived_at",
    ),
    f"""
    SELECT f.session_id, n.night, n.rig,
           count(*) FILTER (WHERE frame_type NOT IN ('PREVIEW', 'DARK', 'FLAT', 'BIAS', 'DARKFLAT', 'MASTER_DARK',
                                                     'MASTER_FLAT', 'MASTER_BIAS', 'MASTER_DARKFLAT')) AS sky_files,
           count(*) AS files, sum(size_bytes)::bigint AS size_bytes,
           count(*) FILTER (WHERE counted AND frame_type = 'LIGHT') AS exposures,
           coalesce(sum(exposure_ms) FILTER (WHERE counted AND frame_type = 'LIGHT'), 0)::bigint AS integration_ms,
           max(night_ends_at) FILTER (WHERE own_session_id = f.session_id) AS ends_at,
           max(arrived_at) AS last_arrived_at
    FROM frame f JOIN ({_NAMED}) n ON n.session_id = f.session_id GROUP BY f.session_id, n.night, n.rig
    """,
)  # fmt: skip
TARGET = Derived(
    "target",
    ("catalog_id",),
    ("exposures", "integration_ms", "sessions"),
    f"""
    SELECT f.catalog_id, count(*) AS exposures, coalesce(sum(exposure_ms), 0)::bigint AS integration_ms,
           count(DISTINCT session_id) AS sessions
    FROM frame f {_LIGHT} AND catalog_id IS NOT NULL GROUP BY f.catalog_id
    """,
)
COUNTERS = (
    Derived(
        "session_camera",
        ("night", "camera", "session_id"),
        ("rig", "files", "sky_files"),
        f"""
        SELECT n.night, coalesce(f.camera, '') AS camera, f.session_id, n.rig, count(*) AS files,
               count(*) FILTER (WHERE frame_type NOT IN ('PREVIEW', 'DARK', 'FLAT', 'BIAS', 'DARKFLAT', 'MASTER_DARK',
                                                         'MASTER_FLAT', 'MASTER_BIAS', 'MASTER_DARKFLAT')) AS sky_files
        FROM frame f JOIN ({_NAMED}) n ON n.session_id = f.session_id
        GROUP BY n.night, coalesce(f.camera, ''), f.session_id, n.rig
        """,
    ),
    Derived(
        "session_type",
        ("session_id", "frame_type"),
        ("files",),
        "SELECT session_id, frame_type, count(*) AS files FROM frame f GROUP BY session_id, frame_type",
    ),
    Derived(
        "session_target",
        ("session_id", "catalog_id", "filter"),
        ("exposures", "integration_ms"),
        f"""
        SELECT session_id, coalesce(catalog_id, '') AS catalog_id, coalesce(filter, '') AS filter,
               count(*) AS exposures, coalesce(sum(exposure_ms), 0)::bigint AS integration_ms
        FROM frame f {_LIGHT} GROUP BY session_id, coalesce(catalog_id, ''), coalesce(filter, '')
        """,
    ),
    Derived(
        "target_session",
        ("catalog_id", "session_id"),
        ("exposures",),
        f"""
        SELECT catalog_id, session_id, count(*) AS exposures
        FROM frame f {_LIGHT} AND catalog_id IS NOT NULL GROUP BY catalog_id, session_id
        """,
    ),
    Derived(
        "target_filter",
        ("catalog_id", "filter"),
        ("exposures", "integration_ms"),
        f"""
        SELECT catalog_id, coalesce(filter, '') AS filter, count(*) AS exposures,
               coalesce(sum(exposure_ms), 0)::bigint AS integration_ms
        FROM frame f {_LIGHT} AND catalog_id IS NOT NULL GROUP BY catalog_id, coalesce(filter, '')
        """,
    ),
)
_KEPT = {"session": "WHERE files <> 0", "target": "WHERE exposures <> 0"}
"""Rows without files or exposures may remain after they have been told of; they count as absent."""


async def check(connection: Connection) -> list[str]:
    """Compare every derived row with what the frames say; one line per row that differs, none when all is well.

    Runs in the caller's transaction and holds writers off until it ends.
    """
    await _lock(connection)
    places = await connection.fetch(
        f"""
        SELECT f.file_id, f.session_id, f.counted, p.session_id AS other_session, p.counted AS other_counted
        FROM frame f JOIN ({PLACES}) p USING (file_id)
        WHERE (f.session_id, f.counted) IS DISTINCT FROM (p.session_id, p.counted) ORDER BY f.file_id
        """
    )
    lines = [
        f"frame {row['file_id']}: session {row['session_id']}, counted {row['counted']}; "
        f"expected {row['other_session']}, {row['other_counted']}"
        for row in places
    ]
    for derived in (SESSION, TARGET, *COUNTERS):
        stored = f"SELECT {derived.columns} FROM {derived.table} {_KEPT.get(derived.table, '')}"
        expected = f"SELECT {derived.columns} FROM ({derived.query}) q"
        rows = await connection.fetch(
            f"""
            SELECT 'stored' AS side, d.* FROM ({stored} EXCEPT {expected}) d
            UNION ALL SELECT 'expected', d.* FROM ({expected} EXCEPT {stored}) d ORDER BY 2, 1 DESC
            """
        )
        lines += [f"{derived.table}: {', '.join(str(value) for value in row)}" for row in rows]
    return lines


async def rebuild(connection: Connection) -> None:
    """Put every derived row right, in the caller's transaction; what is right already is not written."""
    await _lock(connection)
    await connection.execute(
        f"""
        UPDATE frame f SET session_id = p.session_id, counted = p.counted FROM ({PLACES}) p
        WHERE f.file_id = p.file_id AND (f.session_id, f.counted) IS DISTINCT FROM (p.session_id, p.counted)
        """
    )
    for derived in COUNTERS:
        await _replace(connection, derived)
    await _replace(connection, SESSION, ", open = true", "AND revision = 0")
    also = ", revision = t.revision + 1, updated_at = clock_timestamp()"
    await _replace(connection, TARGET, also, "AND published_revision = 0 AND status IS NULL")
    await connection.execute(
        """
        UPDATE session SET sky_files = 0, files = 0, size_bytes = 0, exposures = 0, integration_ms = 0, open = true
        WHERE files <> 0 AND session_id NOT IN (SELECT session_id FROM frame)
        """
    )
    await connection.execute(
        """
        UPDATE target SET exposures = 0, integration_ms = 0, sessions = 0, revision = revision + 1
        WHERE exposures <> 0 AND catalog_id NOT IN (SELECT catalog_id FROM target_session)
        """
    )


async def _lock(connection: Connection) -> None:
    await store.lock(connection)
    # Everything is read here, unlike in a batch.
    await connection.execute("SET LOCAL enable_seqscan = on")


async def _replace(connection: Connection, derived: Derived, also: str = "", unless: str = "") -> None:
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
        ON CONFLICT ({", ".join(derived.key)}) DO UPDATE SET ({", ".join(derived.values)}) = ROW ({theirs}){also}
        WHERE ROW ({ours}) IS DISTINCT FROM ROW ({theirs})
        """
    )
