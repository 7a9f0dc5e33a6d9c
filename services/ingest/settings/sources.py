"""Settings of sources: the sections [[sources]], each of the kind that its key ``kind`` names.

Who reads them takes them by their kind (``settings.sections(SourceSettings)``), and folders of captures by
``shared.library.settings.capture_folders``. docs/howto/add-a-source.md tells what a new kind needs.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from shared.events.file import Hints
from shared.library.settings import HoldsCaptures
from shared.settings.section import OfKinds, WholePath, ZoneName


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError(f"{name!r} cannot be printed: leave out line breaks and control characters")
    return name


AfterTransfer = Literal["keep", "delete", "delete_after_backup"]
"""What becomes of a file at its source once the library holds it."""
_Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]


class SourceSettings(HoldsCaptures):
    """What sources of all kinds have in common."""

    name: str = Field(description="short name: lower-case letters, digits, - and _, such as seestar-s50")
    kind: str
    mode: Literal["copy", "move", "index"] = Field(default="copy", description="index leaves the files where they are")
    after_transfer: AfterTransfer = Field(
        default="keep",
        description="what becomes of a file here once the library holds it; delete_after_backup: it is deleted once "
        'it was read back from an archive as well; mode = "move" is to copy and delete',
    )
    time_zone: ZoneName | None = Field(
        default=None, description="IANA zone of the devices' local times, such as Europe/Berlin"
    )
    rig: _Name | None = Field(
        default=None, description="rig that took all of its files, where this source is one telescope"
    )
    target: _Name | None = Field(
        default=None, description="what its frames show where neither header, position nor path say it"
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

    @model_validator(mode="after")
    def _one_fate(self) -> Self:
        said = self.after_transfer
        if self.mode == "index" and said != "keep":
            raise ValueError(
                f'after_transfer = "{said}" of {self.name!r} cannot be: the files of mode = "index" stay where they '
                'are; write mode = "copy"'
            )
        if self.mode == "move" and "after_transfer" in self.model_fields_set and said != "delete":
            raise ValueError(
                f'after_transfer = "{said}" of {self.name!r} cannot be: mode = "move" deletes at once; write '
                'mode = "copy"'
            )
        return self

    @property
    def fate(self) -> AfterTransfer:
        """What becomes of its files once the library holds them."""
        return "delete" if self.mode == "move" else self.after_transfer

    def facts(self) -> Hints:
        """What a person says here of all its files."""
        return Hints(rig=self.rig, target=self.target)

    @property
    def where(self) -> str:
        """The place, as a person calls it; of what has no better name its kind."""
        return self.kind


class FolderSettings(SourceSettings):
    """One place that captures land in: a folder of this machine, or a share that is mounted here."""

    kind: Literal["folder"] = Field(default="folder", description="what it is")
    path: WholePath = Field(description="folder to watch")

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.path)

    def capture_folders(self) -> tuple[tuple[str, Path], ...]:
        """The folder that it watches."""
        return ((f"the source {self.name}", self.path),)


def _names_apart(sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
    names = [source.name for source in sources]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two sources are called {min(twice)!r}")
    return sources


Sources = Annotated[tuple[Annotated[SourceSettings, OfKinds(FolderSettings)], ...], AfterValidator(_names_apart)]
"""All sources; no two have one name."""
