"""What is typed becomes a value: text, whole numbers, one of several words, or what a function of ours makes of it.

Typer does this by pydantic, whose import takes longer than most commands. Here are the few kinds of values that our
commands have; whatever else there may be is left to Typer.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import typer

from shared import inert

One = Callable[[Any], Any]
_MOST_DIGITS = 20


class Plainly:
    """Makes the values of one option or argument, in place of Typer's own way."""

    def __init__(self, one: One) -> None:
        self._one = one

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """The value of what was typed or is the default.

        Raises:
            BadParameter: it is none that is allowed here; one sentence.
        """
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        try:
            return [self._one(item) for item in value] if many else self._one(value)
        except typer.BadParameter as error:
            error.ctx, error.param = ctx, param
            raise


def take_over(command: Any) -> Any:
    """Have the values of a command made here, as far as they are of a known kind; returns the command."""
    for param in command.params:
        _take_over_one(param)
    help_option = command.get_help_option

    def get_help_option(ctx: Any) -> Any:
        return _take_over_one(help_option(ctx))  # which is made with the context

    command.get_help_option = get_help_option
    return command


def _take_over_one(param: Any) -> Any:
    descriptor = getattr(param, "type_descriptor", None)
    if descriptor is not None and (one := _kind(descriptor)) is not None:
        param._runtime_param = Plainly(one)  # noqa: SLF001 - Typer asks for it once, and makes its own if there is none
    return param


def _kind(descriptor: Any) -> One | None:
    """How one value of this kind is made; None for a kind that is not known here."""
    info, wanted = descriptor.parameter_info, descriptor.annotation
    if info.parser is not None:
        parser: One = info.parser
        return parser
    if get_origin(wanted) is list:
        (wanted,) = get_args(wanted)
    if wanted is str:
        return str
    if wanted is bool:
        return bool  # of flags alone: what is typed for one is its name
    if wanted is int:
        return _whole_number(info.min, info.max)
    if get_origin(wanted) is Literal:
        return _one_of({word: word for word in get_args(wanted)})
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return _one_of({member.value: member for member in wanted})
    return None


def _whole_number(least: int | None, most: int | None) -> One:
    bounds = " to ".join(str(bound) for bound in (least, most) if bound is not None)
    words = f"whole number from {bounds}" if least is not None and most is not None else "whole number"

    def one(value: Any) -> int:
        text = str(value).strip()
        digits = text.removeprefix("-")
        if digits.isdecimal() and len(digits) <= _MOST_DIGITS:
            number = int(text)
            if (least is None or number >= least) and (most is None or number <= most):
                return number
        raise typer.BadParameter(f"{inert.name(text)} is no {words}")

    return one


def _one_of(words: dict[Any, Any]) -> One:
    choices: Sequence[str] = [str(word) for word in words]

    def one(value: Any) -> Any:
        if isinstance(value, Enum):
            return value
        if value in words:
            return words[value]
        raise typer.BadParameter(f"{inert.name(value)} is none of {', '.join(choices)}")

    return one
