"""Key-value buckets of JetStream, whose values bear a number: of two values of a key the one with the higher stays.

A value is JSON with a member ``revision``. It is put only where the bucket still holds what was looked at before, so
that a put that comes late, twice or from two processes changes nothing. Readers need no consumer, of which each could
have what it reads delivered to any subject: they ask for values, and hear of puts as whoever subscribes to a subject.
What is asked is answered by the leader of the stream, never by a copy that has yet to hear of the last puts.
"""

import asyncio
import json
from collections.abc import Callable
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.errors import APIError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from shared.bus.answering import answering
from shared.bus.names import stream_of_bucket, subject_of_key
from shared.bus.private import client_of_context

AT_ONCE = 100
"""Values that are asked for at the same time."""
NO_REVISION = -1
"""Of a key that holds nothing, and of a value that tells no number."""
_OTHER_SEQUENCE = frozenset({10071, 10164})
"""Codes of the server for a message that expects another one to be the last of its subject."""


class Stored(NamedTuple):
    """What a bucket holds under a key, and where in its stream that lies; an empty value where it holds nothing."""

    value: bytes
    revision: int
    sequence: int

    @property
    def is_there(self) -> bool:
        """Whether the key holds a value."""
        return bool(self.value)


class Bucket:
    """One bucket; it is looked up when it is first used.

    Every method raises Unavailable where NATS does not answer or the bucket is not there.
    """

    def __init__(self, js: JetStreamContext, name: str) -> None:
        self.name = name
        self._js = js
        self._what = f"the bucket {name}"
        self._opened: KeyValue | None = None

    async def get(self, key: str) -> Stored:
        """What a key holds."""
        with answering(self._what):
            try:
                entry = await (await self._values()).get(key)
            except KeyNotFoundError as missing:
                if missing.entry is not None:  # it was removed
                    return Stored(b"", NO_REVISION, missing.entry.revision or 0)
                await self._js.stream_info(stream_of_bucket(self.name))  # nats-py says the same of a missing bucket
                return Stored(b"", NO_REVISION, 0)
        value = entry.value or b""
        return Stored(value, _revision_of(value), entry.revision or 0)

    async def put(self, key: str, value: bytes) -> bool:
        """Put a value, unless the key holds one with the same number or a higher one; returns whether it was put."""
        revision = _revision_of(value)
        while (found := await self.get(key)).revision < revision:
            with answering(self._what):
                try:
                    await (await self._values()).update(key, value, last=found.sequence)
                except KeyWrongLastSequenceError:
                    continue  # somebody put another one since it was looked at
            return True
        return False

    async def remove(self, key: str, sequence: int) -> bool:
        """Remove what lies at a place of the stream, if the key holds it still; returns whether it did."""
        with answering(self._what):
            try:
                await (await self._values()).delete(key, last=sequence)
            except APIError as error:
                if error.err_code not in _OTHER_SEQUENCE:
                    raise
                return False
        return True

    async def entries(self) -> dict[str, Stored]:
        """What every key holds, of those that hold something. Puts that come meanwhile may be among it or not."""
        begin = subject_of_key(self.name, "")
        with answering(self._what):
            info = await self._js.stream_info(stream_of_bucket(self.name), subjects_filter=f"{begin}>")
        keys = sorted(subject.removeprefix(begin) for subject in info.state.subjects or {})
        found: dict[str, Stored] = {}
        for start in range(0, len(keys), AT_ONCE):
            part = keys[start : start + AT_ONCE]
            found.update(zip(part, await asyncio.gather(*map(self.get, part)), strict=True))
        return {key: stored for key, stored in found.items() if stored.is_there}

    async def on_put(self, key: str, tell: Callable[[], None]) -> Subscription:
        """Have ``tell`` called whenever a value of a key is put, as far as that is heard: some may be missed."""

        async def heard(_message: Msg) -> None:
            tell()

        with answering(self._what):
            return await client_of_context(self._js).subscribe(subject_of_key(self.name, key), cb=heard)

    async def _values(self) -> KeyValue:
        if self._opened is None:
            self._opened = await self._js.key_value(self.name)
        return self._opened


def _revision_of(value: bytes) -> int:
    try:
        revision = json.loads(value)["revision"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return NO_REVISION
    return revision if isinstance(revision, int) else NO_REVISION
