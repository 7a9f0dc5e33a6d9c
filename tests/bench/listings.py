"""The listings: how long the database takes for what a person asks, in a small library and in a large one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from statistics import quantiles

import asyncpg

from services.cli.filters import TABLE_LIMIT, Filters
from services.cli.listing import Listing
from services.cli.listings import captures_listing, files_listing, sessions_listing
from services.cli.state import database_state
from tests.bench.seed import seed
from tests.bench.table import Rows, ceiling_row
from tests.bench.world import Servers, servers

MOST_MS = 50.0
_SMALL = 10_000
_FIRST_NIGHT = date(1990, 1, 1)
_A_NIGHT = Filters(since=_FIRST_NIGHT + timedelta(days=20), until=_FIRST_NIGHT + timedelta(days=20))
_A_MONTH = Filters(since=_FIRST_NIGHT + timedelta(days=10), until=_FIRST_NIGHT + timedelta(days=40))
_A_YEAR = Filters(since=_FIRST_NIGHT, until=_FIRST_NIGHT + timedelta(days=365))
Asked = dict[str, Filters]
FILES: Asked = {
    "--object": Filters(objects=("NGC42",)),
    "--object of many names": Filters(objects=("NGC*",)),
    "--object and --filter": Filters(objects=("NGC42",), filters=("Ha",)),
    "--rig": Filters(rigs=("seed",)),
    "--rig that is none": Filters(rigs=("none",)),
    "--camera": Filters(cameras=("seed*",)),
    "--filter": Filters(filters=("Ha", "L")),
    "--filter that was used long ago": Filters(filters=("UV",)),
    "--type": Filters(types=("LIGHT",)),
    "--type that is none": Filters(types=("DARK",)),
    "--date": _A_NIGHT,
    "--since --until": _A_MONTH,
    "--year and --filter": replace(_A_YEAR, filters=("Ha",)),
    "--uncertain": Filters(uncertain=True),
}
CAPTURES: Asked = {
    "--object": Filters(objects=("NGC42",)),
    "--filter": Filters(filters=("Ha",)),
    "--rig": Filters(rigs=("seed",)),
    "--camera": Filters(cameras=("seed*",)),
    "--type": Filters(types=("LIGHT",)),
    "--since --until": _A_MONTH,
    "--year": _A_YEAR,
    "--year and --object": replace(_A_YEAR, objects=("NGC42",)),
    "--uncertain": Filters(uncertain=True),
}
SESSIONS: Asked = {name: CAPTURES[name] for name in CAPTURES if name != "--uncertain"}
_GROUPS: Mapping[str, tuple[Callable[[Filters], Listing], Asked]] = {
    "files": (files_listing, FILES),
    "captures": (captures_listing, CAPTURES),
    "sessions": (sessions_listing, SESSIONS),
}
_LONG_AGO = """
UPDATE stats.frame SET filter = 'UV' WHERE night = $1 AND filter = 'L';
UPDATE stats.night_count SET filter = 'UV' WHERE night = $1 AND filter = 'L';
"""

Percentiles = tuple[float, float]
"""Of the seconds of one question, the median and what 95 of 100 take at most, milliseconds."""


def rows(*, quick: bool) -> Rows:
    """Milliseconds of the queries of each listing, without filters and with the filter that takes longest."""
    large, rounds = (100_000, 20) if quick else (1_000_000, 60)
    found: dict[int, dict[str, dict[str, Percentiles]]] = {}
    for size in (_SMALL, large):
        with asyncio.Runner() as runner, servers(runner) as started:
            found[size] = runner.run(_measured(started, size, rounds))
    return [
        row
        for name, of_large in found[large].items()
        for row in _rows(name, of_large, found[_SMALL][name], large, rounds)
    ]


def _rows(
    name: str, large: Mapping[str, Percentiles], small: Mapping[str, Percentiles], size: int, rounds: int
) -> Rows:
    def row(asked: str, title: str, how: str) -> Rows:
        (p50, p95), (small_p50, small_p95) = large[asked], small[asked]
        limit = f"p50 {p50:.1f}; at {_SMALL:,}: p50 {small_p50:.1f}, p95 {small_p95:.1f}"
        return [ceiling_row(title, p95, MOST_MS, unit="ms", limit=limit, how=how)]

    how = (
        f"p95 of {rounds} turns of the queries of a table of {TABLE_LIMIT} rows and of what it left out, each planned "
        "anew, without the start of the command"
    )
    made = row("", f"`nightbus {name}` of {size:,} files", how)
    if filtered := {asked: value for asked, value in large.items() if asked}:
        slowest = max(filtered, key=lambda asked: filtered[asked][1])
        others = ", ".join(f"{asked} {value[0]:.1f}" for asked, value in filtered.items())
        made += row(
            slowest, f"`nightbus {name}` of {size:,} files, filtered", f"{slowest}, the slowest; p50 of {others}"
        )
    return made


async def _measured(started: Servers, files: int, rounds: int) -> dict[str, dict[str, Percentiles]]:
    where = started.postgres
    admin = await asyncpg.connect(
        host=where.host, port=where.port, database=where.database, user=where.admin_role,
        password=where.password_of(where.admin_role),
    )  # fmt: skip
    await seed(admin, files)
    for statement in _LONG_AGO.split(";\n"):
        if statement.strip():
            await admin.execute(statement, _FIRST_NIGHT)
    await admin.close()
    reader = await asyncpg.connect(
        host=where.host, port=where.port, database=where.database, user="reader_cli",
        password=where.password_of("reader_cli"), statement_cache_size=0,
    )  # fmt: skip
    try:
        found: dict[str, dict[str, Percentiles]] = {}
        for name, (make, all_asked) in _GROUPS.items():
            listings = {asked: make(filters) for asked, filters in {"": Filters(), **all_asked}.items()}
            found[name] = {
                asked: await _percentiles(partial(_table, reader, listing), rounds)
                for asked, listing in listings.items()
            }
        found["status"] = {"": await _percentiles(partial(database_state, reader), rounds)}
    finally:
        await reader.close()
    return found


async def _table(reader: asyncpg.Connection, listing: Listing) -> None:
    """What a listing asks before it prints a table."""
    query = listing.query(TABLE_LIMIT + 1)
    if len(await reader.fetch(query.sql, *query.parameters)) > TABLE_LIMIT and listing.total is not None:
        await reader.fetchval(listing.total.sql, *listing.total.parameters)


async def _percentiles(ask: Callable[[], Awaitable[object]], rounds: int) -> Percentiles:
    await ask()
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        await ask()
        spent.append((time.perf_counter() - began) * 1e3)
    found = quantiles(spent, n=100, method="inclusive")
    return found[49], found[94]
