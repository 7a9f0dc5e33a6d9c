"""Labelled frames (``labels.tsv``): what imagers and capture programs write, and the object that is meant."""

import re

import pytest

from tests.unit.targets.reliability import Judged, judged, labels, share_right


def _of_kind(kind: str) -> list[Judged]:
    return [one for one in judged() if one.label.kind == kind]


def _wrong(answers: list[Judged]) -> list[tuple[str, str | None]]:
    return [(one.label.query, one.found.catalog_id) for one in answers if not one.right]


def test_there_are_enough_labels() -> None:
    """At least 600 names and 60 fields are labelled, at least half of them hard ones."""
    named = [one for one in labels() if one.query]
    assert len(named) >= 600
    assert len(labels()) - len(named) >= 60
    assert sum(one.hard for one in labels()) * 2 >= len(labels())
    assert len({(one.query, one.ra_deg, one.dec_deg) for one in labels()}) == len(labels())


def test_labels_expect_objects() -> None:
    """An expected id is well-formed, and a position is given with its sides or not at all."""
    for one in labels():
        assert all(re.fullmatch(r"[A-Za-z0-9+-]{1,64}", catalog_id) for catalog_id in one.expected), one
        assert (one.ra_deg is None) is (one.dec_deg is None), one
        assert (one.width_deg is None) is (one.height_deg is None), one


def test_designations_that_do_not_exist_never_match() -> None:
    """``NGC 9999`` and ``M 131`` are nothing, however they are decorated."""
    assert len(_of_kind("wrong")) >= 60
    assert _wrong(_of_kind("wrong")) == []


def test_words_that_name_no_object_hardly_ever_match() -> None:
    """Of dates, settings, programs, places, people and stars at most one in a hundred is taken for an object."""
    assert len(_of_kind("nothing")) >= 200
    assert share_right(_of_kind("nothing")) >= 0.99, _wrong(_of_kind("nothing"))


def test_easy_labels_are_found() -> None:
    """At least 99 % of the easy labels are answered rightly."""
    easy = [one for one in judged() if not one.label.hard]
    assert share_right(easy) >= 0.99, _wrong(easy)


def test_hard_labels_are_found() -> None:
    """At least 92 % of the hard labels are answered rightly."""
    hard = [one for one in judged() if one.label.hard]
    assert share_right(hard) >= 0.92, _wrong(hard)


@pytest.mark.parametrize(
    ("kind", "least"), [("decorated", 0.98), ("trap", 0.97), ("field", 0.95), ("placed", 0.95), ("misspelt", 0.9)]
)
def test_every_kind_of_label_is_found(kind: str, least: float) -> None:
    """No kind of label is left behind by the others' good average."""
    assert share_right(_of_kind(kind)) >= least, _wrong(_of_kind(kind))


def test_nothing_is_found_without_confidence_and_a_match_with_some() -> None:
    """Method, id and confidence agree about whether something was found."""
    for one in judged():
        assert (one.found.method == "none") is (one.found.catalog_id is None) is (one.found.confidence == 0.0), one
