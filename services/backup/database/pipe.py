"""The bytes of a dump, as pg_dump writes them: never a file, never more than a part in memory."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from services.backup.store.dumps import Server
from shared import inert
from shared.errors import Transient
from shared.settings import PostgresSettings
from shared.tasks import start_task

READ_BYTES = 1024 * 1024
_STOP_S = 5.0
_LOCK_WAIT_MS = 60_000
_COMPRESSION_LEVEL = 1
"""Of gzip: rows of hashes and packed header cards hardly shrink further, and a night's work has the processor first."""


class DumpFailed(Transient):
    """pg_dump or pg_restore ended with a failure; the sentence has what it said last."""


def arguments_of(settings: PostgresSettings, role: str, server: Server) -> list[str]:
    """pg_dump's arguments, for all that is of Nightbus in a database that may hold more."""
    return [
        f"--host={settings.host}", f"--port={settings.port}", f"--username={role}", f"--dbname={settings.database}",
        "--format=custom", f"--compress={_COMPRESSION_LEVEL}", "--no-password", f"--lock-wait-timeout={_LOCK_WAIT_MS}",
        "--extension=plpgsql", *(f"--exclude-schema={schema}" for schema in server.other_schemas),
        *(f"--exclude-table={table}" for table in server.other_tables),
    ]  # fmt: skip


def login_of(settings: PostgresSettings, role: str) -> Mapping[str, str]:
    """What a program of PostgreSQL needs in its environment to log in as a role, encrypted where we are.

    Raises:
        UserError: the role has no password.
    """
    return {"PGPASSWORD": settings.password_of(role), **settings.libpq()}


@contextlib.asynccontextmanager
async def running(
    program: Path, arguments: Sequence[str], *, login: Mapping[str, str] | None = None, reads: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program of PostgreSQL while it works.

    Args:
        program: which.
        arguments: its command line, which everybody on this machine can see.
        login: what only it may see, in its environment; see ``login_of``.
        reads: it is given bytes on its standard input, too.

    Raises:
        DumpFailed: it ended with a failure; after the block, and in place of what the block raised for that.
    """
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PGAPPNAME": "nightbus-backup_dump"}
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdin=asyncio.subprocess.PIPE if reads else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=2 * READ_BYTES,
        env=environment | dict(login or {}), cwd="/",
    )  # fmt: skip
    said = start_task(_last_words(process), name=f"what {program.name} says")
    try:
        yield process
        code = await process.wait()
        if code != 0:
            raise DumpFailed(f"{program.name} ended with code {code}: {await said or 'it said nothing'}")
    finally:
        await _end(process)
        await said


async def pieces(process: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    """What a program writes, as it comes."""
    assert process.stdout is not None  # a pipe was asked for
    while data := await process.stdout.read(READ_BYTES):
        yield data


async def parts(data: AsyncIterator[bytes], part_bytes: int) -> AsyncIterator[bytes]:
    """Bytes in parts of one size, the last one excepted."""
    part = bytearray()
    async for piece in data:
        part += piece
        while len(part) >= part_bytes:
            yield bytes(part[:part_bytes])
            del part[:part_bytes]
    if part:
        yield bytes(part)


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """Everything is read, so that the program never waits for it; the last of it is kept."""
    assert process.stderr is not None  # a pipe was asked for
    kept = b""
    while data := await process.stderr.read(READ_BYTES):
        kept = (kept + data)[-inert.DETAIL_CHARS :]
    return inert.sentence(" | ".join(line for line in kept.decode(errors="replace").splitlines()[-3:] if line.strip()))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
