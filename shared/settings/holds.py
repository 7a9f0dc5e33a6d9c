"""What a key of the settings must hold, in words: how nightbus.toml writes it, and how the environment does."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr

from shared.settings.section import Section, fields_in, section_of, sections_of

Location = tuple[int | str, ...]
_SAMPLE = "…"


def fields_of(model: type[Any], location: Location) -> Any:
    """The type of what stands at a place of the settings; None where nothing is known there."""
    fields: Mapping[str, Any] = model.model_fields
    found: Any = None
    for part in location:
        if isinstance(part, str) and part in fields:
            found = fields[part].annotation
            fields = fields_in(sections_of(found))
        elif found is not None:  # a member of a list, or a key of a table whose keys are a person's own
            found = section_of(found) or str
    return found


def is_secret(annotation: Any) -> bool:
    """Whether a value of that type is shown to nobody."""
    return SecretStr in set(_flat(annotation))


def needs_json(annotation: Any) -> bool:
    """Whether a variable of the environment holds a value of that type as JSON."""
    return section_of(annotation) is not None or bool({tuple, dict} & _origins(annotation))


def json_sample(annotation: Any) -> str:
    """A value of such a type, as JSON."""
    section, several = section_of(annotation), tuple in _origins(annotation)
    if section is None:
        return f'["{_SAMPLE}"]' if several else f'{{"{_SAMPLE}": "{_SAMPLE}"}}'
    one = json.dumps(dict.fromkeys(needed(section), _SAMPLE), ensure_ascii=False)
    return f"[{one}]" if several else one


def toml_words(name: str, annotation: Any, *, member: bool) -> str:
    """How nightbus.toml writes a value that holds others; ``member``: it is one of several."""
    section, several = section_of(annotation), tuple in _origins(annotation)
    if section is None:
        return (
            f'write a list, such as ["{_SAMPLE}"]'
            if several
            else f'write a table, such as {{ "{_SAMPLE}" = "{_SAMPLE}" }}'
        )
    keys = " and ".join(f'{key} = "{_SAMPLE}"' for key in needed(section))
    if several or member:
        return f"write [[{name}]] with double brackets, once per {one_of(name)}, and below it {keys}"
    return f"write [{name}], and below it its keys, such as {keys}"


def one_of(name: str) -> str:
    """What one section of several is called: ``rig`` of ``rigs``, ``dark_library`` of ``dark_libraries``."""
    return f"{name.removesuffix('ies')}y" if name.endswith("ies") else name.removesuffix("s")


def needed(section: type[Section]) -> list[str]:
    """The keys that a section must have; where it needs none its first one."""
    return [key for key, field in section.model_fields.items() if field.is_required()] or list(section.model_fields)[:1]


def scalar_words(annotation: Any) -> str:
    """How a single value is written."""
    kinds = set(_flat(annotation))
    if bool in kinds:
        return "write true or false"
    if int in kinds:
        return "write a whole number"
    if float in kinds:
        return "write a number"
    return f'write a path in quotes, such as "/{_SAMPLE}"' if Path in kinds else "write a text in quotes"


def choices(annotation: Any) -> tuple[str, ...]:
    """The words that a key may hold; none where it is not of that kind."""
    return next((get_args(one) for one in _each(annotation) if get_origin(one) is Literal), ())


def _origins(annotation: Any) -> set[Any]:
    return {get_origin(one) for one in _each(annotation)}


def _each(annotation: Any) -> Iterator[Any]:
    """A type, and those that it is made of."""
    yield annotation
    for one in get_args(annotation):
        yield from _each(one)


def _flat(annotation: Any) -> Iterator[type]:
    return (one for one in _each(annotation) if isinstance(one, type))
