"""Who may log in to NATS, from a folder of passwords: the users of the services, and each subscriber that has a file.

`nightbus up` writes it into the configuration of its server, and has the server read that anew whenever a file of the
folder changes: a reload ends no stream and no connection but those whose login no longer holds. For a NATS of one's own
`nightbus passwords` writes the same as a file that its configuration includes.
"""

import asyncio
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from services.standalone.home import password_in, write_durably
from shared.bus.accounts import accounts
from shared.bus.names import SUBSCRIBER_PREFIX, is_subscriber_name, subscriber_user
from shared.bus.rights import User
from shared.logging import get_logger
from shared.settings.servers import NATS_LOGIN_PREFIX, nats_password_file

log = get_logger(__name__)

USERS_FILE = "nats-users.conf"
"""The users with their passwords and rights, as the configuration of a NATS server includes them."""
LOOK_EVERY_S = 1.0
_ACCOUNT_OF_SUBSCRIBER = re.compile(rf"^  ({SUBSCRIBER_PREFIX}[a-z0-9-]+) \{{$", re.MULTILINE)

Marks = dict[str, tuple[int, int, int]]
"""Of each file of a password: inode, time of the last change in nanoseconds, and size in bytes."""


class Reloading(Protocol):
    """A server that takes another list of users while it runs."""

    async def reload(self) -> bool:
        """Have it take the list as it is now; whether it differs from the one before."""
        ...


def subscribers_in(folder: Path) -> tuple[str, ...]:
    """The names of the subscribers whose passwords a folder keeps; files with other names, such as copies, are none."""
    start = nats_password_file(SUBSCRIBER_PREFIX)
    found = (file.name.removeprefix(start) for file in folder.glob(f"{start}*"))
    return tuple(sorted(filter(is_subscriber_name, found)))


def forget_subscriber(folder: Path, name: str) -> bool:
    """Remove the password of a subscriber; whether there was one."""
    file = folder / nats_password_file(subscriber_user(name))
    was_there = file.exists()
    file.unlink(missing_ok=True)
    return was_there


def logins(folder: Path, users: Iterable[User]) -> str:
    """The accounts with these users and the subscribers of the folder.

    Passwords of these users that lack are made. A subscriber whose password cannot be read is left out, so that it
    keeps nobody else from logging in.
    """
    users = tuple(users)
    passwords = {user.name: password_in(folder, nats_password_file(user.name)) for user in users}
    read = {name: _password_of_subscriber(folder, name) for name in subscribers_in(folder)}
    known = {name: password for name, password in read.items() if password is not None}
    passwords |= {subscriber_user(name): password for name, password in known.items()}
    return accounts(users, known, lambda user: quoted(passwords[user]))


def subscribers_told(configuration: str) -> frozenset[str]:
    """The users of the subscribers that have an account in a configuration."""
    return frozenset(_ACCOUNT_OF_SUBSCRIBER.findall(configuration))


def _password_of_subscriber(folder: Path, name: str) -> str | None:
    """What is in its file, which is never made here: a subscriber that is revoked in this moment stays revoked."""
    file = folder / nats_password_file(subscriber_user(name))
    try:
        password = file.read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        log.warning("a subscriber is not let in: its password cannot be read", file=str(file), reason=str(error))
        return None
    if not password:
        log.warning("a subscriber is not let in: its password file is empty", file=str(file))
        return None
    return password


def write_users_file(folder: Path, users: Iterable[User]) -> Path:
    """Write the users of a NATS of one's own into their folder, closed to others as the passwords are."""
    head = (
        "# Users of NATS with their passwords and rights, written by `nightbus passwords` and `nightbus subscribers`.\n"
        "# Include it in the configuration of the server, and reload the server whenever it was written anew; twice,\n"
        "# some seconds apart, where a subscriber is new.\n"
    )
    file = folder / USERS_FILE
    write_durably(file, head + logins(folder, users), mode=0o600)
    return file


async def follow(folder: Path, server: Reloading) -> None:
    """Have a server take who may log in, whenever a password in the folder changed; runs until cancelled."""
    seen: Marks = {}
    while True:
        marks = await asyncio.to_thread(_marks, folder)
        if marks != seen:
            seen = marks
            if await server.reload():
                log.info("nats takes who may log in now", subscribers=len(subscribers_in(folder)))
        await asyncio.sleep(LOOK_EVERY_S)


def quoted(value: str) -> str:
    """A string of the NATS configuration language."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _marks(folder: Path) -> Marks:
    with os.scandir(folder) as entries:
        facts = {entry.name: entry.stat() for entry in entries if entry.name.startswith(NATS_LOGIN_PREFIX)}
    return {name: (one.st_ino, one.st_mtime_ns, one.st_size) for name, one in facts.items()}
