"""What the demonstration shows of backup: its night archived, and one frame brought back and compared.

The archives go to a folder beside the library, as to a second disk, and where moto is installed (it is for developers)
to a stand-in for S3 as well. The frame comes back by the very command that a person types.
"""

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.table import Table

from shared import inert
from shared.errors import Transient
from shared.quantities import size

DISK, BUCKET = "second-disk", "nightbus-demo"
STAND_IN = "moto"
START_S, ARCHIVE_S, POLL_S = 30.0, 300.0, 0.3
HURRY = {"NIGHTBUS_BACKUP__LOOK_INTERVAL_S": "1"}

_UNDER_WAY = """
SELECT count(*) FILTER (WHERE a.phase NOT IN ('verified', 'nothing_new')) + count(*) FILTER (WHERE a.archive_id IS NULL)
FROM stats.sessions s CROSS JOIN backup.destinations d
LEFT JOIN backup.archives a
    ON (a.collection_id, a.session_revision, a.destination) = (s.session_id, s.revision, d.name)
"""
_ARCHIVES = """
SELECT destination, key, files, size_bytes, stored_bytes FROM backup.archives WHERE phase = 'verified'
ORDER BY destination, key
"""
_FRAME = """
SELECT f.file_id, f.path, l.root_path FROM stats.files f
JOIN backup.archived_file a USING (file_id) JOIN ingest.file_location l USING (file_id)
WHERE f.counted AND a.destination = $1 ORDER BY f.path LIMIT 1
"""


def destination_of(home: Path) -> dict[str, object]:
    """The folder that stands for a second disk, as the settings name it."""
    folder = home / DISK
    folder.mkdir(parents=True, exist_ok=True)
    return {"name": DISK, "kind": "folder", "path": str(folder)}


@contextlib.asynccontextmanager
async def stand_in() -> AsyncIterator[dict[str, object] | None]:
    """A server that speaks S3, with an empty bucket, as the settings name it; None where moto is not installed.

    Raises:
        Transient: it does not come up.
    """
    if importlib.util.find_spec("moto") is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    words = ("-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=quiet, stderr=quiet)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        await _until_it_has_a_bucket(endpoint)
        key = {"access_key_id": "demonstration", "secret_access_key": "demonstration"}
        yield {"name": STAND_IN, "kind": "s3", "bucket": BUCKET, "endpoint": endpoint, "addressing": "path", **key}
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.terminate()
        await server.wait()


async def _until_it_has_a_bucket(endpoint: str) -> None:
    deadline = time.monotonic() + START_S
    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")  # noqa: S310 - our own address
    while True:
        try:
            (await asyncio.to_thread(urllib.request.urlopen, request)).close()
        except urllib.error.URLError as error:
            if time.monotonic() >= deadline:
                raise Transient(f"the stand-in for S3 did not come up: {error.reason}") from error
            await asyncio.sleep(POLL_S)
        else:
            return


async def show_backup(
    console: Console, connection: asyncpg.Connection, home: Path, environment: Mapping[str, str]
) -> None:
    """Wait until every session is archived everywhere, then bring one frame back and compare it with the library's.

    Raises:
        Transient: the archives were not made in time, or the frame did not come back; one sentence.
    """
    deadline = time.monotonic() + ARCHIVE_S
    while await connection.fetchval(_UNDER_WAY):
        if time.monotonic() >= deadline:
            raise Transient(f"the night was not archived within {ARCHIVE_S:.0f} s")
        await asyncio.sleep(POLL_S)
    rows = await connection.fetch(_ARCHIVES)
    console.print(_archives_table(rows))
    if any(row["destination"] == STAND_IN for row in rows):
        console.print(f"  {STAND_IN} is a stand-in for S3, in memory: it checks neither checksums nor credentials.")
    frame = await connection.fetchrow(_FRAME, DISK)
    assert frame is not None
    console.print(f"Bringing one frame back: nightbus backup restore {frame['file_id'][:12]}")
    console.print(inert.printable(await _brought_back(frame, home, environment)), soft_wrap=True, markup=False)


async def _brought_back(frame: asyncpg.Record, home: Path, environment: Mapping[str, str]) -> str:
    """What came of a restore, in a sentence."""
    to = home / "restored"
    words = ["-m", "services.cli.main", "backup", "restore", frame["file_id"], "--from", DISK, "--to", str(to)]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *words, "--home", str(home)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Transient(f"the frame did not come back: {done.stderr.strip() or done.stdout.strip()}")
    (restored,) = [path for path in await asyncio.to_thread(lambda: list(to.rglob("*"))) if path.is_file()]
    ours, theirs = await asyncio.to_thread(_both, restored, Path(frame["root_path"]) / frame["path"])
    same = "the same bytes as in the library" if ours == theirs == frame["file_id"] else "NOT what the library holds"
    return f"  {restored.name}: {size(restored.stat().st_size)}, SHA-256 {ours[:16]}..., {same}"


def _both(restored: Path, stored: Path) -> tuple[str, str]:
    return _sha256(restored), _sha256(stored)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _archives_table(rows: list[Any]) -> Table:
    table = Table(title="Archived and verified", title_justify="left")
    for name in ("at", "archive", "files", "size", "as archive"):
        table.add_column(name, justify="left" if name in ("at", "archive") else "right", overflow="fold")
    for row in rows:
        name = row["key"].rpartition("/")[2]
        table.add_row(row["destination"], name, str(row["files"]), size(row["size_bytes"]), size(row["stored_bytes"]))
    return table
