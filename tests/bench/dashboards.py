"""The dashboards: how long Postgres takes for what each panel asks, in a large library."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import asyncpg

from shared.db.roles import GRAFANA
from tests.bench.seed import seed
from tests.bench.table import Rows, ceiling_row
from tests.bench.world import Servers, servers
from tests.dashboards import Asked, Times, sql_of, sql_queries

MOST_MS = 200.0
_FIRST_NIGHT = datetime(1990, 1, 1, tzinfo=UTC)
"""Of the seeded library, which has 240 files a night."""
_FILES_A_NIGHT = 240
_BACKUP = (
    "INSERT INTO backup.installation (installation_id) VALUES ('bench') ON CONFLICT DO NOTHING",
    "INSERT INTO backup.destination (name, kind, place) SELECT d, 'folder', d FROM unnest('{usb,b2}'::text[]) d",
    """
    INSERT INTO backup.archive (archive_id, destination, collection_id, night, session_revision, number, phase, state,
        files, size_bytes, stored_bytes, verified_at, key)
    SELECT md5(d || session_id)::uuid, d, session_id, night, 1, 1, 'verified', 'done', files, size_bytes, size_bytes,
        ends_at, session_id FROM stats.session CROSS JOIN unnest('{usb,b2}'::text[]) d
    """,
    """
    INSERT INTO backup.coverage SELECT d, count(*), 0, count(*), 0, 0, 0, 0, 0, 0, now()
    FROM stats.session CROSS JOIN unnest('{usb,b2,""}'::text[]) d GROUP BY d
    """,
    """
    INSERT INTO backup.dump (dump_id, destination, cause, state, key, dumped_at, verified_at, finished_at)
    SELECT md5(n::text)::uuid, 'usb', 'nightly', 'done', n::text, t, t, t
    FROM generate_series(1, 400) n CROSS JOIN LATERAL (SELECT now() - n * interval '1 day' AS t) at
    """,
)
"""Every night in an archive at each of two destinations, and a dump of each day of the last year."""

_CALIBRATION = (
    """
    INSERT INTO calibration.frame (file_id, frame_type, camera, rig, exposure_s, filter, night, scanned, format, name,
        root, path, size_bytes, arrived_at, made_at, scan_revision, decisions_revision, read_at, digest)
    SELECT md5(n::text) || md5('master' || n), CASE n % 4 WHEN 0 THEN 'MASTER_DARK' ELSE 'MASTER_FLAT' END,
        'seed camera', 'seed', 60, (ARRAY['L', 'R', 'G', 'B', 'Ha'])[n % 5 + 1], date '1990-01-01' + (n * 2)::int, '{}',
        'fits', n::text, 'seed', n::text, 1000, t, t, 1, 0, t, ''
    FROM generate_series(1, 2000) n CROSS JOIN LATERAL (SELECT now() - n * interval '1 day' AS t) at
    """,
    """
    INSERT INTO calibration.master_refusal (file_id, refused_by, reason)
    SELECT file_id, 'sanity', 'no light' FROM calibration.frame WHERE frame_type LIKE 'MASTER%' AND name LIKE '%7'
    """,
    """
    INSERT INTO calibration.light_group (session_id, camera, rig, exposure_s, filter, night, properties_key, lights,
        is_dirty)
    SELECT session_id, 'seed camera', 'seed', 60, f, night, f, files / 5, false
    FROM stats.session CROSS JOIN unnest('{L,R,G,B,Ha}'::text[]) f
    """,
    """
    INSERT INTO calibration.need (session_id, requirement_id, master_type, camera, exposure_s, filter, night, state,
        master_file_id, explanation, capture_type, capture_frames, capture_s, capture_words, revision, is_dirty,
        answered_at)
    SELECT g.session_id, k.kind || '-' || substr(md5(concat(k.kind, g.filter, k.night)), 1, 8), k.master_type, g.camera,
        g.exposure_s, g.filter, k.night, CASE WHEN m.file_id IS NULL THEN 'missing' ELSE 'matched' END, m.file_id,
        'a sentence', k.kind, 20, 1200, 'capture 20 frames', 1, false, now()
    FROM (SELECT DISTINCT ON (session_id, kind, CASE kind WHEN 'flat' THEN filter END) *
          FROM calibration.light_group CROSS JOIN unnest('{dark,flat}'::text[]) kind) g
    CROSS JOIN LATERAL (SELECT g.kind, 'MASTER_' || upper(g.kind) AS master_type,
                               CASE g.kind WHEN 'flat' THEN g.night END AS night) k
    LEFT JOIN calibration.frame m ON g.night > date '1990-07-01' AND m.name = (1 + hashtext(g.session_id || g.filter)
        & 1023)::text
    """,
    """
    INSERT INTO calibration.group_need (group_no, need_no)
    SELECT g.group_no, n.need_no FROM calibration.light_group g JOIN calibration.need n USING (session_id)
    WHERE n.master_type = 'MASTER_DARK' OR n.filter = g.filter
    """,
    """
    INSERT INTO calibration.raw_set (set_key, frame_type, camera, frames, measured, kept, wanted, is_dirty)
    SELECT n::text, 'FLAT', 'seed camera', 20, 20, 20, 10, false FROM generate_series(1, 5000) n
    """,
    """
    INSERT INTO calibration.build (build_id, set_no, asked_by, master_type, state, reason)
    SELECT md5(set_no::text)::uuid, set_no, 'settings', 'MASTER_FLAT',
        CASE set_no % 50 WHEN 0 THEN 'failed' ELSE 'done' END, 'a reason' FROM calibration.raw_set
    """,
    "VACUUM (ANALYZE)",
)
"""2,000 masters, and a night's five groups of lights, which need six; those of the first half year are missing."""


def rows(*, quick: bool) -> Rows:
    """Milliseconds of the slowest panel of each dashboard, over one year and over all nights that there are."""
    files, rounds = (100_000, 5) if quick else (1_000_000, 20)
    with asyncio.Runner() as runner, servers(runner) as started:
        return runner.run(_measured(started, files, rounds))


async def _measured(started: Servers, files: int, rounds: int) -> Rows:
    where = started.postgres
    admin = await asyncpg.connect(
        host=where.host, port=where.port, database=where.database, user=where.admin_role,
        password=where.password_of(where.admin_role),
    )  # fmt: skip
    try:
        await seed(admin, files)
        for statement in (*_BACKUP, *_CALIBRATION):
            await admin.execute(statement, timeout=900)
    finally:
        await admin.close()
    until = _FIRST_NIGHT + timedelta(days=files // _FILES_A_NIGHT + 1)
    asked_for = {"a year": Times(until - timedelta(days=365), until), "all nights": Times(_FIRST_NIGHT, until)}
    grafana = await asyncpg.connect(
        host=where.host, port=where.port, database=where.database, user=GRAFANA.name,
        password=where.password_of(GRAFANA.name), statement_cache_size=0,
    )  # fmt: skip
    try:
        taken = {
            (asked, name): await _milliseconds(grafana, sql_of(asked, times), rounds)
            for asked in sql_queries()
            for name, times in asked_for.items()
        }
    finally:
        await grafana.close()
    return [row for name in asked_for for row in _rows(name, taken, files, rounds)]


def _rows(name: str, taken: dict[tuple[Asked, str], float], files: int, rounds: int) -> Rows:
    found: Rows = []
    for dashboard in sorted({asked.dashboard for asked, _ in taken}):
        of_panels = {
            asked.title: spent
            for (asked, times), spent in taken.items()
            if (asked.dashboard, times) == (dashboard, name)
        }
        slowest = max(of_panels, key=lambda title: of_panels[title])
        how = (
            f"{slowest}, the slowest of {len(of_panels)} queries as role {GRAFANA.name}; p95 of {rounds} turns, each "
            f"planned anew; all of them together {sum(of_panels.values()):.0f} ms"
        )
        title = f"dashboard {dashboard} of {files:,} files, {name}"
        found.append(ceiling_row(title, of_panels[slowest], MOST_MS, unit="ms", how=how))
    return found


async def _milliseconds(connection: asyncpg.Connection, sql: str, rounds: int) -> float:
    await connection.fetch(sql)
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        await connection.fetch(sql)
        spent.append((time.perf_counter() - began) * 1e3)
    return quantiles(spent, n=20, method="inclusive")[-1]
