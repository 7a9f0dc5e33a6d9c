"""Backup as a process of its own, killed -9 again and again while it uploads; and what must hold of its destination."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.backup.destinations.folder import FolderOfArchives
from services.backup.settings import BackupSettings
from services.backup.settings.destinations import DestinationSettings
from tests.integration.backup.world import SESSION, World, noise, unpacked, until

REPOSITORY = Path(__file__).resolve().parents[1]


def written_settings(one: World, folder: Path) -> Path:
    """The settings of a world as a file."""
    postgres, nats, backup = one.settings.postgres, one.settings.nats, one.settings.section(BackupSettings)
    lines = [
        "config_version = 1",
        "[postgres]",
        f'host = "{postgres.host}"', f"port = {postgres.port}", f'database = "{postgres.database}"',
        f'admin_role = "{postgres.admin_role}"', f'secrets_dir = "{postgres.secrets_dir}"',
        "[nats]", f'url = "{nats.url}"',
        *([f'user = "{nats.user}"', f'password_file = "{nats.password_file}"'] if nats.password_file else []),
        "[backup]", f"look_interval_s = {backup.look_interval_s}", f"arrival_wait_s = {backup.arrival_wait_s}",
        *([f"megabytes_per_s = {backup.megabytes_per_s}"] if backup.megabytes_per_s else []),
    ]  # fmt: skip
    for configured in one.settings.destinations:  # type: ignore[attr-defined]
        lines += ["[[destinations]]", *(f"{name} = {json.dumps(value)}" for name, value in _set(configured).items())]
    file = folder / "nightbus.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def _set(configured: DestinationSettings) -> dict[str, Any]:
    """What is set of a destination, as TOML has it; its secret as well."""
    fields = configured.model_dump(mode="json", exclude_none=True)
    if (secret := getattr(configured, "secret_access_key", None)) is not None:
        fields["secret_access_key"] = secret.get_secret_value()
    return fields


@asynccontextmanager
async def backup_process(config: Path) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Backup in a process of its own, killed at the end of the block."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
    environment = clean | {"NIGHTBUS_CONFIG": str(config), "PYTHONPATH": str(REPOSITORY)}
    with (config.parent / "backup.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once, and lives on beside this loop
            [sys.executable, "-m", "services.cli.main", "run", "backup"], env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)


async def killed_while_uploading(one: World, folder: Path, disk: Path, *, kills: int, files: int, seed: int) -> str:
    """Archive a session while backup is killed again and again; all must be as if nothing had happened.

    Returns:
        What happened, in a sentence.
    """
    draw = random.Random(seed)
    contents = {f"night/{n}.fits": noise(n, draw.randrange(1, 3_000_000)) for n in range(files)}
    await one.put_in_session([await one.bring(path, content) for path, content in contents.items()])
    config = written_settings(one, folder)
    await one.finish()
    amid = 0
    for _ in range(kills):
        sent = await one.backup.fetchval("SELECT coalesce(sum(sent_bytes), 0) FROM archive")
        async with backup_process(config):

            async def goes_on(before: int = sent) -> bool:
                row = await one.backup.fetchrow("SELECT sent_bytes, phase, state FROM archive")
                return row is not None and (row["sent_bytes"] > before or row["state"] == "done")

            await until(goes_on)
            await asyncio.sleep(draw.uniform(0.0, 0.8))
            amid += await one.backup.fetchval("SELECT count(*) FROM archive WHERE phase <> 'verified'")
    async with backup_process(config):
        (row,) = await one.settled(archives=1)
        told = await one.told()
    assert (row["phase"], row["state"], row["files"], row["left_out"]) == ("verified", "done", files, 0)
    assert [event["file_count"] for event in told] == [files], "told once, of all files"
    await holds(one, disk, folder / "out", contents)
    return f"{kills} kills, {amid} of them amid an archive of {row['stored_bytes']:,} bytes; attempt {row['attempt']}"


async def holds(one: World, disk: Path, into: Path, contents: dict[str, bytes]) -> None:
    """A destination has each file once, byte for byte, one object for each key, and nothing unfinished."""
    found = unpacked(disk, into)
    assert found == {f"{SESSION}/library/{path}": content for path, content in contents.items()}
    written = Counter(row[0] for row in await one.backup.fetch("SELECT file_id FROM member WHERE state = 'written'"))
    assert set(written.values()) == {1}
    names = sorted(path.name for path in disk.rglob("*") if path.is_file())
    assert names == ["20260228_0A1B2C3D.SHA256SUMS", "20260228_0A1B2C3D.manifest.json", "20260228_0A1B2C3D.tar.zst",
                     "installation.json"]  # fmt: skip
    installation = await one.backup.fetchval("SELECT installation_id FROM installation")
    place = FolderOfArchives("disk", disk, f"nightbus-{installation}", installation)
    assert [upload async for upload in place.uploads("")] == []
