"""Names of the streams, of the subject that dead letters travel on, and of the users of NATS beside the services."""

EVENTS = "NIGHTBUS"
DEAD_LETTERS = "NIGHTBUS_LETTERS"
OLD_DEAD_LETTERS = "NIGHTBUS_DEAD"
"""The stream of dead letters of earlier versions, which had limits in place of a work queue."""
DEAD_SUBJECT = "dead"
"""Dead letters travel on ``dead.<service>``."""
CLI, JANITOR, PROVISION = "cli", "janitor", "provision"
"""Users beside those of the services: of the command line, of whoever keeps the stream from filling up, of
`nightbus provision`."""


def inbox_of(user: str) -> str:
    """Where a user receives answers and nobody else looks."""
    return f"_INBOX_{user}"
