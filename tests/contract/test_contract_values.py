"""Every value that a model takes can be stored, subtracted and published again; all others are refused when read."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.events.base import Event
from shared.events.file import FileQuarantined, FileScanned
from shared.inert import SENTENCE_CHARS
from tests.contract.examples import all_examples
from tests.contract.hostile import DATES, NUMBERS, TEXTS, TIMES, damaged, exchanged, places, unfit

EXAMPLES = all_examples()


def _read(name: str, text: str) -> Any:
    """The model that a JSON text holds, or None where it is refused."""
    try:
        return type(EXAMPLES[name]).model_validate_json(text)
    except ValidationError:
        return None


def _hold(name: str, text: str) -> None:
    model = _read(name, text)
    if model is None:
        return
    assert unfit(model, name) == []
    again = type(model).model_validate_json(model.model_dump_json())
    assert again == model
    if isinstance(model, Event):
        model.derive_id()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_field_takes_what_can_be_kept_and_no_more(name: str) -> None:
    """Each edge value in each place of each event, command and reply is refused, or can be stored and told again."""
    document = json.loads(EXAMPLES[name].model_dump_json())
    for path in places(document):
        for value in (*TIMES, *DATES, *NUMBERS, *TEXTS):
            _hold(name, exchanged(document, path, value))


@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_an_event_it_is_refused_or_can_be_kept(data: st.DataObject) -> None:
    """The same with values at random, several at once, in any model of the contract."""
    name = data.draw(st.sampled_from(sorted(EXAMPLES)))
    _hold(name, data.draw(damaged(EXAMPLES[name])))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("occurred_at",), "0001-01-01T00:00:00Z"), (("arrived_at",), "9999-12-31T23:59:59.999999Z"),
        (("frame", "observed_at"), "0001-01-01T00:00:00Z"), (("frame", "night"), "9999-12-31"),
        (("frame", "gain"), math.nan), (("frame", "gain"), math.inf), (("frame", "gain"), 1e300),
        (("frame", "exposure_s"), 1e300), (("frame", "stack_count"), 2**40), (("frame", "x_binning"), 2**15),
        (("frame", "object_name"), "M\0" + "31"), (("frame", "camera"), "é" * 256), (("quality", "fwhm_px"), 1e39),
        (("size_bytes",), 2**63), (("scan_revision",), 2**31), (("path",), "a\0b"), (("path",), "x" * 4097),
        (("problems",), [None]), (("header_cards",), ["a\0b"]),
    ],
)  # fmt: skip
def test_file_scanned_refuses(place: tuple[str, ...], value: Any) -> None:
    """What Postgres or a reader's arithmetic could not take is refused with the event, by the field's name."""
    document = json.loads(EXAMPLES["file.scanned"].model_dump_json())
    with pytest.raises(ValidationError) as refusal:
        FileScanned.model_validate_json(exchanged(document, place, value))
    assert refusal.value.errors()[0]["loc"][: len(place)] == place


def test_a_reason_is_cut_and_never_refused() -> None:
    """Words for a person are bounded and made printable: what a file has wrong must not be lost for its wording."""
    event = FileQuarantined(service="scanner", reason="ab\0\udcff" + "x" * 10**6, error="\ud800")
    assert event.reason.startswith("ab\\x00\\xffxx")
    assert (len(event.reason), event.error) == (SENTENCE_CHARS, "\\ud800")
    assert FileQuarantined.model_validate_json(event.model_dump_json()) == event
