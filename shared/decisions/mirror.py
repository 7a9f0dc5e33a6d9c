"""Reading the bucket of decisions: all of them at the start, and again whenever there are more."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from shared.bus.bucket import Bucket, Stored
from shared.decisions.lookup import Decided
from shared.decisions.model import WHOLE, Decision, Whole, read_entry
from shared.errors import Permanent
from shared.logging import get_logger
from shared.retry import patiently
from shared.tasks import restarted
from shared.waits import Waits

log = get_logger(__name__)

LOOK_EVERY_S = 5.0
"""A put may not be heard of, so that we look from time to time."""
LOOK_AGAIN_S = 0.5
"""While some of what was decided is still on its way."""
SAY_AFTER_S = 5.0
"""Services that start together need not tell that they wait for each other."""
WAITS_FOR = "what people decided"
_NOT_TOLD = "stats has not told it since the bucket was made: does it run?"

Tell = Callable[[Decided], Awaitable[None]]


async def read_decisions(bucket: Bucket) -> Decided | None:
    """Every decision in the bucket, up to the number that it says to hold all of.

    Returns:
        None where it does not say so, or where newer ones lie there already: some are still on their way.

    Raises:
        Unavailable: NATS does not answer, or there is no such bucket.
    """
    before = _whole(await bucket.get(WHOLE))
    entries = await bucket.entries()
    if before is None or _whole(entries.pop(WHOLE, None)) != before:
        return None
    if any(stored.revision > before.revision for stored in entries.values()):
        return None
    found = (_decision(key, entries[key]) for key in sorted(entries))
    return Decided(before.revision, tuple(one for one in found if one is not None))


class Follower:
    """Follows the bucket of decisions for a service, and tells it what there is each time that it changes."""

    def __init__(self, bucket: Bucket, waits: Waits, tell: Tell) -> None:
        self._bucket = bucket
        self._waits = waits
        self._tell = tell
        self._news = asyncio.Event()
        self._seen: Stored | None = None
        self._known: Decided | None = None
        self._began_at = time.monotonic()

    async def run(self) -> None:
        """Follow for ever. What was told once holds until there is something else, whatever becomes of the bucket."""
        await restarted(self._follow, name=f"following {self._bucket.name}")

    async def _follow(self) -> None:
        heard = await patiently(lambda: self._bucket.on_put(WHOLE, self._news.set))
        try:
            while True:
                self._news.clear()
                is_whole = await patiently(self._look)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S if is_whole else LOOK_AGAIN_S):
                        await self._news.wait()
        finally:
            await heard.unsubscribe()

    async def _look(self) -> bool:
        """Look once; returns whether the bucket is whole."""
        whole = await self._bucket.get(WHOLE)
        if whole == self._seen:
            return True
        decided = await read_decisions(self._bucket)
        if decided is None:
            if self._known is None and time.monotonic() - self._began_at > SAY_AFTER_S:
                self._waits.begin(WAITS_FOR, _NOT_TOLD)
            return False
        self._waits.end(WAITS_FOR)
        self._seen = whole
        if decided != self._known:
            self._known = decided
            await self._tell(decided)
        return True


def _whole(stored: Stored | None) -> Whole | None:
    if stored is None or not stored.is_there:
        return None
    try:
        return Whole.model_validate_json(stored.value)
    except ValidationError:
        return None


def _decision(key: str, stored: Stored) -> Decision | None:
    """The decision of an entry; None where it was withdrawn, or is of a newer version than this one."""
    try:
        return read_entry(stored.value).decision
    except Permanent as error:
        log.warning("a decision is not applied", key=key, reason=str(error))
        return None
