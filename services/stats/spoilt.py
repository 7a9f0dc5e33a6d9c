"""Frames whose row contradicts itself: what is kept of a frame twice must agree, or one of the two was spoilt.

A frame's own session, its exposure's key, its stem's key and the end of its night follow from its other columns. They
are computed anew by the very functions that wrote them.
"""

from typing import Any, Protocol
from zoneinfo import ZoneInfo

from services.stats.sessions import exposure_key, label_of, night_end, session_night, session_of, stem_key

_ANYWHERE = ZoneInfo("UTC")
"""Not asked where the site is known."""


class Row(Protocol):
    """A row by its columns' names."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of a column."""


def contradiction(row: Row) -> str | None:
    """What in a row of a frame does not follow from the rest of it, in words; None where all agrees."""
    if session_night(row["night"], row["arrived_at"]) != row["session_night"]:
        return "its night"
    label = label_of(row["rig"], row["camera"])
    if session_of(row["session_night"], label).session_id != row["own_session_id"]:
        return "the session of its night and rig"
    facts = (row["frame_type"], row["observed_at"], row["camera"], row["exposure_ms"], row["filter"])
    if exposure_key(*facts) != row["exposure_key"]:
        return "its exposure"
    if stem_key(row["stem"]) != row["stem_key"]:
        return "its name"
    site = (row["site_latitude_deg"], row["site_longitude_deg"])
    if None not in site and night_end(row["session_night"], *site, _ANYWHERE) != row["night_ends_at"]:
        return "the end of its night"
    return None
