"""Uploads of parts to a bucket, and the one object that is made of them."""

from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlencode

from services.backup.destinations.keys import Piece, size_of
from services.backup.destinations.port import AlreadyThere, Label, SentPart, Stored, Upload, UploadGone
from services.backup.destinations.s3 import etags
from services.backup.destinations.s3.asking import Answer, Asking
from services.backup.destinations.s3.body import Body
from services.backup.destinations.s3.features import CHECKSUMS, PRECONDITIONS, REFUSALS, TAGS
from services.backup.destinations.s3.objects import TAKEN, Extras, Objects
from services.backup.destinations.s3.refusals import Said
from shared.errors import Transient
from shared.library.reading import shown

_UNKNOWN = frozenset(("NoSuchUpload", "404", "NoSuchKey"))
_LACKING = frozenset(("InvalidPart", "InvalidPartOrder"))
_COMPLETING = 5.0
"""How many times longer than for anything else a server may be silent while it puts thousands of parts together."""


class Uploads:
    """The uploads of a prefix."""

    def __init__(self, objects: Objects, asking: Asking) -> None:
        self._objects = objects
        self._asking = asking
        self._named = asking.named

    async def begin(self, key: str, label: Label) -> Upload:
        """Begin an upload. All others of its key are thrown away: nobody waits for those whose answer was lost."""
        parameters = {
            "Key": self._objects.full(key),
            "ContentType": label.content_type,
            "Metadata": dict(label.metadata),
            **({"StorageClass": label.storage_class} if label.storage_class else {}),
        }

        async def attempt(extras: Extras) -> Answer:
            return await self._asking.ask("create_multipart_upload", {**parameters, **extras}, expects=REFUSALS)

        features = {
            CHECKSUMS: {"ChecksumAlgorithm": "SHA256"},
            TAGS: {"Tagging": urlencode(label.tags)} if label.tags else {},
        }
        answer = await self._objects.offering("create_multipart_upload", attempt, features)
        begun = Upload(key, str(answer["UploadId"]))
        async for other in self.list(key):
            if other.key == key and other.upload_id != begun.upload_id:
                await self.abort(other)
        return begun

    async def put_part(self, upload: Upload, number: int, data: bytes, md5: bytes, sha256: bytes) -> str:
        """Send a part; its ETag."""

        def wrong(answer: Answer) -> str | None:
            spoilt = etags.proves(answer, etags.of_bytes(md5)) is False
            return f"part {number} of {shown(upload.key)} arrived changed at {self._named}" if spoilt else None

        parameters = {
            **self._of(upload),
            "PartNumber": number,
            "Body": Body(data, sha256),
            "ContentMD5": b64encode(md5).decode(),
        }

        async def attempt(extras: Extras) -> Answer:
            return await self._asking.ask(
                "upload_part", {**parameters, **extras}, expects=REFUSALS | _UNKNOWN, wrong=wrong
            )

        features = {CHECKSUMS: {"ChecksumSHA256": b64encode(sha256).decode()}}
        try:
            answer = await self._objects.offering("upload_part", attempt, features)
        except Said as said:
            raise self._gone(upload) from said
        except Transient as error:
            await self._require_known(upload, error)
            raise
        return etags.plain(answer.get("ETag")) or etags.of_bytes(md5)

    async def complete(self, upload: Upload, parts: Sequence[SentPart]) -> Stored:
        """Make the object, or find the one that an earlier try made."""
        expected = etags.of_parts(part.md5 for part in parts)
        pieces = [Piece(part.size_bytes, part.sha256) for part in parts]
        if await self._objects.head(upload.key) is not None:
            return await self._found(upload, pieces, expected)

        async def attempt(extras: Extras) -> Answer:
            return await self._asking.ask(
                "complete_multipart_upload",
                {**self._of(upload), "MultipartUpload": {"Parts": [_part(part) for part in parts]}, **extras},
                expects=REFUSALS | _UNKNOWN | _LACKING | TAKEN,
                patient=_COMPLETING,
            )

        features: dict[str, Extras] = {
            CHECKSUMS: {"MultipartUpload": {"Parts": [_part(part, with_sha256=True) for part in parts]}},
            PRECONDITIONS: {"IfNoneMatch": "*"},
        }
        try:
            await self._objects.offering("complete_multipart_upload", attempt, features)
        except Said as said:
            if said.code in _LACKING:
                raise UploadGone(f"{self._named} lacks parts of {shown(upload.key)}: its upload begins anew") from said
            if await self._objects.head(upload.key) is None:
                if said.code in TAKEN:
                    raise Transient(f"{self._named} says that {shown(upload.key)} is there, and it is not") from said
                raise self._gone(upload) from said
            return await self._found(upload, pieces, expected)
        except Transient as error:
            if await self._objects.head(upload.key) is not None:
                return await self._found(upload, pieces, expected)
            await self._require_known(upload, error)
            raise
        made = await self._objects.head(upload.key)
        if made is None:
            raise Transient(f"{self._named} does not show {shown(upload.key)}, which it has just put together")
        # Each part was proven when it was sent. An ETag that differs may be of a kind of its own: the bytes decide.
        sized = int(made["ContentLength"]) == size_of(pieces)
        if not (sized and etags.proves(made, expected) is None) and not await self._objects.holds(
            made, upload.key, pieces, expected
        ):
            raise Transient(f"{self._named} put {shown(upload.key)} together from other bytes than were sent")
        return self._objects.stored(upload.key, made)

    async def _found(self, upload: Upload, pieces: Sequence[Piece], expected: str) -> Stored:
        """What lies under the key, if that is what the parts make."""
        there = await self._objects.head(upload.key)
        if there is None or not await self._objects.holds(there, upload.key, pieces, expected):
            raise AlreadyThere(f"{self._named} holds something else as {shown(upload.key)}")
        await self.abort(upload)  # parts may be left where the object is of an earlier upload
        return self._objects.stored(upload.key, there)

    async def abort(self, upload: Upload) -> None:
        """Throw an upload away."""
        try:
            await self._asking.ask("abort_multipart_upload", self._of(upload), expects=_UNKNOWN)
        except Said:
            return  # it has gone already

    async def list(self, prefix: str) -> AsyncIterator[Upload]:
        """Uploads under way, by pages of a thousand."""
        position: dict[str, str] = {}
        while True:
            page = await self._asking.ask("list_multipart_uploads", {"Prefix": self._objects.full(prefix), **position})
            for found in page.get("Uploads") or ():
                key = self._objects.own(str(found["Key"]))
                if key.startswith(prefix):  # Ceph's gateway looks for the prefix in names that it makes of key and id
                    yield Upload(key, str(found["UploadId"]), found.get("Initiated"))
            if not page.get("IsTruncated"):
                return
            position = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    async def _require_known(self, upload: Upload, error: Transient) -> None:
        """Tell a server that fails from one that fails because it does not know the upload, as Ceph's gateway does."""
        if type(error) is not Transient:
            return  # it is away, or says no
        if not [one async for one in self.list(upload.key) if one.upload_id == upload.upload_id]:
            raise self._gone(upload) from error

    def _of(self, upload: Upload) -> dict[str, Any]:
        return {"Key": self._objects.full(upload.key), "UploadId": upload.upload_id}

    def _gone(self, upload: Upload) -> UploadGone:
        return UploadGone(f"{self._named} does not know the upload of {shown(upload.key)} any more: it begins anew")


def _part(part: SentPart, *, with_sha256: bool = False) -> dict[str, Any]:
    named: dict[str, Any] = {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
    return {**named, "ChecksumSHA256": b64encode(part.sha256).decode()} if with_sha256 else named
