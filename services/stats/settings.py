"""Settings of stats: the section [stats]."""

from pydantic import Field

from shared.settings.section import Section, ZoneName

LONGEST_S = 366 * 24 * 3600.0
"""Longest time that a session may be waited for."""


class StatsSettings(Section):
    """The service that counts."""

    session_quiet_s: float = Field(
        default=3600.0, ge=0, le=LONGEST_S, description="quiet time after the last arrival before a session is finished"
    )
    session_wait_s: float = Field(
        default=21_600.0,
        ge=0,
        le=LONGEST_S,
        description="how long a file that waits for the scanner holds sessions of its source back, from its arrival",
    )
    session_check_interval_s: float = Field(
        default=60.0, gt=0, description="seconds between looks for finished sessions"
    )
    read_anew_files: int = Field(
        default=500,
        ge=0,
        le=2000,
        description="files whose events are not kept that are read anew at a time, in the background; 0: none",
    )
    session_revision_interval_s: float = Field(
        default=3600.0, ge=0, le=LONGEST_S, description="least time between two revisions of a session"
    )
    check_interval_s: float = Field(
        default=86_400.0,
        ge=60,
        le=LONGEST_S,
        description="seconds between two checks that compare the counts with the frames and the files, and mend them",
    )
    time_zone: ZoneName = Field(
        default="UTC", description="IANA zone of the night's end where a site is unknown (09:00 local)"
    )
    needs_more_hours: float = Field(
        default=1.0, ge=0, description="integration from which needs_more_data is suggested"
    )
    complete_hours: float = Field(default=3.0, ge=0, description="integration from which complete is suggested")


SECTION = StatsSettings
