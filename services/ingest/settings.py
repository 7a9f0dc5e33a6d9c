"""Settings of ingest: the section [ingest]."""

from pydantic import Field

from shared.settings.section import Section

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


SECTION = IngestSettings
