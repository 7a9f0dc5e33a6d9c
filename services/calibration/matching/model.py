"""What matching takes and gives."""

from datetime import datetime
from typing import NamedTuple

from services.calibration.properties import Properties
from shared.events.frame import FrameType


class Master(NamedTuple):
    """A master calibration frame of the library."""

    file_id: str
    master_type: FrameType
    properties: Properties
    made_at: datetime
    """When it was made, else when it arrived; of several that fit the newest is taken."""
    name: str
    """Name of its file, for sentences."""
    refused: str | None = None
    """Why it may not be used, one sentence; None where nothing speaks against it."""


class Need(NamedTuple):
    """The master of one type that a group of lights needs. Properties that do not count for the type are None."""

    master_type: FrameType
    properties: Properties


class Matched(NamedTuple):
    """A master that fits."""

    master: Master
    explanation: str
    """Why this one, one sentence."""
    others: int = 0
    """How many further masters fit as well."""
    is_pinned: bool = False
    """Whether a person chose it."""
    bias: Master | None = None
    """The bias that scaling a dark of another exposure takes."""


class Missing(NamedTuple):
    """No master fits."""

    reason: str
    """What is nearest and what differs, and what to capture, one sentence."""
    nearest: Master | None = None


Answer = Matched | Missing
