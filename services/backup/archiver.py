"""The job of an archive: wait for its turn, fix what goes into it, send that, prove it, tell it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, time
from functools import partial

import asyncpg

from services.backup import plan
from services.backup.archive import keys
from services.backup.archive.model import Member, Packing, Spoilt
from services.backup.archive.packer import packing_here
from services.backup.archive.sizes import part_bytes_for
from services.backup.destinations.port import AlreadyThere, Destination, Label, SentPart, Upload, UploadGone
from services.backup.elsewhere import Elsewhere, OutOfReach, SourceAway
from services.backup.finish import Damaged, Finish
from services.backup.look import found_arrivals
from services.backup.places import Places
from services.backup.reading import RootAway
from services.backup.settings import BackupSettings
from services.backup.store import archives, members, parts
from services.backup.store.rows import Row
from services.backup.upload import Differs, Pace, Sending
from shared.bus.transaction import Connection
from shared.db.pool import connected, transaction
from shared.errors import TooEarly, Transient
from shared.jobs.job import Job
from shared.jobs.store import JobTable
from shared.logging import get_logger
from shared.retry import patiently

log = get_logger(__name__)

JOBS = JobTable("archive", "archive_id")
MOST_TRIES = 3
"""So often a file is tried that cannot be read, before the archive goes on without it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What archives are made with."""

    pool: asyncpg.Pool
    places: Places
    settings: BackupSettings
    pace: Pace
    installation_id: str
    published: Callable[[], None] = field(default=lambda: None)
    """Told when an event was left in the outbox."""


class Archiver:
    """Works on ``backup.archive``."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._pool = means.pool

    async def work(self, job: Job) -> None:
        """Make one archive, from wherever an attempt before ended.

        Raises:
            TooEarly: an archive of the same collection comes first.
            Away: the destination is not there.
            RootAway: the root of a file is not there.
            SourceAway: nor is another destination that a file comes from.
            Transient: a file could not be read, or the destination failed; it is tried again.
        """
        await self._means.pace.wait(job)
        async with connected(self._pool) as connection:
            if await archives.has_older(connection, job.id):
                raise TooEarly("an archive of the same files is made before")
        destination = await self._means.places.ready(job["destination"])
        if job["reason"] is not None:
            await job.save(reason=None)  # what it waited for is over
        try:
            await self._steps(job, destination)
        except RootAway as error:
            self._means.places.lacks(error)
            raise
        except SourceAway:
            raise
        except Transient as error:
            raise await self._means.places.failed(job["destination"], error) from error

    async def _steps(self, job: Job, destination: Destination) -> None:
        row = await self._read(job)
        if row["phase"] == "asked":
            await patiently(partial(self._plan, job))
            row = await self._read(job)
        finish = Finish(self._means, job, destination)
        while row["phase"] == "planned":
            await self._send(job, destination, row)
            row = await self._read(job)
        if row["phase"] == "stored":
            try:
                await finish.prove(row)
            except Damaged as error:
                log.error("an archive is damaged and made anew", key=row["key"], reason=str(error))
                await self._anew(job, renumber=True)
                await self._delete(destination, row["key"])
                raise Transient(f"{row['key']} is made anew: {error}") from error
        await finish.tell(await self._read(job))
        self._means.published()

    async def _delete(self, destination: Destination, key: str) -> None:
        """Delete a damaged archive where that can be done now; else it stays, and no row names it any more."""
        try:
            await destination.delete(key)
        except Transient as error:  # whoever may only write is not held up by it
            log.warning("a damaged archive stays", key=key, reason=str(error))

    async def _plan(self, job: Job) -> None:
        """Fix the members, in one transaction that nobody else's plan for this destination comes between."""
        settings = self._means.settings
        async with transaction(self._pool) as connection:
            await archives.lock_plans(connection, job["destination"])
            files, names = await self._new_files(connection, job)
            await members.plan(connection, job.id, files, names)
            if not files:
                await job.hold(connection)
                await archives.save(connection, job.id, {"phase": "nothing_new"})
                return
            packing = packing_here(settings.compression, settings.compression_level)
            sizes = [Member(n, f.file_id, names[n], f.size_bytes, 0) for n, f in enumerate(files)]
            number = await archives.next_number(connection, job["destination"], job["collection_id"])
            await job.hold(connection)
            columns = {
                "phase": "planned",
                "packing": json.dumps(asdict(packing)),
                "part_bytes": part_bytes_for(sizes, packing),
                "files": len(files),
                "size_bytes": sum(file.size_bytes for file in files),
            }
            await archives.save(connection, job.id, columns | _names(job, number, packing))

    async def _member_names(self, connection: Connection, job: Job, files: Sequence[members.Planned]) -> list[str]:
        taken = await members.names_of(connection, job["destination"], job["collection_id"])
        names = []
        for file in files:
            names.append(keys.member_path(job["collection_id"], file.root, file.path, file.file_id, taken))
            taken.add(names[-1])
        return names

    async def _new_files(self, connection: Connection, job: Job) -> tuple[list[members.Planned], list[str]]:
        """What goes into the archive, and the names that it has there."""
        destination, collection_id, others = job["destination"], job["collection_id"], self._others(job)
        day = plan.arrival_day(collection_id)
        if day is None:
            files = await members.new_of_session(connection, destination, collection_id, others)
            return files, await self._member_names(connection, job, files)
        held = await members.held(connection, destination, collection_id)
        begin, most = datetime.combine(day, time(), UTC), max(1, plan.MOST_FILES - held.files) + 1
        files = await members.new_of_day(connection, destination, begin, job["arrived_before"], others, most)
        names = await self._member_names(connection, job, files)
        room = plan.fitting([(name, file.path, file.size_bytes) for file, name in zip(files, names, strict=True)], held)
        if room < len(files):  # it is full with these, and the day goes on in another one
            rest = plan.next_collection(day, collection_id)
            found = found_arrivals(destination, rest, day, job["arrived_before"])
            await archives.ask_found(connection, [found])
        return files[:room], names[:room]

    def _others(self, job: Job) -> list[str]:
        """The destinations that may be read for what cannot be read here."""
        return self._means.places.others(job["destination"]) if self._means.settings.copy_across else []

    async def _send(self, job: Job, destination: Destination, row: Row) -> None:
        """Send what was not sent yet, and complete the upload."""
        packing = packing_of(row)
        upload = await self._begun(job, destination, row)
        try:
            if row["stored_bytes"] is None:
                elsewhere = Elsewhere(self._pool, self._means.places.ready, destination.name, self._others(job))
                sending = Sending(self._pool, job, destination, upload, self._means.pace, elsewhere)
                spoilt = await sending.run(packing, row["part_bytes"])
                if spoilt is not None:
                    await self._try_again(job, destination, upload, spoilt, row["part_bytes"])
                    return
                await self._all_sent(job)
            await self._complete(job, destination, upload, row["key"], label_of(row))
        except (UploadGone, Differs) as error:
            log.warning("an upload begins anew", key=row["key"], reason=str(error) or "it cannot be gone on with")
            await destination.abort(upload)
            await self._anew(job)
        except AlreadyThere as error:
            log.warning("an archive gets another number", key=row["key"], reason=str(error))
            await destination.abort(upload)
            await self._anew(job, renumber=True)

    async def _begun(self, job: Job, destination: Destination, row: Row) -> Upload:
        """The upload to go on with; to begin one ends any of this archive that nobody wrote down."""
        if row["upload_id"] is not None:
            return Upload(row["key"], row["upload_id"])
        upload = await destination.begin(row["key"], label_of(row), row["part_bytes"])
        await job.save(upload_id=upload.upload_id)
        return upload

    async def _try_again(
        self, job: Job, destination: Destination, upload: Upload, spoilt: Spoilt, part_bytes: int
    ) -> None:
        """Go back to where a member begins that could not be read.

        Where another destination has it, it comes from there; else the archive goes on without it after some tries.

        Raises:
            Transient: it is to be tried again.
        """
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            position = spoilt.member.position
            kept = await parts.void_from(connection, job.id, position)
            await members.unwrite(connection, job.id, kept * part_bytes)
            goes_on = await members.save_failed(
                connection, job.id, position, spoilt.reason,
                most_tries=1 if isinstance(spoilt.cause, OutOfReach) else MOST_TRIES,
                destination=job["destination"], others=self._others(job),
            )  # fmt: skip
            left_out = goes_on == "left_out"
            if left_out:
                await archives.count_members(connection, job.id)
            nothing_left = left_out and (await archives.read(connection, job.id))["files"] == 0
            if nothing_left:
                columns = dict.fromkeys(("upload_id", "number", "key", "manifest_key"))
                columns |= {"phase": "nothing_new", "stored_at": datetime.now(UTC)}
                await archives.save(connection, job.id, columns)
        if goes_on == "again":
            raise Transient(spoilt.reason)
        if goes_on == "elsewhere":
            return
        log.warning("left out of an archive", collection_id=job["collection_id"], reason=spoilt.reason)
        if nothing_left:
            await destination.abort(upload)

    async def _all_sent(self, job: Job) -> None:
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            await archives.save_all_sent(connection, job.id)

    async def _complete(self, job: Job, destination: Destination, upload: Upload, key: str, label: Label) -> None:
        async with connected(self._pool) as connection:
            sent: list[SentPart] = [parts.sent_of(row) for row in await parts.of_archive(connection, job.id)]
        stored = await destination.complete(upload, sent, label)
        await job.save(phase="stored", etag=stored.etag, upload_id=None, stored_at=datetime.now(UTC))
        log.debug("an archive is stored", key=key)

    async def _anew(self, job: Job, *, renumber: bool = False) -> None:
        """Begin the upload anew, with the members as they were planned; ``renumber`` under another key."""
        settings = self._means.settings
        packing = packing_here(settings.compression, settings.compression_level)
        async with transaction(self._pool) as connection:
            await archives.lock_plans(connection, job["destination"])
            await job.hold(connection)
            await parts.void_from(connection, job.id, -1)
            await members.unwrite(connection, job.id, -1)
            columns: dict[str, object] = {
                "phase": "planned",
                "upload_id": None,
                "stored_bytes": None,
                "sent_bytes": 0,
                "etag": None,
            }
            columns["packing"] = json.dumps(asdict(packing))
            row = await archives.read(connection, job.id)
            if renumber or packing.kind != packing_of(row).kind:
                number = await archives.next_number(connection, job["destination"], job["collection_id"])
                columns |= _names(job, number, packing)
            await archives.save(connection, job.id, columns)

    async def _read(self, job: Job) -> Row:
        async with connected(self._pool) as connection:
            return await archives.read(connection, job.id)


def packing_of(row: Row) -> Packing:
    """How an archive is packed."""
    return Packing(**json.loads(row["packing"]))


def label_of(row: Row) -> Label:
    """What an archive says of itself."""
    return Label(
        "application/zstd" if packing_of(row).kind == "zstd" else "application/x-tar",
        {
            "session-id": row["collection_id"],
            "year": str(row["night"].year),
            "original-size": str(row["size_bytes"]),
            "created-by": "nightbus",
        },
        tags={"archive_policy": "fast", "backup_policy": "deep"},
    )


def _names(job: Job, number: int, packing: Packing) -> dict[str, object]:
    collection = (job["night"].year, job["collection_id"], number)
    return {
        "number": number,
        "key": keys.archive_key(*collection, packing.kind),
        "manifest_key": keys.manifest_key(*collection),
    }
