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
    "VACUUM (ANALYZE)",
)
"""Every night in an archive at each of two destinations, and a dump of each day of the last year."""


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
        for statement in _BACKUP:
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
