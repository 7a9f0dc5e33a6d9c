"""The programs pg_dump and pg_restore, and whether they are new enough for a server."""

import asyncio
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from shared.errors import UserError

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Programs:
    """pg_dump, pg_restore beside it, and their version."""

    dump: Path
    restore: Path
    major: int
    version: str


async def find_programs(named: Path | None) -> Programs:
    """The programs that the settings name, else those on the PATH.

    Args:
        named: pg_dump, as the setting backup.pg_dump says.

    Raises:
        UserError: there is none, pg_restore is not beside it, or it cannot be run.
    """
    found = shutil.which(str(named) if named else "pg_dump")
    if found is None:
        where = f"{named} (setting backup.pg_dump) is no program" if named else "there is no pg_dump on the PATH"
        raise UserError(
            f"the database cannot be dumped: {where}; install PostgreSQL's client programs, or name pg_dump in "
            "backup.pg_dump"
        )
    dump = Path(found)
    restore = dump.with_name("pg_restore")
    if not restore.is_file():
        raise UserError(f"the database cannot be dumped: {restore} is missing, which lists what is in a dump")
    words = await _said(dump, "--version")
    if (version := _VERSION.search(words)) is None:
        raise UserError(f"the database cannot be dumped: {dump} is no pg_dump: it says {words.strip()!r}")
    return Programs(dump, restore, int(version[1]), version[1] + version[2])


def require_new_enough(programs: Programs, server_major: int) -> None:
    """Make sure that pg_dump knows the server's version.

    Raises:
        UserError: the server is newer.
    """
    if programs.major < server_major:
        raise UserError(
            f"the database cannot be dumped: {programs.dump} is of PostgreSQL {programs.version} and the server of "
            f"{server_major}; name a pg_dump of {server_major} or newer in backup.pg_dump"
        )


async def _said(program: Path, *arguments: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            program, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(_TIMEOUT_S):
            output, _ = await process.communicate()
    except (OSError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or "it does not end"
        raise UserError(f"the database cannot be dumped: {program} cannot be run: {reason}") from error
    return output.decode(errors="replace")
