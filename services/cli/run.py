"""Start things: `up`, `demo`, `run SERVICE…`, `migrate`, `provision`."""

import asyncio
import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli.connection import HomeOption, bus, find_stack, wait_for
from services.cli.usage import WrongUsage, named_path
from services.descriptions import NAMES, SCHEMAS
from shared import inert
from shared.bus.names import PROVISION


def _service(text: str) -> str:
    if text not in NAMES:
        raise WrongUsage(f"{inert.name(text)} is none of {', '.join(NAMES)}")
    return text


PlainHomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        parser=named_path,
        help="Read NATS' and Postgres' addresses from this folder of `nightbus up`.",
    ),
]


def up(home: HomeOption = None) -> None:
    """Run everything on this machine, without Docker: NATS, Postgres and all services. Ctrl-C stops them."""
    from services.standalone.app import up as start

    raise typer.Exit(start(home))


def demo(
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", parser=named_path, help="Keep files and database in this folder."),
    ] = None,
    nights: Annotated[int, typer.Option("--nights", metavar="N", min=1, max=365, help="Nights to play.")] = 1,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Same number, same nights.")] = 1,
) -> None:
    """Play simulated nights through the whole of Nightbus and show what came of them."""
    from services.standalone.demo import demo as play

    raise typer.Exit(play(keep, nights, seed))


def run_services(
    services: Annotated[list[str], typer.Argument(metavar="SERVICE…", parser=_service, help=f"Of {', '.join(NAMES)}.")],
    home: PlainHomeOption = None,
) -> None:
    """Run services in one process against the NATS and Postgres of the settings, until a signal."""
    from services.settings import load_settings
    from shared.logging import configure_logging
    from shared.process import run_services as run
    from shared.runtime import collect_garbage_seldom, event_loop

    settings = load_settings() if home is None else find_stack(home).settings
    chosen = list(dict.fromkeys(services))
    configure_logging(settings.log, " ".join(chosen))
    runs = {name: importlib.import_module(f"services.{name}.app").run for name in chosen}
    collect_garbage_seldom()
    with asyncio.Runner(loop_factory=event_loop()) as runner:
        raise typer.Exit(runner.run(run(runs, settings)))


def migrate(
    require_dump: Annotated[
        bool, typer.Option("--require-dump", help="Change nothing where the database cannot be dumped before.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Bring the database to this version: roles, schemas, views, grants. Safe to repeat.

    Where a destination is set, the database is dumped to it before it changes.
    """
    from services.backup.database.before import NotDumped, dump_before
    from services.backup.destinations.kinds import opened
    from services.standalone.binaries import with_own_programs
    from services.standalone.home import Home
    from services.standalone.stack import make_role_passwords
    from shared.db.migrate import migrate as bring_up_to_date
    from shared.db.schemas import heads
    from shared.logging import configure_logging

    stack = find_stack(home)
    if stack.home is not None:
        make_role_passwords(Home(stack.home))
    configure_logging(stack.settings.log.model_copy(update={"level": "warning"}), "migrate")
    settings = stack.settings if stack.home is None else with_own_programs(stack.settings)
    try:
        dumped = wait_for(dump_before(settings, settings.postgres, heads(SCHEMAS), opened))
    except NotDumped as error:
        if require_dump:
            raise
        print(f"nightbus: {error}", file=sys.stderr)
    else:
        if dumped is not None:
            print(f"the database was dumped before it changes: {dumped.key} at {dumped.destination}")
    wait_for(bring_up_to_date(stack.settings.postgres, SCHEMAS))
    print(f"the database {stack.settings.postgres.database} is up to date: {', '.join(SCHEMAS)}")


def provision(home: PlainHomeOption = None) -> None:
    """Make the streams and consumers of NATS what the services need. Safe to repeat; `up` does it by itself."""
    from services.settings import enabled_services
    from shared.bus.provision import ANSWER_S
    from shared.bus.provision import provision as make_streams
    from shared.logging import configure_logging

    stack = find_stack(home)
    services = enabled_services(stack.settings)
    configure_logging(stack.settings.log.model_copy(update={"level": "warning"}), "provision")

    async def work() -> None:
        async with bus(stack, PROVISION) as client:
            await make_streams(client.jetstream(timeout=ANSWER_S), stack.settings.nats, services)

    wait_for(work())
    print(f"NATS serves {', '.join(service.name for service in services)}")
