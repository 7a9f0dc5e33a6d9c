"""Where NATS and Postgres are: a home folder of `nightbus up`, or nightbus.toml and the environment."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.errors import UserError

if TYPE_CHECKING:
    import asyncpg
    from nats.aio.client import Client

    from shared.settings import Settings

READER = "reader"
CONNECT_TIMEOUT_S = 5.0
NATS_USER = "nightbus"
ADMIN_ROLE = "nightbus_admin"
DATABASE = "nightbus"

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", metavar="DIR", envvar="NIGHTBUS_HOME", help="Folder of a running `nightbus up`.", show_default=False
    ),
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stack:
    """A place to connect to, and how a person would call it."""

    settings: "Settings"
    home: Path | None

    @property
    def start_hint(self) -> str:
        """What to do when nothing answers."""
        return f"start it with `nightbus up --home {self.home}`" if self.home else "is it running?"


def find_stack(home: Path | None) -> Stack:
    """The stack that commands talk to.

    A home that was named comes first, then settings where any say where NATS or Postgres is, then the default home.

    Raises:
        UserError: no home there, or wrong settings.
    """
    from shared.settings import config_file, load_settings

    if home is not None:
        return _stack_of_home(home)
    told = any(name.startswith(("NIGHTBUS_NATS__", "NIGHTBUS_POSTGRES__")) for name in os.environ)
    if told or config_file() is not None:
        return Stack(load_settings(), None)
    try:
        return _stack_of_home(None)
    except UserError as error:
        raise UserError(
            "Nightbus is not running here: start it with `nightbus up`, name its folder with --home, "
            "or set NIGHTBUS_CONFIG to the nightbus.toml of a running stack"
        ) from error


def _stack_of_home(path: Path | None) -> Stack:
    from services.standalone.home import Home
    from shared.settings import load_settings

    home = Home.attach(path)
    try:
        ports = home.ports()
        readable = os.access(home.secrets, os.R_OK | os.X_OK)
    except OSError as error:
        raise UserError(f"the home {home.path} cannot be read: {error.strerror}") from error
    if not readable:
        raise UserError(f"the home {home.path} belongs to another user: run as that user")
    if "nats" not in ports or "postgres" not in ports:
        raise UserError(f"Nightbus has never been started in {home.path}: `nightbus up --home {home.path}` does it")
    settings = load_settings()
    nats = settings.nats.model_copy(
        update={
            "url": f"nats://127.0.0.1:{ports['nats']}",
            "user": NATS_USER,
            "password": None,
            "password_file": home.secrets / "nats",
        }
    )
    postgres = settings.postgres.model_copy(
        update={
            "host": "127.0.0.1",
            "port": ports["postgres"],
            "database": DATABASE,
            "admin_role": ADMIN_ROLE,
            "password": None,
            "secrets_dir": home.secrets,
        }
    )
    return Stack(settings.model_copy(update={"nats": nats, "postgres": postgres}), home.path)


@contextlib.asynccontextmanager
async def reader(stack: Stack) -> AsyncIterator["asyncpg.Connection"]:
    """A connection to Postgres that sees the contract views; JSON columns arrive as Python values.

    Raises:
        UserError: the server does not answer or refuses, or the views are not there; one sentence.
    """
    import asyncpg

    where = stack.settings.postgres
    try:
        connection = await asyncpg.connect(
            host=where.host,
            port=where.port,
            database=where.database,
            user=READER,
            password=where.password_of(READER),
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"application_name": "nightbus-cli"},
        )
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise UserError(f"Postgres at {where.host}:{where.port} refuses the role {READER}: {error}") from error
    except asyncpg.InvalidCatalogNameError as error:
        raise UserError(f"Postgres at {where.host}:{where.port} has no database {where.database}") from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UserError(f"Postgres at {where.host}:{where.port} does not answer; {stack.start_hint}") from error
    try:
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        yield connection
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError) as error:
        raise UserError(f"the database is not up to date: run `nightbus migrate` ({error})") from error
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, ConnectionError) as error:
        raise UserError(f"the connection to Postgres was lost: {error}") from error
    finally:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.InterfaceError):
            await connection.close(timeout=2)


@contextlib.asynccontextmanager
async def bus(stack: Stack) -> AsyncIterator["Client"]:
    """A connection to NATS.

    Raises:
        UserError: the server does not answer or refuses; one sentence.
    """
    import nats  # and not shared.bus.broker, whose libraries take a second to import
    from nats.errors import Error as NatsError

    async def quiet(_error: Exception) -> None:
        """Failed attempts are reported by the exception, not one by one."""

    where = stack.settings.nats
    try:
        client = await nats.connect(
            where.url,
            name="nightbus-cli",
            user=where.user,
            password=where.resolved_password(),
            allow_reconnect=False,
            connect_timeout=int(CONNECT_TIMEOUT_S),
            error_cb=quiet,
        )
    except (NatsError, OSError, TimeoutError) as error:
        detail = "refuses the login" if "uthorization" in str(error) else "does not answer"
        raise UserError(f"NATS at {where.url.rpartition('@')[2]} {detail}; {stack.start_hint}") from error
    try:
        yield client
    finally:
        await client.close()


def wait_for(work: Coroutine[object, object, T]) -> T:
    """Run asynchronous work to its end."""
    return asyncio.run(work)
