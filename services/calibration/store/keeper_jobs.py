"""What became of commands to the keeper of the library, as its view says."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from shared.bus.transaction import Connection
from shared.jobs.outcome import State

_JOBS = "SELECT job_id, state, reason FROM ingest.keeper_job_progress WHERE job_id = ANY($1::uuid[])"


class KeeperJob(NamedTuple):
    """A job of the keeper. ``reason``: why it waits or failed, one sentence."""

    state: State
    reason: str | None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.state in ("waiting", "running")


async def keeper_jobs(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, KeeperJob]:
    """The jobs of these commands; a command that ingest has not taken yet has none."""
    rows = await connection.fetch(_JOBS, list(ids))
    return {row["job_id"]: KeeperJob(row["state"], row["reason"]) for row in rows}
