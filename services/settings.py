"""All settings: what services have in common, and what each service adds by its ``settings``.

A service adds the section that is called as it is (``SECTION``), and, where there is more that is its own, keys of
other names and what must hold among them (``KEYS``).
"""

import difflib
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pydantic import create_model, field_validator

from services.descriptions import NAMES, SERVICES
from shared.description import ServiceDescription
from shared.settings import ServicesSettings, Settings, keys_of, load


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


def _joined() -> type[Settings]:
    """The settings with what each service adds."""
    places = {name: f"services.{name}.settings" for name in NAMES}
    modules = {name: import_module(place) for name, place in places.items() if find_spec(place)}
    keys: list[type[Settings]] = [module.KEYS for module in modules.values() if hasattr(module, "KEYS")]
    own: dict[str, Any] = {name: (module.SECTION, module.SECTION()) for name, module in modules.items()}
    return create_model("AllSettings", __base__=(_Enabled, *keys), __module__=__name__, **own)


AllSettings: type[Settings] = _joined()


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
