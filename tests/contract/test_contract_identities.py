"""The ids of events: what they follow from is frozen, and no event passes under the id of another."""

from uuid import uuid5

import pytest

from shared.events.base import EVENT_NAMESPACE, Event
from shared.events.registry import MODELS
from tests.contract.examples import EVENTS
from tests.contract.golden import EARLIER
from tests.contract.identities import changed, events, kept, published, version_of


def test_the_identity_of_each_schema_version_is_frozen() -> None:
    """Each event's identifying fields are those that were written down for its schema version."""
    found = changed()
    assert not found, f"{'; '.join(found)}. Raise schema_version: readers refuse the ids of the older events otherwise."
    assert {model.subject: version_of(model) for model in published()} == {
        subject: max(versions, key=int) for subject, versions in kept().items()
    }


def test_every_version_that_was_ever_published_is_kept_to_be_read() -> None:
    """Of each earlier schema version there is an event that is read; an identity that changed stands in the model."""
    now = {model.subject: version_of(model) for model in published()}
    earlier = {f"{subject}.{version}" for subject, versions in kept().items() for version in versions}
    assert {file.stem for file in EARLIER.glob("*.json")} == earlier - {
        f"{one}.{version}" for one, version in now.items()
    }
    for model in events():
        for version, names in model.earlier_identities.items():
            assert kept()[model.subject][str(version)] == list(names)


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
        for names in (model.identity, *model.earlier_identities.values()):
            assert set(names) <= set(model.model_fields), model.__name__


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_an_event_knows_its_own_id(event: Event) -> None:
    """The id is uuid5 of subject and identity; an event with the id of another fact is told from a genuine one."""
    key = "\x1f".join([event.subject, *(str(getattr(event, name)) for name in event.identity)])
    assert event.event_id == uuid5(EVENT_NAMESPACE, key)
    read = type(event).model_validate_json(event.model_dump_json())
    assert read.has_its_own_id()
    other = next(one for one in EVENTS if one.subject != event.subject)
    assert not read.model_copy(update={"event_id": other.event_id}).has_its_own_id()
