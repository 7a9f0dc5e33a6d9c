"""`sql`: open psql on the contract's views, as the role that reads and changes nothing."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from services.cli.connection import HomeOption, find_stack
from services.descriptions import SCHEMAS
from shared.db.roles import COMMAND_LINE, PEOPLE
from shared.errors import UserError

if TYPE_CHECKING:
    from shared.settings import PostgresSettings

_SEARCH_PATH = ",".join(sorted(SCHEMAS, key="stats".__ne__))
"""Where names without a schema are looked up, so that `SELECT * FROM files` is enough."""

WordsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PSQL WORDS]…", help="Passed to psql, such as -c 'SELECT * FROM captures' or --csv."),
]
UrlOption = Annotated[
    bool, typer.Option("--url", help="Print where the database is, for other programs, and where the password is kept.")
]


def sql(words: WordsArgument = None, url: UrlOption = False, home: HomeOption = None) -> None:
    """Open psql on the views, as the role that only reads.

    What is written after `--` goes to psql.
    """
    stack = find_stack(home)
    where = stack.settings.postgres
    if url:
        print(connection_url(where))
        return
    program = psql()
    if stack.home is not None and not stack.is_running:
        raise UserError(stack.does_not_answer("Postgres"))
    # The password goes through the environment, which other users cannot see; a command line is seen by all.
    os.execve(program, [program, *(words or [])], os.environ | environment(where))  # noqa: S606 - no shell is the point


def psql() -> str:
    """The psql of the system, else the one that comes with the embedded server.

    Raises:
        UserError: there is none.
    """
    if (found := shutil.which("psql")) is not None:
        return found
    from services.standalone.binaries import installed_binaries

    try:
        program = installed_binaries().postgres_bin / "psql"
    except UserError:
        program = Path()
    if not program.is_file():
        raise UserError("psql is not installed: it comes with the package postgresql-client")
    return str(program)


def environment(where: "PostgresSettings") -> dict[str, str]:
    """What psql has to know (libpq's variables)."""
    return {
        "PGHOST": where.host,
        "PGPORT": str(where.port),
        "PGDATABASE": where.database,
        "PGUSER": COMMAND_LINE.name,
        "PGPASSWORD": where.password_of(COMMAND_LINE.name),
        "PGOPTIONS": f"-c search_path={_SEARCH_PATH}",
        "PGAPPNAME": "nightbus-sql",
        **where.libpq(),
    }


def connection_url(where: "PostgresSettings") -> str:
    """A URL for programs of people, without the password, and the file that holds it where there is one."""
    url = f"postgresql://{PEOPLE.name}@{where.host}:{where.port}/{where.database}"
    if tls := where.libpq():
        url += f"?sslmode={tls['PGSSLMODE']}&sslrootcert={quote(tls['PGSSLROOTCERT'], safe='/')}"
    file = where.secrets_dir / PEOPLE.name if where.secrets_dir is not None else None
    return f"{url}\npassword: {file}" if file is not None else url
