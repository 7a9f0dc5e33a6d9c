"""Measures of what stands in the tables of calibration, for whoever asks its metrics."""

import asyncpg

from services.calibration import metrics
from services.calibration.matching.sentences import REFUSED
from services.calibration.store import evaluation, trouble
from shared.db.pool import connected


async def measure(pool: asyncpg.Pool) -> None:
    """Measure how many lights and requirements have their masters, and what a person should look at.

    Raises:
        Unavailable: the database is away.
    """
    async with connected(pool) as connection:
        counts = await evaluation.counts(connection)
        troubles = await trouble.counts(connection, REFUSED)
    for state in ("matched", "missing", "complete", "waiting"):
        metrics.LIGHTS.labels(state).set(getattr(counts, f"lights_{state}"))
    for state in ("matched", "missing", "waiting"):
        metrics.REQUIREMENTS.labels(state).set(getattr(counts, f"requirements_{state}"))
    metrics.MASTERS.set(counts.masters)
    metrics.REFUSED.set(counts.masters_refused)
    metrics.RAW_FRAMES.set(counts.raw_frames)
    metrics.OVERDUE.set(troubles.overdue_lights)
    metrics.REFUSED_REQUIREMENTS.set(troubles.refused_requirements)
    metrics.FAILED_BUILDS.set(troubles.failed_builds)
