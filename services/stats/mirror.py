"""The bucket of decisions is what the table says: compared as a whole when the service starts, then by its number."""

import asyncpg

from services.stats.store import decided
from shared.bus.bucket import Bucket
from shared.db.pool import transaction
from shared.decisions.model import WHOLE
from shared.logging import get_logger
from shared.periodic import DueIn

log = get_logger(__name__)

INTERVAL_S = 30.0
SOON = DueIn(1.0)


class Mirror:
    """Compares the bucket with the table, and makes it whole where they differ."""

    def __init__(self, pool: asyncpg.Pool, bucket: Bucket) -> None:
        self._pool = pool
        self._bucket = bucket
        self._compared = False

    async def turn(self) -> DueIn | None:
        """Look once. While values are on their way to the bucket there is nothing to compare yet.

        Raises:
            Unavailable: NATS or Postgres does not answer, or there is no bucket.
        """
        whole = await self._bucket.get(WHOLE)
        async with transaction(self._pool) as connection:
            if await decided.is_waiting(connection):
                return SOON
            if self._compared and whole.revision == await decided.last_number(connection):
                return None
        held = await self._bucket.entries()
        async with transaction(self._pool) as connection:
            mending = await decided.compare(connection, held)
            if await decided.is_waiting(connection):
                return SOON  # decided since we looked
            if mending is not None:
                for key in mending.stale:
                    await self._bucket.remove(key, held[key].sequence)
                await decided.mend(connection, mending)
        self._compared = True
        if mending is not None:
            log.info(
                "the bucket of decisions is made whole",
                revision=mending.last, put=len(mending.wrong), removed=len(mending.stale),
            )  # fmt: skip
        return None
