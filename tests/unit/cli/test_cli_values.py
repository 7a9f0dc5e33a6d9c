"""Values of options and arguments."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import document
from services.cli.main import app
from services.cli.own import meanings
from services.cli.values import Plainly
from services.descriptions import NAMES
from services.settings import AllSettings
from shared.targets.matcher import Matcher
from shared.written import SECTIONS


def test_every_value_is_made_here() -> None:
    """No option or argument of any command is left to Typer, whose way needs a library that takes long to import."""
    left = [
        f"{name} {param.name}"
        for name, command in document.commands()
        for param in command.params
        if name != "nightbus" and not isinstance(param._runtime_param, Plainly)
    ]
    assert left == []


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["files", "--limit", "0"], "'--limit': 0 is no whole number from 1 to"),
        (["files", "--limit", "1.5"], "'--limit': 1.5 is no whole number"),
        (["files", "--year", "-3"], "'--year': -3 is no whole number from 1900 to 9999"),
        (["preview", "a", "--format", "gif"], "'--format': gif is none of jpeg, webp, png"),
        (["ingest", "a", "--mode", "steal"], "'--mode': steal is none of copy, move, index"),
        (["run", "nothing"], "nothing is none of ingest, scanner, stats, calibration, backup, api"),
        (["files", "--object", ""], "'--object': an empty name names nothing"),
    ],
)
def test_a_wrong_value_names_its_place_and_what_is_right(words: Sequence[str], answer: str) -> None:
    """One sentence and exit code 2."""
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2
    assert answer in result.stderr
    assert result.stderr.count("\n") == 1


def test_sections_that_may_be_written_are_those_of_the_settings() -> None:
    """A command that reads no settings still notices a section that nobody knows."""
    assert set(SECTIONS) <= set(AllSettings.model_fields) <= {*SECTIONS, *NAMES}


def test_a_name_means_here_what_the_scanner_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`match` reads names without what positions need, and answers as the matcher does that the scanner asks."""
    monkeypatch.chdir(tmp_path)
    matcher, named = Matcher.load(), meanings()
    for name in (
        "M 31",
        "NGC 7000 Ha",
        "Veil Nebula",
        "Andromedda Galaxy",
        "nonsense",
        "",
        "Heart and Soul",
        "x" * 500,
    ):
        found, said = named(name), matcher.match(name)
        best = found.pairs[0] if found.pairs else None
        assert (best[0].catalog_id if best else None, best[1] if best else 0.0) == (said.catalog_id, said.confidence)
        assert not best or found.method == said.method


def test_own_targets_count_for_match(tmp_path: Path) -> None:
    """Targets of nightbus.toml are known, also where they come by the environment; a mistake in the file is told."""
    program = [sys.executable, "-m", "services.cli.start", "match", "Herzchen"]
    repository = Path(__file__).resolve().parents[3]
    env = {"PYTHONPATH": str(repository), "NIGHTBUS_HOME": str(tmp_path / "none"), "PATH": ""}

    def answered(extra: dict[str, str]) -> tuple[int, str]:
        done = subprocess.run(program, cwd=tmp_path, env=env | extra, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert answered({})[0] == 3
    by_environment = {"NIGHTBUS_TARGETS": '[{"id": "IC1805", "names": ["Herzchen"]}]'}
    assert "IC1805" in answered(by_environment)[1]
    (tmp_path / "nightbus.toml").write_text('[[targets]]\nid = "IC1805"\nnames = ["Herzchen"]\n')
    assert "IC1805" in answered({})[1]
    (tmp_path / "nightbus.toml").write_text('[[target]]\nid = "IC1805"\n')
    assert answered({}) == (1, "nightbus: unknown setting target; did you mean targets?\n")
