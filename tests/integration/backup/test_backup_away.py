"""Promises of backup while a destination is away, full, read-only, or says no in the middle of an archive."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.backup import app
from services.backup.destinations.port import Destination, Refused, UploadGone
from services.backup.settings import DestinationSettings, S3Destination
from shared.errors import Transient
from shared.settings import Settings
from tests.disks import CannotMount, small_disk
from tests.integration.backup.world import SESSION, World, noise, unpacked, until, world
from tests.memory_destination import MemoryDestination
from tests.moto_server import moto_server
from tests.s3_places import make_bucket, settings_of, with_client

FILES, FILE_BYTES = 8, 6_000_000
"""Three parts of 16 MiB."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was away is looked at again at once."""
    monkeypatch.setattr(app, "PLACES_INTERVAL_S", 0.2)
    monkeypatch.setattr("shared.jobs.outcome.FIRST_PAUSE_S", 0.1)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryDestination:
    """A destination in memory, in place of the folder of the settings."""
    destination = MemoryDestination("disk")

    @asynccontextmanager
    async def opened(
        configured: Iterable[DestinationSettings], _installation_id: str
    ) -> AsyncIterator[Mapping[str, Destination]]:
        yield {one.name: destination for one in configured}

    monkeypatch.setattr(app, "all_opened", opened)
    return destination


async def a_night(one: World) -> dict[str, bytes]:
    """A finished session of three parts; its files by their names in the archive."""
    contents = {f"night/{n}.fits": noise(n, FILE_BYTES) for n in range(FILES)}
    await one.put_in_session([await one.bring(path, content) for path, content in contents.items()])
    await one.finish()
    return {f"{SESSION}/library/{path}": content for path, content in contents.items()}


async def sent_some(one: World) -> bool:
    """Whether a part was sent."""
    return bool(await one.backup.fetchval("SELECT max(sent_bytes) > 0 FROM archive"))


async def problem(one: World, state: str, words: str) -> str:
    """Wait until the destination is in a state for a reason with these words; the sentence."""

    async def told() -> bool:
        row = await one.backup.fetchrow("SELECT state, problem FROM destination")
        return row is not None and row["state"] == state and words in (row["problem"] or "")

    await until(told)
    assert (await one.archives())[0]["phase"] in ("asked", "planned")
    assert await one.told() == []
    return str(await one.backup.fetchval("SELECT problem FROM destination"))


async def ends_well(one: World, contents: dict[str, bytes]) -> None:
    """The archive is made by itself, whole, once, and the destination is ready."""
    (row,) = await one.settled(archives=1)
    assert (row["phase"], row["state"], row["files"], row["left_out"]) == ("verified", "done", len(contents), 0)
    assert len(await one.told()) == 1
    assert await one.backup.fetchval("SELECT state FROM destination") == "ready"


async def retried(one: World) -> None:
    """Ask for another try until all is done: what failed a moment ago waits for its pause again."""

    async def done() -> bool:
        await one.retry()
        await asyncio.sleep(1)
        return all(row["state"] == "done" for row in await one.archives())

    await until(done)


async def test_a_disk_that_is_unplugged_in_the_middle_is_waited_for(settings: Settings, tmp_path: Path) -> None:
    """The archive waits, says which disk is away, and goes on where it was when it is plugged in again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, megabytes_per_s=12.0) as one, one.running():
        contents = await a_night(one)
        await until(lambda: sent_some(one))
        disk.rename(tmp_path / "unplugged")
        assert str(disk) in await problem(one, "away", "disk")
        sent = (await one.archives())[0]["sent_bytes"]
        (tmp_path / "unplugged").rename(disk)
        await ends_well(one, contents)
        assert sent > 0
    assert unpacked(disk, tmp_path / "out") == contents


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own that holds half a night."""
    try:
        with small_disk(tmp_path / "disk", 28_000_000) as place:
            yield place
    except CannotMount as error:
        pytest.skip(f"no disk can be mounted: {error}")


def remount(place: Path, options: str) -> None:
    """Change a disk while it is mounted."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


async def test_a_full_disk_is_told_and_waited_for(settings: Settings, tmp_path: Path, small: Path) -> None:
    """The sentence says that the disk is full; with more room the archive is made by itself."""
    async with world(settings, tmp_path, small) as one, one.running():
        contents = await a_night(one)
        sentence = await problem(one, "refused", "full")
        assert str(small) in sentence
        await asyncio.to_thread(remount, small, "size=200000000")
        await retried(one)
        await ends_well(one, contents)
        assert await asyncio.to_thread(unpacked, small, tmp_path / "out") == contents


async def test_a_read_only_disk_is_told_and_waited_for(settings: Settings, tmp_path: Path, small: Path) -> None:
    """The sentence says that it cannot be written to; when it can again the archive goes on."""
    await asyncio.to_thread(remount, small, "size=200000000")
    async with world(settings, tmp_path, small, megabytes_per_s=12.0) as one, one.running():
        contents = await a_night(one)
        await until(lambda: sent_some(one))
        await asyncio.to_thread(remount, small, "ro")
        await problem(one, "refused", "read-only")
        await asyncio.to_thread(remount, small, "rw")
        await retried(one)
        await ends_well(one, contents)


async def test_credentials_that_are_revoked_in_the_middle(
    settings: Settings, tmp_path: Path, memory: MemoryDestination
) -> None:
    """The archive waits with the server's sentence, and goes on with the upload when the key works again."""
    revoked = False

    def before(call: str, _key: str) -> None:
        nonlocal revoked
        if revoked and call != "check":
            raise Refused("the key AKIA… is not valid any more: make a new one")

    memory.before = before
    async with world(settings, tmp_path, tmp_path / "disk", megabytes_per_s=12.0) as one, one.running():
        contents = await a_night(one)
        await until(lambda: sent_some(one))
        revoked = True
        await problem(one, "refused", "is not valid any more")
        revoked = False
        await retried(one)
        await ends_well(one, contents)
        assert [call for call, _ in memory.calls].count("begin") == 1


async def test_an_upload_that_the_destination_forgot_begins_anew(
    settings: Settings, tmp_path: Path, memory: MemoryDestination
) -> None:
    """Somebody aborted the upload: it is begun again, and there is one object for each key and no orphan."""
    gone = [True]

    def before(call: str, _key: str) -> None:
        if call == "complete" and gone:
            gone.clear()
            memory.begun.clear()
            raise UploadGone("there is no such upload")

    memory.before = before
    async with world(settings, tmp_path, tmp_path / "disk") as one, one.running():
        contents = await a_night(one)
        await ends_well(one, contents)
    assert memory.begun == {}
    assert len([key for key in memory.objects if key.endswith(".tar.zst")]) == 1


async def test_a_destination_that_fails_again_and_again(
    settings: Settings, tmp_path: Path, memory: MemoryDestination
) -> None:
    """Every eleventh call fails: the archive is right all the same, told once, and nothing unfinished is left."""
    count = 0

    def before(_call: str, _key: str) -> None:
        nonlocal count
        count += 1
        if count % 11 == 0:
            raise Transient("the server answers 503")

    memory.before = before
    async with world(settings, tmp_path, tmp_path / "disk") as one, one.running():
        contents = await a_night(one)
        await ends_well(one, contents)
    assert memory.begun == {}


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: bytes([data[0] ^ 1]) + data[1:]])
async def test_what_lies_there_otherwise_is_made_anew(
    settings: Settings, tmp_path: Path, memory: MemoryDestination, spoil: Callable[[bytes], bytes]
) -> None:
    """An object that is too short, or reads back with another hash, is never told as archived: it is made anew."""
    spoilt = [True]

    def before(call: str, key: str) -> None:
        if call == "look" and key.endswith(".tar.zst") and spoilt:
            spoilt.clear()
            memory.objects[key] = spoil(memory.objects[key])

    memory.before = before
    async with world(settings, tmp_path, tmp_path / "disk") as one, one.running():
        contents = await a_night(one)
        await ends_well(one, contents)
        assert spoilt == []
        assert (await one.archives())[0]["number"] == 2


@pytest.mark.parametrize("refused", [Refused("the key may not delete"), Transient("the server answers 503")])
async def test_what_cannot_be_deleted_holds_no_archive_up(
    settings: Settings, tmp_path: Path, memory: MemoryDestination, refused: Transient
) -> None:
    """Where nothing can be deleted, now or ever, what lies there otherwise stays, and the archive is made beside it."""
    spoilt = [True]

    def before(call: str, key: str) -> None:
        if call == "delete":
            raise refused
        if call == "look" and key.endswith(".tar.zst") and spoilt:
            spoilt.clear()
            memory.objects[key] = memory.objects[key][:-1]

    memory.before = before
    async with world(settings, tmp_path, tmp_path / "disk") as one, one.running():
        contents = await a_night(one)
        await ends_well(one, contents)
        assert (await one.archives())[0]["number"] == 2
        assert len([key for key in memory.objects if key.endswith(".tar.zst")]) == 2
        assert ("delete", f"backups/raw/2026/{SESSION}.tar.zst") in memory.calls


async def test_what_reads_wrong_once_is_not_made_anew(
    settings: Settings, tmp_path: Path, memory: MemoryDestination
) -> None:
    """A part that was changed on its way back is read once more, and nothing is sent again."""
    reads = 0
    whole = b""

    def before(call: str, key: str) -> None:
        nonlocal reads, whole
        if call == "read" and key.endswith(".tar.zst"):
            reads += 1
            whole = whole or memory.objects[key]
            memory.objects[key] = bytes([whole[0] ^ 1]) + whole[1:] if reads == 1 else whole

    memory.before = before
    async with world(settings, tmp_path, tmp_path / "disk") as one, one.running():
        contents = await a_night(one)
        await ends_well(one, contents)
        (row,) = await one.archives()
        assert (reads, row["number"], row["deep_verified_at"] is not None) == (2, 1, True)


async def test_what_is_cold_at_once_is_told_by_its_size_and_etag(
    settings: Settings, tmp_path: Path, memory: MemoryDestination
) -> None:
    """A storage class that is not read at once holds no archive up; nothing is said to be read back."""

    def before(call: str, key: str) -> None:
        if key.endswith(".tar.zst") and call == "look":
            memory.frost[key] = "frozen"
        if key.endswith(".tar.zst") and call == "read":
            raise Refused("the object lies in a cold storage class")

    memory.before = before
    async with world(settings, tmp_path, tmp_path / "disk") as one, one.running():
        contents = await a_night(one)
        await ends_well(one, contents)
        assert await one.backup.fetchval("SELECT count(*) FROM member WHERE read_back_at IS NOT NULL") == 0


async def test_a_bucket_that_somebody_deletes_in_the_middle(settings: Settings, tmp_path: Path) -> None:
    """The sentence names the bucket; when it is there again the marker lacks, and the archive waits for a person."""
    with moto_server() as address:
        configured = settings_of(address, "nights")
        await make_bucket(configured)
        async with world(settings, tmp_path, megabytes_per_s=12.0) as one:
            one.settings = one.settings.model_copy(update={"destinations": (configured,)})
            async with one.running():
                await a_night(one)
                await until(lambda: sent_some(one))
                await until(lambda: _bucket_is_deleted(configured))
                await problem(one, "refused", "nights")


async def _bucket_is_deleted(configured: S3Destination) -> bool:
    """Delete it, though parts go on arriving meanwhile."""
    try:
        await with_client(configured, _delete_bucket)
    except ClientError:
        return False
    return True


async def _delete_bucket(client: Any) -> None:
    for stored in (await client.list_objects_v2(Bucket="nights")).get("Contents", []):
        await client.delete_object(Bucket="nights", Key=stored["Key"])
    for upload in (await client.list_multipart_uploads(Bucket="nights")).get("Uploads", []):
        await client.abort_multipart_upload(Bucket="nights", Key=upload["Key"], UploadId=upload["UploadId"])
    await client.delete_bucket(Bucket="nights")


async def test_a_bucket_gets_what_a_folder_gets(settings: Settings, tmp_path: Path) -> None:
    """A session goes to a bucket as it goes to a folder: archive, manifest and sums, told once."""
    with moto_server() as address:
        configured = settings_of(address, "nights")
        await make_bucket(configured)
        async with world(settings, tmp_path, read_back_percent=100.0) as one:
            one.settings = one.settings.model_copy(update={"destinations": (configured,)})
            async with one.running():
                contents = await a_night(one)
                await ends_well(one, contents)
                assert (await one.archives())[0]["deep_verified_at"] is not None
