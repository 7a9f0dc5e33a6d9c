"""Reading and writing the schema ``stats``, a batch at a time and never row by row."""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

import asyncpg

from services.stats import statements
from services.stats.bests import Bests
from services.stats.frames import COLUMNS, NewFrame, row_of
from services.stats.sessions import Session, SkySessions, session_of
from services.stats.totals import Entry, TargetDelta, Totals
from shared.bus.transaction import Connection
from shared.errors import Permanent
from shared.events.file import FileArrived, FileQuarantined, Reading

Key = TypeVar("Key", bound=tuple[str, ...])
_NO_BESTS = Bests()

LOCK_KEY = 0x6E627374
"""Advisory lock of every transaction that writes to the schema: subjects and replicas never interleave."""


@contextlib.contextmanager
def data_errors() -> Iterator[None]:
    """Turn a value that the database cannot hold into Permanent: trying again does not help."""
    try:
        yield
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, OverflowError, ValueError) as error:
        raise Permanent(f"the database refuses a value: {error}") from error


async def lock(connection: Connection) -> None:
    """Wait for the schema's writers' lock; held until the transaction ends."""
    await connection.execute(statements.LOCK, LOCK_KEY)


async def related(connection: Connection, entries: Collection[Entry]) -> list[Entry]:
    """Known frames with the file id, the stem or the exposure of any of the entries."""
    return _entries(
        await connection.fetch(
            statements.RELATED,
            [entry.file_id for entry in entries],
            list({entry.stem_key for entry in entries}),
            list({entry.exposure_key for entry in entries if entry.exposure_key is not None}),
        )
    )


async def of_files(connection: Connection, file_ids: Collection[str]) -> list[Entry]:
    """Known frames by their file ids."""
    return _entries(await connection.fetch(statements.RELATED, list(file_ids), [], []))


async def calibration_frames(connection: Connection, nights: Collection[date]) -> list[Entry]:
    """Known calibration frames of some nights."""
    return _entries(await connection.fetch(statements.CALIBRATION, list(nights)))


async def sky_sessions(connection: Connection, nights: Collection[date]) -> SkySessions:
    """The sessions with sky files of some nights."""
    rows = await connection.fetch(statements.SKY, list(nights))
    return SkySessions((row[0], Session(row[1], row[2], row[3]), row[4]) for row in rows)


async def write_frames(
    connection: Connection,
    fresh: Sequence[NewFrame],
    packed: Sequence[bytes],
    replaced: Sequence[Entry],
    moved: Sequence[Entry],
) -> None:
    """Write new frames, those that replace an earlier revision, and the places of known ones.

    ``packed``: the event of each new frame, as it is kept.
    """
    if replaced:
        await connection.execute(statements.REPLACED, [entry.file_id for entry in replaced])
    if moved:
        await connection.execute(
            statements.MOVED,
            [entry.file_id for entry in moved],
            [entry.session.session_id for entry in moved],
            [entry.counted for entry in moved],
        )
    if fresh:
        last: int = await connection.fetchval(statements.NUMBERS, len(fresh))
        numbers = range(last - len(fresh) + 1, last + 1)
        events = zip(numbers, packed, strict=True)
        await connection.copy_records_to_table("event", records=events, columns=("event_no", "packed"))
        await connection.copy_records_to_table("frame", records=map(row_of, fresh, numbers), columns=COLUMNS)
        await connection.execute(
            statements.SETTLED,
            [frame.file_id for frame in fresh],
            [frame.scan_revision for frame in fresh],
            [frame.occurred_at for frame in fresh],
        )


async def write_totals(connection: Connection, totals: Totals, names: dict[str, str | None]) -> None:
    """Add differences to the totals. ``names``: display names of targets."""
    changed = totals.changed_sessions()
    await _many(
        connection,
        statements.SESSIONS,
        (
            (*key, d.sky_files, d.files, d.size_bytes, d.exposures, d.integration_ms, d.ends_at, d.last_arrived_at)
            for key, d in sorted(totals.sessions.items(), key=lambda item: item[0])
            if key.session_id in changed
        ),
    )
    await _many(
        connection,
        statements.SESSION_CAMERAS,
        (
            (session.night, camera, session.session_id, session.rig, *counts)
            for (session, camera), counts in sorted(totals.cameras.items())
            if any(counts)
        ),
    )
    await _many(
        connection, statements.SESSION_TYPES, ((*key, files) for key, files in sorted(totals.types.items()) if files)
    )
    await _many(
        connection,
        statements.NIGHT_COUNTS,
        ((*key, files) for key, files in sorted(totals.nights.items()) if files),
    )
    await _many(
        connection, statements.OBJECT_COUNTS, ((*key, files) for key, files in sorted(totals.objects.items()) if files)
    )
    await _many(connection, statements.SESSION_TARGETS, _of_targets(totals.targets, measured=True))
    await _many(connection, statements.SESSION_BESTS, _of_gone(totals.went))
    await _write_targets(connection, totals, names)
    if totals.left:
        await _clear(connection, totals)


async def _write_targets(connection: Connection, totals: Totals, names: dict[str, str | None]) -> None:
    filters, sessions = totals.target_filters(), totals.target_sessions()
    await _many(connection, statements.TARGET_FILTERS, _of_targets(filters))
    changes: dict[str, list[int]] = {catalog_id: [0, 0] for catalog_id, _ in sessions}
    for (catalog_id, _), delta in filters.items():
        if delta.counts:
            change = changes.setdefault(catalog_id, [0, 0])
            change[0] += delta.exposures
            change[1] += delta.integration_ms
    if changes:
        await connection.execute(
            statements.TARGETS,
            *_columns(((*key, delta) for key, delta in sorted(sessions.items())), 3),
            *_columns(((key, names.get(key), *change) for key, change in sorted(changes.items())), 4),
        )
    await _many(connection, statements.FILTER_BESTS, _of_gone(totals.gone_of_filters()))


async def _clear(connection: Connection, totals: Totals) -> None:
    """Look for the latest times of sessions that files left, and delete rows that nothing stands behind any more."""
    await connection.execute(statements.SESSIONS_AGAIN, sorted(totals.left))
    touched = sorted(session.session_id for session in totals.sessions)
    nights = sorted({session.night for session in totals.sessions})
    for statement in statements.EMPTY:
        await connection.execute(statement, touched, nights)
    await connection.execute(statements.EMPTY_NIGHTS, sorted({night for night, *_ in totals.nights}))
    await connection.execute(statements.EMPTY_OBJECTS, sorted({catalog_id for catalog_id, _ in totals.objects}))
    targets = sorted({catalog_id for _, catalog_id, _ in totals.targets})
    for statement in statements.EMPTY_TARGETS:
        await connection.execute(statement, targets)


async def write_files(connection: Connection, events: Sequence[FileArrived]) -> None:
    """Record arrivals, and which of the files wait for the scanner. At least one event, at most one per file."""
    rows = [
        (
            event.file_id,
            event.scan_revision,
            event.root,
            event.path,
            event.size_bytes,
            event.source,
            event.origin,
            event.replaces,
            event.hints.model_dump_json(exclude_none=True) if any(event.hints.model_dump().values()) else None,
            event.arrived_at,
            event.occurred_at,
            event.location_revision,
        )
        for event in events
    ]
    await _many(connection, statements.FILES, rows)
    file_ids, revisions, *_, arrived, announced, _known = _columns(rows, len(rows[0]))
    await connection.execute(statements.WHERE_MOVED, file_ids)
    await connection.execute(statements.PENDING, file_ids, revisions, announced)
    await connection.execute(statements.SOURCES, [row[5] for row in rows], arrived)


async def write_quarantine(connection: Connection, events: Iterable[tuple[str, FileQuarantined]]) -> None:
    """Record files that were given up, by key; at most one event per key."""
    await _many(
        connection,
        statements.QUARANTINE,
        (
            (key, e.file_id, e.root, e.path, e.service, e.attempt, e.reason, e.error, e.occurred_at)
            for key, e in sorted(events, key=lambda item: item[0])
        ),
    )


def _entries(rows: Iterable[asyncpg.Record]) -> list[Entry]:
    return [
        Entry(
            row["file_id"],
            Reading(row["scan_revision"], row["decisions_revision"], row["read_at"], row["digest"]),
            row["frame_type"],
            session_of(row["session_night"], row["label"]),
            row["night_ends_at"],
            row["arrived_at"],
            row["camera"],
            row["stem"],
            row["stem_key"],
            row["exposure_key"],
            row["exposure_ms"],
            row["size_bytes"],
            row["catalog_id"],
            row["filter"],
            row["frame_night"],
            row["frame_rig"],
            row["object_name"],
            row["observed_at"],
            row["fwhm_arcsec"],
            row["star_count"],
            row["target_uncertain"],
            Session(row["session_id"], row["night"], row["rig"]),
            row["counted"],
            row["location_revision"],
            tuple(row["measured"]),
        )
        for row in rows
    ]


def _of_targets(deltas: Mapping[Key, TargetDelta], *, measured: bool = False) -> Iterator[Sequence[Any]]:
    """Rows of changes that change anything, sorted by key; what is only exchanged may still be better than before.

    ``measured``: with the sums of what was measured.
    """
    for key in sorted(deltas):
        delta = deltas[key]
        if delta.counts or delta.uncertain or delta.measured or delta.came != _NO_BESTS:
            sums = delta.measured.values if measured else ()
            yield (*key, delta.exposures, delta.integration_ms, delta.uncertain, *delta.came.values, *sums)


def _of_gone(bests: Mapping[Key, Bests]) -> Iterator[Sequence[Any]]:
    """Rows of the bests that were taken away, sorted by key."""
    return ((*key, *bests[key].values) for key in sorted(bests))


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]


async def _many(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run a statement that takes its rows as arrays; nothing to do for no rows."""
    if columns := _columns(rows, 0):
        await connection.execute(statement, *columns)
