"""Objects below a prefix of a bucket, by single requests.

How bytes are proven: each request is signed over the SHA-256 of its body and carries its MD5, which every real server
compares; a server that takes checksums stores the SHA-256; and the ETag that comes back is compared with the MD5 where
it is one. How nothing is replaced: the key is looked at first, since not every server knows the precondition
``If-None-Match: *`` that goes with the request, and some pass over it in silence.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import md5 as new_md5
from hashlib import sha256 as new_sha256
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError as AiohttpClientError
from botocore.exceptions import BotoCoreError

from services.backup.destinations.keys import Piece, size_of
from services.backup.destinations.port import AlreadyThere, Label, Refused, Stored
from services.backup.destinations.s3 import etags
from services.backup.destinations.s3.archive_storage import frost_of
from services.backup.destinations.s3.asking import Again, Answer, Asking
from services.backup.destinations.s3.body import Body
from services.backup.destinations.s3.features import CHECKSUMS, PRECONDITIONS, REFUSALS, TAGS, Features
from services.backup.destinations.s3.refusals import MISSING, Said
from shared.errors import Gone, Transient
from shared.library.reading import shown

PIECE_BYTES = 1024 * 1024
TAKEN = frozenset(("PreconditionFailed", "412"))
_PAST_THE_END = frozenset(("InvalidRange", "416"))

Extras = Mapping[str, Any]
"""Parameters of a request that not every server takes."""


class Objects:
    """Objects of one prefix."""

    def __init__(self, asking: Asking, prefix: str, features: Features) -> None:
        self._asking = asking
        self._prefix = f"{prefix}/"
        self._features = features
        self.named = asking.named

    def full(self, key: str) -> str:
        """The key in the bucket."""
        return self._prefix + key

    def own(self, full_key: str) -> str:
        """A key of ours from one in the bucket."""
        return full_key.removeprefix(self._prefix)

    def stored(self, key: str, answer: Answer) -> Stored:
        """An object as a HEAD tells of it."""
        modified_at: datetime | None = answer.get("LastModified")
        etag = etags.plain(answer.get("ETag")) or None
        storage_class: str | None = answer.get("StorageClass")
        return Stored(key, int(answer["ContentLength"]), etag, modified_at, storage_class, frost_of(answer))

    async def head(self, key: str) -> Answer | None:
        """What the server tells of an object; None where there is none, or no bucket."""
        try:
            return await self._asking.ask("head_object", {"Key": self.full(key)}, expects=MISSING)
        except Said:
            return None

    async def put_new(self, key: str, data: bytes, label: Label) -> Stored:
        """Put an object where nothing is; the same one is as good.

        Raises:
            AlreadyThere: another one lies there.
        """
        pieces = (Piece(len(data), new_sha256(data).digest()),)
        there = await self.head(key)
        if there is None:
            try:
                return await self.send(key, data, label, new=True)
            except AlreadyThere:
                there = await self.head(key)
                if there is None:
                    raise Transient(f"{self.named} says that {shown(key)} is there, and it is not") from None
        md5 = new_md5(data, usedforsecurity=False).digest()
        if not await self.holds(there, key, pieces, etags.of_bytes(md5)):
            raise AlreadyThere(f"{self.named} holds something else as {shown(key)}")
        return self.stored(key, there)

    async def send(self, key: str, data: bytes, label: Label, *, new: bool = False) -> Stored:
        """Put an object over whatever lies there or, as far as the server knows how, only where nothing does.

        Raises:
            AlreadyThere: something does.
        """
        md5, sha256 = new_md5(data, usedforsecurity=False).digest(), new_sha256(data).digest()
        spoilt = False

        def wrong(answer: Answer) -> str | None:
            nonlocal spoilt
            spoilt = etags.proves(answer, etags.of_bytes(md5)) is False
            return f"{shown(key)} arrived changed at {self.named}" if spoilt else None

        parameters = {
            "Key": self.full(key),
            "Body": Body(data, sha256),
            "ContentMD5": b64encode(md5).decode(),
            "ContentType": label.content_type,
            "Metadata": {**label.metadata, "sha256": sha256.hex()},
            **({"StorageClass": label.storage_class} if label.storage_class else {}),
        }

        async def attempt(extras: Extras) -> Answer:
            return await self._asking.ask("put_object", {**parameters, **extras}, expects=REFUSALS | TAKEN, wrong=wrong)

        features = {
            CHECKSUMS: {"ChecksumSHA256": b64encode(sha256).decode()},
            TAGS: {"Tagging": urlencode(label.tags)} if label.tags else {},
            PRECONDITIONS: {"IfNoneMatch": "*"} if new else {},
        }
        try:
            answer = await self.offering("put_object", attempt, features)
        except Said as said:
            if not spoilt:
                raise AlreadyThere(f"{self.named} has something as {shown(key)} already") from said
            return await self.send(key, data, label)  # what lies there now is what became of ours on its way
        etag = etags.plain(answer.get("ETag")) or None
        return Stored(key, len(data), etag, storage_class=label.storage_class)

    async def holds(self, there: Answer, key: str, pieces: Sequence[Piece], etag: str) -> bool:
        """Whether an object has just these bytes: by its ETag, else by reading it."""
        if int(there["ContentLength"]) != size_of(pieces):
            return False
        if etags.proves(there, etag):
            return True
        at = 0
        for piece in pieces:
            sha256 = new_sha256()
            async for data in self.read(key, at, at + piece.size_bytes):
                await asyncio.to_thread(sha256.update, data)
            if sha256.digest() != piece.sha256:
                return False
            at += piece.size_bytes
        return True

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of an object; the reading goes on where a broken connection left it, in the same object.

        Raises:
            Gone: there is none.
        """
        etag: str | None = None
        stuck = 0
        done = False
        while not done and (end is None or start < end):
            begun_at = start
            try:
                async with self._got(key, start, end, etag) as answer:
                    etag = etag or answer.get("ETag")
                    left = int(answer["ContentLength"])
                    while left:
                        data = await self._piece(answer["Body"], left)
                        left, start = left - len(data), start + len(data)
                        yield data
                done = True
            except Said as said:
                if said.code in _PAST_THE_END:
                    return
                if said.code in TAKEN:
                    raise Transient(f"{shown(key)} changed at {self.named} while it was read") from said
                raise Gone(f"{shown(key)} is not at {self.named}") from said
            except Again as broken:
                stuck = stuck + 1 if start == begun_at else 0
                if stuck == self._asking.patience.tries:
                    raise broken.error from broken

    @asynccontextmanager
    async def _got(self, key: str, start: int, end: int | None, etag: str | None) -> AsyncIterator[Answer]:
        extent = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        parameters = {"Key": self.full(key), **extent, **({"IfMatch": etag} if etag else {})}
        answer = await self._asking.ask("get_object", parameters, expects=MISSING | _PAST_THE_END | TAKEN)
        async with answer["Body"]:
            if extent and not answer.get("ContentRange"):
                raise Refused(f"{self.named} does not give parts of objects, and without them nothing can be checked")
            yield answer

    async def _piece(self, stream: Any, left: int) -> bytes:
        """The next bytes of an answer; raises ``Again`` where they do not come."""
        try:
            async with self._asking.silence():
                data: bytes = await stream.read(min(PIECE_BYTES, left))
        except (BotoCoreError, AiohttpClientError, TimeoutError, OSError) as error:
            raise Again(Transient(f"{self.named} broke off while an object was read")) from error
        if not data:
            raise Again(Transient(f"{self.named} gave less of an object than it told"))
        return data

    async def offering(
        self, operation: str, attempt: Callable[[Extras], Awaitable[Answer]], features: Mapping[str, Extras]
    ) -> Answer:
        """Try a request with all that a server may take, leaving away what it refuses.

        Raises:
            Said: what else the caller of ``attempt`` expects.
        """
        asked = self._features.wanted(name for name, extras in features.items() if extras)
        refused: set[str] = set()
        while True:
            try:
                answer = await attempt({key: value for name in asked for key, value in features[name].items()})
            except Said as said:
                if said.code not in REFUSALS:
                    raise
                blamed = self._features.blamed(said, asked)
                if blamed is None:
                    raise self._asking.refusal(said, operation) from said
                asked.remove(blamed)
                refused.add(blamed)
            else:
                for name in refused:
                    self._features.refuse(name, self.named)
                return answer
