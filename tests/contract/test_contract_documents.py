"""The generated documents are those of the code, and say all of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.descriptions import CONSUMERS, SERVICES, publishers_of, readers_of
from shared.bus.names import DEAD_LETTERS, EVENTS
from shared.bus.streams import streams
from shared.events.base import Model
from shared.events.commands import COMMANDS
from shared.events.registry import BY_SUBJECT, MODELS
from shared.settings import NatsSettings
from tests.contract import asyncapi, events_page, golden, schemas
from tests.contract.documents import RENEW, ROOT, breaking_changes, generated, orphans
from tests.contract.schemas import ALL_COMMANDS, contract_models

FILES = generated()


@pytest.mark.parametrize("file", sorted(FILES), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_generated_file_is_up_to_date(file: Path) -> None:
    """The committed file is what the code of today generates."""
    assert file.is_file(), f"{file.relative_to(ROOT)} is missing: {RENEW}"
    assert file.read_text() == FILES[file](), f"{file.relative_to(ROOT)} is out of date: {RENEW}"


def test_nothing_is_left_of_subjects_that_are_gone() -> None:
    """Schemas and golden files belong to subjects of the contract, and nothing breaks the kept ones."""
    assert orphans() == []
    assert breaking_changes() == []


@pytest.mark.parametrize(("subject", "told"), [("frame.judged", False), ("file.arrived", True)])
def test_a_draft_binds_nobody(subject: str, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost field is a break, told of schema and golden file, where the event is published; of a draft it is none."""
    for module, folder in ((schemas, "SCHEMAS"), (golden, "GOLDEN")):
        kept = tmp_path / folder
        shutil.copytree(getattr(module, folder), kept)
        monkeypatch.setattr(module, folder, kept)
    schema = json.loads((schemas.SCHEMAS / f"{subject}.json").read_text())
    schema["properties"]["was_here"] = {"type": "string"}
    (schemas.SCHEMAS / f"{subject}.json").write_text(json.dumps(schema))
    example = json.loads((golden.GOLDEN / f"{subject}.json").read_text())
    (golden.GOLDEN / f"{subject}.json").write_text(json.dumps(example | {"was_here": "x"}))
    lost = [f"{BY_SUBJECT[subject].__name__}.was_here {how}" for how in ("was removed", "is gone")]
    assert breaking_changes() == (lost if told else [])


def test_the_page_names_every_subject_service_and_field() -> None:
    """docs/events.md has a row for every field of every model, with a meaning in each."""
    page = events_page.render()
    for event in MODELS:
        assert f"## {event.subject}\n" in page
    for command in ALL_COMMANDS:
        assert f"## {command.subject}\n" in page
    for row in CONSUMERS:
        assert f"| `{row.durable}` |" in page
    for model in contract_models().values():
        for field in model.model_fields:
            assert f"| `{field}` |" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [line for line in rows if line.endswith("|  |")] == [], (
        "fields without a meaning: tests/contract/meanings.py"
    )


def test_links_inside_the_page_lead_somewhere() -> None:
    """Every #anchor of docs/events.md is a heading of it."""
    page = events_page.render()
    headings = {
        line.lstrip("# ").lower().replace(".", "").replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("#")
    }
    targets = {part.split(")")[0] for part in page.split("](#")[1:]}
    assert targets
    assert targets <= headings


def test_descriptions_name_what_the_contract_has() -> None:
    """Every subject is stored by exactly one stream; services publish, read and answer what there are models of."""
    stored = [config for config in streams(NatsSettings()) if config.name == EVENTS]
    assert len(stored) == 1
    patterns = [subject.removesuffix(">") for subject in stored[0].subjects or []]
    for event in MODELS:
        assert sum(event.subject.startswith(prefix) for prefix in patterns) == 1
    for one in SERVICES:
        assert set(one.publishes) <= set(BY_SUBJECT), one.name
        assert {row.subject for row in one.reads if row.stream != DEAD_LETTERS} <= set(BY_SUBJECT), one.name
    answered = [command for one in SERVICES for command in one.commands]
    assert sorted(answered) == sorted(command.subject for command in COMMANDS)
    for command in ALL_COMMANDS:
        assert not any(command.subject.startswith(prefix) for prefix in patterns), "commands stay out of the stream"


def references(value: Any) -> list[str]:
    """Every $ref in a document."""
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in references(item)]
    return [found for item in value for found in references(item)] if isinstance(value, list) else []


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The AsyncAPI document as its readers see it."""
    loaded: dict[str, Any] = yaml.safe_load(asyncapi.render())
    return loaded


def test_asyncapi_references_resolve(document: dict[str, Any]) -> None:
    """Every $ref leads to a part of the document."""
    found = references(document)
    assert len(found) > 100
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, f"{reference} leads nowhere"
            place = place[step]


def test_asyncapi_is_structurally_sound(document: dict[str, Any]) -> None:
    """Root, channels, operations and messages have what AsyncAPI 3.0.0 requires of them, and nothing else."""
    assert document["asyncapi"] == "3.0.0"
    assert set(document) <= {
        "asyncapi",
        "info",
        "defaultContentType",
        "servers",
        "channels",
        "operations",
        "components",
    }
    assert {"title", "version"} <= set(document["info"])
    assert all({"host", "protocol"} <= set(server) for server in document["servers"].values())
    for channel in document["channels"].values():
        assert set(channel) <= {"address", "messages", "description", "x-nightbus"}
        assert channel["messages"]
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert set(operation) <= {"action", "channel", "messages", "reply", "x-nightbus"}
        for message in operation["messages"]:
            # The standard: an operation's messages are those of its own channel.
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")
    for message in document["components"]["messages"].values():
        assert set(message) <= {"name", "title", "summary", "contentType", "payload", "traits"}


def test_asyncapi_tells_the_registry(document: dict[str, Any]) -> None:
    """Each subject is one channel; each publisher sends on it and each reader receives from it."""
    operations = document["operations"]
    for event in MODELS:
        assert document["channels"][event.subject]["address"] == event.subject
        for name in publishers_of(event.subject):
            assert operations[f"{name}.send.{event.subject}"]["action"] == "send"
        for name in readers_of(event.subject):
            assert operations[f"{name}.receive.{event.subject}"]["action"] == "receive"
    for command in ALL_COMMANDS:
        service = command.subject.split(".")[1]
        assert operations[f"{service}.receive.{command.subject}"]["reply"]["messages"]
    assert operations["stats.receive.file.scanned"]["x-nightbus"]["durable"] == "stats-file-scanned"


def test_asyncapi_schemas_are_those_of_the_models(document: dict[str, Any]) -> None:
    """Each model's properties are in the document, name by name."""
    schemas = document["components"]["schemas"]
    models: list[type[Model]] = list(contract_models().values())
    for model in models:
        assert set(schemas[model.__name__]["properties"]) == set(model.model_fields)
