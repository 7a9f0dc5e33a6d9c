"""Confidence means what it says, and the page says what is measured."""

import pytest

from tests.unit.targets.reliability import PAGE, matches_between, page_tables, share_right, tables


def test_matches_that_are_said_to_be_sure_are_right() -> None:
    """Of the matches with a confidence of 0.9 and more at least 98 % are right (90 % would keep the word)."""
    sure = matches_between(0.9, 1.0)
    assert len(sure) >= 500
    assert share_right(sure) >= 0.98


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.7), (0.7, 0.8), (0.8, 0.9)])
def test_no_bin_promises_more_than_it_keeps(low: float, high: float) -> None:
    """In every bin at least the promised share is right: a match is rather too modest than too sure."""
    answers = matches_between(low, high)
    assert len(answers) >= 15
    assert share_right(answers) >= low


def test_the_page_shows_the_measured_tables() -> None:
    """docs/targets.md holds the tables of today; renew them with ``python -m tests.unit.targets.reliability``."""
    assert page_tables(PAGE.read_text(encoding="utf-8")) == tables()
