"""What a person is told before archives are thawed, and what happens without their word."""

import sys

import pytest
import typer

from services.backup.costs.prices import read_prices
from services.backup.restore.thaw import Cold, Needed, Waiting
from services.cli.backup.thaw import ThawTier, cost_lines, require_consent, waiting_text
from services.cli.usage import WrongUsage
from shared.errors import UserError

GB = 1_000_000_000
DEEP = Cold("cloud", "backups/raw/2026/a.tar.zst", 100 * GB, "DEEP_ARCHIVE", "frozen", GB)
GLACIER = Cold("cloud", "backups/raw/2026/b.tar.zst", 10 * GB, "GLACIER", "thawing", GB)
ODD = Cold("cloud", "backups/raw/2026/c.tar.zst", 10 * GB, "COLDLINE", "frozen", GB)
STANDARD = ThawTier.STANDARD


def test_costs_and_hours_are_said_of_each_class() -> None:
    """With the size, the days and whose prices these are; what was asked for before costs nothing more."""
    lines = cost_lines([DEEP, GLACIER, ODD], read_prices(), 7, STANDARD)
    assert lines[0] == "1 archive (10.0 GB) in COLDLINE to be thawed: the table of prices has no such class"
    assert lines[1].startswith("1 archive (100.0 GB) in DEEP_ARCHIVE to be thawed: up to 12 h and about 2.63 $")
    assert "with 7 days to read them and 1.0 GB of transfer (tier standard, AWS's prices of 20" in lines[1]
    assert lines[2:] == ["1 archive (10.0 GB) in GLACIER: asked for before, and thawing"]
    with pytest.raises(UserError, match="DEEP_ARCHIVE has no tier expedited"):
        cost_lines([DEEP], read_prices(), 7, ThawTier.EXPEDITED)


def test_nothing_is_thawed_without_a_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal --yes is asked for; on one the answer counts, and what is thawing already needs none."""
    frozen, prices = Needed((), (DEEP,)), read_prices()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(WrongUsage, match=r"1 archive \(100.0 GB\) would be thawed, which costs money: .*--yes"):
        require_consent(frozen, prices, 7, STANDARD, yes=False)
    require_consent(frozen, prices, 7, STANDARD, yes=True)
    require_consent(Needed((), (GLACIER,)), prices, 7, STANDARD, yes=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_words, **_options: False)
    with pytest.raises(typer.Exit):
        require_consent(frozen, prices, 7, STANDARD, yes=False)
    monkeypatch.setattr(typer, "confirm", lambda *_words, **_options: True)
    require_consent(frozen, prices, 7, STANDARD, yes=False)
    assert capsys.readouterr().err.count("DEEP_ARCHIVE to be thawed") == 4


def test_the_waiting_is_one_line() -> None:
    """How many are thawed, and why a look failed."""
    assert waiting_text(Waiting(1, 3)) == "1 of 3 archives thawed; Ctrl-C stops the waiting only"
    assert waiting_text(Waiting(0, 1, "cloud is away")).endswith("; cloud is away")
