"""All settings: what services have in common, and the section of each service from its ``settings.py``."""

import difflib
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pydantic import create_model, field_validator

from services.descriptions import NAMES, SERVICES
from shared.description import ServiceDescription
from shared.settings import ServicesSettings, Settings, keys_of, load
from shared.settings.section import Section


class _Enabled(Settings):
    """The settings, with the names of services checked."""

    services: ServicesSettings = ServicesSettings(enabled=NAMES)

    @field_validator("services")
    @classmethod
    def _can_run(cls, services: ServicesSettings) -> ServicesSettings:
        enabled = NAMES if services.enabled is None else services.enabled
        for name in enabled:
            if name not in NAMES:
                near = difflib.get_close_matches(name, NAMES, n=1)
                raise ValueError(f"enabled: {name!r} is no service" + (f"; did you mean {near[0]!r}?" if near else ""))
        for service in SERVICES:
            if not service.may_be_off and service.name not in enabled:
                raise ValueError(f"enabled: {service.name!r} is missing, and Nightbus does not work without it")
        return services


def _sections() -> dict[str, type[Section]]:
    """The section of each service that has one, by the service's name."""
    modules = {name: f"services.{name}.settings" for name in NAMES}
    return {name: import_module(module).SECTION for name, module in modules.items() if find_spec(module)}


_FIELDS: dict[str, Any] = {name: (section, section()) for name, section in _sections().items()}
AllSettings: type[Settings] = create_model("AllSettings", __base__=_Enabled, __module__=__name__, **_FIELDS)


def load_settings() -> Settings:
    """Read the settings of this process.

    Raises:
        UserError: one sentence per wrong or unknown key, naming the nearest known key.
    """
    return load(AllSettings)


def enabled_services(settings: Settings) -> tuple[ServiceDescription, ...]:
    """The services that run, in the order of their list."""
    enabled = NAMES if settings.services.enabled is None else settings.services.enabled
    return tuple(service for service in SERVICES if service.name in enabled)


def known_keys() -> dict[str, Any]:
    """Every settable key as ``section.key`` with its pydantic field, in file order."""
    return keys_of(AllSettings)
