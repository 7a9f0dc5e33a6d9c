"""A bucket in DEEP_ARCHIVE: archived there, not read by checks, thawed and restored. moto thaws after some looks.

What moto does not simulate: it takes any tier, never says RestoreAlreadyInProgress, and a thawed copy never goes again.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from services.backup.destinations.kinds import opened
from services.backup.destinations.port import Thaws
from services.backup.settings import S3Destination
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.errors import Gone
from shared.events.commands import BackupAccepted, VerifyBackup
from shared.settings import Settings
from tests.integration.backup.world import SESSION, World, noise, until, world
from tests.moto_server import moto_server
from tests.s3_places import ACCESS_KEY, SECRET_KEY, make_bucket, settings_of

REPOSITORY = Path(__file__).resolve().parents[3]
FILES = 3


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server of buckets on which thawing takes some looks."""
    with moto_server() as address:
        slowly = {"model_name": "s3::keyrestore", "transition": {"progression": "manual", "times": 2}}
        url = f"{address}/moto-api/state-manager/set-transition"
        httpx.post(url, json=slowly, trust_env=False).raise_for_status()
        yield address


@pytest.fixture
async def cold(endpoint: str, settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[World, S3Destination]]:
    """A session in a bucket of the class DEEP_ARCHIVE, by a service that runs and would read back everything."""
    configured = settings_of(endpoint, "nights", storage_class="DEEP_ARCHIVE")
    await make_bucket(configured)
    async with world(settings, tmp_path, verify_interval_s=0, drill_interval_s=0, read_back_percent=100) as one:
        one.settings = one.settings.model_copy(update={"destinations": (configured,)})
        ids = [await one.bring(f"night/{n}.fits", noise(n, 60_000)) for n in range(FILES)]
        await one.put_in_session(ids)
        async with one.running():
            await one.finish()
            await one.settled(archives=1)
            yield one, configured


async def checked(one: World, kind: str) -> str:
    """What came of a check that is asked for now."""
    if kind == "verify":
        client = await connect(one.settings.nats, "test")
        await ask(client, VerifyBackup(deep=True), BackupAccepted)
        await client.close()
    else:
        await one.backup.execute(
            "INSERT INTO check_job (check_id, kind, destination) VALUES (gen_random_uuid(), $1, 'cloud')", kind
        )

    async def done() -> bool:
        return await one.backup.fetchval("SELECT result FROM check_job WHERE kind = $1", kind) is not None

    await until(done)
    return str(await one.backup.fetchval("SELECT result FROM check_job WHERE kind = $1", kind))


def restore(tmp_path: Path, endpoint: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """`backup restore` on a machine that has nothing but its settings."""
    toml = tmp_path / "nightbus.toml"
    toml.write_text(
        f'config_version = 1\n\n[[destinations]]\nname = "cloud"\nkind = "s3"\nendpoint = "{endpoint}"\n'
        f'bucket = "nights"\nregion = "us-east-1"\naddressing = "path"\naccess_key_id = "{ACCESS_KEY}"\n'
        f'secret_access_key = "{SECRET_KEY}"\n'
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
    own = {"PYTHONPATH": str(REPOSITORY), "NIGHTBUS_CONFIG": str(toml), "HOME": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "-m", "services.cli.main", "backup", "restore", SESSION, *words],
        capture_output=True, text=True, env=clean | own, cwd=tmp_path, timeout=120, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


async def test_a_bucket_in_deep_archive_is_checked_thawed_and_restored(
    cold: tuple[World, S3Destination], endpoint: str, tmp_path: Path
) -> None:
    """Checks say what they did not read; a restore says the price, asks, waits, and what it has it needs no more."""
    one, configured = cold
    assert [row["phase"] for row in await one.archives()] == ["verified"]
    assert (await checked(one, "verify")).endswith(": all is as it was sent; 1 not read: in DEEP_ARCHIVE")
    drilled = await checked(one, "drill")
    assert drilled.startswith("nothing was brought back; ")
    assert drilled.endswith(" not read: in DEEP_ARCHIVE")
    assert await one.backup.fetchval("SELECT count(*) FROM finding") == 0

    refused = await asyncio.to_thread(restore, tmp_path, endpoint)
    assert refused.returncode == 2, refused.stderr
    assert "1 archive (" in refused.stderr
    assert "in DEEP_ARCHIVE to be thawed: up to 12 h and about 0.01 $" in refused.stderr
    assert "would be thawed, which costs money: repeat it with --yes" in refused.stderr

    done = await asyncio.to_thread(restore, tmp_path, endpoint, "--yes", "--tier", "bulk", "--days", "3")
    assert done.returncode == 0, done.stderr
    assert "0 of 1 archive thawed" in done.stderr
    found = {path.name: path.read_bytes() for path in (tmp_path / "restored").rglob("*.fits")}
    assert found == {f"{n}.fits": noise(n, 60_000) for n in range(FILES)}

    again = await asyncio.to_thread(restore, tmp_path, endpoint)
    assert (again.returncode, f"{FILES} already here" in again.stdout, again.stderr.count("thawed")) == (0, True, 0)
    installation = await one.backup.fetchval("SELECT installation_id FROM installation")
    key = await one.backup.fetchval("SELECT key FROM archive")
    async with opened(configured, installation) as bucket:
        assert isinstance(bucket, Thaws)
        await bucket.thaw(key, 3, "standard")  # once more
        with pytest.raises(Gone):
            await bucket.thaw("backups/raw/2026/no.tar", 3, "standard")
        beside = await bucket.look(await one.backup.fetchval("SELECT manifest_key FROM archive"))
    assert beside is not None
    assert (beside.storage_class, beside.frost) == (None, None), "manifests are read at once"
