"""The invariants that every fault test ends with, as functions over the database, the stream and the folders.

==  ====================================================================================
I1  every file ends as exactly one of scanned and quarantined, found = scanned + quarantined
I2  nothing is there twice: rows, library files, exposures, messages of the stream
I3  outboxes are empty, and every event of the stream took effect once per consumer
I4  sources are untouched: sha256, size, mtime, inode
I6  at rest: no process uses the processor
I7  all numbers equal those of an undisturbed run on the same input
I8  nothing is silent: each quarantine has its dead letter, row and log line
==  ====================================================================================
"""

import asyncio
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext

from services.descriptions import SERVICES
from shared.bus.names import EVENTS
from shared.bus.streams import DUPLICATE_WINDOW_S
from shared.description import Consumer
from shared.events.envelope import MESSAGE_ID
from tests.faults.world import World, until

Rows = list[tuple[Any, ...]]
Totals = dict[str, Rows]

BUSY_PERCENT = 50.0

_FRAME_LEAVES_OUT = ("arrived_at", "event_no", "read_at", "digest")
_TABLES = {
    "ingest.file": "file_id, size_bytes, source, source_zone, origin, replaces, hints, scan_revision",
    "ingest.location": "root, path, file_id, revision",
    "ingest.source_file": "source, folder, name, size_bytes, state, file_id, reason",
    "stats.file": "file_id, scan_revision, root, path, size_bytes, source, origin, replaces, hints",
    "stats.pending": "file_id, scan_revision",
    "stats.quarantine": "quarantine_key, file_id, root, path, service, attempt, reason",
    "stats.session": "session_id, night, rig, sky_files, files, size_bytes, exposures, integration_ms, ends_at, open",
    "stats.session_camera": "*",
    "stats.session_type": "*",
    "stats.session_target": "*",
    "stats.target": "catalog_id, name, exposures, integration_ms, sessions, status",
    "stats.target_session": "*",
    "stats.target_filter": "*",
    "stats.night_count": "*",
    "stats.object_count": "*",
    "stats.counts": "files, scanned",
    "ingest.counts": "files, size_bytes",
}
"""Everything that is counted, without what only the clock decides."""


@dataclass(frozen=True, slots=True)
class Print:
    """What must not change of a source file."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    inode: int


def fingerprint(folder: Path) -> dict[str, Print]:
    """All files below a folder, by relative path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            status = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[path.relative_to(folder).as_posix()] = Print(
                digest, status.st_size, status.st_mtime_ns, status.st_ino
            )
    return found


async def totals(connection: asyncpg.Connection) -> Totals:
    """All rows of all tables that count, in a fixed order."""
    columns = await connection.fetch(
        "SELECT quote_ident(column_name::text) AS name FROM information_schema.columns"
        " WHERE table_schema = 'stats' AND table_name = 'frame' ORDER BY ordinal_position"
    )
    frame = ", ".join(row["name"] for row in columns if row["name"] not in _FRAME_LEAVES_OUT)
    tables = {**_TABLES, "stats.frame": frame}
    return {
        table: sorted((tuple(row) for row in await connection.fetch(f"SELECT {names} FROM {table}")), key=repr)
        for table, names in tables.items()
    }


def check_same(found: Totals, reference: Totals) -> None:
    """I7: the same rows as an undisturbed run; says per table what is too much and what is missing."""
    for table, rows in reference.items():
        extra, missing = Counter(map(repr, found[table])), Counter(map(repr, rows))
        more, less = extra - missing, missing - extra
        assert not more, f"I7 {table}: too much, such as {list(more)[:3]}"
        assert not less, f"I7 {table}: missing, such as {list(less)[:3]}"


async def check_accounted(connection: asyncpg.Connection, captures: dict[str, Print]) -> None:
    """I1: what is in the folders is what is in the ledger, and each content has one end."""
    wanted = {name.sha256 for name in captures.values()}
    files = {row["file_id"] for row in await connection.fetch("SELECT file_id FROM ingest.file")}
    assert files == wanted, f"I1: {len(wanted - files)} lost, {len(files - wanted)} invented"
    ledger = {
        f"{row['source'].removesuffix('-rig')}/{row['folder']}/{row['name']}".replace("//", "/"): row["file_id"]
        for row in await connection.fetch("SELECT source, folder, name, file_id FROM ingest.source_file")
    }
    assert ledger == {path: item.sha256 for path, item in captures.items()}, "I1: the ledger differs from the folders"
    scanned = {row[0] for row in await connection.fetch("SELECT file_id FROM stats.frame")}
    quarantined = {row[0] for row in await connection.fetch("SELECT quarantine_key FROM stats.quarantine")}
    assert not scanned & quarantined, f"I1: both scanned and quarantined: {sorted(scanned & quarantined)[:3]}"
    assert scanned | quarantined == wanted, f"I1: {len(wanted - scanned - quarantined)} without an end"


async def check_single(connection: asyncpg.Connection, library: Path) -> None:
    """I2: no content twice in the library, each file known, no exposure counted twice."""
    here = fingerprint(library)
    inside = {path: item.sha256 for path, item in here.items() if not path.startswith(".nightbus/")}
    twice = [digest for digest, count in Counter(inside.values()).items() if count > 1]
    assert not twice, f"I2: in the library more than once: {twice[:3]}"
    rows = await connection.fetch("SELECT path, file_id FROM ingest.location WHERE root = 'library'")
    assert inside == {row["path"]: row["file_id"] for row in rows}, "I2: library and locations differ"
    doubled = await connection.fetch(
        "SELECT exposure_key FROM stats.frame WHERE counted GROUP BY exposure_key HAVING count(*) > 1"
    )
    assert not doubled, f"I2: exposures counted twice: {doubled[:3]}"


async def stream_messages(
    js: JetStreamContext, subject: str = ">"
) -> list[tuple[str, dict[str, str], bytes, datetime]]:
    """All messages of the event stream: (subject, headers, payload, when it was stored)."""
    found: list[tuple[str, dict[str, str], bytes, datetime]] = []
    subscription = await js.subscribe(subject, stream=EVENTS, ordered_consumer=True)
    try:
        while True:
            message = await subscription.next_msg(timeout=1.0)
            found.append((message.subject, dict(message.headers or {}), message.data, message.metadata.timestamp))
    except NatsTimeoutError:
        return found
    finally:
        await subscription.unsubscribe()


async def check_delivered(connection: asyncpg.Connection, js: JetStreamContext) -> int:
    """I2 and I3: no message id twice in the stream, outboxes empty, each event applied by each reader with tables.

    Twice means within the time for which the server remembers ids. What was stored just before a longer outage and not
    confirmed is published again after it; then the inboxes are what lets it take effect once.

    Returns:
        How many messages the stream holds.
    """
    messages = await stream_messages(js)
    stored: dict[str, list[datetime]] = defaultdict(list)
    for _, headers, _, stored_at in messages:
        stored[headers[MESSAGE_ID]].append(stored_at)
    window = timedelta(seconds=DUPLICATE_WINDOW_S)
    twice = [name for name, times in stored.items() if any(b - a < window for a, b in pairwise(sorted(times)))]
    assert not twice, f"I2: stored twice in the stream: {twice[:3]}"
    for service in SERVICES:
        if service.has_outbox:
            left = await connection.fetchval(f"SELECT count(*) FROM {service.name}.outbox")
            assert left == 0, f"I3: {left} events left in {service.name}.outbox"
    for row in (row for service in SERVICES if service.has_tables for row in service.consumers if row.stream == EVENTS):
        told = {headers["ce-id"] for subject, headers, _, _ in messages if subject == row.subject}
        await _applied(connection, row, told)
    return len(messages)


async def _applied(connection: asyncpg.Connection, row: Consumer, told: set[str]) -> None:
    """Each event that was told is in the inbox of a consumer, soon: a message of one that was killed comes again."""
    query = f"SELECT event_id::text FROM {row.service}.inbox WHERE consumer = $1"
    missing = told

    async def none_is_missing() -> bool:
        nonlocal missing
        missing = told - {found[0] for found in await connection.fetch(query, row.durable)}
        return not missing

    try:
        await until(none_is_missing, 2 * row.ack_wait_s)
    except TimeoutError:
        raise AssertionError(f"I3: {len(missing)} events of {row.subject} without effect in {row.service}") from None


def check_untouched(before: dict[str, Print], folder: Path) -> None:
    """I4: the sources are byte for byte, stamp for stamp what they were."""
    after = fingerprint(folder)
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    assert not changed, f"I4: sources changed: {changed[:3]}"


async def processor_use(world: World, seconds: float) -> dict[str, float]:
    """Processor use of every service and server with its children over some seconds, percent of one core."""
    before = _processor_seconds(world)
    await asyncio.sleep(seconds)
    after = _processor_seconds(world)
    return {
        name: 100.0 * (after[name][1] - used) / seconds
        for name, (pid, used) in before.items()
        if name in after and after[name][0] == pid
    }


def _processor_seconds(world: World) -> dict[str, tuple[int, float]]:
    found = {}
    for name in world.names:
        if (pid := world.pid_of(name)) is None:
            continue
        try:
            process = psutil.Process(pid)
            total = 0.0
            for member in (process, *process.children(recursive=True)):
                times = member.cpu_times()
                total += times.user + times.system
        except psutil.NoSuchProcess:
            continue
        found[name] = (pid, total)
    return found


async def check_quiet(world: World, seconds: float) -> dict[str, float]:
    """I6: nobody spins at rest. Returns the use by name, percent of one core."""
    use = await processor_use(world, seconds)
    busy = {name: round(percent) for name, percent in use.items() if percent > BUSY_PERCENT}
    assert not busy, f"I6: busy at rest, percent: {busy}"
    return use


async def check_told(connection: asyncpg.Connection, log: Path) -> int:
    """I8: each quarantine has a dead letter in the register, and each of those a log line with its event id.

    Returns:
        How many dead letters there are.
    """
    quarantined = await connection.fetchval("SELECT count(*) FROM stats.quarantine")
    letters = await connection.fetch("SELECT event_id FROM api.dead_letter")
    files = await connection.fetch(
        "SELECT i.file_id FROM stats.quarantine q JOIN ingest.file i USING (file_id) WHERE NOT EXISTS"
        " (SELECT FROM api.dead_letter d WHERE convert_from(d.payload, 'UTF8') LIKE '%' || i.file_id || '%')"
    )
    assert not files, f"I8: {len(files)} of {quarantined} quarantined files without a dead letter"
    text = log.read_text(errors="replace")
    silent = {row["event_id"] for row in letters if row["event_id"] not in text}
    assert not silent, f"I8: dead letters without a log line: {sorted(silent)[:3]}"
    return len(letters)


async def check_all(
    world: World,
    sources: Path,
    before: dict[str, Print],
    reference: Totals | None,
    *,
    letters: bool = True,
    rest_s: float = 4.0,
) -> str:
    """All invariants.

    Args:
        world: a stack at rest.
        sources: the watched folders.
        before: their fingerprint when the files landed.
        reference: totals of an undisturbed run, where there is one to compare with.
        letters: whether the stream of dead letters was kept, so that each must be in the register.
        rest_s: how long the processor is watched.

    Returns:
        Figures for the report.
    """
    async with world.database() as connection:
        found = await totals(connection)
        await check_accounted(connection, before)
        await check_single(connection, world.stack.home.path / "library")
        told = await check_told(connection, world.log) if letters else 0
        async with world.jetstream() as js:
            messages = await check_delivered(connection, js)
    if reference is not None:
        check_same(found, reference)
    check_untouched(before, sources)
    use = await check_quiet(world, rest_s)
    frames, quarantined = len(found["stats.frame"]), len(found["stats.quarantine"])
    return (
        f"{len(before)} files = {frames} scanned + {quarantined} quarantined, {told} dead letters, "
        f"{messages} messages, at rest {max(use.values()):.0f} % of a core at most"
    )
