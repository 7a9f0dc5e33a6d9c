"""What people and programs really wrote (``real-names.tsv``), and what they meant by it."""

import pytest

from tests.unit.targets.reality import HALVES, real_names, share_of


def test_there_are_enough_real_names() -> None:
    """At least 300 different names were found, each with its source."""
    assert len({one.name for one in real_names()}) == len(real_names()) >= 300
    assert all(one.source for one in real_names())


@pytest.mark.parametrize("half", HALVES)
def test_real_names_are_found(half: str) -> None:
    """At least 95 % of the names are answered rightly, in the half that nobody tuned on as in the other."""
    assert share_of(real_names(), half) >= 0.95, [one.name for one in real_names() if not one.right]


def test_no_real_name_is_wrong_and_sure() -> None:
    """Nothing wrong is said with a confidence of 0.9 or more."""
    assert [one.name for one in real_names() if not one.right and one.found.confidence >= 0.9] == []
