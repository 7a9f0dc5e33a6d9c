"""The matching loop: lights find their session, groups of them what they need, needs their answer.

Each step takes a page in one transaction, under the writers' lock: what was looked at, what came of it and the events
about it are committed together, so that a kill at any moment changes nothing but when it is done. What is still to be
done is marked in the rows themselves.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import asyncpg

from services.calibration.answers import Told, answers
from services.calibration.description import DESCRIPTION
from services.calibration.matching.model import Master, Need
from services.calibration.matching.needs import needs_of, requirement_id
from services.calibration.rows import DirtyGroup, Known, Placing
from services.calibration.ruling import Ruling
from services.calibration.store import evaluation, lights, masters, needs, people
from services.calibration.store.writers import lock
from shared import inert
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.db.bisect import REFUSALS, Refused, bisected
from shared.db.pool import connected, transaction
from shared.logging import get_logger
from shared.retry import patiently

if TYPE_CHECKING:
    from services.calibration.matching.candidates import Candidates

log = get_logger(__name__)

PAGE = 1000
"""Rows that one transaction takes in hand."""
MOST_LOOKED_UP = 20_000
"""Lights whose session is looked up in one turn; the next turn goes on behind them."""
EVALUATION_S = 24 * 3600.0
"""How old answers get before all are matched anew, in case that something was missed."""
_UNFIT = (*REFUSALS, ArithmeticError, TypeError)
"""What a row raises that cannot be read, answered or told: it would do so at each try."""


class Matcher:
    """Matches what is marked, and marks everything now and then."""

    def __init__(self, pool: asyncpg.Pool, ruling: Ruling, interval_s: float, told: Callable[[], None]) -> None:
        """``told`` is called when events may lie in the outbox."""
        self._pool = pool
        self._ruling = ruling
        self._interval_s = interval_s
        self._told = told
        self._work = asyncio.Event()
        self._looked_up = ""
        self._masters: Sequence[Master] = ()
        self._candidates: Candidates | None = None

    def wake(self) -> None:
        """Say that something was marked; the loop also looks by itself."""
        self._work.set()

    async def run(self) -> None:
        """Match for ever; an outage of Postgres is waited out."""
        while True:
            self._work.clear()
            await patiently(self.turn)
            # Not wait_for: before Python 3.12 it forgets a cancellation that comes in the moment of the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._work.wait()

    async def turn(self) -> None:
        """Do all that is marked.

        Raises:
            Unavailable: Postgres is away.
        """
        await self._evaluate_if_due()
        await self._place_lights()
        while await self._derive_page():
            pass
        goes_on = True
        while goes_on:
            goes_on = await self._answer_page()
            self._told()

    async def evaluate(self) -> int:
        """Mark everything, so that the loop matches it anew; returns how many requirements there are.

        Raises:
            Unavailable: Postgres is away.
        """
        await self._compare_sessions()
        async with transaction(self._pool) as connection:
            await lock(connection)
            await lights.recount(connection)
            await needs.mark_all(connection)
            await evaluation.begin(connection, self._ruling.digest)
            found = await evaluation.counts(connection)
        self.wake()
        return found.requirements_matched + found.requirements_missing + found.requirements_waiting

    async def _evaluate_if_due(self) -> None:
        async with connected(self._pool) as connection:
            last = await evaluation.last(connection, EVALUATION_S)
        if last is None or last.is_old or last.rules != self._ruling.digest:
            log.info("everything is matched anew", rules_changed=last is not None and not last.is_old)
            await self.evaluate()

    async def _place_lights(self) -> None:
        """Look up the sessions of lights that wait for theirs; those whom stats does not know yet go on waiting."""
        for _ in range(MOST_LOOKED_UP // PAGE):
            async with transaction(self._pool) as connection:
                await lock(connection)
                found = await lights.waiting(connection, self._looked_up, PAGE)
                await lights.place(connection, [one for one in found if one.session_id is not None])
            self._looked_up = found[-1].file_id if len(found) == PAGE else ""
            if len(found) < PAGE:
                return

    async def _compare_sessions(self) -> None:
        """Move lights whose session is another one by now than when it was looked up."""
        after, size = "", PAGE
        while size == PAGE:
            async with connected(self._pool) as connection:
                found = await lights.every(connection, after, PAGE)
            if any(map(_has_moved, found)):
                async with transaction(self._pool) as connection:
                    await lock(connection)
                    again = await lights.every(connection, after, PAGE)
                    await lights.place(connection, list(filter(_has_moved, again)))
            after, size = found[-1].file_id if found else "", len(found)

    async def _derive_page(self) -> bool:
        """Find out what groups need; whether there may be more."""
        async with transaction(self._pool) as connection:
            await lock(connection)
            groups = await needs.dirty_groups(connection, PAGE)
            await needs.derive(connection, groups, {group.group_no: self._wanted(group) for group in groups})
        return len(groups) == PAGE

    def _wanted(self, group: DirtyGroup) -> dict[str, Need]:
        properties = group.properties
        found = needs_of(properties, self._ruling.of(properties.rig, properties.camera))
        return {requirement_id(need): need for need in found}

    async def _answer_page(self) -> bool:
        """Answer needs; whether there may be more."""
        async with transaction(self._pool) as connection:
            await lock(connection)
            known = await needs.dirty(connection, PAGE)
            await needs.not_needed(connection, [one.need_no for one in known if not one.lights])
            wanted = [one for one in known if one.lights]
            if wanted:
                await self._answer(connection, wanted)
        return len(known) == PAGE

    async def _answer(self, connection: Connection, wanted: Sequence[Known]) -> None:
        candidates = await self._candidates_now(connection)
        changes = await people.changes(connection)

        async def write(part: Sequence[Known]) -> list[Told]:
            async with connection.transaction():
                found = await asyncio.to_thread(answers, part, candidates, self._ruling, changes)
                await needs.answer(connection, [one.row for one in found])
                events = [one.event for one in found if one.event is not None]
                await enqueue(connection, DESCRIPTION.name, events)
            return found

        async for part in bisected(wanted, write, _UNFIT):
            if isinstance(part, Refused):
                reason = f"this cannot be answered: {inert.sentence(part.error)}"
                log.error("a requirement cannot be answered", need_no=part.item.need_no, reason=reason)
                await needs.cannot_be_answered(connection, part.item.need_no, reason)

    async def _candidates_now(self, connection: Connection) -> "Candidates":
        """The masters of this moment; what was found out about them is kept while they are the same."""
        from services.calibration.matching.candidates import Candidates

        found = await masters.masters(connection)
        if self._candidates is None or found != self._masters:
            self._masters, self._candidates = found, Candidates(found)
        return self._candidates


def _has_moved(light: Placing) -> bool:
    """Whether stats tells another session of a light that has one."""
    return light.known is not None and light.session_id not in (light.known, None)
