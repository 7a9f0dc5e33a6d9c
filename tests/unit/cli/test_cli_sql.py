"""`nightbus sql`: psql on the views, or where the database is."""

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import sql
from services.cli.main import app
from services.standalone import binaries
from services.standalone.home import Home
from services.standalone.stack import Stack
from shared.db.roles import READERS
from shared.errors import UserError


def test_the_url_names_the_file_of_the_password_and_not_the_password(home: Home) -> None:
    """What another program needs is printed in two lines; the secret itself stays in its file."""
    result = CliRunner().invoke(app, ["sql", "--url", "--home", str(home.path)])
    assert result.exit_code == 0, result.stderr
    url, password = result.stdout.splitlines()
    assert url == f"postgresql://reader@127.0.0.1:{home.ports()['postgres']}/nightbus"
    assert password == f"password: {home.secrets / 'reader'}"
    assert home.secret("reader") not in result.stdout


def test_psql_gets_the_role_the_words_and_the_password_out_of_sight(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line's role, names without a schema, psql's own words after --, and no secret where others see it."""
    started: list[tuple[str, list[str], dict[str, str]]] = []

    def execve(program: str, words: list[str], environment: dict[str, str]) -> None:
        started.append((program, words, environment))

    words = ["sql", "--home", str(home.path), "--", "--csv", "-c", "SELECT 1"]
    stopped = CliRunner().invoke(app, words)
    assert stopped.exit_code == 1
    assert f"Nightbus is not running in {home.path}" in stopped.stderr
    monkeypatch.setattr(Home, "holder", lambda _home: os.getpid())
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(sql, "psql", lambda: "/usr/bin/psql")
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    ((program, words, environment),) = started
    assert [program, *words] == ["/usr/bin/psql", "/usr/bin/psql", "--csv", "-c", "SELECT 1"]
    assert (environment["PGUSER"], environment["PGPASSWORD"]) == ("reader_cli", home.secret("reader_cli"))
    assert environment["PGOPTIONS"] == "-c search_path=stats,ingest,calibration,backup,api"
    assert environment["PATH"] == os.environ["PATH"]


def test_a_home_of_before_a_role_gets_its_password(home: Home) -> None:
    """A reading role that a home knows nothing of gets its file from `migrate`, and is told of till then."""
    kept = home.secret("reader")
    for role in READERS[1:]:
        (home.secrets / role).unlink()
    refused = CliRunner().invoke(app, ["captures", "--home", str(home.path)])
    assert refused.exit_code == 1
    assert f"{home.secrets} has no password of reader_cli: start Nightbus, which makes it" in refused.stderr
    assert CliRunner().invoke(app, ["migrate", "--home", str(home.path)]).exit_code == 1, "no server runs"
    assert len({home.secret(role) for role in READERS if (home.secrets / role).is_file()}) == len(READERS)
    assert home.secret("reader") == kept


def test_up_makes_the_passwords_that_a_home_lacks(home: Home) -> None:
    """The next start of a home of today makes the files of new roles, and leaves those that are there."""
    kept = home.secret("reader")
    (home.secrets / "reader_cli").unlink()
    (home.secrets / "reader_grafana").unlink()
    stack = Stack(home)
    stack.postgres.port = home.ports()["postgres"]
    where = stack.postgres_settings()
    assert len({where.password_of(role) for role in READERS}) == len(READERS)
    assert where.password_of("reader") == kept


def test_the_servers_own_psql_serves_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel of the embedded server brings one; without both the package is named."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert Path(sql.psql()).is_file()

    def missing() -> binaries.Binaries:
        raise UserError("the servers are not installed")

    monkeypatch.setattr(binaries, "installed_binaries", missing)
    with pytest.raises(UserError, match="psql is not installed: it comes with the package postgresql-client"):
        sql.psql()
