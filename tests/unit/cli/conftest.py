"""A home for commands that need no running stack."""

from pathlib import Path

import pytest

from services.standalone.home import Home
from shared.db.roles import READERS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home that was started once, in a folder without settings; no stack runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTBUS_CONFIG", raising=False)
    with Home.open(tmp_path / "home") as opened:
        opened.port("nats")
        opened.port("postgres")
        for role in READERS:
            opened.secret(role)
    return opened
