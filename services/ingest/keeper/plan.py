"""The plan of a job of the keeper: the steps that are left of it, and the transaction from which it counts."""

from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg

from services.ingest.store import keeper
from services.ingest.store.keeper import Step
from shared.bus.transaction import Connection
from shared.db.pool import connected, transaction
from shared.jobs.job import Job
from shared.retry import patiently

Effect = Callable[[Connection], Awaitable[None]]


class Plan:
    """The plan of one job; every method waits while the database is away."""

    def __init__(self, pool: asyncpg.Pool, job: Job) -> None:
        self._pool = pool
        self._job = job

    async def left(self) -> list[Step]:
        """The steps that are not done, in their order."""
        return await patiently(self._left)

    async def done(self, step: Step) -> None:
        """Note that a step is done."""
        await patiently(partial(self._done, step))

    async def commit(self, effect: Effect) -> None:
        """Have the job count: what it changes and its phase are written in one transaction, once.

        Raises:
            Lost: the job is another holder's; nothing is written. So it is with what ``effect`` raises.
        """
        await patiently(partial(self._commit, effect))

    async def _left(self) -> list[Step]:
        async with connected(self._pool) as connection:
            return await keeper.steps_left(connection, self._job.id)

    async def _done(self, step: Step) -> None:
        async with connected(self._pool) as connection:
            await keeper.steps_done(connection, self._job.id, [step.number])

    async def _commit(self, effect: Effect) -> None:
        async with transaction(self._pool) as connection:
            await self._job.hold(connection)
            if await keeper.phase_of(connection, self._job.id) == "committed":
                return  # by the try before, whose answer was lost
            await effect(connection)
            await keeper.set_phase(connection, self._job.id, "committed")
