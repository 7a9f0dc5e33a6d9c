"""What people and programs really wrote (``real-names.tsv``, ``real-paths.tsv``), and what they meant by it."""

import pytest

from tests.unit.targets.reality import HALVES, real_names, real_paths, share_of


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


def test_there_are_enough_real_paths() -> None:
    """At least 150 different paths were found, each with its source, of more than thirty programs and people."""
    assert len({one.path for one in real_paths()}) == len(real_paths()) >= 150
    assert len({one.source for one in real_paths()}) >= 30


@pytest.mark.parametrize("half", HALVES)
def test_real_paths_are_read(half: str) -> None:
    """Of at least 90 % of the paths every fact is right, in the half that nobody tuned on as in the other."""
    assert share_of(real_paths(), half) >= 0.9, {one.path: one.wrong for one in real_paths() if not one.right}


def test_no_real_path_names_a_wrong_target_surely() -> None:
    """Nothing wrong is said of a target with a confidence of 0.9 or more."""
    assert [one.path for one in real_paths() if "target" in one.wrong and one.confidence >= 0.9] == []
