"""JSON Schemas of the contract's models, and the comparison that tells an addition from a break.

Within a schema version producers may add optional fields, and nothing else: old consumers ignore them, and new
consumers read old events. The kept schemas are in ``docs/schemas``. That of an event that no service publishes yet says
``"x-draft": true``: it binds nobody, until it is kept without that mark.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.descriptions import NAMES, is_draft
from shared.events.base import Event, Model
from shared.events.commands import COMMANDS, Command, state_question
from shared.events.registry import MODELS

ALL_COMMANDS: tuple[type[Command], ...] = (*COMMANDS, *map(state_question, NAMES))
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
DRAFT = "x-draft"
Json = dict[str, Any]

# What a reader may rely on. Titles and descriptions may change, limits are handled apart.
_SHAPE = ("type", "format", "pattern", "enum", "const", "additionalProperties")
_TIGHTENING = ("minimum", "exclusiveMinimum", "minLength", "minItems", "maximum", "exclusiveMaximum", "maxLength")


def contract_models() -> dict[str, type[Model]]:
    """Every model of the contract by the name of its schema file: the subject, or ``reply.<Model>``."""
    models: dict[str, type[Model]] = {model.subject: model for model in MODELS}
    for command in ALL_COMMANDS:
        models[command.subject] = command
        models[f"reply.{command.reply.__name__}"] = command.reply
    return models


def schema_of(model: type[Model]) -> Json:
    """A model's JSON Schema, marked where it is a draft."""
    schema = model.model_json_schema()
    return schema | {DRAFT: True} if issubclass(model, Event) and is_draft(model.subject) else schema


def render(model: type[Model]) -> str:
    """A model's JSON Schema, as its file holds it."""
    return json.dumps(schema_of(model), indent=2, ensure_ascii=False) + "\n"


def was_draft(name: str) -> bool:
    """Whether the schema that is kept under a name is a draft's."""
    file = SCHEMAS / f"{name}.json"
    return file.is_file() and DRAFT in json.loads(file.read_text())


def breaks(kept: Json, now: Json) -> list[str]:
    """What in ``now`` would break somebody who relies on ``kept``, one sentence each; nobody relies on a draft."""
    if DRAFT in kept:
        return []
    if DRAFT in now:
        return [f"{now.get('title', '?')} is published no more"]
    return sorted(set(_compare(kept, now, kept, now, str(now.get("title", "?")), frozenset())))


def _compare(old: Json, new: Json, old_root: Json, new_root: Json, place: str, seen: frozenset[str]) -> Iterator[str]:
    if "$ref" in old and "$ref" in new:
        reference = f"{old['$ref']}>{new['$ref']}"
        if reference in seen:
            return
        seen |= {reference}
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    yield from _compare_values(old, new, place)
    for name, before in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            yield f"{place}.{name} was removed"
            continue
        yield from _compare(before, new["properties"][name], old_root, new_root, f"{place}.{name}", seen)
    for name in new.get("required", []):
        if name not in old.get("required", []):
            yield f"{place}.{name} is required now"
    for key in ("items", "additionalProperties"):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _compare(old[key], new[key], old_root, new_root, f"{place}[]", seen)
    before, after = old.get("anyOf", []), new.get("anyOf", [])
    if len(before) != len(after):
        yield f"{place} has changed its type"
        return
    for one, other in zip(before, after, strict=True):
        yield from _compare(one, other, old_root, new_root, place, seen)


def _compare_values(old: Json, new: Json, place: str) -> Iterator[str]:
    for key in _SHAPE:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            continue
        if key == "enum" and before and after:
            yield from (f"{place} no longer takes {value!r}" for value in before if value not in after)
        elif before != after:
            yield f"{place} has changed its {key}: {before} became {after}"
    for key in _TIGHTENING:
        before, after = old.get(key), new.get(key)
        if after is None or before == after:
            continue
        upper = key.lower().endswith(("maximum", "maxlength"))
        if before is None or (after < before if upper else after > before):
            yield f"{place} is limited more: {key} {before} became {after}"


def _resolved(schema: Json, root: Json) -> Json:
    if "$ref" not in schema:
        return schema
    found: Json = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return found
