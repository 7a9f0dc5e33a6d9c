"""The SQL of ingest: roots, ledger, files, locations, and the jobs that are committed with them."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from services.ingest import locations
from services.ingest.arrived import arrived, raise_revisions
from services.ingest.ledger import Known, Observation
from services.ingest.locations import Located
from services.ingest.mend import How, Mended, Place, Seen
from services.ingest.source import Mode
from services.ingest.tally import LARGE_BYTES
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.db.errors import translated
from shared.db.pool import transaction
from shared.events.file import FileArrived, Hints
from shared.jobs.job import Job

SERVICE = "ingest"
LIBRARY = "library"
"""Name of the library's root, kept free even where no library is set."""

_MANY_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Arrival:
    """A content at a place: what a file, a location and an event are made of."""

    file_id: str
    size_bytes: int
    root: str
    path: str
    root_path: str
    origin: str
    replaces: str | None
    mtime_ns: int


class Store:
    """Everything ingest reads from and writes to its schema."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def known(self, source: str, folders: Sequence[str]) -> dict[tuple[str, str], Known]:
        """The ledger's rows of some folders."""
        with translated():
            rows = await self.pool.fetch(
                "SELECT folder, name, size_bytes, mtime_ns, ctime_ns, inode, state, file_id, import_id"
                " FROM source_file WHERE source = $1 AND folder = ANY($2::text[])",
                source,
                folders,
            )
        if len(rows) < _MANY_ROWS:
            return _known(rows)
        return await asyncio.to_thread(_known, rows)  # a folder may hold hundreds of thousands

    async def sample(self, source: str, count: int) -> list[str]:
        """Some paths that the source held, to tell an empty or foreign mount."""
        with translated():
            rows = await self.pool.fetch(
                "SELECT folder, name FROM source_file WHERE source = $1 AND state <> 'failed' LIMIT $2", source, count
            )
        return [f"{row['folder']}/{row['name']}".lstrip("/") for row in rows]

    async def newest_of_folders(self, source: str) -> list[str]:
        """The path that was recorded last in each folder of a source."""
        with translated():
            rows = await self.pool.fetch(
                "SELECT DISTINCT ON (folder) folder, name FROM source_file WHERE source = $1 AND state <> 'failed'"
                " ORDER BY folder, observed_at DESC",
                source,
            )
        return [f"{row['folder']}/{row['name']}".lstrip("/") for row in rows]

    async def places_in(self, root: str, file_ids: Iterable[str]) -> Mapping[str, list[Place]]:
        """Where contents lie below one root, by file_id."""
        with translated():
            async with self.pool.acquire() as connection:
                return await locations.places_in(connection, root, file_ids)

    async def record(
        self,
        source: str,
        zone: str | None,
        observations: Sequence[Observation],
        arrivals: Sequence[Arrival],
        deletions: Sequence[Observation],
        job: Job | None,
        looks: Sequence[Mended | Seen] = (),
    ) -> list[str]:
        """Write a batch: ledger, files, locations, events and deletion jobs, in one transaction.

        ``looks`` is what was found, and done, where copies of known content were looked at in the library.

        Returns:
            For each observation what it was recorded as: arrived, already_here, failed, or how it was mended.

        Raises:
            Lost: the import ``job`` that asked for these files was taken over; nothing is written.
        """
        async with transaction(self.pool) as connection:
            if job is not None:
                await job.hold(connection)
            new = await _insert_files(connection, source, zone, arrivals)
            await locations.record_places(
                connection, (Located(item.root, item.path, item.file_id, item.mtime_ns) for item in arrivals)
            )
            await _record_looks(connection, looks)
            mended = {item.content.file_id: item.how for item in looks if isinstance(item, Mended)}
            states = _states(observations, new, mended)
            await _upsert_ledger(connection, source, observations, states, None if job is None else job.id)
            await _insert_deletions(connection, source, deletions)
            first = {item.file_id: item for item in reversed(arrivals)}
            await enqueue(
                connection,
                SERVICE,
                [_event(first[file_id], source, zone, arrived_at) for file_id, arrived_at in sorted(new.items())],
            )
        return states

    async def forget_failures(self, source: str, keys: Sequence[tuple[str, str]]) -> None:
        """Forget what could not be taken and is there no more, by folder and name."""
        with translated():
            await self.pool.execute(
                "DELETE FROM source_file USING unnest($2::text[], $3::text[]) AS t(folder, name)"
                " WHERE source_file.source = $1 AND source_file.folder = t.folder AND source_file.name = t.name"
                " AND state = 'failed'",
                source,
                [folder for folder, _name in keys],
                [name for _folder, name in keys],
            )

    async def failures_of_others(self, watched: Sequence[str], most: int) -> list[tuple[str, str, str, str]]:
        """What sources other than the ``watched`` ones could not be read of: source, its path, folder, name."""
        with translated():
            rows = await self.pool.fetch(
                "SELECT s.source, r.path, s.folder, s.name FROM source_file s JOIN root r ON r.name = s.source"
                " WHERE s.state = 'failed' AND s.source <> ALL($1::text[]) ORDER BY s.observed_at LIMIT $2",
                watched,
                most,
            )
        return [tuple(row) for row in rows]

    async def failed_folders(self, source: str) -> list[str]:
        """Folders of a source in which something could not be taken."""
        with translated():
            rows = await self.pool.fetch(
                "SELECT DISTINCT folder FROM source_file WHERE source = $1 AND state = 'failed'", source
            )
        return [row["folder"] for row in rows]

    async def forget_failed_folders(self, source: str, folders: Sequence[str]) -> None:
        """Forget what could not be taken in folders that are there no more."""
        with translated():
            await self.pool.execute(
                "DELETE FROM source_file WHERE source = $1 AND folder = ANY($2::text[]) AND state = 'failed'",
                source,
                folders,
            )

    async def record_looks(self, looks: Sequence[Mended | Seen]) -> None:
        """Write what was found, and done, where copies were looked at in the library."""
        async with transaction(self.pool) as connection:
            await _record_looks(connection, looks)

    async def ensure_root(self, name: str, path: Path, kind: str) -> None:
        """Register a configured root; a changed path is a remount and is taken over."""
        with translated():
            await self.pool.execute(
                "INSERT INTO root (name, path, kind) VALUES ($1, $2, $3)"
                " ON CONFLICT (name) DO UPDATE SET path = excluded.path, kind = excluded.kind",
                name,
                str(path),
                kind,
            )

    async def root_of(self, path: Path, kind: str) -> tuple[str, Path]:
        """The root that holds a folder, registered under the folder's own name when there is none.

        Returns:
            Name and folder of the root.
        """
        async with transaction(self.pool) as connection:
            await connection.execute("LOCK TABLE root IN SHARE ROW EXCLUSIVE MODE")
            rows = await connection.fetch("SELECT name, path FROM root WHERE kind = $1", kind)
            holding = [row for row in rows if path == Path(row["path"]) or Path(row["path"]) in path.parents]
            if holding:
                nearest = max(holding, key=lambda row: len(row["path"]))
                return nearest["name"], Path(nearest["path"])
            taken = {LIBRARY, *(row["name"] for row in await connection.fetch("SELECT name FROM root"))}
            name = _free_name(path, taken)
            await connection.execute("INSERT INTO root (name, path, kind) VALUES ($1, $2, $3)", name, str(path), kind)
        return name, path

    async def taken_by(self, import_id: UUID) -> dict[str, int]:
        """How many files of the ledger an import took, by what they were recorded as."""
        with translated():
            rows = await self.pool.fetch(
                "SELECT state, count(*) AS files FROM source_file"
                " WHERE import_id = $1 AND state <> 'failed' GROUP BY state",
                import_id,
            )
        return {row["state"]: row["files"] for row in rows}

    async def add_import(self, import_id: UUID, paths: Sequence[str], mode: Mode, *, verify: bool) -> None:
        """Commit an import; the same id twice is one import."""
        with translated():
            await self.pool.execute(
                "INSERT INTO import (import_id, paths, mode, verify) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                import_id,
                paths,
                mode,
                verify,
            )


def _known(rows: Sequence[asyncpg.Record]) -> dict[tuple[str, str], Known]:
    return {(row[0], row[1]): Known(*row[2:]) for row in rows}


async def _record_looks(connection: Connection, looks: Sequence[Mended | Seen]) -> None:
    """What was placed anew is announced again, so that it is read once more, at the place where it is now."""
    await locations.record_seen(connection, LIBRARY, [item for item in looks if isinstance(item, Seen)])
    mended = [item for item in looks if isinstance(item, Mended)]
    if mended:
        new = await locations.record_mended(connection, LIBRARY, mended)
        again = await raise_revisions(connection, sorted({item.content.file_id for item in mended}))
        await enqueue(connection, SERVICE, await arrived(connection, sorted({*new, *again})))


def _states(observations: Sequence[Observation], new: Mapping[str, datetime], mended: Mapping[str, How]) -> list[str]:
    """The first file of a new content arrived, that of a mended one mended it; every other one was already here."""
    states: list[str] = []
    told: set[str] = set()
    for item in observations:
        if item.file_id is None:
            states.append("failed")
        elif item.file_id in told or (item.file_id not in new and item.file_id not in mended):
            states.append("already_here")
        else:
            told.add(item.file_id)
            states.append("arrived" if item.file_id in new else mended[item.file_id])
    return states


async def _insert_files(
    connection: Connection, source: str, zone: str | None, arrivals: Sequence[Arrival]
) -> dict[str, datetime]:
    unique = sorted({item.file_id: item for item in reversed(arrivals)}.values(), key=lambda item: item.file_id)
    rows = await connection.fetch(
        """
        INSERT INTO file (file_id, size_bytes, source, source_zone, origin, replaces)
        SELECT file_id, size_bytes, $1, $2, origin, replaces
        FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[]) AS t(file_id, size_bytes, origin, replaces)
        ON CONFLICT DO NOTHING RETURNING file_id, arrived_at
        """,
        source,
        zone,
        [item.file_id for item in unique],
        [item.size_bytes for item in unique],
        [item.origin for item in unique],
        [item.replaces for item in unique],
    )
    return {row["file_id"]: row["arrived_at"] for row in rows}


async def _upsert_ledger(
    connection: Connection,
    source: str,
    observations: Sequence[Observation],
    states: Sequence[str],
    import_id: UUID | None,
) -> None:
    pairs = zip(observations, states, strict=True)
    unique = sorted({(item.folder, item.name): (item, state) for item, state in pairs}.items())
    await connection.execute(
        """
        INSERT INTO source_file
            (source, folder, name, size_bytes, mtime_ns, ctime_ns, inode, state, file_id, reason, import_id)
        SELECT $1, t.*, $2 FROM unnest(
            $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::text[],
            $11::text[]) AS t
        ON CONFLICT (source, folder, name) DO UPDATE SET
            size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns,
            inode = excluded.inode, state = excluded.state, reason = excluded.reason,
            file_id = coalesce(excluded.file_id, source_file.file_id),
            import_id = excluded.import_id, observed_at = excluded.observed_at
        """,
        source,
        import_id,
        [item.folder for _key, (item, _state) in unique],
        [item.name for _key, (item, _state) in unique],
        [item.size_bytes for _key, (item, _state) in unique],
        [item.mtime_ns for _key, (item, _state) in unique],
        [item.ctime_ns for _key, (item, _state) in unique],
        [item.inode for _key, (item, _state) in unique],
        [state for _key, (_item, state) in unique],
        [item.file_id for _key, (item, _state) in unique],
        [item.reason for _key, (item, _state) in unique],
    )


async def _insert_deletions(connection: Connection, source: str, deletions: Sequence[Observation]) -> None:
    """Whoever is about to delete what the source held before has another attempt number, and so has lost the job."""
    ordered = sorted(deletions, key=lambda item: (item.folder, item.name))
    if ordered:
        await connection.execute(
            """
            INSERT INTO deletion (source, folder, name, file_id, size_bytes, kind)
            SELECT $1, t.*, CASE WHEN t.size_bytes >= $6 THEN 'large_deletion' ELSE 'deletion' END
            FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS t(folder, name, file_id, size_bytes)
            ON CONFLICT (source, folder, name) DO UPDATE SET
                file_id = excluded.file_id, size_bytes = excluded.size_bytes, kind = excluded.kind, state = 'waiting',
                reason = NULL,
                attempt = deletion.attempt + 1, postponed = 0, unexpected = 0, next_try_at = excluded.next_try_at,
                leased_until = NULL, cancel_requested_at = NULL, finished_at = NULL, created_at = excluded.created_at
            """,
            source,
            [item.folder for item in ordered],
            [item.name for item in ordered],
            [item.file_id for item in ordered],
            [item.size_bytes for item in ordered],
            LARGE_BYTES,
        )


def _event(item: Arrival, source: str, zone: str | None, arrived_at: datetime) -> FileArrived:
    return FileArrived(
        file_id=item.file_id,
        root=item.root,
        path=item.path,
        root_path=item.root_path,
        size_bytes=item.size_bytes,
        source=source,
        source_zone=zone,
        origin=item.origin,
        arrived_at=arrived_at,
        replaces=item.replaces,
        hints=Hints(),
    )


def _free_name(path: Path, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", path.name.lower()).strip("-") or "files"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name
