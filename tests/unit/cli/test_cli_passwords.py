"""`passwords` on a folder, without servers."""

import errno
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli import passwords as commands
from services.cli.connection import Stack
from services.cli.main import app
from services.settings import AllSettings
from services.standalone import passwords
from services.standalone.binaries import installed_binaries
from services.standalone.home import new_password_in
from services.standalone.logins import USERS_FILE
from services.standalone.passwords import ROLES, USERS
from services.standalone.postgres import SUPERUSER
from shared.bus.names import subscriber_user
from shared.db import migrate
from shared.errors import Unavailable, UserError

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run the command line in this process."""
    return lambda *words: CliRunner().invoke(app, list(words), env={"NIGHTBUS_CONFIG": ""})


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder and what is in it."""
    return {file.name: file.read_text() for file in sorted(folder.iterdir())}


def test_a_folder_is_made_that_the_server_takes(run: Run, tmp_path: Path) -> None:
    """A file for each user and role, closed to others, and users that nats-server accepts; what is there stays."""
    folder = tmp_path / "secrets"
    made = run("passwords", "make", str(folder))
    assert made.exit_code == 0, made.output
    files = {f"nats-{user.name}" for user in USERS} | {*ROLES, SUPERUSER}
    assert f"{len(files)} passwords made" in made.output
    kept = contents(folder)
    assert set(kept) == files | {USERS_FILE}
    assert len({kept[name] for name in files}) == len(files), "each has its own"
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not any(kept[name].strip() in made.output for name in files)
    configuration = tmp_path / "server.conf"
    configuration.write_text(f'jetstream {{}}\ninclude "secrets/{USERS_FILE}"\n')
    checked = subprocess.run(
        [str(installed_binaries().nats_server), "-t", "-c", str(configuration)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "0 passwords made" in run("passwords", "make", str(folder)).output
    assert contents(folder) == kept


def test_only_what_was_named_is_renewed(run: Run, tmp_path: Path) -> None:
    """A service's name means its user and its role, a file's name that file; --dry-run changes nothing."""
    folder = tmp_path / "secrets"
    run("passwords", "make", str(folder))
    (folder / f"nats-{subscriber_user('lights')}").write_text("of before\n")
    before = contents(folder)
    tried = run("passwords", "renew", "stats", "subscriber-lights", "--dir", str(folder), "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "3 passwords would be renewed" in tried.output
    assert contents(folder) == before
    done = run("passwords", "renew", "stats", "subscriber-lights", "--dir", str(folder), "--json")
    told = json.loads(done.output)
    assert set(told["files"]) == {"nats-stats", "stats", "nats-subscriber-lights"}
    after = contents(folder)
    assert {name for name in after if after[name] != before[name]} == {*told["files"], USERS_FILE}
    assert after["nats-stats"].strip() in after[USERS_FILE]
    assert "subscriber-lights" in after[USERS_FILE]
    one = run("passwords", "renew", "nats-cli", "--dir", str(folder))
    assert "1 password renewed" in one.output
    assert "next: reload NATS; services" in one.output
    everything = run("passwords", "renew", "--all", "--dir", str(folder))
    assert "next: reload NATS and run `nightbus passwords apply`" in everything.output
    assert contents(folder)[SUPERUSER] == before[SUPERUSER]


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["renew"], "name whose passwords, or all by --all", 2),
        (["renew", "stats", "--all", "--dir", "{}"], "name whose passwords, or all by --all", 2),
        (["renew", "stat", "--dir", "{}"], "'stat' has no password here; did you mean 'stats'?", 1),
        (["renew", SUPERUSER, "--dir", "{}"], "nightbus_admin makes the other roles: change its password", 1),
        (["renew", "stats", "--dir", "{}/none"], "there is no folder", 1),
    ],
)
def test_what_cannot_be_renewed_is_told(run: Run, tmp_path: Path, words: list[str], sentence: str, code: int) -> None:
    """One sentence and an exit code."""
    run("passwords", "make", str(tmp_path))
    done = run("passwords", *(word.format(tmp_path) for word in words))
    assert (done.exit_code, sentence in done.output) == (code, True), done.output


def test_the_folder_of_the_settings_is_renewed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the settings name one folder for both servers, no --dir is needed; where they name two, or none, it is."""
    run("passwords", "make", str(tmp_path))
    before = contents(tmp_path)
    monkeypatch.setenv("NIGHTBUS_NATS__SECRETS_DIR", str(tmp_path))
    alone = run("passwords", "renew", "stats")
    assert (alone.exit_code, "no folder of passwords that NATS and Postgres share" in alone.output) == (2, True)
    assert contents(tmp_path) == before
    monkeypatch.setenv("NIGHTBUS_POSTGRES__SECRETS_DIR", str(tmp_path))
    done = run("passwords", "renew", "stats")
    assert done.exit_code == 0, done.output
    after = contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"stats", "nats-stats", USERS_FILE}


async def test_postgres_is_told_of_what_a_full_disk_let_through(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were replaced before the disk was full hold, in the database too; one that starts is waited for."""
    run("passwords", "make", str(tmp_path))
    before = contents(tmp_path)
    tries: list[tuple[str, ...]] = []

    def until_full(folder: Path, name: str) -> str:
        if name == "reader":
            raise OSError(errno.ENOSPC, "No space left on device")
        return new_password_in(folder, name)

    async def set_passwords(_settings: object, roles: tuple[str, ...]) -> None:
        tries.append(roles)
        if len(tries) < 3:
            raise Unavailable("Postgres does not answer")

    monkeypatch.setattr(passwords, "new_password_in", until_full)
    monkeypatch.setattr(migrate, "set_passwords", set_passwords)
    stack = Stack(AllSettings(), None)
    chosen = passwords.Chosen((), ("stats", "reader"))
    with pytest.raises(UserError, match="cannot be written to: No space left on device"):
        await commands._renew_here(stack, tmp_path, chosen)
    assert tries == [("stats", "reader")] * 3
    after = contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"stats"}


async def test_a_postgres_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what differs and what to do."""

    async def away() -> None:
        raise Unavailable("Postgres does not answer")

    monkeypatch.setattr(commands, "TAKEN_WITHIN_S", 0.0)
    with pytest.raises(
        UserError, match=r"Postgres does not know them \(Postgres does not answer\).*`nightbus passwords apply`"
    ):
        await commands._told_to_postgres(away)
