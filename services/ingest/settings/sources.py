"""Settings of sources: the sections [[sources]].

Who reads them takes them by their kind (``settings.sections(SourceSettings)``), and folders of captures by
``shared.library.settings.capture_folders``.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from shared.library.settings import HoldsCaptures
from shared.settings.section import WholePath, ZoneName


class SourceSettings(HoldsCaptures):
    """One place that captures land in."""

    name: str = Field(description="short name: lower-case letters, digits, - and _, such as seestar-s50")
    path: WholePath = Field(description="folder to watch")
    mode: Literal["copy", "move", "index"] = Field(default="copy", description="index leaves the files where they are")
    time_zone: ZoneName | None = Field(
        default=None, description="IANA zone of the devices' local times, such as Europe/Berlin"
    )
    settle_s: float | None = Field(
        default=None, ge=0, description="quiet time of a complete file; default 10, network 60"
    )
    walk_interval_s: float = Field(
        default=1800.0, gt=0, description="seconds between walks through all of it; the truth behind hints"
    )

    @field_validator("name")
    @classmethod
    def _usable(cls, name: str) -> str:
        if name == "library":
            raise ValueError("a source cannot be called library: that is the name of the library's own root")
        if re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) is None:
            allowed = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_") or "seestar"
            raise ValueError(
                f"{name!r} is no name for a source: use lower-case letters, digits, - and _, such as {allowed!r}"
            )
        return name

    def capture_folders(self) -> tuple[tuple[str, Path], ...]:
        """The folder that it watches."""
        return ((f"the source {self.name}", self.path),)


def _names_apart(sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
    names = [source.name for source in sources]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two sources are called {min(twice)!r}")
    return sources


Sources = Annotated[tuple[SourceSettings, ...], AfterValidator(_names_apart)]
"""All sources; no two have one name."""
