"""All settings: one nightbus.toml, every key also as NIGHTBUS_SECTION__KEY in the environment.

Order of authority: environment, then the file named by NIGHTBUS_CONFIG, then the defaults below. Unknown keys are
errors that name the nearest known one. Settings are read once, in a service's ``app.py``, and passed down.
"""

import difflib
import os
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings.exceptions import SettingsError

from shared.errors import UserError
from shared.settings.mistakes import sentences, unparsed
from shared.settings.own import CameraSettings, RigSettings, TargetSettings, TelescopeSettings
from shared.settings.section import Section, fields_in, sections_of
from shared.settings.servers import HealthSettings, LogSettings, NatsSettings, PostgresSettings, ServicesSettings
from shared.written import ENV_PREFIX, RESERVED_ENV, SECTIONS, config_file, written

__all__ = [
    "ENV_PREFIX", "HealthSettings", "LogSettings", "NatsSettings", "PostgresSettings", "ServicesSettings", "Settings",
    "config_file", "in_file_order", "keys_of", "load",
]  # fmt: skip

CONFIG_VERSION = 1
S = TypeVar("S", bound=Section)


class Settings(BaseSettings):
    """What all services have in common; ``services.settings`` adds what each of them has of its own.

    A section is taken by its kind, so that who reads it needs neither its place nor whoever added it.
    """

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
        """The section of a kind, such as that of a service.

        Raises:
            KeyError: these settings have none of that kind.
        """
        for found in self.sections(kind):
            return found
        raise KeyError(f"the settings have no {kind.__name__}")

    def sections(self, kind: type[S]) -> tuple[S, ...]:
        """All sections of a kind; one that may stand there several times, as [[rigs]] may, is each of them."""
        values = (getattr(self, name) for name in type(self).model_fields)
        several = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(one for members in several for one in members if isinstance(one, kind))

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


def in_file_order(model: type[Settings]) -> dict[str, FieldInfo]:
    """The fields of the settings as the annotated example has them: ``SECTIONS``, then the section of each service."""
    place = {name: number for number, name in enumerate(SECTIONS)}
    return dict(sorted(model.model_fields.items(), key=lambda item: place.get(item[0], len(place))))


def keys_of(model: type[Settings]) -> dict[str, Any]:
    """Every settable key as ``section.key`` with its pydantic field, in file order."""
    keys: dict[str, Any] = {}
    for name, field in in_file_order(model).items():
        prefix = f"{name}[]" if isinstance(field.default, tuple) else name
        found = fields_in(sections_of(field.annotation))
        keys |= {f"{prefix}.{key}": value for key, value in found.items()} or {name: field}
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
