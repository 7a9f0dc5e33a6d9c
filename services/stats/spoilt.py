"""Frames whose row contradicts itself: what is kept of a frame twice must agree, or one of the two was spoilt.

A frame's own session, its exposure's key, its stem's key and the end of its night follow from its other columns. They
are computed anew by the very functions that wrote them.
"""

from typing import Any, Protocol
from zoneinfo import ZoneInfo

from services.stats.sessions import exposure_key, label_of, night_end, session_night, session_of, stem_key

_ANYWHERE = ZoneInfo("UTC")
"""Not asked where the site is known."""
_IN_TIME = "BETWEEN '1000-01-01 00:00Z' AND '8999-12-31 00:00Z'"
_IN_DAYS = "BETWEEN '1000-01-01' AND '8999-12-31'"
_READABLE = f"""
night_ends_at {_IN_TIME} AND arrived_at {_IN_TIME} AND coalesce(observed_at {_IN_TIME}, true)
AND session_night {_IN_DAYS} AND coalesce(night {_IN_DAYS}, true)
"""
ROWS = f"""
SELECT file_id, frame_type, session_night, own_session_id, night, arrived_at, rig, camera, observed_at, exposure_ms,
       filter, exposure_key, stem, stem_key, night_ends_at, site_latitude_deg, site_longitude_deg
FROM frame WHERE {_READABLE}
"""
UNREADABLE = f"SELECT file_id FROM frame WHERE NOT ({_READABLE})"
"""Frames with times that no event may carry: spoilt, or stored by a version that took more."""


class Row(Protocol):
    """A row by its columns' names."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of a column."""


def contradiction(row: Row) -> str | None:
    """What in a row of ``ROWS`` does not follow from the rest of it, in words; None where all agrees."""
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
