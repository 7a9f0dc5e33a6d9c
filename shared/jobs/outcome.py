"""What becomes of a job when its holder ends: decided without a database."""

from dataclasses import dataclass
from typing import Literal

from shared import inert
from shared.errors import Ignorable, NightbusError, Permanent, Transient, UserError

State = Literal["waiting", "running", "done", "failed", "cancelled", "dead"]

MOST_UNEXPECTED = 3
"""Unexpected failures in a row that make a job dead."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 3600.0
"""Before a job that failed is tried again; each pause is twice the one before."""
SOUND_AFTER_S = 3600.0
"""An attempt that went on for so long before it failed says that the job is no poison: the count begins anew."""
CANCELLED = "cancelled on request"
DIED = "the process that worked on it ended in the middle"


class Stopped(Exception):
    """The work is to end: the job was cancelled, or is another holder's. No failure; `Runner` catches it."""


class Lost(Stopped):
    """The job was taken over, or has ended: nothing that this holder writes counts any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job goes on. ``postponed`` and ``unexpected`` are the new counts; ``pause_s`` is for those that wait."""

    state: State
    reason: str | None = None
    postponed: int = 0
    unexpected: int = 0
    pause_s: float = 0.0


def outcome_of(error: BaseException | None, *, postponed: int, unexpected: int, lasted_s: float) -> Outcome:
    """How a job goes on after its work returned (``error`` is None) or raised.

    Args:
        error: what the work raised.
        postponed: failures in a row before this one.
        unexpected: those of them that were unexpected.
        lasted_s: how long this attempt was held.
    """
    if error is None or isinstance(error, Ignorable):
        return Outcome("done", _sentence(error) if error else None)
    if isinstance(error, Permanent | UserError):
        return Outcome("failed", _sentence(error), postponed, unexpected)
    if isinstance(error, Stopped):
        return Outcome("cancelled", CANCELLED, postponed, unexpected)
    if isinstance(error, Transient):
        return Outcome("waiting", _sentence(error), postponed + 1, unexpected, pause_s(postponed + 1))
    count = 1 if lasted_s >= SOUND_AFTER_S else unexpected + 1
    reason = f"it failed unexpectedly: {_sentence(error)}"
    if count >= MOST_UNEXPECTED:
        return Outcome("dead", f"{reason} ({count} times in a row)", postponed + 1, count)
    return Outcome("waiting", reason, postponed + 1, count, pause_s(postponed + 1))


def pause_s(postponed: int) -> float:
    """Seconds before a job is tried again that failed for the ``postponed``-th time in a row."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(postponed - 1, 30))


def _sentence(error: BaseException) -> str:
    """What a person reads: bounded, and without characters that Postgres refuses."""
    return inert.sentence(error if isinstance(error, NightbusError) else repr(error))
