"""Everything anew from a bucket alone, as a folder gives it (tests/e2e/test_e2e_disaster.py)."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.backup.destinations.port import Destination
from services.backup.restore.thaw import Needed
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

FILES = 4


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


async def test_everything_comes_back_from_a_bucket_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Database, files and settings come back; the key that was given for reading is that of the settings again."""
    contents = {f"night/{n}.fits": noise(n, 60_000) for n in range(FILES)}
    with moto_server() as endpoint, open_folder() as folder:
        configured = settings_of(endpoint, "nights")
        await make_bucket(configured)
        config = tmp_path / "nightbus.toml"
        config.write_text(
            f'[[destinations]]\nname = "cloud"\nkind = "s3"\nendpoint = "{endpoint}"\nbucket = "nights"\n'
            f'access_key_id = "{configured.access_key_id}"\nsecret_access_key = "{SECRET_KEY}"\n'
        )
        monkeypatch.setenv("NIGHTBUS_CONFIG", str(config))
        async with world(settings, tmp_path, pg_dump=own_pg_dump()) as one:
            one.settings = one.settings.model_copy(update={"destinations": (configured,)})
            await one.put_in_session([await one.bring(path, data) for path, data in contents.items()])
            async with one.running():
                await one.finish()
                await one.settled(archives=1)
                client = await connect(one.settings.nats, "test")
                job = (await ask(client, BackupDatabase(), BackupAccepted)).job_id
                await client.close()

                async def dumped() -> bool:
                    return bool(await one.backup.fetchval("SELECT state = 'done' FROM dump WHERE dump_id = $1", job))

                await until(dumped)
            installation = await one.backup.fetchval("SELECT installation_id FROM installation")
        told = Told()
        wish = Wish(source=configured, home=folder / "home", settings_file=folder / "nightbus.toml")
        done = await restore_everything(wish, lambda _name: None, told, nothing_is_cold)
        assert (done.installation_id, done.files.restored, done.files.failures) == (installation, FILES, [])
        assert done.library == folder / "home" / "library"
        assert {path: (done.library / path).read_bytes() for path in contents} == contents
        assert told.read_bytes == done.dump.size_bytes
        assert told.steps[0] == "looking at the destination"
        written = done.settings_file.read_text()
        assert f"bucket = {json.dumps('nights')}" in written
        secrets = [path.read_text() for path in (folder / "home" / "secrets").iterdir() if path.is_file()]
        assert SECRET_KEY in written or f"{SECRET_KEY}\n" in secrets
