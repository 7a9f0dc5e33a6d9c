"""Where NATS and Postgres are: a home folder of `nightbus up`, or nightbus.toml and the environment."""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Coroutine, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import typer

from services.cli.usage import named_path
from shared.bus.names import CLI
from shared.db.roles import COMMAND_LINE
from shared.errors import UserError

if TYPE_CHECKING:
    import ssl

    import asyncpg
    from nats.aio.client import Client

    from shared.settings import NatsSettings, Settings

READER = COMMAND_LINE.name
CONNECT_TIMEOUT_S = 5.0
ADMIN_ROLE = "nightbus_admin"
DATABASE = "nightbus"
OWN_HOST = "127.0.0.1"
"""Where the servers of a home listen."""

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        parser=named_path,
        envvar="NIGHTBUS_HOME",
        help="Folder in which `nightbus up` keeps everything; default: /var/lib/nightbus as root, else nightbus below "
        "$XDG_DATA_HOME or ~/.local/share (macOS: ~/Library/Application Support).",
        show_default=False,
    ),
]

_SAYS_NO_PLACE = frozenset({"max_bytes", "replicas", "pool_size"})
"""Keys of [nats] and [postgres] that hold wherever the servers are."""

_ON_LOOPBACK = {"ca_file": None, "unencrypted": False}
"""How the servers of a home are talked to, whatever the settings want of others."""

T = TypeVar("T")


class Place(NamedTuple):
    """Where Postgres listens, how this command proves itself there, and the TLS that it wants of the server."""

    host: str
    port: int
    database: str
    user: str
    password: str
    tls: "ssl.SSLContext | None" = None

    async def connected(self, program: str) -> "asyncpg.Connection":
        """A connection for a program, as Postgres shows it to its administrator; what asyncpg raises is raised."""
        import asyncpg

        return await asyncpg.connect(
            host=self.host,
            port=self.port,
            database=self.database,
            user=self.user,
            password=self.password,
            ssl=self.tls,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"application_name": program},
        )


class Stack:
    """A place to connect to, and how a person would call it.

    ``settings`` are read when they are asked for: where a home of `nightbus up` says where its servers are, most
    commands need none of them.
    """

    def __init__(self, settings: "Settings | None", home: Path | None, ports: Mapping[str, int] | None = None) -> None:
        self.home = home
        self._given = settings
        self._ports = ports or {}

    @cached_property
    def settings(self) -> "Settings":
        """All settings; in a home its own servers.

        Raises:
            UserError: they are wrong.
        """
        from services.settings import load_settings

        settings = self._given or load_settings()
        if self._secrets is None:
            return settings
        own_nats = {"url": self._nats_url, "secrets_dir": self._secrets, **_ON_LOOPBACK}
        own_postgres = {"host": OWN_HOST, "port": self._ports["postgres"], "database": DATABASE}
        own_postgres |= {"admin_role": ADMIN_ROLE, "password": None, "secrets_dir": self._secrets, **_ON_LOOPBACK}
        return settings.model_copy(
            update={
                "nats": settings.nats.model_copy(update=own_nats),
                "postgres": settings.postgres.model_copy(update=own_postgres),
            }
        )

    def postgres(self, role: str) -> Place:
        """Where Postgres is, for a role.

        Raises:
            UserError: the role has no password here, or the certificates of the settings cannot be read.
        """
        if self._secrets is None:
            where = self.settings.postgres
            return Place(where.host, where.port, where.database, role, where.password_of(role), where.tls())
        return Place(OWN_HOST, self._ports["postgres"], DATABASE, role, self._secret(role))

    def nats(self, user: str) -> "NatsSettings":
        """Where NATS is, and how its users log in.

        Raises:
            UserError: the user has no password here.
        """
        if self._secrets is None:
            return self.settings.nats
        from shared.settings.servers import NatsSettings, nats_password_file

        if not (self._secrets / nats_password_file(user)).exists():
            raise UserError(f"{self.home} was started by an earlier version of Nightbus: stop that `up`, start it anew")
        return NatsSettings(url=self._nats_url, secrets_dir=self._secrets)

    @property
    def _nats_url(self) -> str:
        return f"nats://{OWN_HOST}:{self._ports['nats']}"

    @property
    def _secrets(self) -> Path | None:
        """The folder of passwords of a home that was started once."""
        return self.home / "secrets" if self.home is not None and self._ports else None

    def _secret(self, name: str) -> str:
        assert self._secrets is not None
        try:
            return (self._secrets / name).read_text().strip()
        except FileNotFoundError as error:
            raise UserError(f"{self._secrets} has no password of {name}: start Nightbus, which makes it") from error
        except OSError as error:
            raise UserError(f"the password of {name} in {self._secrets} cannot be read: {error.strerror}") from error

    @property
    def start_hint(self) -> str:
        """What to do when nothing answers."""
        from services.standalone.calling import command
        from services.standalone.home import Home

        return f"start it with `{command('up', *Home.words(self.home))}`" if self.home else "is it running?"

    @property
    def is_running(self) -> bool:
        """Whether an `up` holds the home; only for a stack that has one."""
        from services.standalone.home import Home

        return self.home is not None and Home(self.home).holder() is not None

    def not_running(self, error: Exception) -> str:
        """The sentence for a service that does not run: where `up` does, it is about to start it."""
        if not self.is_running:
            return str(error)
        return f"{error} yet: `nightbus up` runs and starts it; repeat this in some seconds, or see `nightbus status`"

    def does_not_answer(self, server: str) -> str:
        """The sentence for a server that does not answer: whether Nightbus runs at all, where that is known."""
        from services.standalone.home import Home
        from services.standalone.room import full_disk

        if self.home is None:
            return f"{server} does not answer; {self.start_hint}"
        full = full_disk(self.home)
        if (holder := Home(self.home).holder()) is None:
            return f"Nightbus is not running in {self.home}: {self.start_hint}" + (f"; {full}" if full else "")
        return f"{server} does not answer, though `nightbus up` runs (process {holder}) and starts it again: " + (
            full or f"repeat this in some seconds, or look into {self.home / 'log'}"
        )


def find_stack(home: Path | None) -> Stack:
    """The stack that commands talk to.

    A home that was named comes first, then settings where any say where NATS or Postgres is, then the default home.
    All other settings hold in each case.

    Raises:
        UserError: no home there, or wrong settings.
    """
    if home is not None:
        return _stack_of_home(home)
    if _settings_say_where():
        stack = Stack(None, None)
        _ = stack.settings  # a mistake in them is to be told as one, and not as a server that is away
        return stack
    try:
        return _stack_of_home(None)
    except UserError as error:
        from services.standalone.calling import command

        raise UserError(
            f"Nightbus is not running here: start it with `{command('up')}`, name its folder with --home, "
            "or set NIGHTBUS_CONFIG to a nightbus.toml that says where NATS and Postgres are"
        ) from error


def _settings_say_where() -> bool:
    """Whether environment or file say where NATS or Postgres is, and not only how large they may be."""
    from shared.written import written

    sections = ("nats", "postgres")
    for name in map(str.lower, os.environ):
        section, _, key = name.removeprefix("nightbus_").partition("__")
        if name.startswith("nightbus_") and section in sections and key not in _SAYS_NO_PLACE:
            return True
    found = written()
    return any(_keys(found.get(section)) - _SAYS_NO_PLACE for section in sections)


def _keys(table: object) -> set[str]:
    """The keys of a table; what is none is a mistake, which whoever reads the settings is told of."""
    return set(table) if isinstance(table, dict) else {"?"} if table is not None else set()


def _stack_of_home(path: Path | None) -> Stack:
    from services.standalone.calling import command
    from services.standalone.home import Home

    home = Home.attach(path)
    try:
        ports = home.ports()
        readable = os.access(home.secrets, os.R_OK | os.X_OK)
    except OSError as error:
        raise UserError(f"the home {home.path} cannot be read: {error.strerror}") from error
    if not readable:
        raise UserError(f"the home {home.path} belongs to another user: run as that user")
    if "nats" not in ports or "postgres" not in ports:
        if home.holder() is not None:
            raise UserError(f"`nightbus up` starts in {home.path} for the first time: repeat this in some seconds")
        start = command("up", *Home.words(home.path))
        raise UserError(f"Nightbus has never been started in {home.path}: `{start}` does it")
    return Stack(None, home.path, ports)


@contextlib.asynccontextmanager
async def reader(stack: Stack) -> AsyncIterator["asyncpg.Connection"]:
    """A connection to Postgres that sees the contract views; JSON columns arrive as Python values.

    Raises:
        UserError: the server does not answer or refuses, or the views are not there; one sentence.
    """
    import asyncpg

    where = stack.postgres(READER)
    try:
        connection = await where.connected("nightbus-cli")
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise UserError(f"Postgres at {where.host}:{where.port} refuses the role {READER}: {error}") from error
    except asyncpg.InvalidCatalogNameError as error:
        raise UserError(f"Postgres at {where.host}:{where.port} has no database {where.database}") from error
    except asyncpg.TooManyConnectionsError as error:
        raise UserError(
            f"Postgres at {where.host}:{where.port} has no connection left for the role {READER}: "
            f"end other commands, or repeat this in some seconds ({error})"
        ) from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if where.tls is not None:
            from shared.db.errors import refusal

            if (sentence := refusal(error, stack.settings.postgres)) is not None:
                raise UserError(sentence) from error
        raise UserError(stack.does_not_answer(f"Postgres at {where.host}:{where.port}")) from error
    try:
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        # As text Postgres writes the digits that a real has: 2.3927, where its binary form reads 2.392699956893921.
        await connection.set_type_codec("float4", encoder=str, decoder=float, schema="pg_catalog", format="text")
        yield connection
    except BrokenPipeError:
        raise  # who reads our output has stopped; a server that goes away is told of in other ways
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError) as error:
        raise UserError(f"the database is not up to date: run `nightbus migrate` ({error})") from error
    except asyncpg.QueryCanceledError as error:
        raise UserError(f"the database took too long to answer and was stopped: {error}") from error
    except (
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InterfaceError,
        ConnectionError,
    ) as error:
        if isinstance(error, asyncpg.InterfaceError) and not connection.is_closed():
            raise  # a mistake of ours, and no loss
        raise UserError(f"the connection to Postgres was lost: {error}") from error
    except asyncpg.PostgresError as error:
        from shared.db.damage import REMEDY, damage

        if (words := damage(error)) is None:
            raise
        raise UserError(f"{words}; {REMEDY}") from error
    finally:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.InterfaceError):
            await connection.close(timeout=2)


async def logged_in(nats: "NatsSettings", user: str) -> "Client":
    """A client of NATS that tries each server once.

    Raises:
        UserError: the server refuses, does not encrypt though it must, or is not trusted.
        nats.errors.Error, OSError, TimeoutError: it does not answer.
    """
    from shared.bus.client import NightbusClient  # and not shared.bus.broker, whose libraries take a second to import

    async def quiet(_error: Exception) -> None:
        """A connection that ends is told by whoever waits for an answer."""

    client = NightbusClient(nats, user)
    await client.connect(
        name="nightbus-cli",
        allow_reconnect=False,
        max_reconnect_attempts=1,  # of each server, before the first connection: by default sixty, for two minutes
        reconnect_time_wait=0,
        connect_timeout=int(CONNECT_TIMEOUT_S),
        error_cb=quiet,
    )
    return client


@contextlib.asynccontextmanager
async def bus(stack: Stack, user: str = CLI) -> AsyncIterator["Client"]:
    """A connection to NATS, as the user of the command line or another.

    Raises:
        UserError: the server does not answer or refuses; one sentence.
    """
    from nats.errors import Error as NatsError

    where = stack.nats(user)
    try:
        client = await logged_in(where, user)
    except (NatsError, OSError, TimeoutError) as error:
        raise UserError(stack.does_not_answer(f"NATS at {where.place}")) from error
    try:
        yield client
    except UserError as error:
        from shared.bus.rpc import NobodyAnswersError  # whoever asks a service has it already

        if isinstance(error, NobodyAnswersError):
            raise UserError(stack.not_running(error)) from error
        raise
    finally:
        await client.close()


def wait_for(work: Coroutine[object, object, T]) -> T:
    """Run asynchronous work to its end."""
    import asyncio

    return asyncio.run(work)
