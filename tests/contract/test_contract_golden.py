"""The golden files: what travels on the wire today is what was promised."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.scanner.reader import scanned_event
from shared.bus.dead_letters import BODY_LIMIT_BYTES
from shared.events.base import EVENT_NAMESPACE, NIL, Event, Model
from shared.events.commands import Command
from shared.events.envelope import MESSAGE_ID, headers_of
from shared.events.file import HEADER_CARDS_LIMIT_BYTES, FileArrived, FileScanned
from tests.contract.documents import RENEW
from tests.contract.examples import COMMANDS, EVENTS, all_examples
from tests.contract.golden import EARLIER, GOLDEN, broken, render
from tests.contract.schemas import contract_models

EVENT_LIMIT_BYTES = 512 * 1024
EXAMPLES = all_examples()
ADDED: dict[str, dict[str, Any]] = {"file.scanned.1": {"decisions_revision": 0, "digest": None}}
"""What an event of an earlier version lacks, as it is read."""


def golden(name: str) -> str:
    """The text of a golden file."""
    return (GOLDEN / f"{name}.json").read_text()


def below(value: object) -> Iterator[Model]:
    """A model and the models inside it."""
    if isinstance(value, Model):
        yield value
        for name in type(value).model_fields:
            yield from below(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from below(item)


def every_model() -> list[type[Model]]:
    """Every model of the contract, parts of events included."""
    found: dict[type[Model], None] = {}

    def visit(model: type[Model]) -> None:
        found[model] = None
        for child in model.__subclasses__():
            visit(child)

    visit(Model)
    return list(found)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_golden_file_parses_and_dumps_back_identically(name: str) -> None:
    """Each golden file is read by its model and written again as the same JSON."""
    read = type(EXAMPLES[name]).model_validate_json(golden(name))
    assert render(read) == golden(name), f"{name}: {RENEW}"
    assert read == EXAMPLES[name]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_golden_file_is_read_without_its_nulls_too(name: str) -> None:
    """Leaving out what is null (the scanner does) changes nothing for the reader."""
    example = EXAMPLES[name]
    assert type(example).model_validate_json(example.model_dump_json(exclude_none=True)) == example


@pytest.mark.parametrize("file", sorted(EARLIER.glob("*.json")), ids=lambda file: file.stem)
def test_an_event_of_an_earlier_version_is_read(file: Path) -> None:
    """Streams, registers and stats hold events of earlier schema versions: each says the same, under the id it had."""
    subject, _, version = file.stem.rpartition(".")
    today = EXAMPLES[subject]
    assert isinstance(today, Event)
    read = type(today).model_validate_json(file.read_text())
    assert str(read.schema_version) == version
    assert today.schema_version > read.schema_version
    assert str(read.event_id) == json.loads(file.read_text())["event_id"]
    assert read.has_its_own_id()
    assert not read.model_copy(update={"event_id": EVENT_NAMESPACE}).has_its_own_id()
    lacks = ADDED.get(file.stem, {})
    own_id = {"event_id": read.event_id} if read.earlier_identities else {}
    assert read == today.model_copy(update={"schema_version": read.schema_version, **own_id, **lacks})


def test_every_model_of_the_contract_has_a_golden_file() -> None:
    """No subject, command or reply is without its example, and no golden file is left over."""
    assert set(EXAMPLES) == set(contract_models()) == {file.stem for file in GOLDEN.glob("*.json")}
    assert all(type(EXAMPLES[name]) is model for name, model in contract_models().items())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_sets_every_field(name: str) -> None:
    """Each field of each example, and of the parts inside it, is set to something that could be lost."""
    for model in below(EXAMPLES[name]):
        for field in type(model).model_fields:
            assert getattr(model, field) not in (None, (), {}, ""), f"{type(model).__name__}.{field} is empty"


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_unknown_fields_are_ignored(name: str) -> None:
    """A newer producer may add fields anywhere; today's reader reads the same event."""

    def widened(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: widened(item) for key, item in value.items()} | {"added_later": {"x": [1]}}
        return [widened(item) for item in value] if isinstance(value, list) else value

    plain = json.loads(golden(name))
    wide = widened(plain)
    if "counts" in wide:
        wide["counts"] = plain["counts"]  # a table of numbers by name has no unknown fields
    assert type(EXAMPLES[name]).model_validate_json(json.dumps(wide)) == EXAMPLES[name]


@pytest.mark.parametrize("model", every_model(), ids=lambda model: model.__name__)
def test_models_are_frozen(model: type[Model]) -> None:
    """No handler can change an event that another may hold: every model refuses to be written to."""
    assert model.model_config["frozen"] is True
    assert model.model_config["extra"] == "ignore"


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_event_refuses_to_be_changed(name: str) -> None:
    """Setting a field of an example, or of a part of it, raises."""
    for part in below(EXAMPLES[name]):
        field = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, field, getattr(part, field))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_event_ids_are_pinned(event: Event) -> None:
    """The id derived today is the one in the golden file: a retry of last year's event is still the same event."""
    pinned = UUID(json.loads(golden(event.subject))["event_id"])
    assert event.derive_id() == pinned
    assert pinned.version == 5
    assert UUID("6f1d7f0e-6d0b-5b57-9f6a-3f0c8f7f9a11") == EVENT_NAMESPACE


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_an_event_id_follows_from_the_identity_alone(event: Event) -> None:
    """Another time leaves the id as it is; another value of any identifying field makes another event."""
    values = {name: getattr(event, name) for name in type(event).model_fields} | {"event_id": NIL}
    later = type(event)(**values | {"occurred_at": event.occurred_at + timedelta(days=1)})
    assert later.event_id == event.event_id
    for name in event.identity:
        value = values[name]
        other = value + 1 if isinstance(value, int) else _another(name, value)
        assert type(event)(**values | {name: other}).event_id != event.event_id, name


def _another(name: str, value: str) -> str:
    if name in {"file_id", "digest"}:
        return value[::-1]
    return value[:-1] + "1" if name == "session_id" else f"{value}1"


def test_what_was_read_is_part_of_the_id_of_a_scan() -> None:
    """Two readings of a file that differ in anything but the moment are two events; the same reading twice is one."""
    example = EXAMPLES["file.scanned"]
    assert isinstance(example, FileScanned)
    facts = {name: getattr(example, name) for name in FileScanned.model_fields if name not in {"event_id", "digest"}}
    once, again = (
        FileScanned(**facts | {"occurred_at": example.occurred_at + timedelta(days=days)}) for days in (0, 1)
    )
    assert (again.event_id, again.digest) == (once.event_id, once.digest)
    assert once.has_its_own_id()
    for other in (
        {"path": "elsewhere/a.fits"}, {"decisions_revision": 8}, {"problems": ()}, {"target": None},
        {"frame": example.frame.model_copy(update={"gain": 101.0})}, {"header_cards": example.header_cards[1:]},
    ):  # fmt: skip
        assert FileScanned(**facts | other).event_id != once.event_id, other


def test_all_example_ids_differ() -> None:
    """No two subjects share an id, even about the same file and revision."""
    assert len({event.event_id for event in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_the_envelope_names_the_event(event: Event) -> None:
    """The message id is the event id; a deliberate re-emission adds its number and stays the same event."""
    first, again = headers_of(event, "stats"), headers_of(event, "stats", attempt=2)
    assert first[MESSAGE_ID] == str(event.event_id)
    assert again[MESSAGE_ID] == f"{event.event_id}/2"
    assert first["ce-id"] == again["ce-id"] == str(event.event_id)
    assert first["ce-type"] == event.subject
    assert all(value.isprintable() and value.isascii() for value in first.values())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.subject)
def test_commands_name_their_owner(command: Command) -> None:
    """A command's subject is cmd.<service>.<verb>, and each new request has an idempotency id of its own."""
    word, service, verb = command.subject.split(".")
    assert word == "cmd"
    assert service
    assert verb
    values = command.model_dump(exclude={"command_id"})
    assert type(command)(**values).command_id != type(command)(**values).command_id


def test_an_event_stays_below_its_limit_with_the_largest_header() -> None:
    """file.scanned with 256 KiB of header cards stays under 512 KiB, and fits whole into a dead letter."""
    example = EXAMPLES["file.scanned"]
    assert isinstance(example, FileScanned)
    card = "HIERARCH CAMERA SETTING = 'a value with \"quotes\"' / and a comment up to col 80"
    assert len(card) <= 80
    count = HEADER_CARDS_LIMIT_BYTES // len(card)
    large = example.model_copy(
        update={"header_cards": (card,) * count, "problems": tuple(f"problem {n}: " + "x" * 200 for n in range(20))}
    )
    payload = large.model_dump_json().encode()
    assert len(payload) > HEADER_CARDS_LIMIT_BYTES
    assert len(payload) < EVENT_LIMIT_BYTES
    assert len(payload) < BODY_LIMIT_BYTES


def test_the_scanner_keeps_an_event_below_its_limit(tmp_path: Path) -> None:
    """The worst header of a FITS file (2 MiB, every character escaped in JSON) is cut, and the cut is told."""
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"]
    cards += ["COMMENT " + '"\\' * 36] * 26_000 + ["END"]
    header = "".join(card.ljust(80) for card in cards).encode()
    (tmp_path / "worst.fits").write_bytes(header + b" " * (-len(header) % 2880))
    arrived = EXAMPLES["file.arrived"]
    assert isinstance(arrived, FileArrived)
    size_bytes = (tmp_path / "worst.fits").stat().st_size
    arrived = arrived.model_copy(update={"path": "worst.fits", "size_bytes": size_bytes})

    event = scanned_event(arrived, tmp_path, measure_stars=False)

    assert 0 < len(event.header_cards) < len(cards)
    assert any("left out of the event" in problem for problem in event.problems)
    assert len(event.model_dump_json().encode()) < EVENT_LIMIT_BYTES


def test_a_lost_field_is_noticed_in_a_golden_file(tmp_path: Path) -> None:
    """The comparison that guards the golden files sees a field that is gone, a changed value and a changed id."""
    example = EXAMPLES["file.moved"]
    kept = json.loads(golden("file.moved"))
    assert broken(json.dumps(kept), example) == []
    assert broken(json.dumps(kept | {"was_here": 1}), example) == ["FileMoved.was_here is gone"]
    assert broken(json.dumps(kept | {"file_id": "xyz"}), example)[0].startswith("FileMoved cannot read its golden file")
    assert any(
        "event id" in reason for reason in broken(json.dumps(kept | {"event_id": str(EVENT_NAMESPACE)}), example)
    )
