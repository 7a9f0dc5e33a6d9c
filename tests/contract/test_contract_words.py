"""One word, one thing: the contract speaks as docs/glossary.md says."""

import json

import pytest

from services.cli.config import example_toml
from services.cli.document import document
from tests.contract import events_page, metrics_page, words
from tests.contract.schemas import contract_models, schema_of

MODELS = contract_models()
REVIEWS_OWN = "verdict"


def test_the_glossary_is_a_table_of_single_meanings() -> None:
    """Each word stands there once with its meaning, and no word that is avoided is one of them, but for `stage`."""
    text = words.GLOSSARY.read_text()
    assert len(words.rows()) == text.count("| **") > 40
    assert all(meaning.endswith(".") for meaning, _ in words.rows().values())
    assert set(words.avoided()) & set(words.rows()) == {"stage"}  # a word of the library's code, and of no contract
    assert {"rescan", "stage"} <= set(words.avoided())


@pytest.mark.parametrize("name", sorted(MODELS))
def test_events_and_commands_use_no_avoided_word(name: str) -> None:
    """Subjects, models, fields, values and descriptions have none of the words that the glossary avoids."""
    assert words.used(f"{name} {MODELS[name].__name__} {json.dumps(schema_of(MODELS[name]))}") == []


@pytest.mark.parametrize(
    "text",
    [events_page.render, document, example_toml, metrics_page.render],
    ids=["events", "command line", "settings", "metrics"],
)
def test_pages_settings_and_command_line_use_no_avoided_word(text: object) -> None:
    """The page of events, the help of every command, every setting with its description, and every metric."""
    assert callable(text)
    assert words.used(text()) == []


def test_a_verdict_is_reviews_alone() -> None:
    """No event, command or answer has a verdict but frame.judged; neither has a command's help or a setting."""
    having = {name for name, model in MODELS.items() if REVIEWS_OWN in json.dumps(schema_of(model)).lower()}
    assert having == {"frame.judged"}
    assert REVIEWS_OWN not in document().lower() + example_toml().lower()


def test_an_avoided_word_is_found() -> None:
    """Also inside a name and in the plural, and not inside an unlike word."""
    assert len(words.used("rescan_interval_s and Rescans")) == 2
    assert words.used("the stages of a file") == ["the stages of a file"]
    assert words.used("a percentage of prescanned stacks") == []
