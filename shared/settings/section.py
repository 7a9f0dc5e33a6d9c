"""What every table of nightbus.toml has in common."""

import difflib
from pathlib import Path
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


def _whole(path: Path) -> Path:
    if path.is_absolute():
        return path
    meant = path.expanduser() if str(path).startswith("~") else path
    raise ValueError(f"'{path}' is not a whole path: write it from the root on, such as {meant.absolute()}")


WholePath = Annotated[Path, AfterValidator(_whole)]
"""A path from the root on: what a relative one means would depend on the folder that a service is started in."""
