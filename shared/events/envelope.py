"""The headers that travel with an event: the message id that deduplicates it, and CloudEvents 1.0 attributes.

Only the attributes that CloudEvents requires: every message carries them, and the optional ones (time, content type)
stand in the event itself.
"""

from shared.events.base import Event

MESSAGE_ID = "Nats-Msg-Id"


def headers_of(event: Event, service: str, *, attempt: int | None = None) -> dict[str, str]:
    """Headers of an event.

    ``attempt`` marks a deliberate re-emission: the message id becomes ``event_id/attempt``, the event stays the same.
    """
    return {
        MESSAGE_ID: str(event.event_id) if attempt is None else f"{event.event_id}/{attempt}",
        "ce-specversion": "1.0",
        "ce-id": str(event.event_id),
        "ce-source": f"nightbus/{service}",
        "ce-type": event.subject,
    }
