"""What is wrong with an event or a command that cannot be read, as a sentence."""

from pydantic import ValidationError


def first_mistake(error: ValidationError) -> str:
    """The first thing that is wrong with a message, behind the name of its field where it has one."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    words = first["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words
