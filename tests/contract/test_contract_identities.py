"""The ids of events: what they follow from is frozen, and no event passes under the id of another."""

from uuid import uuid5

import pytest

from shared.events.base import EVENT_NAMESPACE, Event
from shared.events.registry import MODELS
from tests.contract.examples import EVENTS
from tests.contract.identities import changed, events, kept, published, version_of


def test_the_identity_of_each_schema_version_is_frozen() -> None:
    """Each event's identifying fields are those that were written down for its schema version."""
    found = changed()
    assert not found, f"{'; '.join(found)}. Raise schema_version: readers refuse the ids of the older events otherwise."
    assert {model.subject: version_of(model) for model in published()} == {
        subject: max(versions, key=int) for subject, versions in kept().items()
    }


def test_a_changed_identity_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison names the event whose identity was changed without a new schema version."""
    model = MODELS[0]
    monkeypatch.setattr(model, "identity", model.identity[:-1])
    (found,) = changed()
    assert found == (
        "FileArrived has another identity within schema_version 1: file_id, root, path, scan_revision became "
        "file_id, root, path"
    )


def test_who_reads_a_part_of_an_event_derives_the_same_id() -> None:
    """A model that leaves fields out keeps those that identify the event."""
    for model in events():
        assert set(model.identity) <= set(model.model_fields), model.__name__


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_an_event_knows_its_own_id(event: Event) -> None:
    """The id is uuid5 of subject and identity; an event with the id of another fact is told from a genuine one."""
    key = "\x1f".join([event.subject, *(str(getattr(event, name)) for name in event.identity)])
    assert event.event_id == uuid5(EVENT_NAMESPACE, key)
    read = type(event).model_validate_json(event.model_dump_json())
    assert read.has_its_own_id()
    other = next(one for one in EVENTS if one.subject != event.subject)
    assert not read.model_copy(update={"event_id": other.event_id}).has_its_own_id()
