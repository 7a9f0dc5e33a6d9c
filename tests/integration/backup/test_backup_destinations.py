"""What every destination promises: one suite over a folder, S3 and a destination in memory.

tests/system runs it on real S3 servers. A new adapter adds a ``Place`` to ``PLACES``, and promises all of it.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from services.backup.destinations.kinds import opened
from services.backup.destinations.port import (
    AlreadyThere,
    Destination,
    Label,
    SentPart,
    Stored,
    Upload,
    UploadGone,
)
from services.backup.destinations.s3.bucket import opened_bucket
from services.backup.settings.destinations import FolderDestination, S3Destination
from shared.errors import Away, Gone, Permanent, UserError
from tests.memory_destination import MemoryDestination
from tests.moto_server import moto_server
from tests.s3_places import HASTE, make_bucket, settings_of, with_client

OURS, THEIRS = "0123abcd", "feedbeef"
KEY = "backups/raw/2026/20261130_0a1b2c3d.tar.zst"
LABEL = Label(
    "application/zstd",
    metadata={"session_id": "20261130_0a1b2c3d", "created-by": "nightbus"},
    tags={"archive_policy": "fast", "backup_policy": "deep"},
)
PART_BYTES = 5 * 1024 * 1024
"""The smallest that S3 takes, of all parts but the last."""


class Place(Protocol):
    """A place of one kind, and what happens to it without our doing."""

    def opened(self, installation_id: str = OURS) -> AbstractAsyncContextManager[Destination]:
        """The destination, as one installation opens it."""

    async def spoil(self, key: str, data: bytes) -> None:
        """Somebody writes other bytes to an object, or a new one."""

    async def empty(self) -> None:
        """All of it is gone: another disk is mounted there, or everything was deleted."""


class MemoryPlace:
    """A destination in memory."""

    def __init__(self, _tmp_path: Path) -> None:
        self.destination = MemoryDestination()

    @asynccontextmanager
    async def opened(self, _installation_id: str = OURS) -> AsyncIterator[Destination]:
        """The same one each time."""
        yield self.destination

    async def spoil(self, key: str, data: bytes) -> None:
        """In the dictionary."""
        self.destination.objects[key] = data

    async def empty(self) -> None:
        """All forgotten."""
        self.destination.objects.clear()
        self.destination.marker = None


class FolderPlace:
    """A folder on a disk."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path / "usb-disk"

    def opened(self, installation_id: str = OURS) -> AbstractAsyncContextManager[Destination]:
        """As from settings."""
        return opened(FolderDestination(name="usb-disk", path=self.path, prefix="kept/here"), installation_id)

    async def spoil(self, key: str, data: bytes) -> None:
        """In place."""
        file = self.path / "kept/here" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    async def empty(self) -> None:
        """An empty mount point."""
        shutil.rmtree(self.path)
        self.path.mkdir()


class BucketPlace:
    """A bucket."""

    def __init__(self, configured: S3Destination) -> None:
        self.configured = configured
        self.prefix = f"kept/{uuid4().hex}"

    def opened(self, installation_id: str = OURS) -> AbstractAsyncContextManager[Destination]:
        """As from settings, in more haste."""
        del installation_id
        return opened_bucket(self.configured, self.prefix, HASTE)

    async def spoil(self, key: str, data: bytes) -> None:
        """With another client."""
        where = {"Bucket": self.configured.bucket, "Key": f"{self.prefix}/{key}"}
        await with_client(self.configured, lambda client: client.put_object(**where, Body=data))

    async def empty(self) -> None:
        """All objects are deleted."""

        async def delete(client: Any) -> None:
            listed = await client.list_objects_v2(Bucket=self.configured.bucket, Prefix=self.prefix)
            for found in listed.get("Contents", ()):
                await client.delete_object(Bucket=self.configured.bucket, Key=found["Key"])

        await with_client(self.configured, delete)


@pytest.fixture(scope="session")
def bucket() -> Iterator[S3Destination]:
    """A bucket for the run."""
    with moto_server() as address:
        configured = settings_of(address, "nights")
        asyncio.run(make_bucket(configured))
        yield configured


PLACES: list[Callable[[Path, S3Destination], Place]] = [
    lambda tmp_path, _bucket: MemoryPlace(tmp_path),
    lambda tmp_path, _bucket: FolderPlace(tmp_path),
    lambda _tmp_path, bucket: BucketPlace(bucket),
]


@pytest.fixture(params=PLACES, ids=["memory", "folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, bucket: S3Destination) -> Place:
    """An empty place of each kind."""
    found: Place = request.param(tmp_path, bucket)
    return found


@pytest.fixture
async def destination(place: Place) -> AsyncIterator[Destination]:
    """A destination that is ours."""
    async with place.opened() as found:
        await found.check(OURS, first_time=True)
        yield found


async def content(destination: Destination, key: str, start: int = 0, end: int | None = None) -> bytes:
    """The bytes of an object."""
    pieces = [piece async for piece in destination.read(key, start, end)]
    assert all(0 < len(piece) <= 1024 * 1024 for piece in pieces)
    return b"".join(pieces)


async def listed(destination: Destination, prefix: str = "") -> list[str]:
    """Keys of objects."""
    return [found.key async for found in destination.list(prefix)]


async def under_way(destination: Destination, prefix: str = "") -> list[Upload]:
    """Uploads that were begun."""
    return [upload async for upload in destination.uploads(prefix)]


def hashes(data: bytes) -> tuple[bytes, bytes]:
    """MD5 and SHA-256."""
    return hashlib.md5(data, usedforsecurity=False).digest(), hashlib.sha256(data).digest()


async def send(destination: Destination, upload: Upload, number: int, data: bytes) -> SentPart:
    """Send a part."""
    md5, sha256 = hashes(data)
    etag = await destination.put_part(upload, number, data, md5, sha256)
    assert etag
    return SentPart(number, len(data), md5, sha256, etag)


def test_bytes() -> bytes:
    """Two parts and a bit."""
    return os.urandom(64 * 1024) * (2 * PART_BYTES // (64 * 1024)) + b"and a bit"


test_bytes.__test__ = False  # type: ignore[attr-defined]


async def uploaded(destination: Destination, data: bytes, key: str = KEY) -> tuple[Upload, list[SentPart]]:
    """An upload whose parts are all there."""
    upload = await destination.begin(key, LABEL, PART_BYTES)
    parts = [
        await send(destination, upload, number, data[start : start + PART_BYTES])
        for number, start in enumerate(range(0, len(data), PART_BYTES), 1)
    ]
    return upload, parts


async def test_what_is_put_lies_there(destination: Destination) -> None:
    """An object has the bytes that were put, tells its size, and can be read from anywhere to anywhere."""
    data = os.urandom(2_500_000)
    stored = await destination.put("backups/notes/a.json", data, LABEL)
    assert (stored.key, stored.size_bytes) == ("backups/notes/a.json", len(data))
    found = await destination.look("backups/notes/a.json")
    assert found is not None
    assert (found.key, found.size_bytes, found.etag) == (stored.key, stored.size_bytes, stored.etag)
    assert found.modified_at is not None
    assert found.modified_at.tzinfo is not None
    assert await content(destination, stored.key) == data
    assert await content(destination, stored.key, 1_000_000, 2_200_001) == data[1_000_000:2_200_001]
    assert await content(destination, stored.key, 2_400_000) == data[2_400_000:]
    assert await content(destination, stored.key, 2_400_000, 9_000_000) == data[2_400_000:]
    assert await content(destination, stored.key, 5, 5) == b""
    assert await content(destination, stored.key, 9_000_000) == b""


async def test_nothing_is_replaced(destination: Destination) -> None:
    """A key that has other bytes is refused, and keeps them; the same bytes are as good as written."""
    await destination.put("a/b.json", b"first", LABEL)
    with pytest.raises(AlreadyThere, match=r"a/b\.json"):
        await destination.put("a/b.json", b"other", LABEL)
    assert (await destination.put("a/b.json", b"first", LABEL)).size_bytes == 5
    assert await content(destination, "a/b.json") == b"first"
    await destination.put("a/b.json", b"second", LABEL, replace=True)
    assert await content(destination, "a/b.json") == b"second"


async def test_an_empty_object_is_an_object(destination: Destination) -> None:
    """A file without a byte is put, found and read."""
    await destination.put("a/empty.log", b"", LABEL)
    found = await destination.look("a/empty.log")
    assert found is not None
    assert found.size_bytes == 0
    assert await content(destination, "a/empty.log") == b""
    assert await listed(destination) == ["a/empty.log"]


async def test_what_is_not_there_is_told(destination: Destination) -> None:
    """A look finds nothing, reading it says that it has gone, deleting it is no failure."""
    assert await destination.look("a/b") is None
    with pytest.raises(Gone, match="a/b"):
        await content(destination, "a/b")
    await destination.delete("a/b")
    await destination.put("a/b", b"x", LABEL)
    await destination.delete("a/b")
    assert await destination.look("a/b") is None
    assert await listed(destination) == []


async def test_objects_are_listed_in_the_order_of_their_keys(destination: Destination) -> None:
    """All of them whose key begins so, wherever that ends, and neither the marker nor what is not complete."""
    keys = ["a.b", "a/1", "a/10", "a/b/c", "a/b-c", "a/b.c", "a0", "b/z", "c"]
    for key in reversed(keys):
        await destination.put(key, key.encode(), LABEL)
    await uploaded(destination, b"not complete", "a/upload")
    assert await listed(destination) == sorted(keys)
    assert await listed(destination, "a/") == ["a/1", "a/10", "a/b-c", "a/b.c", "a/b/c"]
    assert await listed(destination, "a/b") == ["a/b-c", "a/b.c", "a/b/c"]
    assert await listed(destination, "none/") == []
    sizes = {found.key: found.size_bytes async for found in destination.list("b")}
    assert sizes == {"b/z": 3}


@pytest.mark.parametrize(
    "key", ["../x", "/x", "a//b", "installation.json", ".unfinished/x", "a/CON", "a\0b", "a" * 300]
)
async def test_no_key_leads_outside(destination: Destination, key: str) -> None:
    """A key that leaves the prefix, or that some disk cannot hold, is refused whatever the destination is."""
    with pytest.raises(Permanent):
        await destination.put(key, b"x", LABEL)
    with pytest.raises(Permanent):
        await destination.begin(key, LABEL, PART_BYTES)


async def test_parts_make_one_object(destination: Destination) -> None:
    """Parts that come in any order become one object; it is under no key before that, and no upload is left."""
    data = test_bytes()
    upload = await destination.begin(KEY, LABEL, PART_BYTES)
    last = await send(destination, upload, 3, data[2 * PART_BYTES :])
    first, second = await asyncio.gather(
        send(destination, upload, 1, data[:PART_BYTES]),
        send(destination, upload, 2, data[PART_BYTES : 2 * PART_BYTES]),
    )
    assert await destination.look(KEY) is None
    assert [one.upload_id for one in await under_way(destination)] == [upload.upload_id]
    stored = await destination.complete(upload, [first, second, last], LABEL)
    assert (stored.key, stored.size_bytes) == (KEY, len(data))
    assert await content(destination, KEY) == data
    assert await listed(destination) == [KEY]
    assert await under_way(destination) == []


async def test_a_part_may_be_sent_again(destination: Destination) -> None:
    """With other bytes too, also shorter as the last one: what was sent last counts."""
    data = test_bytes()
    upload, parts = await uploaded(destination, data)
    parts[0] = await send(destination, upload, 1, b"x" * PART_BYTES)
    parts[2] = await send(destination, upload, 3, b"end")
    await destination.complete(upload, parts, LABEL)
    assert await content(destination, KEY) == b"x" * PART_BYTES + data[PART_BYTES : 2 * PART_BYTES] + b"end"


async def test_an_upload_goes_on_after_a_restart(place: Place, destination: Destination) -> None:
    """Whoever opens the destination later goes on with the parts that are there."""
    data = test_bytes()
    upload = await destination.begin(KEY, LABEL, PART_BYTES)
    first = await send(destination, upload, 1, data[:PART_BYTES])
    async with place.opened() as later:
        (known,) = await under_way(later, "backups/raw/")
        assert (known.key, known.upload_id) == (KEY, upload.upload_id)
        assert known.begun_at is not None
        rest = [
            await send(later, known, number, data[(number - 1) * PART_BYTES : number * PART_BYTES]) for number in (2, 3)
        ]
        await later.complete(known, [first, *rest], LABEL)
        assert await content(later, KEY) == data


async def test_completing_again_finds_the_object(destination: Destination) -> None:
    """Whoever did not hear the answer says it again and gets it."""
    upload, parts = await uploaded(destination, test_bytes())
    first = await destination.complete(upload, parts, LABEL)
    again = await destination.complete(upload, parts, LABEL)
    assert (again.key, again.size_bytes, again.etag) == (first.key, first.size_bytes, first.etag)
    assert await listed(destination) == [KEY]


async def test_an_upload_replaces_nothing(place: Place, destination: Destination) -> None:
    """Where something else came under the key meanwhile it stays, and the upload can be thrown away."""
    upload, parts = await uploaded(destination, test_bytes())
    await place.spoil(KEY, b"of somebody else")
    with pytest.raises(AlreadyThere):
        await destination.complete(upload, parts, LABEL)
    assert await content(destination, KEY) == b"of somebody else"
    await destination.abort(upload)
    assert await under_way(destination) == []


async def test_an_upload_that_is_gone_begins_anew(destination: Destination) -> None:
    """An aborted upload takes no part and cannot be completed; aborting it again is no failure."""
    data = test_bytes()
    upload, parts = await uploaded(destination, data)
    await destination.abort(upload)
    await destination.abort(upload)
    assert await under_way(destination) == []
    with pytest.raises(UploadGone):
        await send(destination, upload, 1, data[:PART_BYTES])
    with pytest.raises(UploadGone):
        await destination.complete(upload, parts, LABEL)
    assert await listed(destination) == []


async def test_a_key_has_one_upload(destination: Destination) -> None:
    """Beginning again throws the earlier upload of the key away, and no other one."""
    earlier, _parts = await uploaded(destination, b"earlier")
    other, _parts = await uploaded(destination, b"of another key", KEY + ".more")
    later = await destination.begin(KEY, LABEL, PART_BYTES)
    assert {one.upload_id for one in await under_way(destination)} == {other.upload_id, later.upload_id}
    assert {one.upload_id for one in await under_way(destination, KEY + ".")} == {other.upload_id}
    with pytest.raises(UploadGone):
        await send(destination, earlier, 1, b"x")


async def test_a_place_is_known_by_its_marker(place: Place) -> None:
    """It is marked at the first use alone; where the marker is missing later it is away, and not written to."""
    async with place.opened() as found:
        with pytest.raises(Away, match=r"marker|not there"):
            await found.check(OURS)
        await found.check(OURS, first_time=True)
        await found.check(OURS, first_time=True)
        await found.check(OURS)
        await place.empty()
        with pytest.raises(Away, match="marker"):
            await found.check(OURS)


async def test_two_installations_keep_apart(place: Place, destination: Destination) -> None:
    """What bears another installation's marker is refused by name, and not taken over at a first use either."""
    assert await listed(destination) == []
    async with place.opened(THEIRS) as theirs:
        for first_time in (False, True):
            with pytest.raises(UserError, match=f"{OURS}.*prefix"):
                await theirs.check(THEIRS, first_time=first_time)


async def test_a_damaged_marker_is_told(place: Place, destination: Destination) -> None:
    """A marker that names nobody is neither ours nor replaced."""
    if isinstance(place, MemoryPlace):
        place.destination.marker = b"{}"
    else:
        await place.spoil("installation.json", b"{}")
    with pytest.raises(UserError, match="damaged"):
        await destination.check(OURS, first_time=True)


async def test_the_name_and_the_place_are_told(destination: Destination) -> None:
    """A person recognises where it is, and nothing secret is in it."""
    assert destination.name
    assert destination.place
    assert "secret" not in destination.place


def test_what_is_told_of_an_object_is_plain() -> None:
    """An object that nothing is known of but key and size is told as that."""
    assert Stored("a", 1) == Stored("a", 1, None, None, None)


async def test_archives_alone_are_cold() -> None:
    """The storage class of the settings is that of archives; a dump, which is read back at once, has none."""
    data = b"bytes"
    md5, sha256 = hashlib.md5(data, usedforsecurity=False).digest(), hashlib.sha256(data).digest()
    found = {}
    with moto_server() as address:
        configured = settings_of(address, "nights", storage_class="DEEP_ARCHIVE")
        await make_bucket(configured)
        async with opened_bucket(configured, "ours", HASTE) as bucket:
            for key in ("backups/raw/2026/20260110_4C1F9A3E.tar.zst", "backups/database/nightbus-x.dump"):
                upload = await bucket.begin(key, Label(), 5 * 1024 * 1024)
                etag = await bucket.put_part(upload, 1, data, md5, sha256)
                await bucket.complete(upload, [SentPart(1, len(data), md5, sha256, etag)], Label())
                stored = await bucket.look(key)
                found[key.split("/")[1]] = stored and stored.storage_class
    assert found == {"raw": "DEEP_ARCHIVE", "database": None}
