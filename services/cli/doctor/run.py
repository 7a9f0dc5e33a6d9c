"""The command `doctor`: all looks, side by side."""

import asyncio
import importlib
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from services.cli.connection import HomeOption, Stack, find_stack, wait_for
from services.cli.doctor import bus, database, places
from services.cli.doctor.bounded import look
from services.cli.doctor.facts import Facts
from services.cli.doctor.finding import Finding, are_well, ok, unknown, wrong
from services.cli.exits import FAILED
from services.cli.filters import JsonOption
from services.cli.output import to_json
from services.cli.quiet import quiet_log
from shared.errors import UserError

if TYPE_CHECKING:
    from shared.settings import Settings

SERVERS_S = 30.0
"""Longest for all looks at one server, which are several."""
_LIBRARIES = ("asyncpg", "nats", "shared.bus.provision", "shared.bus.rpc", "shared.db.clock", "shared.db.schemas")


def doctor(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Look at all that Nightbus needs, a line each: what is fine, or what is wrong and the fix.

    It is for when something is down: what can be looked at is, and each look ends in time. The exit code is 1 where
    something is wrong.
    """
    found = wait_for(examine(home))
    if as_json:
        rows = [{"about": one.about, "state": one.state, "says": one.says, "fix": one.fix} for one in found]
        print("[" + ",".join(f"\n{to_json(row)}" for row in rows) + "\n]")
    else:
        print("\n".join(one.line for one in found))
    if not are_well(found):
        raise typer.Exit(FAILED)


async def examine(home: Path | None) -> list[Finding]:
    """Everything that was found, in the order in which things depend on each other."""
    _prepare()
    settings, found = _settings()
    try:
        stack = find_stack(home)
    except UserError as error:
        if settings is None:  # what keeps us from finding it was said
            return [*found, unknown("everything else", "the settings say where it is")]
        return [*found, wrong("Nightbus", error), *await _without_stack(settings)]
    found += _refused_by_up(settings, stack)
    if stack.home is not None:
        found += await look("nightbus up", places.look_at_home(stack.home))
    of_nats, (of_postgres, facts) = await asyncio.gather(_nats(stack, settings), _postgres(stack, settings))
    found += of_nats + of_postgres
    if settings is not None:
        found += await _of_places(settings, stack.home, facts)
    return found


def _settings() -> "tuple[Settings | None, list[Finding]]":
    from services.settings import load_settings
    from shared.settings import config_file

    try:
        settings = load_settings()
    except UserError as error:
        fix = "`nightbus config check` after the change"
        return None, [wrong("settings", sentence, fix) for sentence in str(error).splitlines()]
    file = config_file()
    return settings, [ok("settings", str(file.resolve()) if file else "no nightbus.toml: environment and defaults")]


def _refused_by_up(settings: "Settings | None", stack: Stack) -> list[Finding]:
    from services.standalone.own_servers import contradictions

    if settings is None or stack.home is None:
        return []
    return [wrong("settings", sentence) for sentence in contradictions(settings, stack.home)]


async def _nats(stack: Stack, settings: "Settings | None") -> list[Finding]:
    from services.descriptions import SERVICES
    from services.settings import enabled_services

    enabled = SERVICES if settings is None else enabled_services(settings)
    found = await look("NATS", bus.look_at_nats(stack, enabled), SERVERS_S)
    if found[0].state != "ok":
        return found
    return found + await look("NATS logins", bus.look_at_logins(stack, enabled), SERVERS_S)


async def _postgres(stack: Stack, settings: "Settings | None") -> tuple[list[Finding], Facts]:
    from services.descriptions import SERVICES
    from services.settings import enabled_services

    enabled = SERVICES if settings is None else enabled_services(settings)
    facts = Facts()

    async def ask() -> list[Finding]:
        nonlocal facts
        found, facts = await database.look_at_postgres(stack)
        return found

    found = await look("Postgres", ask(), SERVERS_S)
    if settings is not None and found[0].state == "ok":
        found += await look("Postgres roles", database.look_at_roles(stack, enabled), SERVERS_S)
    return found, facts


async def _of_places(settings: "Settings", home: Path | None, facts: Facts) -> list[Finding]:
    from services.backup.settings import KEYS

    assert isinstance(settings, KEYS)
    looks: list[Awaitable[list[Finding]]] = [
        look("library", places.look_at_library(settings, home, facts), SERVERS_S),
        look("indexed trees", places.look_at_roots(facts)),
        look("sources", places.look_at_sources(settings, facts), SERVERS_S),
        look("destinations", places.look_at_destinations(settings.destinations, home, facts), SERVERS_S),
    ]
    return [finding for findings in await asyncio.gather(*looks) for finding in findings]


async def _without_stack(settings: "Settings") -> list[Finding]:
    """What can be seen where nobody knows where the servers are."""
    return await _of_places(settings, None, Facts())


def _prepare() -> None:
    """Load the libraries of the servers: no answer is to wait for that. What is wrong is said by the findings alone."""
    for library in _LIBRARIES:
        importlib.import_module(library)
    quiet_log()
