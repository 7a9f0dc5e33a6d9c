"""Commands that are imported when they are asked for: `--help` and a quick command wait for no other's libraries."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup

from services.cli.values import take_over


@dataclass(frozen=True, slots=True)
class Listed:
    """A command as the list of commands has it.

    ``place`` is ``module:function`` or ``module:group`` below ``services.cli``; ``summary`` is the first sentence of
    its help, which a test compares.
    """

    name: str
    panel: str
    summary: str
    place: str

    def load(self) -> Any:
        """Import the command and make it."""
        module, _, member = self.place.partition(":")
        found = getattr(importlib.import_module(f"services.cli.{module}"), member)
        if not isinstance(found, typer.Typer):
            return single(self.name, found)
        return _taken_over(typer.main.get_command(found))


def _taken_over(command: Any) -> Any:
    """A command, and all below it where it is a group."""
    for member in getattr(command, "commands", {}).values():
        _taken_over(member)
    return take_over(command)


def single(name: str, function: Callable[..., None]) -> Any:
    """A command made of a function."""
    maker = group()
    maker.command(name)(function)
    return take_over(typer.main.get_command(maker))


def summary(command: Any) -> str:
    """The first sentence of a command's help."""
    words, end, _ = " ".join((command.help or "").split("\n\n")[0].split()).partition(". ")
    return words + end.strip()


class Group(TyperGroup):
    """A group whose help has the whole first sentence of each command."""

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """List the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(command)) for name, command in self.commands.items()])


def group(**options: Any) -> typer.Typer:
    """A Typer of ours: plain help, which needs no library, and no completion of its own."""
    options = {"cls": Group, "add_completion": False, **options}
    return typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )


class Commands(Mapping[str, Any]):
    """The commands by name, each made when it is looked up."""

    def __init__(self, listed: tuple[Listed, ...]) -> None:
        self.listed = listed
        self._by_name = {one.name: one for one in listed}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._by_name[name].load()
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)
