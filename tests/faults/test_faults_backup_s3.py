"""The archiving job of the service and a bucket: a tenth of the requests fails, and backup is killed -9 meanwhile."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from uuid import uuid4

from services.backup.destinations.kinds import opened
from services.backup.restore.listed import choose
from services.backup.settings.destinations import S3Destination
from shared.settings import Settings
from tests.faults.conftest import Say
from tests.faults.s3_proxy import ALL, fault_proxy
from tests.integration.backup.world import World, noise, unpacked, until, world
from tests.killed_backup import backup_process, written_settings
from tests.moto_server import moto_server
from tests.s3_places import make_bucket, settings_of
from tests.system.ceph_rgw import ceph_rgw, is_installed

SESSIONS = 6
FILES = 12
KILLS = 8
KINDS = tuple(kind for kind in ALL if kind != "timeout")
"""A request that gets no answer is waited for during a minute, as test_faults_s3.py tries with less patience."""


async def test_the_job_of_an_archive_comes_through_a_failing_network_and_kills(
    settings: Settings, tmp_path: Path, seed: int, say: Say
) -> None:
    """Each session is told once, each file lies there once and comes back, and no upload is left unfinished."""
    with ceph_rgw(tmp_path) if is_installed() else moto_server() as endpoint:
        bucket = settings_of(endpoint, f"nights-{uuid4().hex[:8]}")
        await make_bucket(bucket)
        async with (
            world(settings, tmp_path, read_back_percent=100.0) as one,
            fault_proxy(endpoint, seed=seed, kinds=KINDS) as proxy,
        ):
            through = bucket.model_copy(update={"endpoint": proxy.address})
            one.settings = one.settings.model_copy(update={"destinations": (through,)})
            contents = await _nights(one, seed)
            killed_amid = await _archived_between_kills(one, tmp_path, seed)
            proxy.share = 0.0
            told = await one.told()
            assert Counter(event["session_id"] for event in told) == dict.fromkeys(contents, 1)
            await _holds(one, bucket, tmp_path / "got", contents)
            say(
                f"{SESSIONS} sessions, {KILLS} kills ({killed_amid} amid archives), {proxy.requests} requests, "
                f"{sum(proxy.faults.values())} failed: {dict(proxy.faults)}"
            )


async def _nights(one: World, seed: int) -> dict[str, dict[str, bytes]]:
    """Sessions with files of 1 to 4 MB, so that archives have several parts: contents by session and path."""
    draw = random.Random(seed)
    contents = {
        f"20260228_{session:08X}": {
            f"{session}/{n}.fits": noise(session * FILES + n, draw.randrange(1_000_000, 4_000_000))
            for n in range(FILES)
        }
        for session in range(SESSIONS)
    }
    for session_id, files in contents.items():
        await one.put_in_session([await one.bring(path, data) for path, data in files.items()], session_id)
        await one.finish(session_id)
    return contents


async def _archived_between_kills(one: World, folder: Path, seed: int) -> int:
    """Have backup archive all, killed again and again; how often that was amid an archive."""
    draw, config, amid = random.Random(seed), written_settings(one, folder), 0
    for _ in range(KILLS):
        sent = await one.backup.fetchval("SELECT coalesce(sum(sent_bytes), 0) FROM archive")

        async def goes_on(before: int = sent) -> bool:
            return bool(
                await one.backup.fetchval(
                    "SELECT coalesce(sum(sent_bytes), 0) > $1 OR count(*) FILTER (WHERE phase <> 'verified') = 0"
                    " FROM archive HAVING count(*) > 0",
                    before,
                )
            )

        async with backup_process(config):
            await until(goes_on, within_s=240)
            await asyncio.sleep(draw.uniform(0.0, 1.0))
            amid += await one.backup.fetchval("SELECT count(*) > 0 FROM archive WHERE state = 'running'")

    async def all_verified() -> bool:
        return len(await one.archives(phase="verified", state="done")) == SESSIONS

    async with backup_process(config):
        await until(all_verified, within_s=600)
    return amid


async def _holds(one: World, bucket: S3Destination, into: Path, contents: dict[str, dict[str, bytes]]) -> None:
    """The bucket has an archive, a manifest and a list for each session and nothing else, and all is in them once."""
    installation = await one.backup.fetchval("SELECT installation_id FROM installation")
    async with opened(bucket, str(installation)) as destination:
        assert [upload async for upload in destination.uploads("")] == []
        keys = [found.key async for found in destination.list("")]
        endings = ("SHA256SUMS", "manifest.json", "tar.zst")
        assert keys == [f"backups/raw/2026/{session}.{ending}" for session in sorted(contents) for ending in endings]
        for key in keys:
            (into / key).parent.mkdir(parents=True, exist_ok=True)
            (into / key).write_bytes(b"".join([piece async for piece in destination.read(key)]))
        choice = await choose({bucket.name: destination}, list(contents))
    wanted = {f"{session}/library/{path}": data for session, files in contents.items() for path, data in files.items()}
    assert not choice.problems
    assert {file.name for file in choice.wanted} == wanted.keys()
    assert all(len(file.copies) == 1 for file in choice.wanted)
    assert unpacked(into, into / "out") == wanted
