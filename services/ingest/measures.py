"""Measures of what stands in the tables of ingest, for whoever asks its metrics."""

import time

import asyncpg

from services.ingest import metrics
from services.ingest.store import measures
from shared.db.pool import connected
from shared.metrics import MEASURE_EVERY_S, replace
from shared.periodic import DueIn

MOST_SHARE = 0.01
"""Of all time: files are counted less often where counting takes long, as while a large tree is offline."""


def measure_stream(size_bytes: int, limit_bytes: int) -> None:
    """Measure the stream of events, by what its janitor sees."""
    metrics.STREAM_BYTES.set(size_bytes)
    metrics.STREAM_LIMIT_BYTES.set(limit_bytes)


async def measure_places(pool: asyncpg.Pool) -> None:
    """Measure sources and roots.

    Raises:
        Unavailable: the database is away.
    """
    async with connected(pool) as connection:
        sources, roots = await measures.sources(connection), await measures.roots(connection)
    replace(metrics.SOURCE_REACHABLE, {(row["source"],): row["reachable"] for row in sources})
    walked = {(row["source"],): row["walked_at"].timestamp() for row in sources if row["walked_at"] is not None}
    replace(metrics.SOURCE_LAST_WALK, walked)
    replace(metrics.ROOT_REACHABLE, {(row["name"],): row["online"] for row in roots if row["holds_files"]})
    measured = [row for row in roots if row["free_bytes"] is not None]
    replace(metrics.ROOT_FREE_BYTES, {(row["name"],): row["free_bytes"] for row in measured})
    replace(metrics.ROOT_SIZE_BYTES, {(row["name"],): row["disk_bytes"] for row in measured})
    forecast = {(row["name"],): row["nights_left"] for row in measured if row["nights_left"] is not None}
    replace(metrics.ROOT_NIGHTS_LEFT, forecast)


async def measure_files(pool: asyncpg.Pool) -> DueIn:
    """Measure how many files can be read, and how many cannot.

    Raises:
        Unavailable: the database is away.
    """
    began = time.monotonic()
    async with connected(pool) as connection:
        found = await measures.files(connection)
    states = {state: found[state] for state in ("missing", "offline", "archived_only")}
    metrics.FILES.labels("here").set(found["files"] - sum(states.values()))
    for state, files in states.items():
        metrics.FILES.labels(state).set(files)
    metrics.FILE_BYTES.set(found["size_bytes"])
    return DueIn(max(MEASURE_EVERY_S, (time.monotonic() - began) / MOST_SHARE))
