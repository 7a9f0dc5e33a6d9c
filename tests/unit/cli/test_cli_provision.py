"""Promises of `nightbus provision` where NATS takes its time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import run
from services.cli.connection import Stack
from services.cli.main import app
from services.settings import load_settings


class Client:
    """A client whose JetStream is how long each answer is waited for."""

    def jetstream(self, timeout: float = 5.0) -> float:
        """What nats-py gives, as far as this test asks."""
        return timeout


def test_streams_are_waited_for_on_a_busy_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer may take several times the five seconds of the library: a disk is busy when a machine starts."""
    waited: list[float] = []

    @asynccontextmanager
    async def bus(*_asked: object) -> AsyncIterator[Client]:
        yield Client()

    async def make_streams(js: float, _settings: object, services: Sequence[object]) -> None:
        assert services
        waited.append(js)

    monkeypatch.setattr(run, "bus", bus)
    monkeypatch.setattr("shared.bus.provision.provision", make_streams)
    monkeypatch.setattr(run, "find_stack", lambda _home: Stack(load_settings(), None))
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(tmp_path / "nightbus.toml"))
    (tmp_path / "nightbus.toml").touch()
    result = CliRunner().invoke(app, ["provision"])
    assert result.exit_code == 0, result.output
    assert waited == [20.0]
