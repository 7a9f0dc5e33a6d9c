"""Whatever a person types at any place of any command: a sentence, an exit code, and nothing that a terminal obeys."""

import functools
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import document
from services.cli.main import app
from services.standalone import app as standalone_app
from services.standalone import demo as standalone_demo
from shared.targets.matcher import Matcher

COMMANDS = {name: command for name, command in document.commands() if not getattr(command, "commands", None)}
HOSTILE = {
    "nothing": "",
    "NUL": "a\0b",
    "no UTF-8": "\udcff.fits",
    "2^63": str(2**63),
    "below zero": "-9223372036854775809",
    "a name that is too long": "n" * 300,
    "ten megabytes": "9" * 10_000_000,
    "what a terminal obeys": "\x1b[31m\x07\x9b\u202e\u2028\n.fits",
    "markup": "[bold red]x[/nonsense]",
}
PLAIN = {"SERVICE": "stats", "ID": "1", "FILE_ID…": "abcdef", "TEXT": "because", "ID…": "1"}
"""What the other arguments of a command are given."""
LONGEST_WORD = 131_071
"""A shell passes no longer one."""
MATCHER_OF = functools.cache(Matcher.load)
"""Loaded once for all tests: the catalogue is not what is looked at here."""
MOST_CHARS = 3000
"""The most that a command answers: one sentence, and where help is."""


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No stack is there, and none is started: what is typed is judged, folders are made and locked, and that is all."""

    async def nothing(*_words: object) -> int:
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTBUS_CONFIG", raising=False)
    monkeypatch.setenv("NIGHTBUS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Matcher, "load", staticmethod(MATCHER_OF))
    monkeypatch.setattr(standalone_app, "_run", nothing)
    monkeypatch.setattr(standalone_demo, "_play", nothing)


def lines_of_a_command(command: Any, name: str) -> list[tuple[str, list[str]]]:
    """Each hostile value at each place of a command that takes a value, with what the place needs around it."""
    words = name.split()[1:]
    places = [item for item in command.params if item.param_type_name == "argument" or not item.is_flag]
    lines = []
    for place in places:
        others = [
            *(word for item in places if item.required and item is not place for word in typed(item, plain(item))),
        ]
        lines += [(title, [*words, *others, *typed(place, value)]) for title, value in HOSTILE.items()]
    return lines


def plain(item: Any) -> str:
    """A value that is right for a place."""
    return PLAIN.get(item.metavar, "a.fits")


def typed(item: Any, value: str) -> list[str]:
    """How a value is typed at its place."""
    return [f"{item.opts[0]}={value}"] if item.param_type_name == "option" else ["--", value]


@pytest.mark.parametrize("name", COMMANDS)
def test_hostile_words_are_answered_with_a_sentence(name: str) -> None:
    """Each value at each place of each command ends in an exit code and a short, printable answer; never in a fault."""
    for title, line in lines_of_a_command(COMMANDS[name], name):
        result = CliRunner().invoke(app, line)
        place = f"{title} in {[word[:40] for word in line]}"
        assert isinstance(result.exception, SystemExit | None), (place, result.exception)
        assert result.exit_code in {0, 1, 2, 3}, place
        assert len(result.output) <= MOST_CHARS or name == "nightbus demo", place
        assert all(part.isprintable() for part in result.output.split("\n")), place
        assert "Traceback" not in result.output, place
        if result.exit_code:
            assert result.output.strip(), place


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_commands_and_options_are_answered_with_a_sentence(title: str) -> None:
    """The same holds where a command or an option is expected."""
    value = HOSTILE[title][:LONGEST_WORD]
    for line in ([value], ["config", value], ["files", f"--{value}"], ["match", f"--{value}=x"]):
        result = CliRunner().invoke(app, line)
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert result.exit_code in {1, 2}
        assert len(result.output) <= MOST_CHARS
        assert all(part.isprintable() for part in result.output.split("\n"))


@pytest.mark.parametrize("command", ["match", "inspect", "preview"])
def test_hostile_lines_of_standard_input_are_answered_each(command: str) -> None:
    """Names that are read line by line are answered one by one, in text and in JSON, without a fault."""
    values = [value for value in HOSTILE.values() if "\n" not in value]
    text = "\n".join(values).encode("utf-8", "surrogateescape")
    for words in ([command, "-"], [command, "-", "--json"] if command != "preview" else [command, "-", "--size=64"]):
        result = CliRunner().invoke(app, words, input=text)
        assert isinstance(result.exception, SystemExit | None), result.exception
        answers = result.stderr if command == "preview" else result.stdout
        if command != "inspect" or "--json" in words:
            assert len(answers.rstrip("\n").split("\n")) == len(values)
        assert all(part.isprintable() for part in result.output.split("\n"))
        assert len(result.output) < 12_000


@pytest.mark.parametrize("variable", ["NIGHTBUS_CONFIG", "NIGHTBUS_HOME", "NIGHTBUS_NATS__URL", "NIGHTBUS_X\x1b"])
@pytest.mark.parametrize("value", ["", "\udcff", "n" * 300, "\x1b[31m\u202e", str(2**63)])
def test_a_hostile_environment_is_answered_with_a_sentence(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of the environment are judged as what is typed is."""
    monkeypatch.setenv(variable, value)
    for line in (["config", "check"], ["config", "explain"], ["files"], ["match", "M 31"]):
        result = CliRunner().invoke(app, line)
        assert isinstance(result.exception, SystemExit | None), (line, result.exception)
        assert all(part.isprintable() for part in result.output.split("\n")), line


@pytest.mark.parametrize(
    "words", [["config", "check"], ["config", "explain"], ["match", "M 31"], ["equipment", "rigs"]]
)
def test_a_hostile_settings_file_is_answered_with_a_sentence(words: list[str], tmp_path: Path) -> None:
    """Names and keys of nightbus.toml that a terminal would obey, or that are endless, do neither harm."""
    name = "\\u001b[31m\\u202e\\u0085" + "x" * 5000
    for text in (
        f'[[rigs]]\nname = "{name}"\n',
        f'[[targets]]\nid = "M1"\nnames = ["{name}"]\n',
        f'[filters]\n"{name}" = "{name}"\n',
        f'"{name}" = 1\n',
        f'[[sources]]\nname = "{name}"\npath = "{name}"\n',
        f'[library]\npath = "/{name}"\n',
        '[library]\npath = "a\\u0000b"\n',
        '[[sources]]\nname = "a"\npath = "a\\u0000b"\n',
        "[nats]\nmax_bytes = 9223372036854775808999\n",
        "\x00",
    ):
        (tmp_path / "nightbus.toml").write_text(text)
        result = CliRunner().invoke(app, words)
        assert isinstance(result.exception, SystemExit | None), (text[:60], result.exception)
        assert all(part.isprintable() for part in result.output.split("\n")), text[:60]
