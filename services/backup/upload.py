"""Sending an archive: parts are made, sent, and written down as sent, so that an upload goes on wherever it ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import asyncpg

from services.backup.archive.model import Member, Packing, Part, Point, Spoilt, Written
from services.backup.archive.packer import packing_here
from services.backup.archive.stream import ArchiveStream
from services.backup.bandwidth import Bandwidth
from services.backup.destinations.port import Destination, Upload
from services.backup.elsewhere import Elsewhere
from services.backup.hours import QuietHours
from services.backup.metrics import SENT_BYTES
from services.backup.reading import Place, Reading
from services.backup.store import members as member_rows
from services.backup.store import parts as part_rows
from services.backup.store.rows import Row
from shared.db.pool import connected, transaction
from shared.errors import NightbusError
from shared.events.base import utc_now
from shared.jobs.job import Job
from shared.jobs.outcome import Stopped
from shared.logging import get_logger
from shared.retry import patiently

log = get_logger(__name__)

IN_FLIGHT = 2
"""Parts of one archive that are sent side by side."""


class Differs(Exception):
    """A part that was sent comes out otherwise now: what was sent cannot be gone on with."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When and how fast uploads may send."""

    bandwidth: Bandwidth
    quiet: QuietHours | None = None

    async def turn(self, job: Job, count: int) -> None:
        """Wait until so many bytes may be sent. Raises Stopped."""
        await self.wait(job)
        await self.bandwidth.turn(count)
        job.check()

    async def wait(self, job: Job) -> None:
        """Wait while the hours are quiet. Raises Stopped."""
        waited = False
        while self.quiet is not None and (left_s := self.quiet.left_s(utc_now())) > 0:
            waited = True
            await job.save(reason=f"the hours are quiet: {self.quiet}")
            await job.pause(min(left_s, 60.0))
        if waited:
            await job.save(reason=None)


class Sending:
    """One attempt at sending one archive."""

    def __init__(
        self, pool: asyncpg.Pool, job: Job, destination: Destination, upload: Upload, pace: Pace, elsewhere: Elsewhere
    ) -> None:
        self._pool = pool
        self._elsewhere = elsewhere
        self._job = job
        self._destination = destination
        self._upload = upload
        self._pace = pace
        self._commits = asyncio.Lock()
        """Each takes the row of the archive and would wait for the other."""

    async def run(self, packing: Packing, part_bytes: int) -> Spoilt | None:
        """Send all parts that were not sent yet.

        Returns:
            The member that cannot be read, where there is one: what was sent before it is written down.

        Raises:
            Differs: the upload has to begin anew.
            Transient: the destination, or the root of a file, cannot be used now.
        """
        async with connected(self._pool) as connection:
            rows = await member_rows.of_archive(connection, self._job.id)
            sent = await part_rows.of_archive(connection, self._job.id)
        if packing != packing_here(packing.kind, packing.level):
            raise Differs
        last = sent_in_a_row(sent)
        reading = self._reading(rows)
        stream = _stream(rows, reading, last, packing, part_bytes)
        try:
            return await self._send_all(stream, last)
        finally:
            reading.end()
            await asyncio.to_thread(stream.close)

    def _reading(self, rows: Sequence[Row]) -> Reading:
        planned = {row["position"]: Place(row["root"], row["path"], row["root_path"]) for row in rows}
        elsewhere = [row["position"] for row in rows if row["elsewhere"]]
        return Reading(planned, self._places_of, self._elsewhere.bring, elsewhere)

    async def _send_all(self, stream: ArchiveStream, last: Row | None) -> Spoilt | None:
        spoilt: Spoilt | None = None
        slots = asyncio.Semaphore(IN_FLIGHT)
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await slots.acquire()
                    self._job.check()
                    try:
                        part = await asyncio.to_thread(stream.next_part)
                    except Spoilt as found:
                        spoilt = found
                        break
                    if part is None:
                        break
                    if last is not None and part.number == last["number"] and last["etag"]:
                        if part.sha256.hex() != last["sha256"]:
                            raise Differs
                        slots.release()
                        continue
                    task = tasks.create_task(self._send(part))
                    task.add_done_callback(lambda _task: slots.release())
                    del part
        except ExceptionGroup as group:
            raise _first_of(group) from group
        return spoilt

    async def _send(self, part: Part) -> None:
        await self._pace.turn(self._job, len(part.data))
        etag = await self._destination.put_part(self._upload, part.number, part.data, part.md5, part.sha256)
        async with self._commits:
            await patiently(partial(self._commit, part, etag))
        SENT_BYTES.labels(self._destination.name).inc(len(part.data))

    async def _commit(self, part: Part, etag: str) -> None:
        async with transaction(self._pool) as connection:
            await self._job.hold(connection)
            await part_rows.save_sent(connection, self._job.id, part, etag)
            await member_rows.save_written(connection, self._job.id, part.written)

    async def _places_of(self, file_id: str) -> Sequence[Place]:
        async with connected(self._pool) as connection:
            return await member_rows.places_of(connection, file_id)


def _stream(
    rows: Sequence[Row], reading: Reading, last: Row | None, packing: Packing, part_bytes: int
) -> ArchiveStream:
    """What is left to be sent of an archive: ``rows`` are its members, ``last`` is its last part that is there."""
    members = [
        Member(
            position=row["position"], file_id=row["file_id"],
            path=row["name"], size_bytes=row["size_bytes"], mtime_s=int(row["arrived_at"].timestamp()),
        )
        for row in rows
        if row["state"] != "left_out"
    ]  # fmt: skip
    begin = Point(last["position"], last["point_offset"]) if last else Point()
    return ArchiveStream(
        members,
        reading.open,
        packing,
        part_bytes,
        number=last["number"] if last else 1,
        begin=begin,
        written=[written_of(row) for row in rows if row["state"] == "written" and row["position"] < begin.position],
    )


def sent_in_a_row(sent: Sequence[Row]) -> Row | None:
    """The last part before the first gap, which is made anew to go on from; None where the first one lacks."""
    last = None
    for number, row in enumerate(sent, 1):
        if row["number"] != number:
            break
        last = row
        if not row["etag"]:
            break
    return last


def written_of(row: Row) -> Written:
    """What a member's row says of where it is."""
    return Written(
        row["position"], row["stored_offset"], row["stored_bytes"], tuple(row["frame_sizes"]), row["header_sha256"]
    )


def _first_of(group: ExceptionGroup[Exception]) -> Exception:
    """What tasks that failed together are told by: a stop first, then what nobody expected."""
    errors = [_first_of(error) if isinstance(error, ExceptionGroup) else error for error in group.exceptions]
    return min(errors, key=lambda error: (not isinstance(error, Stopped), isinstance(error, NightbusError)))
