"""Everything anew from a bucket alone, as a folder gives it (tests/faults/test_faults_disaster.py)."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from services.backup.destinations.port import Destination
from services.backup.restore.thaw import Needed
from services.backup.settings import S3Destination
from services.standalone.binaries import own_pg_dump
from services.standalone.restoring.everything import Wish, restore_everything
from services.standalone.restoring.files import Files
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.events.commands import BackupAccepted, BackupDatabase
from shared.settings import Settings
from tests.integration.backup.world import noise, until, world
from tests.moto_server import moto_server
from tests.s3_places import SECRET_KEY, make_bucket, settings_of
from tests.stack import open_folder

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = 4
CONTENTS = {f"night/{n}.fits": noise(n, 60_000) for n in range(FILES)}


class Told:
    """Hears of the steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.read_bytes = 0

    def step(self, words: str) -> None:
        """A step begins."""
        self.steps.append(words)

    def dump(self, read_bytes: int, size_bytes: int) -> None:
        """So much of the dump is read."""
        self.read_bytes = max(self.read_bytes, read_bytes)
        assert read_bytes <= size_bytes

    def files(self, so_far: Files) -> None:
        """So far it is with the files."""
        assert not so_far.failed


async def nothing_is_cold(_destinations: Mapping[str, Destination], needed: Needed) -> None:
    """Nothing is to be thawed in a bucket whose objects are read at once."""
    raise AssertionError(needed.cold)


async def filled(settings: Settings, tmp_path: Path, configured: S3Destination, config: Path) -> str:
    """Archive a session and the database to a bucket, by a service with that settings file; the installation's id."""
    await make_bucket(configured)
    config.write_text(
        f'[[destinations]]\nname = "cloud"\nkind = "s3"\nendpoint = "{configured.endpoint}"\nbucket = "nights"\n'
        f'access_key_id = "{configured.access_key_id}"\nsecret_access_key = "{SECRET_KEY}"\naddressing = "path"\n'
    )
    async with world(settings, tmp_path, pg_dump=own_pg_dump()) as one:
        one.settings = one.settings.model_copy(update={"destinations": (configured,)})
        await one.put_in_session([await one.bring(path, data) for path, data in CONTENTS.items()])
        async with one.running():
            await one.finish()
            await one.settled(archives=1)
            client = await connect(one.settings.nats, "test")
            job = (await ask(client, BackupDatabase(), BackupAccepted)).job_id
            await client.close()

            async def dumped() -> bool:
                return bool(await one.backup.fetchval("SELECT state = 'done' FROM dump WHERE dump_id = $1", job))

            await until(dumped)
        return str(await one.backup.fetchval("SELECT installation_id FROM installation"))


async def test_everything_comes_back_from_a_bucket_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Database, files and settings come back; the key that was given for reading is that of the settings again."""
    config = tmp_path / "nightbus.toml"
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(config))
    with moto_server() as endpoint, open_folder() as folder:
        configured = settings_of(endpoint, "nights")
        installation = await filled(settings, tmp_path, configured, config)
        told = Told()
        wish = Wish(source=configured, home=folder / "home", settings_file=folder / "nightbus.toml")
        done = await restore_everything(wish, lambda _name: None, told, nothing_is_cold)
        assert (done.installation_id, done.files.restored, done.files.failures) == (installation, FILES, [])
        assert done.library == folder / "home" / "library"
        assert {path: (done.library / path).read_bytes() for path in CONTENTS} == CONTENTS
        assert told.read_bytes == done.dump.size_bytes
        assert told.steps[0] == "looking at the destination"
        written = done.settings_file.read_text()
        assert f"bucket = {json.dumps('nights')}" in written
        secrets = [path.read_text() for path in (folder / "home" / "secrets").iterdir() if path.is_file()]
        assert SECRET_KEY in written or f"{SECRET_KEY}\n" in secrets


async def test_everything_is_thawed_and_comes_back_by_the_command(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From DEEP_ARCHIVE: the command ends at the price; asked for again with --yes it goes on, thaws and restores."""
    config = tmp_path / "nightbus.toml"
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(config))
    with moto_server() as endpoint, open_folder() as folder:
        slowly = {"model_name": "s3::keyrestore", "transition": {"progression": "manual", "times": 2}}
        url = f"{endpoint}/moto-api/state-manager/set-transition"
        (await asyncio.to_thread(httpx.post, url, json=slowly, trust_env=False)).raise_for_status()
        await filled(settings, tmp_path, settings_of(endpoint, "nights", storage_class="DEEP_ARCHIVE"), config)

        def restored(*words: str) -> "subprocess.CompletedProcess[str]":
            clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
            places = ["--from", str(config), "--home", str(folder / "home"), "--config", str(folder / "nightbus.toml")]
            return subprocess.run(
                [sys.executable, "-m", "services.cli.main", "backup", "restore-everything", *places, *words],
                capture_output=True, text=True, env=clean | {"PYTHONPATH": str(REPOSITORY), "HOME": str(folder)},
                cwd=folder, timeout=300, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip

        refused = await asyncio.to_thread(restored)
        assert refused.returncode == 2, refused.stderr
        assert "in DEEP_ARCHIVE to be thawed: up to 12 h and about 0.01 $" in refused.stderr
        assert "would be thawed, which costs money: repeat it with --yes" in refused.stderr
        library = folder / "home" / "library"
        assert not list(library.rglob("*.fits"))
        done = await asyncio.to_thread(restored, "--yes", "--tier", "bulk", "--days", "3")
        assert done.returncode == 0, done.stderr
        assert "0 of 1 archive thawed" in done.stderr
        assert f"{FILES} archived files: {FILES} restored" in done.stdout
        assert {path: (library / path).read_bytes() for path in CONTENTS} == CONTENTS
