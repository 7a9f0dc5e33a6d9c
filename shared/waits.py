"""What a service waits for: told once in its log, and to whoever asks.

A service that lacks something (the library's disk, room on it) goes on with all that does not need it. What it waits
for is said when the waiting begins, changes its reason or ends; in between it is on /readyz, in the metrics and in the
answer to `cmd.<service>.state`, which `nightbus status` shows.
"""

from collections.abc import Iterable

from shared.events.base import utc_now
from shared.events.commands import Wait
from shared.logging import get_logger
from shared.metrics import WAITS

log = get_logger(__name__)

_ROOT = "the root "


def of_root(name: str) -> str:
    """What is waited for while a root is away."""
    return f"{_ROOT}{name}"


def roots_in(waits: Iterable[Wait]) -> list[str]:
    """Names of the roots that are waited for."""
    return [wait.what.removeprefix(_ROOT) for wait in waits if wait.what.startswith(_ROOT)]


class Waits:
    """The things that one service waits for now, by name."""

    def __init__(self, service: str) -> None:
        self._gauge = WAITS.labels(service)
        self._gauge.set(0)
        self._now: dict[str, Wait] = {}

    def begin(self, what: str, reason: str, *, quietly: bool = False) -> None:
        """Say that ``what`` (`the library`) is waited for, and why, in one sentence; the same again is not said.

        ``quietly``: a reason that only changes, as by its numbers, makes no line in the log.
        """
        known = self._now.get(what)
        if known is not None and known.reason == reason:
            return
        self._now[what] = Wait(what=what, reason=reason, since=known.since if known else utc_now())
        self._gauge.set(len(self._now))
        if known is None or not quietly:
            log.warning("waits", what=what, reason=reason)

    def end(self, what: str) -> None:
        """Say that ``what`` is there, if it was waited for."""
        known = self._now.pop(what, None)
        if known is not None:
            self._gauge.set(len(self._now))
            log.info("goes on", what=what, waited_s=round((utc_now() - known.since).total_seconds()))

    def reason(self, what: str) -> str | None:
        """Why ``what`` is waited for, or None where it is not."""
        known = self._now.get(what)
        return known.reason if known is not None else None

    def now(self) -> tuple[Wait, ...]:
        """What is waited for, longest first."""
        return tuple(sorted(self._now.values(), key=lambda wait: wait.since))
