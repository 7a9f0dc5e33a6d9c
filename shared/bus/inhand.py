"""The messages of a consumer that are being worked on, and what is said of each when it is settled."""

import time
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from nats.aio.msg import Msg

from shared.description import Consumer
from shared.events.base import Event
from shared.events.envelope import MESSAGE_ID
from shared.inert import printable
from shared.logging import Settled, log_settled, logs_settled
from shared.metrics import HANDLED


class Outcome(StrEnum):
    """How a message was settled; the label of the metric."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    RETRIED = "retried"
    DEAD = "dead"


class _Held(NamedTuple):
    """When a message was received, and what it is about, where that is known."""

    since: float
    event_id: UUID | None = None
    file_id: str | None = None


_PARTS, _DELIVERED = 9, 4
"""Of the reply subject of a message of JetStream: $JS.ACK.<stream>.<consumer>.<delivered>... (ADR-15 of NATS); where a
domain is named there are more."""
Released = list[tuple[Msg, _Held | None]]
"""Messages with what is known of each."""


class InHand:
    """Messages from their arrival to their settlement, which is counted and is one line of the log each."""

    def __init__(self, row: Consumer) -> None:
        self._row = row
        self._counters = {one: HANDLED.labels(row.service, row.subject, one.value) for one in Outcome}
        self._held: dict[str, _Held] = {}  # by reply subject, since messages cannot be hashed

    def __contains__(self, message: Msg) -> bool:
        """Whether it is still worked on."""
        return message.reply in self._held

    def take(self, messages: Iterable[Msg]) -> None:
        """Begin to work on messages."""
        held = _Held(time.monotonic())
        self._held.update((message.reply, held) for message in messages)

    def know(self, message: Msg, event: Event) -> None:
        """Remember which event a message brought; nothing else of it is kept."""
        since = self._held[message.reply].since
        self._held[message.reply] = _Held(since, event.event_id, getattr(event, "file_id", None))

    def release(self, messages: Iterable[Msg]) -> Released:
        """Work no more on messages; they are told apart from those in hand before their settlement is sent."""
        return [(message, self._held.pop(message.reply, None)) for message in messages]

    def settle(self, released: Released, outcome: Outcome) -> None:
        """Count messages whose settlement was sent, and write the line of each."""
        self._counters[outcome].inc(len(released))
        if not logs_settled():
            return
        now = time.monotonic()
        log_settled(self._row.service, outcome, [self._line(message, held, now) for message, held in released])

    def _line(self, message: Msg, held: _Held | None, now: float) -> Settled:
        since, event_id, file_id = held or _Held(now)
        subject = message.subject if message.subject == self._row.subject else printable(message.subject)
        known_as = str(event_id) if event_id is not None else _travelled_as(message)
        return Settled(subject, known_as, file_id, _attempt(message), now - since)


def _attempt(message: Msg) -> int:
    """How often a message was delivered: by its reply subject, whose other parts would be read for nothing."""
    parts = message.reply.split(".")
    return int(parts[_DELIVERED]) if len(parts) == _PARTS else message.metadata.num_delivered


def _travelled_as(message: Msg) -> str | None:
    """The id of the message of what is no event, or none that can be read."""
    found = (message.headers or {}).get(MESSAGE_ID)
    return None if found is None else printable(found)
