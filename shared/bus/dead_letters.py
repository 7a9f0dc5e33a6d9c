"""Dead letters: a message that no retry can help, kept byte for byte with the reason.

The message's own bytes are the body; what is known about it rides in headers. The api service keeps the register.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from nats.aio.msg import Msg

from shared import inert
from shared.bus.names import DEAD_LETTERS, DEAD_SUBJECT
from shared.bus.publish import Publisher
from shared.events.envelope import MESSAGE_ID
from shared.events.values import LARGEST_BIGINT, LARGEST_INTEGER
from shared.inert import DETAIL_CHARS
from shared.logging import get_logger

log = get_logger(__name__)

_FILE_ID = re.compile(r"[0-9a-f]{64}")
BODY_LIMIT_BYTES = 960 * 1024
"""Body plus headers must stay below the server's max_payload of 1 MiB."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What the register knows of one dead letter."""

    service: str
    subject: str
    sequence: int
    attempt: int
    reason: str
    error: str
    event_id: str | None
    original_bytes: int
    payload: bytes

    @property
    def file_id(self) -> str | None:
        """The file that the message is about, where it says so in a way that can be trusted to be one."""
        try:
            named = json.loads(self.payload)["file_id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return named if isinstance(named, str) and _FILE_ID.fullmatch(named) else None


def _header(text: str) -> str:
    """Text as a header of a message holds it: printable ASCII, bounded."""
    return inert.shortened(inert.printable(text).strip().encode("ascii", "backslashreplace").decode(), DETAIL_CHARS)


async def bury(publisher: Publisher, service: str, message: Msg, *, reason: str, error: str = "") -> None:
    """Store a message as a dead letter, once per service and stream position.

    Raises:
        Unavailable: it could not be stored, so the caller must not drop the message.
    """
    position = message.metadata.sequence.stream
    event_id = _header((message.headers or {}).get("ce-id", ""))
    headers = {
        # Not the attempt: a service that is killed between this and its term buries the message again.
        MESSAGE_ID: f"dead/{service}/{position}/{event_id}",
        "nb-subject": message.subject,
        "nb-sequence": str(position),
        "nb-attempt": str(message.metadata.num_delivered),
        "nb-event-id": event_id,
    }
    await _bury(publisher, service, message.data, headers, reason, error)


async def bury_kept(
    publisher: Publisher, service: str, subject: str, event_no: int, payload: bytes, *, reason: str, error: str = ""
) -> None:
    """Store an event of the past, which lies in no stream, as a dead letter, once per service and event.

    Raises:
        Unavailable: it could not be stored.
    """
    headers = {
        MESSAGE_ID: f"dead/{service}/kept/{event_no}",
        "nb-subject": subject,
        "nb-sequence": "0",
        "nb-attempt": "1",
        "nb-event-id": "",
    }
    await _bury(publisher, service, payload, headers, reason, error)


async def _bury(
    publisher: Publisher, service: str, payload: bytes, headers: dict[str, str], reason: str, error: str
) -> None:
    about = {
        "nb-service": service,
        "nb-reason": _header(reason),
        "nb-error": _header(error),
        "nb-bytes": str(len(payload)),
    }
    await publisher.publish_raw(
        f"{DEAD_SUBJECT}.{service}", payload[:BODY_LIMIT_BYTES], {**headers, **about}, stream=DEAD_LETTERS
    )
    # A file that is no capture is nothing wrong with Nightbus; what was not foreseen is.
    say = log.error if error else log.warning
    say(
        "dead letter", subject=headers["nb-subject"], sequence=int(headers["nb-sequence"]), reason=reason, error=error,
        event_id=headers["nb-event-id"] or None, attempt=int(headers["nb-attempt"]),
    )  # fmt: skip


def read_dead_letter(headers: Mapping[str, str], payload: bytes) -> DeadLetter:
    """The dead letter in a message of the dead-letter stream.

    Raises:
        KeyError: a header that ``bury`` writes is missing.
        ValueError: one of them is no number, or one that no register holds.
    """
    return DeadLetter(
        service=_header(headers["nb-service"]),
        subject=_header(headers["nb-subject"]),
        sequence=_number(headers["nb-sequence"], LARGEST_BIGINT),
        attempt=_number(headers["nb-attempt"], LARGEST_INTEGER),
        reason=_header(headers["nb-reason"]),
        error=_header(headers["nb-error"]),
        event_id=_header(headers["nb-event-id"]) or None,
        original_bytes=_number(headers["nb-bytes"], LARGEST_BIGINT),
        payload=payload,
    )


def _number(text: str, most: int) -> int:
    number = int(text)
    if not 0 <= number <= most:
        raise ValueError(f"{number} is no number of a dead letter")
    return number
