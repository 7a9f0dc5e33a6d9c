"""`ready`: what health checks of containers ask, and what people read there."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from tests.moto_server import free_port


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers as the pages of a process do."""

    answer = (200, "ok\n")

    def do_GET(self) -> None:
        """Say whether it is ready."""
        code, text = self.answer if self.path == "/readyz" else (404, "")
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing of requests."""


@pytest.fixture
def port() -> Iterator[int]:
    """The port of such pages."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No home and no settings of the machine."""
    monkeypatch.chdir(tmp_path)
    for name in ("NIGHTBUS_HOME", "NIGHTBUS_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def ask(monkeypatch: pytest.MonkeyPatch, port: int, *words: str) -> tuple[int, str]:
    """Run the command as in a container whose pages are at a port."""
    monkeypatch.setenv("NIGHTBUS_HEALTH__HOST", "0.0.0.0")  # noqa: S104 - as in the image
    monkeypatch.setenv("NIGHTBUS_HEALTH__PORT", str(port))
    result = CliRunner().invoke(app, ["ready", *words])
    return result.exit_code, result.output


def test_a_ready_service_is_code_0(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """What the page says is shown, and the code says that all is well; a host that is everywhere is asked here."""
    monkeypatch.setattr(Pages, "answer", (200, "ok\nwaits for root seestar: it is not mounted\n"))
    assert ask(monkeypatch, port) == (0, "services: ok\nservices: waits for root seestar: it is not mounted\n")


def test_one_that_is_not_ready_is_code_1(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """What is missing is shown, whatever characters it has."""
    monkeypatch.setattr(Pages, "answer", (503, "nats: \x1b[31mdoes not answer\n"))
    assert ask(monkeypatch, port) == (1, "services: nats: \\x1b[31mdoes not answer\n")


def test_silence_is_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing listens that is said, with the address."""
    code, said = ask(monkeypatch, unused := free_port())
    assert code == 1
    assert said == f"services: nothing answers at 127.0.0.1:{unused} (Connection refused)\n"


def test_without_pages_there_is_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without a health port is told how to get one."""
    code, said = ask(monkeypatch, 0)
    assert code == 1
    assert "no health page to ask: set health.port" in said


def test_the_port_of_the_settings_file_is_asked(monkeypatch: pytest.MonkeyPatch, port: int, tmp_path: Path) -> None:
    """Where the environment says nothing, nightbus.toml does."""
    (tmp_path / "nightbus.toml").write_text(f"[health]\nport = {port}\n")
    assert CliRunner().invoke(app, ["ready"]).output == "services: ok\n"


def test_a_home_that_does_not_run_is_not_ready(tmp_path: Path) -> None:
    """A home whose `up` has ended is not ready, and a folder that is none is said."""
    result = CliRunner().invoke(app, ["ready", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "There is no Nightbus home" in result.output
    (tmp_path / "nightbus.lock").write_text("\n")
    result = CliRunner().invoke(app, ["ready", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "is not running in" in result.output
