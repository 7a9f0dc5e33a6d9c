"""What a person should look at although it can be read: sentences about facts that are missing or that look wrong."""

from collections.abc import Iterator

from shared.events.frame import FrameMetadata, FrameType
from shared.frames.dialects import UNKNOWN
from shared.frames.keys import Keys

_LONGEST_SUB_S = 4 * 3600.0
"""No mount, camera or night asks for longer single exposures; sums and milliseconds look like that."""
_LONGEST_RATIO = 50
"""Of an image's sides."""
_COUNTED = frozenset({FrameType.LIGHT, FrameType.STACK})


def doubts(frame: FrameMetadata, keys: Keys, dialect_name: str, *, is_named: bool) -> Iterator[str]:
    """A sentence for each doubt about a frame that has an image; ``is_named``: header or path name its type."""
    if frame.frame_type is FrameType.OTHER and not is_named and dialect_name == UNKNOWN.name:
        yield from _lost_light(frame, keys)
    if frame.frame_type in _COUNTED and not frame.exposure_s:
        yield f"a {frame.frame_type} without an exposure: it adds nothing to the integration"
    elif frame.frame_type is FrameType.LIGHT and frame.exposure_s is not None and frame.exposure_s > _LONGEST_SUB_S:
        yield f"a single exposure of {frame.exposure_s / 3600:.1f} h is not likely: a sum, or another unit than seconds"
    sides = [side for side in (frame.width_px, frame.height_px) if side]
    if len(sides) == 2 and max(sides) > _LONGEST_RATIO * min(sides):
        yield f"an image of {frame.width_px} x {frame.height_px} pixels is no picture of the sky"


def _lost_light(frame: FrameMetadata, keys: Keys) -> Iterator[str]:
    """Why a frame without a type is no light, where it nearly looks like one."""
    signs = {
        "an exposure": bool(frame.exposure_s),
        "a date": keys.text("DATE-OBS", "DATE_OBS") is not None,
        "a telescope, camera or object": keys.text("OBJECT", "TELESCOP", "INSTRUME") is not None,
    }
    missing = [name for name, there in signs.items() if not there]
    if len(missing) == 1:
        yield f"no card names the frame's type, and without {missing[0]} it does not count as a light"
