"""The command: how long a person waits for an answer, from the start of the process to its end."""

import asyncio
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import asyncpg

from services.cli.filters import TABLE_LIMIT, Filters
from services.cli.listings import captures_listing, files_listing, sessions_listing
from tests.bench.table import Rows, ceiling_row, interleaved
from tests.bench.world import Servers, servers

NIGHTBUS = [sys.executable, "-m", "services.cli.start"]
MOST_S = {"--help": 0.3, "match": 0.5, "files": 0.4, "captures": 0.4, "sessions": 0.4}
_LISTINGS = {"files": files_listing, "captures": captures_listing, "sessions": sessions_listing}


def rows(*, quick: bool) -> Rows:
    """Seconds of the commands that people type most; listings without the time of their query."""
    rounds = 5 if quick else 15
    with asyncio.Runner() as runner, servers(runner) as started:
        home = started.home
        words = {
            "--help": ["--help"],
            "match": ["match", "M 31"],
            **{name: [name, "--home", str(home)] for name in _LISTINGS},
        }
        seconds = interleaved({name: lambda line=line: _run(*line) for name, line in words.items()}, rounds)  # type: ignore[misc]
        bare = interleaved({"python": lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)}, rounds)
        processor = {name: _processor_s(*line) for name, line in words.items()}
        queries = {name: runner.run(_query_s(started, name, rounds)) for name in _LISTINGS}
    return [
        ceiling_row(
            f"`nightbus {name}`" + (" without its query" if name in _LISTINGS else ""),
            seconds[name] - queries.get(name, 0.0),
            most,
            unit="s",
            limit=f"python alone {bare['python']:.3f} s",
            how=f"wall-clock time of the whole process; {processor[name]:.3f} s of processor time at best"
            + (f"; an empty library, whose query takes {queries[name]:.3f} s" if name in _LISTINGS else ""),
        )
        for name, most in MOST_S.items()
    ]


def _run(*line: str) -> None:
    subprocess.run([*NIGHTBUS, *line], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path("/"))


def _processor_s(*line: str) -> float:
    """Least processor time of a command, which a machine that does other work at the same time changes less."""
    spent = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _run(*line)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(spent)


async def _query_s(started: Servers, name: str, rounds: int) -> float:
    """Median seconds of a listing's query on a connection that is open."""
    where = started.postgres
    connection = await asyncpg.connect(
        host=where.host, port=where.port, database=where.database, user="reader", password=where.password_of("reader")
    )
    query = _LISTINGS[name](Filters()).query(TABLE_LIMIT + 1)
    try:
        spent = []
        for _ in range(rounds):
            begin = time.perf_counter()
            await connection.fetch(query.sql, *query.parameters)
            spent.append(time.perf_counter() - begin)
    finally:
        await connection.close()
    return median(spent)
