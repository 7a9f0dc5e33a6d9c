"""What a master is made of."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.calibration.properties import Properties
from shared.events.frame import FrameType


class Made(NamedTuple):
    """What a master was made of, and how."""

    master_type: FrameType
    properties: Properties
    inputs: Sequence[str]
    """Their file_ids."""
    made_at: datetime
    observed_at: datetime | None
    """When the first frame was begun."""
    sensor_temp_c: float | None
    left_out: Sequence[tuple[str, str]] = ()
    """Frames of the set that stayed out, by file_id, each with its reason."""
    subtracted: tuple[str, str] | None = None
    """What was subtracted from each frame: the name of its kind and its file_id."""
    level_adu: float | None = None
    """The level that flats were scaled to."""
