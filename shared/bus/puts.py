"""The values of an outbox that are for key-value buckets, put one after the other in the order of their rows.

One process at a time puts, and none is put before those before it are: what a bucket says of itself ("all up to this
number is here") is true when it is read. Should a process go on that has lost its place, it changes nothing: a bucket
keeps the higher of two numbers (``bucket``). A process that is killed between a put and its row's deletion puts again.
"""

import asyncio
import contextlib

import asyncpg
from nats.js import JetStreamContext

from shared.bus.bucket import Bucket
from shared.bus.names import KEY_SUBJECTS
from shared.db.pool import transaction
from shared.errors import Unavailable
from shared.logging import get_logger
from shared.retry import patiently

log = get_logger(__name__)

BATCH = 100
POLL_S = 1.0
_LOCK_KEY = 0x6E626B76
_MINE = "SELECT pg_try_advisory_xact_lock($1, hashtext(current_schema()))"
_TAKE = """
SELECT outbox_id, subject, payload FROM outbox WHERE starts_with(subject, '$KV.') ORDER BY outbox_id LIMIT $1
"""
_PUT = "DELETE FROM outbox WHERE outbox_id = ANY($1::bigint[])"


class PutRelay:
    """Moves committed values from a service's outbox into the buckets that it keeps."""

    def __init__(self, pool: asyncpg.Pool, js: JetStreamContext) -> None:
        self._pool = pool
        self._js = js
        self._buckets: dict[str, Bucket] = {}
        self._work = asyncio.Event()

    def wake(self) -> None:
        """Say that rows were committed; the relay also looks by itself every second."""
        self._work.set()

    async def run(self) -> None:
        """Relay for ever; an outage of NATS or Postgres is waited out."""
        while True:
            if await patiently(self.relay_once) < BATCH:
                self._work.clear()
                with contextlib.suppress(TimeoutError):  # as in the relay of events
                    async with asyncio.timeout(POLL_S):
                        await self._work.wait()

    async def relay_once(self) -> int:
        """Put up to BATCH values and delete their rows.

        Returns:
            How many rows are done; none while another process has its turn.

        Raises:
            Unavailable: one could not be put; those before it are done.
        """
        done: list[int] = []
        failure: Unavailable | None = None
        async with transaction(self._pool) as connection:
            if not await connection.fetchval(_MINE, _LOCK_KEY):
                return 0
            for row in await connection.fetch(_TAKE, BATCH):
                try:
                    await self._put(row["subject"], row["payload"].encode())
                except Unavailable as error:
                    failure = error
                    break
                done.append(row["outbox_id"])
            await connection.execute(_PUT, done)
        if failure is not None:
            raise failure
        return len(done)

    async def _put(self, subject: str, value: bytes) -> None:
        name, _, key = subject.removeprefix(KEY_SUBJECTS).partition(".")
        bucket = self._buckets.setdefault(name, Bucket(self._js, name))
        if not await bucket.put(key, value):
            log.info("the bucket had this value, or a newer one", subject=subject)
