"""All settings: one nightbus.toml, every key also as NIGHTBUS_SECTION__KEY in the environment.

Order of authority: environment, then the file named by NIGHTBUS_CONFIG, then the defaults below. Unknown keys are
errors that name the nearest known one. Settings are read once, in a service's ``app.py``, and passed down.
"""

import difflib
import os
import re
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings.exceptions import SettingsError

from shared.errors import UserError
from shared.library.template import LIBRARY_FIELDS, PathTemplate
from shared.settings.mistakes import sentences, unparsed
from shared.settings.own import CameraSettings, RigSettings, TargetSettings, TelescopeSettings
from shared.settings.section import Section, WholePath, ZoneName, section_of
from shared.settings.servers import HealthSettings, LogSettings, NatsSettings, PostgresSettings, ServicesSettings
from shared.settings.source_folders import require_apart
from shared.written import ENV_PREFIX, RESERVED_ENV, config_file, written

__all__ = [
    "ENV_PREFIX", "HealthSettings", "LibrarySettings", "LogSettings", "NatsSettings", "PostgresSettings",
    "ServicesSettings", "Settings", "SourceSettings", "config_file", "keys_of", "load",
]  # fmt: skip

CONFIG_VERSION = 1
S = TypeVar("S", bound=Section)


class LibrarySettings(Section):
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


class SourceSettings(Section):
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

    def zone(self) -> ZoneInfo | None:
        """The source's time zone, when set."""
        return ZoneInfo(self.time_zone) if self.time_zone else None


class Settings(BaseSettings):
    """What all services have in common; ``services.settings`` adds the section of each."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    config_version: int = Field(default=CONFIG_VERSION, description="version of this file's layout")
    services: ServicesSettings = ServicesSettings()
    nats: NatsSettings = NatsSettings()
    postgres: PostgresSettings = PostgresSettings()
    library: LibrarySettings = LibrarySettings()
    sources: tuple[SourceSettings, ...] = ()
    rigs: tuple[RigSettings, ...] = ()
    cameras: tuple[CameraSettings, ...] = ()
    telescopes: tuple[TelescopeSettings, ...] = ()
    filters: dict[str, str] = Field(
        default_factory=dict, description="filter as written = its name; also as a table [filters]"
    )
    targets: tuple[TargetSettings, ...] = ()
    health: HealthSettings = HealthSettings()
    log: LogSettings = LogSettings()

    @field_validator("config_version")
    @classmethod
    def _known_version(cls, version: int) -> int:
        if version != CONFIG_VERSION:
            raise ValueError(f"this Nightbus reads version {CONFIG_VERSION} of the settings file, and not {version}")
        return version

    @field_validator("sources")
    @classmethod
    def _source_names_apart(cls, sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        names = [source.name for source in sources]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two sources are called {min(twice)!r}")
        return sources

    @model_validator(mode="after")
    def _source_folders_apart(self) -> Self:
        require_apart({source.name: source.path for source in self.sources}, self.library.path)
        return self

    @field_validator("rigs")
    @classmethod
    def _rigs_apart(cls, rigs: tuple[RigSettings, ...]) -> tuple[RigSettings, ...]:
        owners: dict[str, str] = {}
        for rig in rigs:
            for name in (rig.name, *rig.aliases):
                if owners.setdefault("".join(name.lower().split()), rig.name) != rig.name:
                    raise ValueError(f"two rigs are called {name!r}")
        if len({rig.name for rig in rigs}) < len(rigs):
            raise ValueError("two rigs have the same name")
        return rigs

    def section(self, kind: type[S]) -> S:
        """The section of a service.

        Raises:
            KeyError: these settings have none of that kind.
        """
        for name in type(self).model_fields:
            if isinstance(value := getattr(self, name), kind):
                return value
        raise KeyError(f"the settings have no {kind.__name__}")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults."""
        del dotenv_settings, file_secret_settings
        file = config_file()
        toml = (TomlConfigSettingsSource(settings_cls, file),) if file else ()
        return (init_settings, env_settings, *toml)


def load(model: type[Settings]) -> Settings:
    """Read the settings of this process.

    Raises:
        UserError: one sentence per wrong or unknown key, naming the nearest known key.
    """
    found = written()
    try:
        _refuse_unknown_environment(model, os.environ)
        return model()
    except ValidationError as error:
        known = [name.replace("[]", "") for name in keys_of(model)]
        raise UserError(*sentences(error, model, known, found, os.environ)) from error
    except SettingsError as error:
        raise UserError(*(list(unparsed(model, os.environ)) or [str(error)])) from error


def keys_of(model: type[Settings]) -> dict[str, Any]:
    """Every settable key as ``section.key`` with its pydantic field, in file order."""
    keys: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        section = section_of(field.annotation)
        if section is None:
            keys[name] = field
            continue
        prefix = f"{name}[]" if isinstance(field.default, tuple) else name
        keys |= {f"{prefix}.{key}": value for key, value in section.model_fields.items()}
    return keys


def _refuse_unknown_environment(model: type[Settings], environment: Mapping[str, str]) -> None:
    sections = {name.upper() for name in model.model_fields}
    for name in environment:
        if not name.startswith(ENV_PREFIX) or name in RESERVED_ENV:
            continue
        if name.removeprefix(ENV_PREFIX).split("__")[0] not in sections:
            keys = [key.replace("[]", "").upper().replace(".", "__") for key in keys_of(model)]
            known = [*RESERVED_ENV, *(ENV_PREFIX + key for key in (*keys, *sorted(sections)))]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserError(f"unknown setting {name} in the environment{hint}")
