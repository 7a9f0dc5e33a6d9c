"""Events that time brings: a session is finished, a target's new totals may be told.

Both jobs write their event to the outbox in the transaction that records it, so that each is told once. A row that
cannot be told (spoilt by hand, or stored by a version that took more) costs itself: it waits, with the reason, and the
others go on.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import asyncpg
from pydantic import ValidationError

from services.stats.description import DESCRIPTION
from services.stats.others import Others
from services.stats.settings import StatsSettings
from services.stats.store import sessions, targets, writers
from services.stats.store.sessions import Moments
from shared import inert
from shared.bus.outbox import enqueue
from shared.bus.streams import MAX_AGE_S
from shared.bus.transaction import Connection
from shared.db.bisect import REFUSALS, Refused, bisected
from shared.db.pool import transaction
from shared.events.base import utc_now
from shared.events.mistakes import first_mistake
from shared.events.session import SessionFinished
from shared.logging import get_logger
from shared.periodic import DueIn

log = get_logger(__name__)

LIMIT = 500
"""Most events that one transaction writes."""
_AHEAD = timedelta(minutes=1)
"""By so much the clocks of hosts may differ; a time that is later than that is of a wrong clock."""
LONGEST_HOLD = timedelta(days=7)
"""For how long files that go on arriving from a source hold back its sessions of earlier nights."""
_MOST_OFTEN = timedelta(seconds=0.9)
"""Least time between two target.updated of one target; a little less than the second between two turns of the job."""
_KEPT = timedelta(seconds=MAX_AGE_S)
"""For how long a stream keeps what it was told."""

_UNFIT = (*REFUSALS, ArithmeticError, TypeError)
"""What a row raises that cannot be read, counted or told: it would do so at each try."""


class Teller:
    """Tells at their time the events that time brings; who had its hands full is due again at once."""

    def __init__(self, pool: asyncpg.Pool, settings: StatsSettings, others: Others) -> None:
        self._pool = pool
        self._settings = settings
        self._others = others

    async def finish_sessions(self) -> DueIn | None:
        """Finish what is due; what still lies unread in the stream has arrived too."""
        now, until = utc_now(), await self._others.read_until()
        async with transaction(self._pool) as connection:
            return _again(await finish_sessions(connection, self._settings, now, read_until=until))

    async def publish_targets(self) -> DueIn | None:
        """Tell the totals of changed targets."""
        async with transaction(self._pool) as connection:
            return _again(await publish_targets(connection, utc_now()))

    async def tell_forgotten(self) -> DueIn | None:
        """Tell anew what was told to a stream that is no longer there."""
        began_at = await self._others.events_began_at()
        async with transaction(self._pool) as connection:
            told = await tell_forgotten(connection, began_at)
        if told:
            log.warning("told again what was lost with an earlier stream", sessions=told)
        return _again(told)


def _again(done: int) -> DueIn | None:
    return DueIn(0.0) if done >= LIMIT else None


async def finish_sessions(
    connection: Connection, settings: StatsSettings, now: datetime, *, read_until: datetime | None = None
) -> int:
    """Finish the sessions whose night is over, that are quiet, and to which no waiting file may belong.

    Such a file is of a source of the session, and waits for the scanner since less than ``session_wait_s``; or it has
    had no turn yet while the scanner is at work on those before it. A night that came long after it was over, as in an
    import, also waits until nothing arrives from its sources, so that it is told once and not once an hour.

    Runs in the caller's transaction. ``read_until``: until when all events have been read, where that is not ``now``.
    Returns how many were looked at, at most ``LIMIT``.
    """
    await writers.lock(connection)
    until = now if read_until is None else min(now, read_until)
    wait = timedelta(seconds=settings.session_wait_s)
    moments = Moments(
        over_before=until,
        quiet_since=until - timedelta(seconds=settings.session_quiet_s),
        waits_since=until - wait,
        revised_before=now - timedelta(seconds=settings.session_revision_interval_s),
        possible_until=now + _AHEAD,
    )
    due = await sessions.due(connection, moments, wait, LONGEST_HOLD, LIMIT)

    async def tell(session_ids: Sequence[str]) -> None:
        await enqueue(connection, DESCRIPTION.name, await _close(connection, session_ids, now))

    for session_id, error in await _each_by_itself(connection, due, tell):
        log.error("a session cannot be told", session_id=session_id, reason=_why(error))
        await sessions.cannot_be_told(connection, session_id, _why(error))
    return len(due)


async def tell_forgotten(connection: Connection, began_at: datetime) -> int:
    """Tell anew what lay in a stream that is no longer there: sessions that are finished, and totals of targets.

    Nobody knows who had read it. Readers take a session once for each revision, and it is the same event as before; a
    target gets a new revision. As far back as a stream keeps events.

    Args:
        connection: the caller's transaction.
        began_at: when the stream of today was made.

    Returns:
        How many sessions, at most ``LIMIT``.
    """
    await writers.lock(connection)
    await targets.revise_forgotten(connection, began_at, _KEPT)
    due = await sessions.forgotten(connection, began_at, _KEPT, LIMIT)

    async def tell(session_ids: Sequence[str]) -> None:
        await enqueue(connection, DESCRIPTION.name, await sessions.told_again(connection, session_ids))

    for session_id, error in await _each_by_itself(connection, due, tell):
        log.error("a session cannot be told", session_id=session_id, reason=_why(error))
        await sessions.never_told(connection, session_id)
    return len(due)


async def publish_targets(connection: Connection, now: datetime) -> int:
    """Tell the totals of changed targets, each at most once a second, also with several replicas.

    Runs in the caller's transaction. Returns how many were looked at, at most ``LIMIT``.
    """
    due = await targets.changed(connection, now - _MOST_OFTEN, now + _AHEAD, LIMIT)

    async def tell(catalog_ids: Sequence[str]) -> None:
        await enqueue(connection, DESCRIPTION.name, await targets.publish(connection, catalog_ids, now))

    for catalog_id, error in await _each_by_itself(connection, due, tell):
        log.error("a target cannot be told", catalog_id=catalog_id, reason=_why(error))
        await targets.pass_over(connection, catalog_id)
    return len(due)


async def _close(connection: Connection, session_ids: Sequence[str], now: datetime) -> list[SessionFinished]:
    """Close sessions; the events of those that are not as they were last told, in the order of their ids."""
    members = await sessions.members(connection, session_ids)
    as_told: list[str] = []
    events: list[SessionFinished] = []
    told: dict[str, tuple[int, str]] = {}
    for event, told_before in await sessions.next_events(connection, session_ids, now):
        digest = _digest(event, members.get(event.session_id, ""))
        if digest == told_before:
            as_told.append(event.session_id)
        else:
            told[event.session_id] = (event.revision, digest)
            events.append(event)
    await sessions.close_as_told(connection, as_told)
    await sessions.finish(connection, told, now)
    return events


def _digest(event: SessionFinished, members: str) -> str:
    """What a session.finished says, and of which files, as a hash: who was told the same needs not be told again."""
    said = event.model_dump_json(exclude={"event_id", "occurred_at", "revision"})
    return sha256(f"{said}{members}".encode()).hexdigest()


def _why(error: Exception) -> str:
    return inert.sentence(first_mistake(error) if isinstance(error, ValidationError) else error)


async def _each_by_itself(
    connection: Connection, keys: Sequence[str], tell: Callable[[Sequence[str]], Awaitable[None]]
) -> list[tuple[str, Exception]]:
    """Tell of all keys at once; where that fails, of halves, until what cannot be told stands alone.

    Returns:
        The keys that cannot be told, and why.
    """

    async def attempt(part: Sequence[str]) -> None:
        async with connection.transaction():
            await tell(part)

    return [(part.item, part.error) async for part in bisected(keys, attempt, _UNFIT) if isinstance(part, Refused)]
