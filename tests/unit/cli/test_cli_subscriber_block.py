"""Slips of the pen at `subscribers`, which are told before anything is connected to."""

import pytest
from typer.testing import CliRunner

from services.cli.main import app


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (("add", "Lights!"), "Lights! is no name of a subscriber: it has a-z, 0-9 and single hyphens", 2),
        (("add", "a--b"), "a--b is no name of a subscriber", 2),
        (("add", "x" * 41), "is no name of a subscriber", 2),
        (("add", "lights", "--subjects", "file.scand"), "no event has the subject 'file.scand'; there are file.", 1),
        (("add", "lights", "--subjects", "file.scanned,cmd.>"), "no event has the subject 'cmd.>'", 1),
        (("add", "lights", "--since", "yesterday"), "yesterday is no time: write one with its offset", 2),
        (("add", "lights", "--since", "2026-01-10T21:00"), "is no time: write one with its offset", 2),
        (("add", "lights", "--since", "0001-01-01"), "0001-01-01 is no time", 2),
        (("revoke", "../nats-cli"), "../nats-cli is no name of a subscriber", 2),
    ],
)
def test_slips_of_the_pen_are_told(words: tuple[str, ...], sentence: str, code: int) -> None:
    """One sentence and an exit code; a name is never a path."""
    done = CliRunner().invoke(app, ["subscribers", *words])
    assert (done.exit_code, sentence in " ".join(done.output.split())) == (code, True), done.output
