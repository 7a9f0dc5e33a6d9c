"""Jobs of the library's keeper: waiting for one to end."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from services.cli.lookups import ENDED, committed
from shared import inert
from shared.errors import UserError

if TYPE_CHECKING:
    import asyncpg

POLL_S, LONGEST_POLL_S = 0.1, 2.0
_ROW = """
SELECT job_id, state, reason, task, phase, files, files_done, kept, lines FROM ingest.keeper_job_progress
WHERE job_id = $1
"""


async def until_ended(connection: "asyncpg.Connection", job_id: UUID) -> "asyncpg.Record":
    """The row of a job once it is done.

    Raises:
        UserError: it failed, was cancelled or given up.
    """
    pause_s = POLL_S
    while (row := await committed(connection, _ROW, job_id, "job"))["state"] not in ENDED:
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_POLL_S)
    if row["state"] != "done":
        raise UserError(f"it {row['state']}: {inert.sentence(row['reason'] or 'nothing is known of why')}")
    return row
