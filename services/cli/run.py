"""Start things: `up`, `demo`, `run SERVICE`, `migrate`."""

import asyncio
import importlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.connection import HomeOption, find_stack, wait_for
from services.cli.usage import named_path


class ServiceName(StrEnum):
    """Services that can be run by themselves."""

    INGEST = "ingest"
    SCANNER = "scanner"
    STATS = "stats"
    API = "api"


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


def run_service(
    service: Annotated[ServiceName, typer.Argument(help="The service to run.")], home: PlainHomeOption = None
) -> None:
    """Run one service against the NATS and Postgres of the settings, until a signal."""
    from shared.logging import configure_logging
    from shared.runtime import collect_garbage_seldom, event_loop
    from shared.settings import load_settings

    settings = load_settings() if home is None else find_stack(home).settings
    configure_logging(settings.log, service.value)
    module = importlib.import_module(f"services.{service.value}.app")
    collect_garbage_seldom()
    with asyncio.Runner(loop_factory=event_loop()) as runner:
        raise typer.Exit(runner.run(module.run(settings)))


def migrate(home: HomeOption = None) -> None:
    """Bring the database to this version: roles, schemas, views, grants. Safe to repeat."""
    from shared.db.migrate import SCHEMAS
    from shared.db.migrate import migrate as bring_up_to_date
    from shared.logging import configure_logging

    stack = find_stack(home)
    configure_logging(stack.settings.log.model_copy(update={"level": "warning"}), "migrate")
    wait_for(bring_up_to_date(stack.settings.postgres))
    print(f"the database {stack.settings.postgres.database} is up to date: {', '.join(SCHEMAS)}")
