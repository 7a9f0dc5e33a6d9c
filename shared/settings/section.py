"""What every table of nightbus.toml has in common."""

import difflib
from pathlib import Path
from typing import Annotated, Any, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """A table of nightbus.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def section_of(annotation: Any) -> type[Section] | None:
    """The section that a type is made of, once or as a list; None for plain values."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        near = difflib.get_close_matches(zone, available_timezones(), n=1)
        raise ValueError(f"unknown time zone {zone!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return zone


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""Name of an IANA time zone."""


def _not_empty(value: object) -> object:
    """An empty text would be the current folder."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("an empty path names no folder: write one from the root on, or leave the key out")
    return value


def _whole(path: Path) -> Path:
    if path.is_absolute():
        return path
    meant = path.expanduser() if str(path).startswith("~") else path
    raise ValueError(f"'{path}' is not a whole path: write it from the root on, such as {meant.absolute()}")


WholePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_whole)]
"""A path from the root on: what a relative one means would depend on the folder that a service is started in."""
