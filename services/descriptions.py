"""Every service of Nightbus, one line each; all that must know the services reads it here."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from shared.description import Consumer, ServiceDescription, consumers_of, schemas_of

NAMES: tuple[str, ...] = (
    "ingest",
    "scanner",
    "stats",
    "calibration",
    "backup",
    "api",
)
SERVICES: tuple[ServiceDescription, ...] = tuple(
    import_module(f"services.{name}.description").DESCRIPTION for name in NAMES
)
CONSUMERS: tuple[Consumer, ...] = consumers_of(SERVICES)
SCHEMAS: Mapping[str, Path] = {name: Path(__file__).parent / name / "schema" for name in schemas_of(SERVICES)}
"""Each schema with the folder of its SQL files; the name is that of its service and of its login role as well."""


def described(name: str) -> ServiceDescription:
    """The description of a service.

    Raises:
        KeyError: there is no such service.
    """
    for one in SERVICES:
        if one.name == name:
            return one
    raise KeyError(f"no service is called {name}")


def publishers_of(subject: str) -> tuple[str, ...]:
    """Names of the services that publish a subject."""
    return tuple(one.name for one in SERVICES if subject in one.publishes)


def is_draft(subject: str) -> bool:
    """Whether no service publishes a subject yet: its model is a draft, which may change in any way until one does."""
    return not publishers_of(subject)


def readers_of(subject: str) -> tuple[str, ...]:
    """Names of the services that read a subject."""
    return tuple(one.name for one in SERVICES if any(row.subject == subject for row in one.reads))
