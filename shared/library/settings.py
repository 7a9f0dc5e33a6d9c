"""Settings of the library: the section [library], and which folders of the settings hold captures.

Ingest keeps the library and adds the section to the settings; whoever else needs it takes it by its kind
(``settings.section(LibrarySettings)``).
"""

import re
from pathlib import Path

from pydantic import Field, field_validator

from shared.errors import UserError
from shared.library.template import LIBRARY_FIELDS, PathTemplate
from shared.settings import Settings
from shared.settings.section import Section, WholePath


class HoldsCaptures(Section):
    """A section that may name folders in which captures lie."""

    def capture_folders(self) -> tuple[tuple[str, Path], ...]:
        """Each folder, behind the words that a sentence calls it by; none where none is set."""
        return ()


class LibrarySettings(HoldsCaptures):
    """The folder that Nightbus keeps captures in."""

    path: WholePath | None = Field(
        default=None, description="folder of the library; needed by sources that copy or move"
    )
    template: str = Field(
        default="{source}/{folder}/{name}",
        description="where a file goes; fields: source folder name stem extension year month day date "
        "object frame_type filter camera night",
    )
    mode: str | None = Field(
        default=None,
        description='permissions of placed files, such as "0664"; folders may be entered too; unset: the umask decides',
    )
    group: str | None = Field(default=None, description="group that placed files and folders belong to; name or id")
    most_gone_percent: float = Field(
        default=10.0,
        ge=0,
        le=100,
        description="share of its files that may have gone at once, percent; of more none is counted as missing",
    )
    reserve_mb: int | None = Field(
        default=None,
        ge=1,
        description="room on the library's disk that is never used, MiB; unset: 1024, of a small disk a twentieth",
    )

    @field_validator("mode", mode="before")
    @classmethod
    def _permissions(cls, mode: object) -> object:
        if mode is None:
            return mode
        if not isinstance(mode, str) or re.fullmatch(r"0?[0-7]{3}", mode) is None:
            raise ValueError(f'{mode!r} are no permissions: write three octal digits in quotes, such as "0664"')
        if int(mode, 8) & 0o600 != 0o600:
            raise ValueError(f'{mode!r} keeps their owner from reading or writing them: begin with 6, such as "0664"')
        return mode

    @field_validator("template")
    @classmethod
    def _usable(cls, template: str) -> str:
        try:
            PathTemplate(template, LIBRARY_FIELDS).render(dict.fromkeys(LIBRARY_FIELDS, "text"))
        except UserError as error:
            raise ValueError(str(error)) from error
        return template

    def capture_folders(self) -> tuple[tuple[str, Path], ...]:
        """The library's own folder."""
        return () if self.path is None else (("the library", self.path),)


def capture_folders(settings: Settings) -> tuple[tuple[str, Path], ...]:
    """Every folder of the settings in which captures lie, behind the words for it: the library first, then sources."""
    return tuple(place for section in settings.sections(HoldsCaptures) for place in section.capture_folders())
