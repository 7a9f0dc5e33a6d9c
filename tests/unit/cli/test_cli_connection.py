"""Which stack the command line talks to."""

import os
from pathlib import Path

import pytest

from services.cli.config import example_toml
from services.cli.connection import find_stack
from services.cli.status import _about
from services.standalone import room
from services.standalone.home import Home
from services.stats.settings import StatsSettings
from shared.errors import UserError


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A default home that was started once; the current folder is another one, without settings."""
    for name in [name for name in os.environ if name.upper().startswith("NIGHTBUS_")]:
        monkeypatch.delenv(name)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(Home, "resolve", lambda path=None: Path(path) if path else tmp_path / "home")
    with Home.open(tmp_path / "home") as opened:
        opened.port("nats")
        opened.port("postgres")
    return tmp_path / "home"


@pytest.mark.parametrize(
    "text",
    [
        '[[sources]]\nname = "seestar"\npath = "/captures"\n[stats]\nsession_quiet_s = 7\n',
        "[nats]\nmax_bytes = 5000000\n[postgres]\npool_size = 7\n[stats]\nsession_quiet_s = 7\n",
        example_toml().replace("#session_quiet_s = 3600.0", "session_quiet_s = 7"),
    ],
)
def test_a_file_that_names_no_server_leaves_the_home_in_charge(home: Path, text: str) -> None:
    """Settings of sources, sizes and services hold, and NATS and Postgres are those of the default home."""
    Path("nightbus.toml").write_text(text)
    stack = find_stack(None)
    assert stack.home == home
    assert stack.settings.postgres.secrets_dir == home / "secrets"
    assert stack.settings.section(StatsSettings).session_quiet_s == 7


@pytest.mark.parametrize("text", ['[postgres]\nhost = "db"\n', '[nats]\nurl = "nats://db:4222"\n'])
def test_a_file_that_names_a_server_is_obeyed(home: Path, text: str) -> None:
    """Who says where NATS or Postgres is does not mean the default home."""
    Path("nightbus.toml").write_text(text)
    assert find_stack(None).home is None
    assert find_stack(home).home == home, "a home that is named goes first"


def test_the_environment_names_servers_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that says where Postgres is counts as a settings file does, one of sizes does not."""
    monkeypatch.setenv("NIGHTBUS_NATS__MAX_BYTES", "5000000")
    assert find_stack(None).home == home
    monkeypatch.setenv("NIGHTBUS_POSTGRES__HOST", "db")
    assert find_stack(None).home is None


def test_a_stack_that_does_not_run_is_called_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no `up` holds the home the sentence says that nothing runs; beside one that does, that it takes seconds.

    A disk without room is named: nothing is started again on it.
    """
    stack = find_stack(None)
    assert stack.does_not_answer("Postgres at x").startswith(f"Nightbus is not running in {home}: start it with `")
    with Home.open(home):
        said = stack.does_not_answer("Postgres at x")
        assert said.startswith(f"Postgres at x does not answer, though `nightbus up` runs (process {os.getpid()})")
        monkeypatch.setattr(room, "LEAST_FREE_BYTES", 2**62)
        assert f"the disk of {home} is full" in stack.does_not_answer("Postgres at x")


def test_without_a_home_the_start_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With settings that name no server and no home there is one sentence: it is not running, and how to start it."""
    monkeypatch.setattr(Home, "resolve", lambda path=None: Path(path) if path else tmp_path / "none")
    Path("nightbus.toml").write_text("[stats]\nsession_quiet_s = 7\n")
    with pytest.raises(UserError, match=r"Nightbus is not running here: start it with `.* up`"):
        find_stack(None)


def test_hints_name_the_home_only_where_it_is_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The default home needs no --home; one that only a variable names does, since another shell lacks the variable."""
    monkeypatch.delenv("NIGHTBUS_HOME", raising=False)
    default = Home.resolve()
    assert Home.words(default) == ()
    assert Home.words(tmp_path) == ("--home", str(tmp_path))
    monkeypatch.setenv("NIGHTBUS_HOME", str(tmp_path))
    assert Home.words(Home.resolve()) == ("--home", str(tmp_path))
    assert Home.words(default) == ("--home", str(default))


def test_status_tells_of_a_full_home_and_of_what_was_set_aside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home with room and a sound store needs no word; else there is a sentence for each."""
    assert _about(home) == []
    kept = home / "nats" / "jetstream.damaged-20260110T212005.000000Z"
    kept.mkdir()
    monkeypatch.setattr(room, "LEAST_FREE_BYTES", 2**62)
    full, damaged = _about(home)
    assert f"the disk of {home} is full" in full
    assert f"a damaged message store is kept in {kept}" in damaged


def test_a_service_that_is_being_started_is_said_to_be(home: Path) -> None:
    """While `up` holds the home, a service that does not answer is on its way; else it does not run."""
    error = UserError("the ingest service is not running")
    stack = find_stack(home)
    assert stack.not_running(error) == "the ingest service is not running"
    with Home.open(home):
        assert stack.not_running(error).startswith("the ingest service is not running yet: `nightbus up` runs and ")


def test_a_first_start_is_said_to_be_one(home: Path) -> None:
    """Where `up` has not chosen its ports yet, the home was not never started: it is being started now."""
    (home / "run" / "ports.json").unlink()
    with pytest.raises(UserError, match="has never been started"):
        find_stack(home)
    with Home.open(home), pytest.raises(UserError, match=r"starts in .* for the first time: repeat this"):
        find_stack(home)
