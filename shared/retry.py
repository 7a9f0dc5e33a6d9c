"""Waiting for what is away: trying again and again, with growing pauses."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from shared.errors import Unavailable
from shared.logging import get_logger

log = get_logger(__name__)

WAIT_S = (0.5, 15.0)
"""First and longest pause between tries while a dependency is away."""

T = TypeVar("T")


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run ``attempt``, again and again while a dependency is away (``Unavailable``)."""
    try:  # nearly always this is all, and it costs a hundredth of what the machinery for more does
        return await attempt()
    except Unavailable as error:
        log.debug("a dependency is away", reason=str(error))
    first_s, longest_s = WAIT_S
    caller = stamina.AsyncRetryingCaller(
        attempts=None, timeout=None, wait_initial=first_s, wait_max=longest_s, wait_jitter=first_s / 4
    )
    return await caller(Unavailable, attempt)


def _tell(details: RetryDetails) -> None:
    log.warning("waiting", reason=str(details.caused_by), pause_s=round(details.wait_for, 1))


set_on_retry_hooks([_tell])
