"""`ready`: whether the services of this container, or of a home, are ready; what health checks of containers ask."""

import http.client
import os
import sys
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import typer

from services.cli.connection import OWN_HOST, HomeOption
from services.cli.exits import FAILED
from shared.errors import UserError
from shared.inert import printable

LIMIT_S = 5.0
"""Longest that the page of one process may take; it gives each of its own checks two seconds."""
_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - what is asked is this machine
_MOST_BYTES = 64 * 1024


class Page(NamedTuple):
    """Where a process of services says whether it is ready."""

    process: str
    host: str
    port: int


def ready(home: HomeOption = None) -> None:
    """Say whether the services here are ready; the exit code is 1 where one is not.

    Of a home that is named, or in NIGHTBUS_HOME, every process is asked; else the one whose port `health.port` names.
    """
    answers = [(page, *_ask(page)) for page in pages(home)]
    for page, _, lines in answers:
        for line in lines:
            print(f"{page.process}: {line}")
    sys.stdout.flush()
    if not all(well for _, well, _ in answers):
        raise typer.Exit(FAILED)


def pages(home: Path | None) -> list[Page]:
    """The pages to ask.

    Raises:
        UserError: nothing here says where they are.
    """
    if home is not None:
        return _of_home(home)
    host, port = _settings()
    if port == 0:
        raise UserError("no health page to ask: set health.port (NIGHTBUS_HEALTH__PORT), or name a home with --home")
    return [Page("services", host, port)]


def _settings() -> tuple[str, int]:
    """What the settings say of the pages. All of them are read only where the environment does not say it."""
    environment = {name.upper(): value for name, value in os.environ.items()}
    port = environment.get("NIGHTBUS_HEALTH__PORT", "")
    if port.isdecimal() and "NIGHTBUS_HEALTH__HOST" in environment:
        return _reachable(environment["NIGHTBUS_HEALTH__HOST"]), int(port)
    from services.settings import load_settings

    health = load_settings().health
    return _reachable(health.host), health.port


def _of_home(path: Path) -> list[Page]:
    from services.settings import enabled_services, load_settings
    from services.standalone.home import Home
    from shared.description import processes_of

    home = Home.attach(path)
    settings = load_settings()
    ports = home.ports()
    processes = processes_of(enabled_services(settings))
    if home.holder() is None or not all(f"health_{name}" in ports for name in processes):
        raise UserError(f"Nightbus is not running in {home.path}, or has just begun to start")
    host = _reachable(settings.health.host)
    return [Page(name, host, ports[f"health_{name}"]) for name in processes]


def _reachable(host: str) -> str:
    """Where to ask for what listens at ``host``."""
    return OWN_HOST if host in _EVERYWHERE else host


def _ask(page: Page) -> tuple[bool, list[str]]:
    """Whether a process is ready, and what it says."""
    connection = http.client.HTTPConnection(page.host, page.port, timeout=LIMIT_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(_MOST_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return False, [f"nothing answers at {page.host}:{page.port} ({reason})"]
    finally:
        connection.close()
    return answer.status == HTTPStatus.OK, [printable(line) for line in said.splitlines()]
