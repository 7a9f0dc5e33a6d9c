"""A dump on its way: from pg_dump's pipe into the parts of an upload, and back again to prove it."""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from services.backup.database.pipe import DumpFailed, arguments_of, login_of, parts, pieces, running
from services.backup.database.programs import Programs
from services.backup.destinations.port import Destination, Label, Refused, SentPart
from services.backup.store.dumps import Server
from shared.errors import Transient
from shared.logging import get_logger
from shared.settings import PostgresSettings
from shared.tasks import start_task

log = get_logger(__name__)

PART_BYTES = 16 * 1024 * 1024
"""10,000 of them are 160 GB."""


@dataclass(frozen=True, slots=True)
class Database:
    """What is dumped: where it is, who logs in, and what is in it."""

    settings: PostgresSettings
    role: str
    server: Server


@dataclass(frozen=True, slots=True)
class Sent:
    """A dump that lies at a destination."""

    size_bytes: int
    sha256: str


async def send(
    programs: Programs, database: Database, destination: Destination, key: str, report: Callable[[int], None]
) -> Sent:
    """Dump a database under a key; ``report`` is told the bytes that were sent so far.

    Raises:
        DumpFailed: pg_dump failed; nothing lies under the key.
        Transient: the destination failed, or is away.
    """
    label = Label("application/octet-stream")
    upload = await destination.begin(key, label, PART_BYTES)
    whole, sent, size_bytes = hashlib.sha256(), list[SentPart](), 0
    arguments = arguments_of(database.settings, database.role, database.server)
    login = login_of(database.settings, database.role)
    try:
        async with running(programs.dump, arguments, login=login) as process:
            async for data in parts(pieces(process), PART_BYTES):
                md5, sha256 = await asyncio.to_thread(_hashes, data, whole)
                number = len(sent) + 1
                etag = await destination.put_part(upload, number, data, md5, sha256)
                sent.append(SentPart(number, len(data), md5, sha256, etag))
                size_bytes += len(data)
                report(size_bytes)
        await destination.complete(upload, sent, label)
    except BaseException:
        with contextlib.suppress(Transient):  # what is left of it is thrown away before the next dump
            await destination.abort(upload)
        raise
    return Sent(size_bytes, whole.hexdigest())


async def prove(programs: Programs, destination: Destination, key: str, sent: Sent) -> None:
    """Read a dump back: it has the bytes that were sent, and pg_restore can list what is in it.

    Raises:
        Transient: it has not; it was thrown away, where the destination lets us.
    """
    found, size_bytes = hashlib.sha256(), 0
    try:
        async with running(programs.restore, ["--list"], reads=True) as process:
            listing = start_task(_count(process), name="the list of a dump")
            async for data in destination.read(key):
                await asyncio.to_thread(found.update, data)
                size_bytes += len(data)
                await _give(process, data)
            assert process.stdin is not None  # a pipe was asked for
            process.stdin.close()
            entries = await listing
    except DumpFailed as error:
        await discard(destination, key)
        raise DumpFailed(f"the dump {key} cannot be read: {error}") from error
    if (size_bytes, found.hexdigest()) != (sent.size_bytes, sent.sha256) or not entries:
        await discard(destination, key)
        raise Transient(f"the dump {key} came back from {destination.place} with other bytes than were sent")


async def sweep(destination: Destination, folder: str) -> None:
    """Throw away what interrupted dumps have left behind below a prefix."""
    left = [upload async for upload in destination.uploads(folder)]
    for upload in left:
        await destination.abort(upload)


async def discard(destination: Destination, key: str) -> None:
    """Delete a dump that is not good; where the destination does not let us, it stays, without what makes it count."""
    try:
        await destination.delete(key)
    except Refused as error:
        log.warning("a dump that is not good stays at its destination", key=key, reason=str(error))


async def _give(process: asyncio.subprocess.Process, data: bytes) -> None:
    """Give a program bytes; one that has read all it needs wants no more."""
    assert process.stdin is not None  # a pipe was asked for
    if process.stdin.is_closing():
        return
    try:
        process.stdin.write(data)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        process.stdin.close()


async def _count(process: asyncio.subprocess.Process) -> int:
    """The number of lines that a program writes."""
    return sum([data.count(b"\n") async for data in pieces(process)])


def _hashes(data: bytes, whole: "hashlib._Hash") -> tuple[bytes, bytes]:
    whole.update(data)
    return hashlib.md5(data, usedforsecurity=False).digest(), hashlib.sha256(data).digest()
