"""Every command is documented, and the command line starts quickly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from services.cli import document
from services.cli.main import RENAMED, app

REPOSITORY = Path(__file__).resolve().parents[3]
COMMANDS = [name for name, _ in document.commands()]
HEAVY = ("astropy", "sep", "pyongc", "faststream", "nats", "asyncpg", "numpy", "pydantic_settings", "alembic")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_is_in_the_docs(name: str) -> None:
    """--help works for each command, says what it does, and docs/commands.md has its chapter."""
    result = CliRunner().invoke(app, [*name.split()[1:], "--help"])
    assert result.exit_code == 0
    command = dict(document.commands())[name]
    assert (command.help or "").strip()
    assert f"## `{name}`" in (REPOSITORY / "docs" / "commands.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_has_help(name: str) -> None:
    """No parameter leaves a person guessing."""
    command = dict(document.commands())[name]
    assert [item.name for item in command.params if not item.help] == []


def test_docs_are_what_the_code_says() -> None:
    """docs/commands.md is generated; ``python -m services.cli.document > docs/commands.md`` renews it."""
    assert (REPOSITORY / "docs" / "commands.md").read_text() == document.document()


def test_help_imports_nothing_heavy() -> None:
    """``nightbus --help`` starts without the libraries of astronomy, bus and database."""
    code = (
        "import sys, json\nfrom services.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert "Carries a night's captures home" in output.stdout
    loaded = json.loads(output.stdout.splitlines()[-1])
    assert not set(HEAVY) & set(loaded)


def test_version_is_printed() -> None:
    """``nightbus --version`` names program and version."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.split()[0]) == (0, "nightbus")


def test_wrong_usage_is_exit_code_2() -> None:
    """An unknown option and an unknown command are usage errors."""
    assert CliRunner().invoke(app, ["files", "--nonsense"]).exit_code == 2
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_a_renamed_command_is_told_by_its_name_of_today() -> None:
    """A command of an earlier version does nothing, and says in one sentence what it is called now."""
    result = CliRunner().invoke(app, ["rescan", "--all"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "nightbus: `nightbus rescan` is called `nightbus reread` now\n"
    known = {name.removeprefix("nightbus ") for name in COMMANDS}
    assert set(RENAMED.values()) <= known
    assert not set(RENAMED) & known


def test_an_expected_failure_is_one_sentence_and_exit_code_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where nothing runs, a command says so on standard error, without a traceback."""
    monkeypatch.setenv("NIGHTBUS_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["files"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("nightbus: There is no Nightbus home in")
    assert result.stderr.count("\n") == 1


def test_the_group_is_a_typer_command() -> None:
    """The page walks the very commands that are run."""
    assert set(typer.main.get_command(app).commands) == {name.split()[1] for name in COMMANDS if " " in name}  # type: ignore[attr-defined]
