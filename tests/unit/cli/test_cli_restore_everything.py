"""Promises of `backup restore-everything` at the command line, where archives have to be thawed before files come."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.backup.restore.thaw import Cold, Needed
from services.cli.main import app
from services.standalone.restoring import everything
from services.standalone.restoring.everything import Wish
from tests.memory_destination import MemoryDestination

KEY = "backups/raw/2026/a.tar.zst"
GB = 1_000_000_000


class Restored(Exception):
    """The restore went on to the files."""


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> MemoryDestination:
    """A destination with an archive in DEEP_ARCHIVE, which everything is restored from once the database is there."""
    destination = MemoryDestination("cloud")
    destination.objects[KEY] = b"an archive"
    destination.frost[KEY] = "frozen"

    def thaws(call: str, key: str) -> None:
        if call == "look" and destination.frost.get(key) == "thawing":
            del destination.frost[key]

    destination.before = thaws

    async def restore(_wish: Wish, _ask: object, _told: object, thaw: everything.Thaw) -> None:
        await thaw({"cloud": destination}, Needed((), (Cold("cloud", KEY, 100 * GB, "DEEP_ARCHIVE", "frozen", GB),)))
        raise Restored

    monkeypatch.setattr(everything, "restore_everything", restore)
    return destination


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command with more words, as somebody without a terminal gives it."""
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(tmp_path / "nightbus.toml"))
    (tmp_path / "disk").mkdir()
    where = ["--from", str(tmp_path / "disk"), "--home", str(tmp_path / "home")]
    return lambda *words: CliRunner().invoke(app, ["backup", "restore-everything", *where, *words])


def test_nothing_is_thawed_unless_it_is_wanted(cold: MemoryDestination, asked: Callable[..., Result]) -> None:
    """Without --yes it ends after the price, and nothing was asked of the destination."""
    result = asked()
    assert result.exit_code == 2
    assert "1 archive (100.0 GB) in DEEP_ARCHIVE to be thawed: up to 12 h and about " in result.stderr
    assert "would be thawed, which costs money: repeat it with --yes" in result.stderr
    assert cold.asked == []


def test_what_is_wanted_is_thawed_before_the_files_come(cold: MemoryDestination, asked: Callable[..., Result]) -> None:
    """With --yes the price is said, the archive asked for once, at that tier for so many days, and waited for."""
    result = asked("--yes", "--tier", "bulk", "--days", "3")
    assert isinstance(result.exception, Restored)
    assert "in DEEP_ARCHIVE to be thawed: up to 48 h and about " in result.stderr
    assert cold.asked == [(KEY, 3, "bulk")]
    assert KEY not in cold.frost
