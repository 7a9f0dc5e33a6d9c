"""What the tables of calibration hold, as the store hands it out and takes it."""

from typing import NamedTuple

from services.calibration.matching.model import Need
from services.calibration.properties import Properties
from shared.events.file import Reading


class NewLight(NamedTuple):
    """A LIGHT frame as it was scanned."""

    file_id: str
    group: Properties
    """The properties of its group (``matching.needs.as_group``)."""
    properties_key: str
    reading: Reading


class Placing(NamedTuple):
    """A light whose session was looked up."""

    file_id: str
    group_no: int
    known: str | None
    """The session of its group."""
    session_id: str | None
    """The session that stats tells; None where it does not know the light, or has read something else."""


class DirtyGroup(NamedTuple):
    """Lights of which it is to be found out what they need."""

    group_no: int
    session_id: str
    properties: Properties


class Known(NamedTuple):
    """A need and the answer that it has."""

    need_no: int
    session_id: str
    requirement_id: str
    need: Need
    state: str
    master_file_id: str | None
    bias_file_id: str | None
    revision: int
    lights: int
    """How many lights need it; 0: none any more."""
    rig: str | None
    camera: str | None
    """Rig and camera of the lights, by which their rules are found."""
    pinned: str | None
    """The master that a person chose."""


class Answered(NamedTuple):
    """The row of an answer."""

    need_no: int
    state: str
    master_file_id: str | None
    bias_file_id: str | None
    nearest_file_id: str | None
    explanation: str
    is_pinned: bool
    others: int
    capture_type: str | None
    capture_frames: int | None
    capture_s: float | None
    capture_words: str | None
    revision: int
