"""Settings of ingest, which keeps the library: the sections [ingest], [library] and [[sources]]."""

from typing import Self

from pydantic import Field, model_validator

from services.ingest.settings.folders import require_apart
from services.ingest.settings.sources import AfterTransfer, FolderSettings, Sources, SourceSettings
from shared.library.settings import LibrarySettings
from shared.settings import Settings
from shared.settings.section import Section

__all__ = ["KEYS", "LONGEST_S", "SECTION", "AfterTransfer", "FolderSettings", "IngestSettings", "SourceSettings"]

LONGEST_S = 366 * 24 * 3600.0
"""Longest time between two looks at anything, and the oldest age that is asked for."""


class IngestSettings(Section):
    """The service that keeps the library."""

    workers: int = Field(default=0, ge=0, description="threads of each source that copy and hash; 0 = one per core")
    imports_at_once: int = Field(
        default=4, ge=1, le=32, description="imports that run side by side; the others wait for their turn"
    )
    settle_s: float = Field(default=10.0, ge=0, description="quiet time of a complete file on a local disk, seconds")
    network_settle_s: float = Field(default=60.0, ge=0, description="the same on a network share, seconds")
    incomplete_wait_s: float = Field(
        default=300.0, ge=0, description="how long a quiet but truncated file is waited for before it is taken as it is"
    )
    reconcile_interval_s: float = Field(
        default=600.0, gt=0, le=LONGEST_S, description="seconds between checks for lost events"
    )
    reconcile_age_s: float = Field(
        default=900.0, gt=0, le=LONGEST_S, description="age at which an unscanned file is announced again"
    )
    library_check_interval_s: float = Field(
        default=86_400.0,
        gt=0,
        le=LONGEST_S,
        description="seconds between looks at whether all files of the library are there",
    )


class IngestKeys(Settings):
    """What ingest adds to the settings beside its own section."""

    library: LibrarySettings = LibrarySettings()
    sources: Sources = ()

    @model_validator(mode="after")
    def _folders_apart(self) -> Self:
        folders = {source.name: source.path for source in self.sources if isinstance(source, FolderSettings)}
        require_apart(folders, self.library.path)
        return self


SECTION = IngestSettings
KEYS = IngestKeys
