"""The passwords of a folder: one file for each user of NATS and each role of Postgres, made and made anew.

A service has both, of one name: its user of NATS (file ``nats-stats``) and its role of Postgres (file ``stats``).
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.descriptions import SCHEMAS, SERVICES
from services.standalone.home import new_password_in, password_in
from services.standalone.logins import subscribers_in, write_users_file
from services.standalone.postgres import SUPERUSER
from shared.bus.names import subscriber_user
from shared.bus.rights import users_of
from shared.db.roles import OTHERS
from shared.errors import UserError
from shared.settings.servers import NATS_LOGIN_PREFIX, nats_password_file

USERS = users_of(SERVICES)
ROLES = (*SCHEMAS, *OTHERS)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to get another password: users of NATS and roles of Postgres."""

    users: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The files that hold these passwords."""
        return (*map(nats_password_file, self.users), *self.roles)


def make_passwords(folder: Path) -> list[str]:
    """Make the passwords that a folder lacks, and the users of NATS as a file for its server.

    Returns:
        The names of the files of passwords that were made.
    """
    wanted = (*(nats_password_file(user.name) for user in USERS), *ROLES, SUPERUSER)
    lacking = [file for file in wanted if not (folder / file).exists()]
    for file in wanted:
        password_in(folder, file)
    write_users_file(folder, USERS)
    return lacking


def choose(folder: Path, names: Sequence[str], *, everything: bool) -> Chosen:
    """What names mean: a service is a user of NATS and a role of Postgres, and each is also named by its file.

    Raises:
        UserError: a name is none, or that of the role that only we log in as.
    """
    users = [*(user.name for user in USERS), *map(subscriber_user, subscribers_in(folder))]
    if everything:
        return Chosen(tuple(users), ROLES)
    for name in names:
        if name == SUPERUSER:
            raise UserError(
                f"{SUPERUSER} makes the other roles: change its password by ALTER ROLE, then write it into its file"
            )
        if name.removeprefix(NATS_LOGIN_PREFIX) not in users and name not in ROLES:
            known = dict.fromkeys((*users, *ROLES))
            near = difflib.get_close_matches(name, known, n=1)
            raise UserError(f"{name!r} has no password here" + (f"; did you mean {near[0]!r}?" if near else ""))
    named = set(names)
    return Chosen(
        tuple(user for user in users if named & {user, nats_password_file(user)}),
        tuple(role for role in ROLES if role in named),
    )


def renew(folder: Path, files: Iterable[str]) -> None:
    """Make these passwords anew."""
    for file in files:
        new_password_in(folder, file)
