"""The fields that the id of an event follows from, kept for each schema version: ``identities.json``; drafts have none.

Within a version they never change. A reader derives the id of each event anew and refuses one that bears another, so
that an event of last year must still lead to the same id.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from services.descriptions import is_draft
from shared.events.base import Event
from shared.events.registry import MODELS

IDENTITIES = Path(__file__).parent / "identities.json"
Kept = dict[str, dict[str, list[str]]]


def version_of(model: type[Event]) -> str:
    """The schema version that a model writes."""
    return str(model.model_fields["schema_version"].default)


def kept() -> Kept:
    """What is kept: the identifying fields by subject and schema version."""
    found: Kept = json.loads(IDENTITIES.read_text()) if IDENTITIES.is_file() else {}
    return found


def render() -> str:
    """The file: what is kept stays as it is, new versions and subjects that are published now join it."""
    before = kept()
    now: Kept = {model.subject: {version_of(model): list(model.identity)} for model in published()}
    merged = {subject: dict(sorted((now[subject] | before.get(subject, {})).items())) for subject in sorted(now)}
    return json.dumps(merged, indent=1) + "\n"


def published() -> list[type[Event]]:
    """The models of events that a service publishes."""
    return [model for model in MODELS if not is_draft(model.subject)]


def changed() -> list[str]:
    """Models whose identifying fields are not those that are kept for their version, one sentence each."""
    before = kept()
    return sorted(
        f"{model.__name__} has another identity within schema_version {version_of(model)}: {', '.join(was)}"
        f" became {', '.join(model.identity)}"
        for model in events()
        if (was := before.get(model.subject, {}).get(version_of(model))) is not None and was != list(model.identity)
    )


def events(base: type[Event] = Event) -> Iterator[type[Event]]:
    """Every model of an event, those that read a part of one included."""
    for model in base.__subclasses__():
        if model.__module__.startswith("shared."):
            yield model
        yield from events(model)
