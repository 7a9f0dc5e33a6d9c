"""Settings under `nightbus up`: each holds, or is refused with a sentence before anything is started."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.settings import AllSettings, load_settings
from services.standalone.app import environment_of
from services.standalone.home import Home
from services.standalone.own_servers import contradictions
from services.standalone.readablelog import ReadableLog
from services.standalone.stack import Stack
from shared.errors import UserError
from shared.settings import LogSettings


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The nightbus.toml of the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTBUS_CONFIG", raising=False)
    return tmp_path / "nightbus.toml"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '[nats]\nurl = "nats://nas:4222"',
            "setting nats.url says where NATS is, but `nightbus up` brings its own NATS",
        ),
        ('[postgres]\nhost = "nas"', "setting postgres.host says where Postgres is, but `nightbus up` brings its own"),
        ("[nats]\nreplicas = 3", "setting nats.replicas is 3, but the NATS of `nightbus up` is a single server"),
        ("[health]\nport = 8080", "setting health.port is one port for one service, but `nightbus up` runs several"),
        ('[library]\ngroup = "no-such-group"', "library.group: this machine has no group 'no-such-group'"),
        (
            f"[scanner]\npreviews = true\npreviews_dir = {json.dumps('HOME/library/previews')}",
            "scanner.previews_dir must be apart from the library: ",
        ),
    ],
)
def test_what_up_cannot_obey_is_refused(file: Path, text: str, sentence: str) -> None:
    """`up` says which key it cannot obey, and makes no home."""
    home = file.parent / "home"
    file.write_text(text.replace("HOME", str(home)))
    result = CliRunner().invoke(app, ["up", "--home", str(home)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"nightbus: {sentence}")
    assert not home.exists()
    checked = CliRunner().invoke(app, ["config", "check", "--home", str(home)])
    assert checked.exit_code == 0
    assert f"note: `nightbus up` refuses this: {sentence}" in checked.stdout


def test_previews_in_the_library_are_refused_by_a_check(file: Path) -> None:
    """What no service could run with is a mistake, also for `config check`."""
    file.write_text('[library]\npath = "/astro"\n[scanner]\npreviews = true\npreviews_dir = "/astro/previews"\n')
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 1
    assert result.stderr.startswith("nightbus: scanner.previews_dir must be apart from the library: /astro/previews")


def test_what_holds_with_servers_of_its_own_is_no_contradiction(file: Path) -> None:
    """Sizes, the address of the health pages, the log and one replica are obeyed."""
    file.write_text(
        '[nats]\nmax_bytes = 2000000\nreplicas = 1\n[postgres]\npool_size = 7\n[health]\nhost = "0.0.0.0"\n'
        '[log]\nformat = "json"\n'
    )
    assert contradictions(load_settings(), file.parent / "home") == []


def test_the_settings_reach_the_services(file: Path) -> None:
    """Log format, health address and stream size are those of nightbus.toml, and previews go into the home."""
    file.write_text(
        '[nats]\nmax_bytes = 2000000\n[health]\nhost = "0.0.0.0"\n[log]\nformat = "json"\n[scanner]\npreviews = true\n'
    )
    settings = load_settings()
    with Home.open(file.parent / "home") as home:
        home.port("health_ingest")
        stack = Stack(home, extra_environment=environment_of(home, settings), stream_max_bytes=settings.nats.max_bytes)
        stack.postgres.port = 5432
        told = stack.environment("ingest")
    assert told["NIGHTBUS_NATS__MAX_BYTES"] == "2000000"
    assert told["NIGHTBUS_HEALTH__HOST"] == "0.0.0.0"  # noqa: S104 - a setting that somebody wrote
    assert told["NIGHTBUS_LOG__FORMAT"] == "json"
    assert told["NIGHTBUS_SCANNER__PREVIEWS_DIR"] == str(home.path / "previews")
    assert told["NIGHTBUS_LIBRARY__PATH"] == str(home.path / "library")


def test_a_stream_larger_than_the_disk_is_refused(tmp_path: Path) -> None:
    """A size that the disk cannot hold is told with what it leaves."""
    with Home.open(tmp_path / "home") as home:
        stack = Stack(home, stream_max_bytes=2**60)
        with pytest.raises(
            UserError, match=r"setting nats\.max_bytes is 1152921504606846976, but the disk of .* leaves"
        ):
            stack.nats_settings()


@pytest.mark.parametrize(
    ("asked", "watched", "form"),
    [
        ("auto", True, "console"),
        ("auto", False, "json"),
        ("console", False, "console"),
        ("json", True, "json"),
    ],
)
def test_services_log_for_people_where_one_looks_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Any, watched: bool, form: str
) -> None:
    """Under `up` each process logs text where its output is a terminal, else JSON; a setting forces either."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: watched, raising=False)
    settings = AllSettings(log=LogSettings(format=asked))
    with Home.open(tmp_path / "home") as home:
        assert environment_of(home, settings)["NIGHTBUS_LOG__FORMAT"] == form


def test_a_json_log_holds_json_alone(tmp_path: Path) -> None:
    """Lines of services stay as they are, and all others become the event of an object that names the process."""
    with ReadableLog(tmp_path / "log", terminal=False, as_json=True) as log:
        log.line("ingest", '{"event": "import done", "service": "ingest"}')
        log.line("up", "ready after 4.2 s")
    first, second = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert first == {"event": "import done", "service": "ingest"}
    assert (second["service"], second["event"]) == ("up", "ready after 4.2 s")
