"""Names of the streams and of the subject that dead letters travel on."""

EVENTS = "NIGHTBUS"
DEAD_LETTERS = "NIGHTBUS_DEAD"
DEAD_SUBJECT = "dead"
"""Dead letters travel on ``dead.<service>``."""
