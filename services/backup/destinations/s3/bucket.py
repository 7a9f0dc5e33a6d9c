"""A bucket as a destination: what the port promises, as requests."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from services.backup.archive.keys import raw_prefix
from services.backup.destinations import marker
from services.backup.destinations.keys import MARKER, require_key
from services.backup.destinations.port import AlreadyThere, Label, SentPart, Stored, Tier, Unmarked, Upload
from services.backup.destinations.s3 import archive_storage, etags
from services.backup.destinations.s3.asking import Asking, Patience
from services.backup.destinations.s3.client import opened_client
from services.backup.destinations.s3.features import Features
from services.backup.destinations.s3.objects import Objects
from services.backup.destinations.s3.refusals import MISSING, Said
from services.backup.destinations.s3.uploads import Uploads
from services.backup.settings.destinations import S3Destination
from shared.errors import Gone


@asynccontextmanager
async def opened_bucket(
    configured: S3Destination, prefix: str, patience: Patience | None = None
) -> AsyncIterator["Bucket"]:
    """A destination with one client, which is closed at the end of the block.

    Raises:
        Refused: a file that the settings name cannot be read.
    """
    async with opened_client(configured) as client:
        yield Bucket(configured, prefix, Asking(client, configured, patience or Patience()))


class Bucket:
    """A bucket, and the prefix below which everything of ours lies, as ``port.Destination``."""

    def __init__(self, configured: S3Destination, prefix: str, asking: Asking) -> None:
        self.name = configured.name
        self.place = asking.place
        self.asking = asking
        self._storage_class = configured.storage_class
        self._features = Features(tags=configured.tags)
        self._objects = Objects(asking, prefix, self._features)
        self._uploads = Uploads(self._objects, asking)

    @property
    def facts(self) -> Mapping[str, bool]:
        """Of tags, checksums and preconditions, which the server refused so far."""
        return dict(self._features.facts)

    async def check(self, installation_id: str, *, first_time: bool = False) -> None:
        """By its marker."""
        found = await self.marker()
        if found is None and first_time:
            try:
                await self._objects.send(MARKER, marker.marker_of(installation_id), Label("application/json"), new=True)
            except AlreadyThere:
                found = None  # by a try whose answer was lost, or by somebody else: whose it is is looked at
            found = await self.marker()
        if found is None:
            raise Unmarked(
                f"{self.asking.named} has no marker ({self._objects.full(MARKER)}) any more: is it the right bucket, "
                "and was something deleted there? One made anew gets all archives under another name in the settings"
            )
        marker.require_owner(found, installation_id, self.asking.named)

    async def put(self, key: str, data: bytes, label: Label, *, replace: bool = False) -> Stored:
        """By one request; unless it may be replaced, what lies there is looked at before."""
        write = self._objects.send if replace else self._objects.put_new
        return await write(require_key(key), data, label)

    async def look(self, key: str) -> Stored | None:
        """By HEAD. Where nothing is found it is asked whether the bucket is there at all."""
        if (found := await self._objects.head(require_key(key))) is None:
            await self.asking.ask("head_bucket", {})
            return None
        return self._objects.stored(key, found)

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """By GET, which goes on where a broken connection left it."""
        return self._objects.read(require_key(key), start, end)

    async def list(self, prefix: str) -> AsyncIterator[Stored]:
        """By pages of a thousand."""
        token: dict[str, str] = {}
        while True:
            page = await self.asking.ask("list_objects_v2", {"Prefix": self._objects.full(prefix), **token})
            for found in page.get("Contents") or ():
                key = self._objects.own(str(found["Key"]))
                if key != MARKER and not key.endswith("/"):  # some tools make objects for folders
                    etag = etags.plain(found.get("ETag")) or None
                    yield Stored(key, int(found["Size"]), etag, found.get("LastModified"), found.get("StorageClass"))
            if not page.get("IsTruncated") or not page.get("NextContinuationToken"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    async def delete(self, key: str) -> None:
        """By one request; in a bucket with versions the bytes stay as an old version."""
        try:
            await self.asking.ask("delete_object", {"Key": self._objects.full(require_key(key))}, expects=MISSING)
        except Said:
            return  # what some servers say of an object that has gone already

    async def begin(self, key: str, label: Label, _part_bytes: int) -> Upload:
        """By a multipart upload; of an archive in the storage class of the settings, unless the label has one.

        Dumps of the database stay in the class that is read at once: none counts before it was read back.
        """
        if key.startswith(raw_prefix()) and label.storage_class is None:
            label = replace(label, storage_class=self._storage_class)
        return await self._uploads.begin(require_key(key), label)

    async def put_part(self, upload: Upload, number: int, data: bytes, md5: bytes, sha256: bytes) -> str:
        """By one request; the ETag that comes back is compared with ``md5`` where it is one."""
        return await self._uploads.put_part(upload, number, data, md5, sha256)

    async def complete(self, upload: Upload, parts: Sequence[SentPart], label: Label) -> Stored:  # noqa: ARG002 - begun with it
        """By one request; the object that it made is looked at."""
        return await self._uploads.complete(upload, parts)

    async def abort(self, upload: Upload) -> None:
        """By one request."""
        await self._uploads.abort(upload)

    def uploads(self, prefix: str) -> AsyncIterator[Upload]:
        """By pages of a thousand."""
        return self._uploads.list(prefix)

    async def thaw(self, key: str, days: int, tier: Tier) -> None:
        """By RestoreObject, which makes a copy that can be read and goes by itself when its days are over."""
        await archive_storage.thaw(self.asking, self._objects.full(require_key(key)), days, tier)

    async def marker(self) -> bytes | None:
        """The bytes of the marker below the prefix, if there is one."""
        try:
            pieces = [piece async for piece in self._objects.read(MARKER, 0, marker.MOST_BYTES)]
        except Gone:
            return None
        return b"".join(pieces)
