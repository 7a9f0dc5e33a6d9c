"""What every table of nightbus.toml has in common."""

import difflib
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict


class Section(BaseModel):
    """A table of nightbus.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        near = difflib.get_close_matches(zone, available_timezones(), n=1)
        raise ValueError(f"unknown time zone {zone!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return zone


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""Name of an IANA time zone."""
