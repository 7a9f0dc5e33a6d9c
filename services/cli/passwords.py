"""`passwords`: a folder of passwords for servers of your own, and other passwords while everything runs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from services.cli.connection import HomeOption, Stack, find_stack, logged_in, wait_for
from services.cli.dead_letters import DryRunOption
from services.cli.lazy import group
from services.cli.match import LinesOption
from services.cli.output import counted, to_json
from services.cli.usage import WrongUsage, help_alone, named_path, named_thing
from shared.bus.names import subscriber_user
from shared.errors import Unavailable, UserError
from shared.inert import printable

if TYPE_CHECKING:
    from services.standalone.passwords import Chosen
    from shared.settings import NatsSettings

app = group(help="Passwords of NATS and Postgres: make a folder of them, renew them while everything runs, apply them.")
app.callback(invoke_without_command=True)(help_alone)

TAKEN_WITHIN_S = 15.0
"""So long a NATS that runs here may take to know another password."""
_AGAIN_S = 0.2
_LOG_OF_HOME = "log/nats.log of the home says why"
_RELOAD = "reload it, so that it reads its users anew"

T = TypeVar("T")

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", parser=named_path, help="Folder for the passwords.")]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--dir", metavar="DIR", parser=named_path, help="A folder of `passwords make`, in place of a home of `up`."
    ),
]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]…",
        parser=named_thing,
        help="A service (its user of NATS and its role of Postgres), another role such as reader, another user such as "
        "cli or subscriber-NAME, or the name of a password file.",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="All but the role that makes the others.")]


@app.command("make")
def make(folder: FolderArgument) -> None:
    """Make the passwords for a NATS and a Postgres of your own: a file each, and nats-users.conf for the server.

    Passwords that are there stay. Nothing is connected to.
    """
    from services.standalone.logins import USERS_FILE
    from services.standalone.passwords import make_passwords

    made = _writing(folder, lambda: make_passwords(folder))
    users = printable(folder / USERS_FILE)
    print(f"{counted(len(made), 'password')} made in {printable(folder)}; NATS includes {users}")


@app.command("renew")
def renew(
    names: NamesArgument = None,
    everything: AllOption = False,
    folder: FolderOption = None,
    dry_run: DryRunOption = False,
    as_json: LinesOption = False,
    home: HomeOption = None,
) -> None:
    """Make passwords anew; where `up` runs, its servers take them at once, and no event is lost.

    For servers of your own only the files change: reload NATS and run `nightbus passwords apply` then. Services wait
    meanwhile. The folder is that of the settings, or of --dir.
    """
    from services.standalone import passwords

    if bool(names) == everything:
        raise WrongUsage("name whose passwords, or all by --all")
    stack = find_stack(home) if folder is None else None
    of_home = stack is not None and stack.home is not None
    where = folder if folder is not None else _folder_of(stack) if stack is not None else Path()
    if not where.is_dir():
        raise UserError(f"there is no folder {where}: `nightbus passwords make` makes one")
    chosen = passwords.choose(where, names or (), everything=everything)
    runs = stack is not None and stack.is_running
    if not dry_run:
        if stack is not None and runs:
            wait_for(_renew_here(stack, where, chosen))
        else:
            _writing(where, lambda: _renew_files(where, chosen, for_others=not of_home))
    if as_json:
        state = "as it was" if dry_run else "in effect" if runs else "written"
        print(to_json({"folder": str(where), "files": list(chosen.files), "state": state}))
        return
    done = "would be renewed" if dry_run else "renewed"
    print(f"{counted(len(chosen.files), 'password')} {done} in {printable(where)}: {', '.join(chosen.files)}")
    if not dry_run and not runs:
        print(_next_step(chosen, for_others=not of_home))


@app.command("apply")
def apply(as_json: LinesOption = False, home: HomeOption = None) -> None:
    """Give Postgres the passwords of the folder, and wait until NATS lets everybody in by its own.

    It is the last step of a renewal on servers of your own, once NATS was reloaded, and mends one that was cut off. It
    may be repeated: what holds already goes on holding.
    """
    from services.standalone import passwords

    stack = find_stack(home)
    where = _folder_of(stack)
    chosen = passwords.choose(where, (), everything=True)
    wait_for(_apply(stack, chosen))
    if as_json:
        print(to_json({"folder": str(where), "files": list(chosen.files), "state": "in effect"}))
        return
    print(f"{counted(len(chosen.files), 'password')} of {printable(where)} hold on NATS and Postgres")


def _folder_of(stack: Stack) -> Path:
    """The folder of passwords of a home, or that which the settings name for both servers.

    Raises:
        WrongUsage: the settings name none, or two.
    """
    if stack.home is not None:
        return stack.home / "secrets"
    folders = {stack.settings.nats.secrets_dir, stack.settings.postgres.secrets_dir}
    (folder,) = folders if len(folders) == 1 else (None,)
    if folder is None:
        raise WrongUsage(
            "nats.secrets_dir and postgres.secrets_dir name no folder of passwords that NATS and Postgres share: name "
            "it there (`passwords renew` also takes --dir)"
        )
    return folder


def _renew_files(folder: Path, chosen: "Chosen", *, for_others: bool) -> None:
    from services.standalone import passwords
    from services.standalone.logins import write_users_file

    passwords.renew(folder, chosen.files)
    if for_others:
        write_users_file(folder, passwords.USERS)


def _next_step(chosen: "Chosen", *, for_others: bool) -> str:
    if not for_others:
        return "they hold from the next `nightbus up` on"
    steps = ["reload NATS" if chosen.users else "", "run `nightbus passwords apply`" if chosen.roles else ""]
    return f"next: {' and '.join(filter(None, steps))}; services whose password differs wait meanwhile"


async def _apply(stack: Stack, chosen: "Chosen") -> None:
    """Have both servers take the passwords that the files have, and wait until they do."""
    from shared.db.migrate import set_passwords

    await _told_to_postgres(lambda: set_passwords(stack.settings.postgres, chosen.roles))
    for user in chosen.users:
        await until_taken(stack.nats(user), user, remedy=_LOG_OF_HOME if stack.home is not None else _RELOAD)


async def _renew_here(stack: Stack, folder: Path, chosen: "Chosen") -> None:
    """Renew the passwords of a home whose servers run, and wait until they hold.

    Where the disk is full halfway, Postgres is told of those that were renewed before: nobody is locked out.
    """
    from services.standalone import passwords
    from shared.db.migrate import set_passwords

    try:
        _writing(folder, lambda: passwords.renew(folder, chosen.files))
    finally:
        if chosen.roles:
            await _told_to_postgres(lambda: set_passwords(stack.settings.postgres, chosen.roles))
    for user in chosen.users:
        await until_taken(stack.nats(user), user)


async def _told_to_postgres(work: Callable[[], Awaitable[None]]) -> None:
    """Give Postgres the passwords that the files have by now; one that has just been started again is waited for.

    Raises:
        UserError: it does not answer, so that the roles have the passwords from before still.
    """
    deadline = time.monotonic() + TAKEN_WITHIN_S
    while True:
        try:
            await work()
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise UserError(
                    f"the files have other passwords, but Postgres does not know them ({error}), and services wait: "
                    f"run `nightbus passwords apply` once it answers, or start `nightbus up` anew"
                ) from error
        else:
            return
        await asyncio.sleep(_AGAIN_S)


async def until_taken(nats: "NatsSettings", user: str, *, known: bool = True, remedy: str = _LOG_OF_HOME) -> None:
    """Wait until NATS lets a user in, or, where it is not to be ``known``, lets it in no more.

    Raises:
        UserError: it does not come to that.
    """
    deadline = time.monotonic() + TAKEN_WITHIN_S
    while await _lets_in(nats, user) is not known:
        if time.monotonic() > deadline:
            what = "does not take the password of" if known else "still lets in"
            raise UserError(f"NATS at {nats.place} {what} {user}: {remedy}")
        await asyncio.sleep(_AGAIN_S)


async def until_answered(nats: "NatsSettings", name: str) -> None:
    """Wait until NATS lets a subscriber in and its consumer answers: a login is good a moment before its account is.

    Raises:
        UserError: it does not come to that.
    """
    deadline = time.monotonic() + TAKEN_WITHIN_S
    while not await _is_answered(nats, name):
        if time.monotonic() > deadline:
            raise UserError(
                f"NATS at {nats.place} does not let {subscriber_user(name)} in and pass its requests on: "
                "log/nats.log of the home says why"
            )
        await asyncio.sleep(_AGAIN_S)


async def _is_answered(nats: "NatsSettings", name: str) -> bool:
    from nats.errors import Error as NatsError

    from shared.bus.subscribers import is_answered

    try:
        client = await logged_in(nats, subscriber_user(name))
        try:
            return await is_answered(client, name)
        finally:
            await client.close()
    except (UserError, NatsError, OSError, TimeoutError):  # a login in the moment of a reload may end with it
        return False


async def _lets_in(nats: "NatsSettings", user: str) -> bool:
    from nats.errors import Error as NatsError

    try:
        client = await logged_in(nats, user)
    except (UserError, NatsError, OSError, TimeoutError):
        return False
    await client.close()
    return True


def _writing(folder: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except OSError as error:
        raise UserError(f"the folder {folder} cannot be written to: {error.strerror}") from error
