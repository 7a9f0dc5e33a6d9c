"""Settings of backup: the sections [backup] and [[destinations]]."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from services.backup.settings.destinations import (
    Destinations,
    DestinationSettings,
    FolderDestination,
    S3Destination,
    require_elsewhere,
)
from shared.library.settings import capture_folders
from shared.settings import Settings
from shared.settings.section import Section, WholePath, ZoneName

__all__ = ["KEYS", "SECTION", "BackupSettings", "DestinationSettings", "FolderDestination", "S3Destination"]

DAY_S = 24 * 3600.0
_HOURS = r"([01][0-9]|2[0-3]):[0-5][0-9]"


class BackupSettings(Section):
    """The service that archives finished sessions."""

    uploads_at_once: int = Field(default=2, ge=1, le=8, description="archives that are made side by side")
    compression: Literal["zstd", "none"] = Field(
        default="zstd", description="zstd: .tar.zst, a third to a half smaller; none: plain .tar"
    )
    compression_level: int = Field(default=3, ge=1, le=19, description="of zstd; more takes longer and saves little")
    megabytes_per_s: float | None = Field(
        default=None, gt=0, description="bandwidth of all uploads together, MB/s; unset: as fast as it goes"
    )
    quiet_hours: str | None = Field(
        default=None,
        description='hours in which nothing is uploaded, in time_zone, such as "20:00-06:00": the night that is '
        "being recorded goes first",
    )
    time_zone: ZoneName = Field(default="UTC", description="IANA zone of quiet_hours and database_at")
    look_interval_s: float = Field(
        default=600.0, gt=0, le=30 * DAY_S, description="seconds between looks for files that no archive has"
    )
    arrival_wait_s: float = Field(
        default=2 * DAY_S,
        ge=0,
        le=366 * DAY_S,
        description="age at which a file that belongs to no finished session goes into the archive of its arrival day",
    )
    copy_across: bool = Field(
        default=True,
        description="take from another destination what one lacks and what cannot be read here any more; buckets may "
        "charge for what is read, and what has to be thawed stays where it is",
    )
    read_back_percent: float = Field(
        default=2.0,
        ge=0,
        le=100,
        description="share of new archives that is read back from S3 and hashed; folders: all",
    )
    verify_interval_s: float = Field(
        default=DAY_S,
        ge=0,
        le=366 * DAY_S,
        description="seconds between verifications of a destination; 0: none by itself",
    )
    verify_sample: int = Field(
        default=30,
        ge=1,
        le=10_000,
        description="each of them checks one in so many of all archives, and as many check all: every byte in folders, "
        "sizes and ETags on S3",
    )
    drill_interval_s: float = Field(
        default=7 * DAY_S, ge=0, le=366 * DAY_S, description="seconds between restore drills; 0: none by itself"
    )
    drill_files: int = Field(
        default=5, ge=1, le=1000, description="files that a drill brings back from each destination, drawn at random"
    )

    database_at: str = Field(
        default="12:00",
        description="time of day in time_zone at which the database is dumped to each destination, such as 12:00",
    )
    pg_dump: WholePath | None = Field(
        default=None,
        description="program that dumps the database, at least as new as the server; unset: the one that "
        "`nightbus up` brings, else the one on the PATH",
    )
    keep_daily_dumps: int = Field(
        default=7, ge=1, le=10_000, description="dumps of the database that stay: the newest of so many days"
    )
    keep_weekly_dumps: int = Field(default=4, ge=0, le=10_000, description="and of so many weeks")
    keep_monthly_dumps: int = Field(default=12, ge=0, le=10_000, description="and of so many months")
    delete_forgotten: bool = Field(
        default=False,
        description="delete archives all of whose files are forgotten, or lie in another verified archive as well",
    )
    warn_above_gb: float | None = Field(
        default=None, gt=0, description="of what a destination holds, GB: more is told, and nothing deleted for it"
    )
    prices_file: WholePath | None = Field(
        default=None, description="your own prices for `backup estimate-costs`; unset: those that come with Nightbus"
    )

    @field_validator("database_at")
    @classmethod
    def _is_an_hour(cls, at: str) -> str:
        if re.fullmatch(_HOURS, at) is None:
            raise ValueError(f'{at!r} is no time of day: write it as "12:00"')
        return at

    lifecycle_fast_days: int = Field(
        default=7, ge=0, le=3650, description="days until archives tagged archive_policy = fast move to a colder class"
    )
    lifecycle_standard_days: int = Field(default=30, ge=0, le=3650, description="the same of archive_policy = standard")
    lifecycle_delayed_days: int = Field(default=90, ge=0, le=3650, description="the same of archive_policy = delayed")
    lifecycle_deeper_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="days that archives tagged backup_policy = flexible stay in GLACIER before DEEP_ARCHIVE",
    )
    lifecycle_abort_days: int = Field(
        default=3, ge=1, le=365, description="days after which the parts of an upload that nobody completed are deleted"
    )

    @field_validator("quiet_hours")
    @classmethod
    def _are_hours(cls, hours: str | None) -> str | None:
        if hours is not None and re.fullmatch(f"{_HOURS}-{_HOURS}", hours) is None:
            raise ValueError(f'{hours!r} are no hours: write two times of day, such as "20:00-06:00"')
        return hours


class BackupKeys(Settings):
    """What backup adds to the settings beside its own section."""

    destinations: Destinations = ()

    @model_validator(mode="after")
    def _destinations_elsewhere(self) -> Self:
        require_elsewhere(self.destinations, capture_folders(self))
        return self


SECTION = BackupSettings
KEYS = BackupKeys
