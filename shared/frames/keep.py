"""What the contract takes of a frame's facts: a fact beyond its bounds is left out and named, the others stay."""

from typing import TypeVar

from pydantic import ValidationError

from shared.events.base import Model

M = TypeVar("M", bound=Model)


def kept(facts: M, problems: list[str]) -> M:
    """The facts, held to the bounds of their model, as `made` does it.

    For facts that nobody was asked about: ``model_construct`` and ``model_copy`` ask nobody.
    """
    return made(type(facts), problems, **vars(facts))


def made(model: type[M], problems: list[str], **facts: object) -> M:
    """A model of these facts.

    Whatever a header, a name or a side file makes up, one value that nobody could store costs that value alone;
    ``problems`` takes a sentence for each.
    """
    try:
        return model.model_validate(facts)
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(wrong["loc"][0])
            if name in facts:
                del facts[name]
                problems.append(f"{name} is nothing that can be kept and was left out")
        return model.model_validate(facts)
