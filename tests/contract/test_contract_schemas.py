"""The kept JSON Schemas: changes of the contract are additions."""

import json
from typing import Any

import pytest
from pydantic import Field, create_model

from services.descriptions import publishers_of
from shared.events.base import Model
from shared.events.registry import MODELS as EVENTS
from tests.contract.documents import ACCEPT, RENEW
from tests.contract.schemas import DRAFT, SCHEMAS, breaks, contract_models, schema_of

MODELS = contract_models()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_only_adds_to_its_kept_schema(name: str) -> None:
    """Nothing that a reader relies on was removed, retyped, limited more or made required."""
    kept = json.loads((SCHEMAS / f"{name}.json").read_text())
    found = breaks(kept, schema_of(MODELS[name]))
    assert not found, (
        f"{name} breaks its readers: {'; '.join(found)}. Make it an optional addition; or, if the break is meant, "
        f"raise schema_version and renew with `python -m tests.contract.documents {ACCEPT}`. For additions {RENEW}."
    )


def test_what_no_service_publishes_is_a_draft() -> None:
    """The kept schema of an event says whether it is a draft; commands and answers never are."""
    drafts = {name for name in MODELS if DRAFT in json.loads((SCHEMAS / f"{name}.json").read_text())}
    assert drafts == {event.subject for event in EVENTS if not publishers_of(event.subject)}
    assert "session.finished" not in drafts


class Part(Model):
    """A part of an event."""

    number: int = Field(ge=0)
    note: str | None = None


class Whole(Model):
    """An event for these tests."""

    key: str
    part: Part
    parts: tuple[Part, ...] = ()
    size_bytes: int | None = Field(default=None, ge=0)


def changed(**fields: Any) -> dict[str, Any]:
    """The schema of Whole with some fields replaced, added, or removed (None)."""
    kept: dict[str, Any] = {name: (field.annotation, field) for name, field in Whole.model_fields.items()}
    wanted = {name: field for name, field in (kept | fields).items() if field is not None}
    model: type[Model] = create_model("Whole", __base__=Model, **wanted)
    return model.model_json_schema()


def test_an_optional_field_is_an_addition() -> None:
    """A new field with a default breaks nobody, and neither does the model as it is."""
    assert breaks(Whole.model_json_schema(), changed()) == []
    assert breaks(Whole.model_json_schema(), changed(added=(str | None, None))) == []


def test_a_described_field_is_no_change() -> None:
    """Descriptions may be improved at any time."""
    assert breaks(Whole.model_json_schema(), changed(key=(str, Field(description="better words")))) == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"added": (str, ...)}, "Whole.added is required now"),
        ({"key": None}, "Whole.key was removed"),
        ({"key": (int, ...)}, "Whole.key has changed its type: string became integer"),
        ({"size_bytes": (int, ...)}, "Whole.size_bytes is required now"),
        ({"size_bytes": (str | None, None)}, "Whole.size_bytes has changed its type: integer became string"),
        (
            {"size_bytes": (int | None, Field(default=None, ge=1))},
            "Whole.size_bytes is limited more: minimum 0 became 1",
        ),
        ({"parts": (tuple[int, ...], ())}, "Whole.parts[] has changed its type: object became integer"),
        ({"key": (str, Field(max_length=8))}, "Whole.key is limited more: maxLength None became 8"),
    ],
)
def test_a_break_is_named(fields: dict[str, Any], reason: str) -> None:
    """A removed, retyped, narrowed or newly required field is told in a sentence."""
    assert reason in breaks(Whole.model_json_schema(), changed(**fields))


def test_a_draft_may_change_until_a_service_publishes_it() -> None:
    """What breaks a kept schema breaks none that is marked as a draft, also when the event is published from now on."""
    narrower = changed(key=(int, ...), parts=None)
    frozen = Whole.model_json_schema()
    draft = frozen | {DRAFT: True}
    assert breaks(frozen, narrower) == [
        "Whole.key has changed its type: string became integer",
        "Whole.parts was removed",
    ]
    assert breaks(draft, narrower) == breaks(draft, narrower | {DRAFT: True}) == []


def test_no_event_becomes_a_draft_again() -> None:
    """An event that was published and is published no more breaks its readers."""
    frozen = Whole.model_json_schema()
    assert breaks(frozen, frozen | {DRAFT: True}) == ["Whole is published no more"]


def test_a_break_inside_a_part_is_named() -> None:
    """Parts of events are held to the same promise as events."""
    narrower = create_model("Part", __base__=Model, number=(int, Field(ge=0)), must=(str, ...))
    found = breaks(Whole.model_json_schema(), changed(part=(narrower, ...), parts=(tuple[narrower, ...], ())))
    assert "Whole.part.note was removed" in found
    assert "Whole.part.must is required now" in found
    assert "Whole.parts[].note was removed" in found
