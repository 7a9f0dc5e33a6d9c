"""What the contract takes of a frame's facts: a fact beyond its bounds is left out and named, the others stay."""

from typing import TypeVar

from pydantic import ValidationError

from shared.events.base import Model

M = TypeVar("M", bound=Model)


def kept(facts: M, problems: list[str]) -> M:
    """The facts, held to the bounds of their model.

    Whatever a header, a name or a side file makes up (``model_construct`` and ``model_copy`` ask nobody), one value
    that nobody could store costs that value alone; ``problems`` takes a sentence for each.
    """
    found = dict(vars(facts))
    try:
        return type(facts).model_validate(found)
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(wrong["loc"][0])
            if name in found:
                del found[name]
                problems.append(f"{name} is nothing that can be kept and was left out")
        return type(facts).model_validate(found)
