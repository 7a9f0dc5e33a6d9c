"""The job of a verification: archives one after the other, what is wrong with each, and what follows from that."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from services.backup.destinations.port import Destination
from services.backup.proof.beside import Beside
from services.backup.proof.dumps import DumpProof
from services.backup.proof.examine import Seen, begins_with, damaged, examine
from services.backup.proof.sent import Sent
from services.backup.proof.touched import touched, touching
from services.backup.restore.wanted import Copy
from services.backup.store import checks, findings, proofs
from services.backup.store.findings import Finding
from shared.db.pool import connected, transaction
from shared.jobs.job import Job
from shared.library.reading import shown
from shared.logging import get_logger
from shared.quantities import counted

log = get_logger(__name__)

Ready = Callable[[str], Awaitable[Destination]]
"""The destination of that name, once its marker proved that it is there and ours. Raises Transient."""
FOUND_SOUND = "it was read again and is as it was sent"


@dataclass(slots=True)
class _Progress:
    """How far a verification is, by column of ``backup.check_job``."""

    archives: int
    total_bytes: int | None
    checked: int
    files: int
    read_bytes: int
    problems: int
    not_read: int
    in_hand: str | None = None
    frozen_in: set[str] = field(default_factory=set)
    """Storage classes of those that were not read."""
    dumps: int = 0
    """Dumps of the database that were looked at."""

    def columns(self) -> Mapping[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name not in ("frozen_in", "dumps")}

    def read(self, count: int) -> None:
        self.read_bytes += count


@dataclass(slots=True)
class _Judged:
    """What a verification says of one archive."""

    seen: Seen
    found: list[Finding] = field(default_factory=list)
    members: dict[int, str] = field(default_factory=dict)
    """Members that are damaged: the reason, by position."""
    files: int = 0
    """Files of which every byte was read and is right."""


class Verify:
    """Works on the jobs of ``backup.check_job`` of the kind ``verify``."""

    def __init__(self, pool: asyncpg.Pool, ready: Ready, beside: Beside) -> None:
        self._pool = pool
        self._ready = ready
        self._beside = beside
        self._dumps = DumpProof(pool, ready)

    async def work(self, job: Job) -> None:
        """Look at the archives of a job. One that was found sound is not looked at again by a later attempt.

        Where it is not of some sessions, dumps of the database that are unproven are looked at as well.

        Raises:
            Transient: the destination is away, or cannot be asked now.
        """
        destination = await self._ready(job["destination"])
        async with connected(self._pool) as connection:
            waiting = await checks.archives_of(connection, job)
        dumped = [] if job["session_ids"] else await self._dumps.unproven(destination.name)
        to_read = sum(one.stored_bytes for one in waiting) + sum(one.size_bytes for one in dumped if not one.is_gone)
        progress = _Progress(
            archives=job["checked"] + len(waiting),
            total_bytes=job["read_bytes"] + to_read if job["deep"] else None,
            checked=job["checked"], files=job["files"], read_bytes=job["read_bytes"], problems=0,
            not_read=0,
        )  # fmt: skip
        job.reports(progress.columns)
        for one in waiting:
            job.check()
            await self._look(job, destination, one.archive_id, progress)
            progress.checked += 1
        for dump in dumped:
            job.check()
            progress.in_hand = dump.key
            progress.problems += not await self._dumps.look(job, destination, dump, progress.read)
            progress.dumps += not dump.is_gone
        progress.in_hand = None
        await job.save(**progress.columns(), result=result_of(progress, deep=job["deep"]))
        log.info(
            "verification done", destination=destination.name, checked=progress.checked, problems=progress.problems,
            read_bytes=progress.read_bytes, deep=job["deep"],
        )  # fmt: skip

    async def _look(self, job: Job, destination: Destination, archive_id: UUID, progress: _Progress) -> None:
        async with connected(self._pool) as connection:
            sent = await proofs.sent(connection, archive_id)
            copies = await proofs.copies_of_archive(connection, archive_id)
        progress.in_hand = sent.key
        deep = job["deep"] or any(copy.damaged for copy in copies)
        seen = await examine(destination, sent, progress.read, deep=deep)
        if seen.missing:
            await self._ready(destination.name)  # a disk that was unplugged has lost nothing
        judged = await self._judge(destination, sent, copies, seen, progress)
        if not await self._save(job, sent, judged):
            return
        progress.files += judged.files
        progress.problems += len(judged.found)
        if not seen.missing:
            progress.problems += await self._beside.look(job, destination, archive_id)
        if seen.frozen_in is not None:
            progress.not_read += 1
            progress.frozen_in.add(seen.frozen_in)

    async def _judge(
        self, destination: Destination, sent: Sent, copies: list[Copy], seen: Seen, progress: _Progress
    ) -> _Judged:
        """What is wrong, and which files it touches."""
        if seen.missing:
            return _Judged(seen, [Finding(sent.key, "missing", seen.problem or "")])
        if not seen.differing:
            found = [Finding(sent.key, "archive", seen.problem)] if seen.problem else []
            return _Judged(seen, found, files=len(copies) if seen.was_read else 0)
        problem = seen.problem or ""
        if (other := await self._whose(destination, sent, seen)) is not None:
            problem = f"{shown(sent.key)} at {sent.destination} holds the bytes of {shown(other)}"
        suspects = touching(copies, seen.differing)
        reasons = await damaged(destination, suspects, progress.read)
        spoilt = touched(copies, seen.differing, reasons.keys())
        members = {copy.position: reasons.get(copy.position, problem) for copy in spoilt}
        found = [Finding(sent.key, "archive", f"{problem}: {counted(len(spoilt), 'file')} of {len(copies)} touched")]
        found += [Finding(sent.key, "member", members[one.position], one.position, one.file_id) for one in spoilt]
        return _Judged(seen, found, members, len(copies) - len(spoilt))

    async def _whose(self, destination: Destination, sent: Sent, seen: Seen) -> str | None:
        """The archive whose bytes lie under the key of this one; None where it is just damaged."""
        if sent.parts[:1] != seen.differing[:1]:
            return None
        async with connected(self._pool) as connection:
            others = await proofs.of_size(connection, sent, seen.size_bytes)
        for key, part in others:
            if await begins_with(destination, sent.key, part):
                return key
        return None

    async def _save(self, job: Job, sent: Sent, judged: _Judged) -> bool:
        """Write what was found of an archive, if the job is still ours; False where retention let it go meanwhile."""
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if not await proofs.is_kept(connection, sent.archive_id):
                return False
            if judged.seen.missing:
                await proofs.save_gone(connection, sent.archive_id, judged.seen.problem or "")
            elif judged.members:
                await proofs.save_damaged(connection, sent.archive_id, judged.members)
                await proofs.save_proven(connection, sent.archive_id)
            elif judged.seen.problem is None:
                await proofs.save_sound(connection, sent.archive_id, deep=judged.seen.was_read)
                ended: tuple[findings.What, ...] = ("missing", "archive", "member")
                if judged.seen.frozen_in is not None:
                    ended = ("missing",)  # of the others only its bytes would tell
                await findings.end(connection, sent.archive_id, ended, FOUND_SOUND)
            await findings.add(connection, job.id, sent.archive_id, judged.found)
        for one in judged.found:
            if one.what != "member":  # the archive's own sentence says how many there are
                log.error("found at a destination", destination=sent.destination, key=one.key, reason=one.problem)
        return True


def result_of(progress: _Progress, *, deep: bool) -> str:
    """What came of a verification, one sentence."""
    if not progress.archives and not progress.dumps:
        return "no archive was due: a sample takes one in so many, and as many runs take every one"
    archives = counted(progress.checked, "archive")
    if progress.dumps:
        archives += f" and {counted(progress.dumps, 'dump')} of the database"
    read = f", {counted(progress.files, 'file')} read to the last byte" if deep or progress.files else ""
    found = f"{counted(progress.problems, 'problem')} found" if progress.problems else "all is as it was sent"
    frozen = f"; {progress.not_read} not read: in {' and '.join(sorted(progress.frozen_in))}"
    return f"{archives} looked at{read}: {found}{frozen if progress.not_read else ''}"
