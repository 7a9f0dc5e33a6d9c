"""The command `doctor`: all looks, side by side."""

import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from services.cli.connection import HomeOption, Stack, find_stack
from services.cli.doctor import bus, database, places
from services.cli.doctor.bounded import in_a_thread, look, of_folder
from services.cli.doctor.facts import Facts
from services.cli.doctor.finding import Finding, are_well, ok, unknown, wrong
from services.cli.exits import FAILED
from services.cli.filters import JsonOption
from services.cli.output import to_json
from services.cli.quiet import quiet_log
from shared.errors import Away, UserError

if TYPE_CHECKING:
    from shared.settings import Settings

SERVERS_S = 30.0
"""Longest for all looks at one server, which are several."""
ALL_S = 120.0
"""Longest for everything: each look is bounded by itself, and this is for a disk that hangs in between."""
_HANGS = "a share whose server is off, or a disk that fails"
_MEND_DISK = "look at `dmesg` and at how it is mounted; what Nightbus keeps there waits meanwhile"
_LIBRARIES = ("asyncpg", "nats", "shared.bus.provision", "shared.bus.rpc", "shared.db.clock", "shared.db.schemas")


def doctor(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Look at all that Nightbus needs, a line each: what is fine, or what is wrong and the fix.

    It is for when something is down: what can be looked at is, and each look ends in time. The exit code is 1 where
    something is wrong.
    """
    found: list[Finding] = []
    ended = in_a_thread(partial(examine, home, found), ALL_S)
    if not ended.in_time:
        found.append(wrong("everything else", f"does not answer within {ALL_S:.0f} s: {_HANGS}", _MEND_DISK))
    if as_json:
        rows = [{"about": one.about, "state": one.state, "says": one.says, "fix": one.fix} for one in found]
        print("[" + ",".join(f"\n{to_json(row)}" for row in rows) + "\n]")
    else:
        print("\n".join(one.line for one in found))
    if ended.hangs:
        sys.stdout.flush()
        os._exit(0 if are_well(found) else FAILED)  # an ordinary end would wait for what hangs
    if not are_well(found):
        raise typer.Exit(FAILED)


async def examine(home: Path | None, found: list[Finding] | None = None) -> list[Finding]:
    """Everything that was found, in the order in which things depend on each other.

    Args:
        home: the folder of `nightbus up` that was named.
        found: is filled as looks end, for whoever cannot wait for all of them.
    """
    found = [] if found is None else found
    _prepare()
    settings = await _settings_in_time(found)
    try:
        stack = await of_folder(partial(find_stack, home))
    except Away:
        about = "the home of `nightbus up`"
        found += [wrong(about, f"its folder does not answer: {_HANGS}", _MEND_DISK)]
        found += [unknown("NATS and Postgres", "that folder says where they are")]
        return found if settings is None else await _without_stack(settings, found, _said_home(home))
    except UserError as error:
        if settings is None:  # what keeps us from finding it was said
            found.append(unknown("everything else", "the settings say where it is"))
            return found
        found.append(wrong("Nightbus", error))
        return await _without_stack(settings, found)
    found += _refused_by_up(settings, stack)
    if stack.home is not None:
        found += await look("nightbus up", places.look_at_home(stack.home))
    of_nats, (of_postgres, facts) = await asyncio.gather(_nats(stack, settings), _postgres(stack, settings))
    found += of_nats + of_postgres
    if settings is not None:
        found += await _of_places(settings, stack.home, facts)
    return found


async def _settings_in_time(found: list[Finding]) -> "Settings | None":
    try:
        settings, said = await of_folder(_settings)
    except Away:
        settings, said = None, [wrong("settings", f"nightbus.toml does not answer: {_HANGS}", _MEND_DISK)]
    found += said
    return settings


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


async def _without_stack(settings: "Settings", found: list[Finding], home: Path | None = None) -> list[Finding]:
    """What was found, and what can be seen where nobody knows where the servers are."""
    found += await _of_places(settings, home, Facts())
    return found


def _said_home(named: Path | None) -> Path | None:
    """The home as it is called, without a look at it."""
    from services.standalone.home import Home

    said = os.environ.get("NIGHTBUS_HOME")
    return named or (Path(said) if said else Home.default())


def _prepare() -> None:
    """Load the libraries of the servers: no answer is to wait for that. What is wrong is said by the findings alone."""
    for library in _LIBRARIES:
        importlib.import_module(library)
    quiet_log()
