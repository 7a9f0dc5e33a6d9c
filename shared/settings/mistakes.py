"""Mistakes in the settings as sentences: each names its key, the one of several sources or rigs, and the fix."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.settings.holds import (
    Location,
    choices,
    fields_of,
    is_secret,
    json_sample,
    needs_json,
    scalar_words,
    toml_words,
)
from shared.settings.section import KIND, sections_of
from shared.written import ENV_PREFIX

_RENAMED = {"sources.rescan_interval_s": "sources.walk_interval_s"}
"""Keys of earlier versions, and what they are called now."""
_HOLDS_OTHERS = frozenset({"tuple_type", "dict_type", "model_type"})
_SCALARS = ("bool_", "int_", "float_", "string_type", "path_type", "finite_number")
_LIMITS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


def sentences(
    error: ValidationError,
    model: type[BaseModel],
    known: Iterable[str],
    written: Mapping[str, Any],
    environment: Iterable[str],
) -> list[str]:
    """One sentence per mistake, in the order of the known keys; what is unknown comes last.

    Args:
        error: what pydantic found.
        model: the settings.
        known: every key that can be set, such as ``nats.url`` and ``sources.path``, in the order of the file.
        written: the settings file's content, by which the member of a list is called.
        environment: names of the variables that are set.
    """
    names, variables = list(known), list(environment)
    order = list(dict.fromkeys(name.split(".")[0] for name in names))
    place = {section: number for number, section in enumerate(order)}
    found = sorted(error.errors(), key=lambda item: place.get(str(next(iter(item["loc"]), "")), len(place)))
    return [_sentence(item, model, names, written, variables) for item in found]


def unparsed(model: type[BaseModel], environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each variable that must hold JSON and does not."""
    for name, value in environment.items():
        if not name.upper().startswith(ENV_PREFIX):
            continue
        annotation = fields_of(model, tuple(name[len(ENV_PREFIX) :].lower().split("__")))
        if annotation is None or not needs_json(annotation):
            continue
        try:
            json.loads(value)
        except ValueError:
            yield f"{_must_hold(name, annotation)}; it " + ("is empty" if not value.strip() else "holds none")


def _sentence(
    item: ErrorDetails, model: type[BaseModel], known: list[str], written: Mapping[str, Any], environment: list[str]
) -> str:
    location, kind = _keyed(item, model), item["type"]
    key = ".".join(str(part) for part in location if not isinstance(part, int))
    variable = _variable(location, environment)
    where = _member(location, item["msg"], {} if variable else written)
    if kind == "extra_forbidden" and key in _RENAMED:
        return f"setting {key}{where} is called {_RENAMED[key]} now: rename it"
    if kind == "extra_forbidden":
        sections = sorted({name.split(".")[0] for name in known})
        near = difflib.get_close_matches(key, known + sections, n=1, cutoff=0.5)
        return f"unknown setting {key}{where}" + (f"; did you mean {near[0]}?" if near else "")
    annotation = fields_of(model, location)
    if variable is not None:
        if kind in _HOLDS_OTHERS and needs_json(annotation):
            whole = fields_of(model, tuple(variable[len(ENV_PREFIX) :].lower().split("__")))
            return _must_hold(variable, whole) + (f": {key}{where} is none such" if location[1:] else "")
        where += f" ({variable} in the environment)"
    if kind == "missing":
        return f"setting {key}{where} is missing"
    words = _words(item, annotation, str(location[0])) if location else item["msg"].removeprefix("Value error, ")
    return f"setting {key}{where}: {words}" if key else words


def _keyed(item: ErrorDetails, model: type[BaseModel]) -> Location:
    """Where a mistake is by the keys of the file: of a section of several kinds pydantic names the kind as well."""
    location = item["loc"]
    match location:
        case (str(section), int(number), *rest) if section in model.model_fields:
            sections = sections_of(model.model_fields[section].annotation)
        case _:
            return location
    if item["type"] == "union_tag_invalid":
        return section, number, KIND
    named = {str(one.model_fields[KIND].default) for one in sections if KIND in one.model_fields}
    return (section, number, *rest[1:]) if rest and rest[0] in named else location


def _words(item: ErrorDetails, annotation: Any, section: str) -> str:
    """What is wrong with a value, and what to write in place of it."""
    kind, value, limits = item["type"], item["input"], item.get("ctx", {})
    shown = "" if is_secret(annotation) or not isinstance(value, str | int | float) else f"{value!r} is "
    if kind in _HOLDS_OTHERS and annotation is not None:
        return toml_words(section, annotation, member=any(isinstance(part, int) for part in item["loc"]))
    if kind == "string_type" and shown:
        return f'write it in quotes: "{value}"'
    if kind.startswith(_SCALARS):
        none = "" if kind.endswith("_type") or not shown else f"{value!r} is none: "
        return none + scalar_words(annotation)
    if kind == "union_tag_invalid":
        known = str(limits["expected_tags"]).replace("'", "")
        return f"{limits['tag']!r} is no kind of {section.removesuffix('s')}; known: {known}"
    if kind == "literal_error":
        return f"{shown or 'it is '}none of {', '.join(choices(annotation))}"
    if kind in _LIMITS:
        return f"{shown}out of range: it must be {_LIMITS[kind].format(**limits)}"
    if kind == "string_too_short":
        least = limits["min_length"]
        return "it must not be empty" if least == 1 else f"{shown}too short: it must have at least {least} characters"
    if kind == "string_too_long":
        return f"it must not be longer than {limits['max_length']} characters"
    return item["msg"].removeprefix("Value error, ")


def _must_hold(variable: str, annotation: Any) -> str:
    return f"{variable} in the environment must hold JSON, such as {json_sample(annotation)}"


def _variable(location: Location, environment: list[str]) -> str | None:
    """The variable of the environment that a value comes from, if any."""
    names = {name.upper(): name for name in environment}
    parts = [str(part).upper() for part in location]
    for length in range(len(parts), 0, -1):
        if (name := ENV_PREFIX + "__".join(parts[:length])) in names:
            return names[name]
    return None


def _member(location: Location, message: str, written: Mapping[str, Any]) -> str:
    """Which of several: `` of 'seestar'`` where the file names it and the message does not, else its place."""
    match location:
        case (str(section), int(number), *_):
            pass
        case _:
            return ""
    try:
        member = written[section][number]
        name = member.get("name", member.get("id"))
    except (AttributeError, IndexError, KeyError, TypeError):  # it is of the environment, or no table at all
        name = None
    if not isinstance(name, str) or not name:
        return f" of number {number + 1}"
    return "" if repr(name) in message else f" of {name!r}"
