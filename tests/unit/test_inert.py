"""Text of people, files and headers, as it is shown and said."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors import Permanent, UserError
from shared.events.file import FileQuarantined
from shared.inert import NAME_CHARS, SENTENCE_CHARS, json_escaped, name, paragraph, sentence, visible

OBEYED = "\x00\x07\x1b\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\udcff\ud800"
"""What a terminal obeys, what turns the direction of writing, what ends a line, and halves of characters."""
TEXTS = st.text(st.characters(exclude_categories=())) | st.text(alphabet=OBEYED + "ab", min_size=400, max_size=2500)


@settings(deadline=None, max_examples=50)
@given(TEXTS)
@example(OBEYED)
@example("\x00" * 100_000)
def test_what_is_said_is_inert_and_bounded(text: str) -> None:
    """Sentences and names are printable, of one line, never longer than their limit, and stay what they are."""
    for said, most in ((sentence(text), SENTENCE_CHARS), (name(text), NAME_CHARS)):
        assert said.isprintable()
        assert len(said) <= most
    assert sentence(sentence(text)) == sentence(text)
    if text.isprintable() and len(text) <= NAME_CHARS:
        assert name(text) == text


def test_a_long_text_keeps_its_ends() -> None:
    """Of ten megabytes the beginning and the end are shown, and how long the whole is."""
    said = sentence("file " + "x" * 10_000_000 + ": the reason")
    assert said.startswith("file xxx")
    assert "(10000017 characters)" in said
    assert said.endswith("x: the reason")


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(TEXTS, TEXTS, max_size=3))
@example({"name": OBEYED})
def test_json_reads_back_and_holds_nothing_to_obey(value: dict[str, str]) -> None:
    """Escapes are made for what a terminal obeys and for nothing else, and parse to what was meant."""
    text = json_escaped(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == json.loads(json.dumps(value))
    assert not set(text) & set(OBEYED)
    assert text.encode()


def test_letters_of_all_languages_stay() -> None:
    """What is merely unusual is not escaped: umlauts, Chinese, composed pictures, blanks that do not break."""
    text = "Große Andromeda 天の川 👩‍🚀 5\u00a0min"
    assert visible(text) == text
    assert json_escaped(f'"{text}"') == f'"{text}"'


def test_a_paragraph_keeps_its_lines() -> None:
    """A traceback stays one of several lines, each inert, and is bounded as a whole."""
    assert paragraph("one\n\x1btwo", 100) == "one\n\\x1btwo"
    assert len(paragraph("line\x9b\n" * 10_000, 8000)) <= 8000


def test_errors_are_inert_whatever_they_quote() -> None:
    """An error of ours says printable sentences of bounded length, each on a line of its own."""
    assert str(Permanent("bad\x1b[31m.fits\nis bad")) == "bad\\x1b[31m.fits\\nis bad"
    assert len(str(Permanent("x" * 10**6))) <= SENTENCE_CHARS
    assert str(UserError("one", "two")) == "one\ntwo"


def test_reasons_of_events_are_inert() -> None:
    """A reason in an event is bounded and printable, whoever wrote it: also when it is read from the wire."""
    made = FileQuarantined(path="a", service="scanner", reason="\u202e" + "x" * 10**6, error="\x00" * 10**6)
    for event in (made, FileQuarantined.model_validate_json(made.model_dump_json())):
        assert event.reason.isprintable()
        assert len(event.reason) <= SENTENCE_CHARS
        assert event.error is not None
        assert event.error.isprintable()
        assert len(event.error) <= SENTENCE_CHARS
