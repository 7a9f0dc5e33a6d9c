"""`subscribers`: programs of people that read events, each with a user of NATS and a durable consumer of its own."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.connection import HomeOption, Stack, bus, find_stack, wait_for
from services.cli.dead_letters import DryRunOption
from services.cli.filters import JsonOption
from services.cli.layout import Column
from services.cli.lazy import group
from services.cli.match import LinesOption
from services.cli.output import Row, counted, print_table, to_json
from services.cli.usage import help_alone, moment, named_thing, subscriber_name
from shared.bus.names import EVENTS, PROVISION, inbox_of, subscriber_user
from shared.errors import UserError

if TYPE_CHECKING:
    from shared.bus.subscribers import Subscriber

app = group(
    help="Programs of yours that read events, each with a user of NATS and a consumer of its own: add, list, revoke."
)
app.callback(invoke_without_command=True)(help_alone)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", parser=subscriber_name, help="Of a-z, 0-9 and hyphens, such as my-lights.")
]
SubjectsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--subjects",
        metavar="SUBJECT[,…]",
        parser=named_thing,
        help="Only these events, such as file.scanned or session.*; may be given several times. Default: all.",
    ),
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="TIME",
        parser=moment,
        help="Begin with what the stream has kept since then: a date, or 2026-01-10T21:00Z. Default: from now on.",
    ),
]

RELOADED = "twice, some seconds apart"
"""How a server is told of a new account: what it imports works from the second time on (docs/adr/0037)."""

_COLUMNS = (
    Column("name", lambda row: row["name"]),
    Column("events", lambda row: tuple(row["subjects"]) or "all", fold=True),
    Column("waiting", lambda row: row["waiting_events"], "right"),
    Column("unacknowledged", lambda row: row["unacknowledged_events"], "right"),
    Column("last given", lambda row: row["last_active_at"]),
    Column("made", lambda row: row["made_at"], spare=1),
    Column("since", lambda row: row["since"], spare=2),
    Column("password", lambda row: row["password_file"], spare=3, fold=True),
)


@app.command("add")
def add(
    name: NameArgument,
    subjects: SubjectsOption = None,
    since: SinceOption = None,
    as_json: LinesOption = False,
    home: HomeOption = None,
) -> None:
    """Let a program read events: it may read and acknowledge what its own consumer has for it, and nothing else.

    The NATS of `nightbus up` knows it at once. For a NATS of your own, what its configuration needs is printed.
    """
    from shared.bus import subscribers

    wanted = subscribers.wanted_subjects(one.strip() for text in subjects or () for one in text.split(","))
    stack = find_stack(home)

    async def work() -> "Subscriber":
        async with bus(stack, PROVISION) as client:
            return await subscribers.add(client.jetstream(), name, wanted, since)

    found = wait_for(work())
    login = _Login(stack, name)
    login.make()
    row = _row(found, login) | dict(login.told())
    if as_json:
        print(to_json(row))
    else:
        _tell(row)


@app.command("list")
def list_subscribers(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """List subscribers with what waits for each."""
    from shared.bus import subscribers

    stack = find_stack(home)

    async def work() -> "list[Subscriber]":
        async with bus(stack, PROVISION) as client:
            return await subscribers.subscribers(client.jetstream())

    rows = [_row(one, _Login(stack, one.name)) for one in wait_for(work())]
    if as_json:
        print("[" + ",".join(f"\n{to_json(row)}" for row in rows) + ("\n]" if rows else "]"))
        return
    print_table(rows, _COLUMNS, note=counted(len(rows), "subscriber"))


@app.command("revoke")
def revoke(
    name: NameArgument, dry_run: DryRunOption = False, as_json: LinesOption = False, home: HomeOption = None
) -> None:
    """Take a subscriber's consumer and login away; what waited for it is not kept for it any more."""
    from shared.bus import subscribers

    stack = find_stack(home)
    login = _Login(stack, name)

    async def work() -> "Subscriber | None":
        async with bus(stack, PROVISION) as client:
            known = await subscribers.subscribers(client.jetstream())
            found = next((one for one in known if one.name == name), None)
            if found is not None and not dry_run:
                await subscribers.remove(client.jetstream(), name)
            return found

    found = wait_for(work())
    if found is None and not login.is_known:
        raise UserError(f"there is no subscriber {name}; `nightbus subscribers list` shows them")
    if not dry_run:
        login.revoke()
    waiting = (found.waiting_events + found.unacknowledged_events) if found is not None else 0
    if as_json:
        print(to_json({"name": name, "revoked": not dry_run, "waiting_events": waiting}))
        return
    print(f"subscriber {name} {'would be' if dry_run else 'is'} revoked; {counted(waiting, 'event')} waited for it")
    if not dry_run and not login.followed:
        print(f"take the account {login.user} out of the configuration of NATS and reload it: until then it may log in")


class _Login:
    """The user of NATS of one subscriber: where its password is kept, and who has to tell the server of it.

    `up` follows the folder of passwords of its home. A NATS of one's own is told by its operator; where its users come
    from a file of `nightbus passwords`, that is written anew.
    """

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack = stack
        self._name = name
        self.user = subscriber_user(name)
        self._password: str | None = None
        self.followed = stack.home is not None
        self._folder: Path | None = (
            stack.home / "secrets" if stack.home is not None else stack.settings.nats.secrets_dir
        )

    @property
    def file(self) -> Path | None:
        """The file of its password; None where no folder of passwords is known."""
        from shared.settings.servers import nats_password_file

        return self._folder / nats_password_file(self.user) if self._folder is not None else None

    @property
    def is_known(self) -> bool:
        """Whether its password is kept here."""
        return self.file is not None and self.file.exists()

    @property
    def _is_listed(self) -> bool:
        """Whether the users of a NATS of one's own come from a file that we write."""
        from services.standalone.logins import USERS_FILE

        return not self.followed and self._folder is not None and (self._folder / USERS_FILE).exists()

    def make(self) -> None:
        """Make its password, where there is none, and wait until the server of a home lets it in.

        Raises:
            UserError: the folder cannot be written to, or the server does not take it.
        """
        from services.cli.passwords import until_answered
        from services.standalone.home import password_in
        from services.standalone.logins import write_users_file
        from services.standalone.passwords import USERS
        from shared.settings.servers import nats_password_file

        if self._folder is None:
            from secrets import token_urlsafe

            self._password = token_urlsafe(24)
            return
        try:
            password_in(self._folder, nats_password_file(self.user))
            if self._is_listed:
                write_users_file(self._folder, USERS)
        except OSError as error:
            raise UserError(f"the folder {self._folder} cannot be written to: {error.strerror}") from error
        if self.followed:
            wait_for(until_answered(self._stack.nats(self.user), self._name))

    def revoke(self) -> None:
        """Take its password away, and wait until the server of a home refuses it.

        Raises:
            UserError: the folder cannot be written to, or the server goes on letting it in.
        """
        from pydantic import SecretStr

        from services.cli.passwords import until_taken
        from services.standalone.logins import forget_subscriber, write_users_file
        from services.standalone.passwords import USERS
        from shared.settings import NatsSettings

        if self._folder is None or self.file is None or not self.file.exists():
            return
        password = SecretStr(self.file.read_text().strip())
        try:
            forget_subscriber(self._folder, self._name)
            if self._is_listed:
                write_users_file(self._folder, USERS)
        except OSError as error:
            raise UserError(f"the folder {self._folder} cannot be written to: {error.strerror}") from error
        if self.followed:
            url = self._stack.nats(PROVISION).url
            wait_for(until_taken(NatsSettings(url=url, user=self.user, password=password), self.user, known=False))

    def told(self) -> Row:
        """What its program needs to log in, and what the operator of a NATS of one's own has to add."""
        from services.standalone.logins import USERS_FILE
        from shared.bus.accounts import account_of_subscriber

        variable = f"$NATS_{self.user.upper().replace('-', '_')}"
        server = None
        if self._is_listed and self._folder is not None:
            server = f"reload NATS {RELOADED}: {self._folder / USERS_FILE} has the account {self.user} now"
        elif not self.followed:
            server = account_of_subscriber(self._name, lambda _user: variable)
        return {
            "url": self._stack.nats(self.user).place,
            "user": self.user,
            "password": self._password,
            "inbox_prefix": inbox_of(self.user),
            "stream": EVENTS,
            "consumer": self.user,
            "for_the_server": server,
        }


def _row(found: "Subscriber", login: _Login) -> dict[str, Any]:
    return asdict(found) | {"password_file": str(login.file) if login.is_known else None}


def _tell(row: Row) -> None:
    events = ", ".join(row["subjects"]) or "all events"
    since = f"since {row['since']:%Y-%m-%d %H:%M:%S} UTC" if row["since"] else "from now on"
    print(f"subscriber {row['name']} reads {events} {since}")
    for key in ("url", "user", "password", "password_file", "inbox_prefix", "stream", "consumer"):
        if row[key]:
            print(f"  {key:<13} {row[key]}")
    if row["password"]:
        print("  the password is shown this once and kept nowhere")
    if row["for_the_server"]:
        print(f"for the block `accounts` of the configuration of NATS, which is to be reloaded then, {RELOADED}:")
        print(row["for_the_server"].rstrip())
