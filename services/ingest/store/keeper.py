"""The keeper's jobs: what was asked for, and the plan of each, a step for each file; ``shared.jobs`` does the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg

from shared.bus.transaction import Connection
from shared.library.hashing import Digest

Task = Literal["move", "place", "remove", "forget", "walk"]
Phase = Literal["planned", "naming", "committed", "undoing"]
CHANGES, WALKS = "keeper_job", "keeper_walk"
"""Kinds of jobs. A walk takes long, and changes do not wait for it."""

_ADD = """
INSERT INTO keeper_job (job_id, task, kind, why, delete_files, file_ids, command, files)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING true
"""
_ADD_STEPS = """
INSERT INTO keeper_step (job_id, number, file_id, size_bytes, root, path, to_root, to_path, links_to)
SELECT $1, t.number - 1, t.file_id, coalesce(f.size_bytes, l.size_bytes, 0), t.root, t.path, t.to_root, t.to_path,
       l.links_to
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    WITH ORDINALITY AS t(file_id, root, path, to_root, to_path, number)
LEFT JOIN file f USING (file_id)
LEFT JOIN location l ON (l.root, l.path) = (t.root, t.path)
"""
_STEPS = """
SELECT number, file_id, size_bytes, root, path, to_root, to_path, links_to FROM keeper_step
WHERE job_id = $1 AND NOT done ORDER BY number
"""
_DONE = "UPDATE keeper_step SET done = true WHERE job_id = $1 AND number = ANY($2::integer[])"
_PHASE = "UPDATE keeper_job SET phase = $2 WHERE job_id = $1"
_FILES = "UPDATE keeper_job SET files = $2, lines = $3 WHERE job_id = $1"
_PHASE_OF = "SELECT phase FROM keeper_job WHERE job_id = $1"
_FORGET_OLD = """
DELETE FROM keeper_job WHERE finished_at < clock_timestamp() - interval '90 days'
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A file of a job: where it lies, and where it is moved to, if it is; what it says, where it is a symbolic link."""

    number: int
    content: Digest
    root: str
    path: str
    to_root: str = ""
    to_path: str = ""
    links_to: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command asks the keeper for. ``command``: its JSON, where the work needs it."""

    job_id: UUID
    task: Task
    why: str | None = None
    delete_files: bool = False
    file_ids: Sequence[str] = ()
    command: str | None = None
    files: int = 0


async def add(connection: Connection, asked: Asked) -> bool:
    """Commit a job; whether it is new: the same id twice is one job."""
    kind = WALKS if asked.task == "walk" else CHANGES
    values = (asked.why, asked.delete_files, list(asked.file_ids), asked.command, asked.files)
    return bool(await connection.fetchval(_ADD, asked.job_id, asked.task, kind, *values))


async def add_steps(connection: Connection, job_id: UUID, steps: Sequence[Step]) -> None:
    """Write the plan of a job; the sizes are those that are known."""
    await connection.execute(
        _ADD_STEPS,
        job_id,
        [step.content.file_id for step in steps],
        [step.root for step in steps],
        [step.path for step in steps],
        [step.to_root or None for step in steps],
        [step.to_path or None for step in steps],
    )


async def steps_left(connection: Connection, job_id: UUID) -> list[Step]:
    """The steps of a job that are not done, in their order."""
    return [_step(row) for row in await connection.fetch(_STEPS, job_id)]


async def steps_done(connection: Connection, job_id: UUID, numbers: Sequence[int]) -> None:
    """Note steps that are done."""
    await connection.execute(_DONE, job_id, numbers)


async def set_phase(connection: Connection, job_id: UUID, phase: Phase) -> None:
    """Write what a job has come to, in the transaction that makes it so; the caller holds the job."""
    await connection.execute(_PHASE, job_id, phase)


async def set_files(connection: Connection, job_id: UUID, files: int, lines: Sequence[str]) -> None:
    """Write how many files a job is about, where that is known only now, and what is said of it from now on."""
    await connection.execute(_FILES, job_id, files, lines)


async def phase_of(connection: Connection, job_id: UUID) -> Phase:
    """What a job has come to."""
    phase: Phase = await connection.fetchval(_PHASE_OF, job_id)
    return phase


async def forget_old(connection: Connection) -> None:
    """Forget jobs of months ago."""
    await connection.execute(_FORGET_OLD)


def _step(row: asyncpg.Record) -> Step:
    content = Digest(row["file_id"], row["size_bytes"])
    to_root, to_path = row["to_root"] or "", row["to_path"] or ""
    return Step(row["number"], content, row["root"], row["path"], to_root, to_path, row["links_to"])
