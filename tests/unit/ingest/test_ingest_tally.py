"""Counting: whatever is added, found is the sum of its parts."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.tally import MOST_FAILURES, Tally

COUNTS = st.integers(min_value=0, max_value=10**9)


def tally_of(arrived: int, already_here: int, rules: dict[str, int], failures: list[str]) -> Tally:
    """A tally with these counts."""
    tally = Tally(arrived=arrived, already_here=already_here)
    tally.ignored_by.update(rules)
    for sentence in failures:
        tally.fail(sentence)
    return tally


TALLIES = st.builds(
    tally_of, COUNTS, COUNTS, st.dictionaries(st.sampled_from([".txt", ".part", "hidden"]), COUNTS), st.lists(st.text())
)


@given(st.lists(TALLIES, max_size=6))
def test_found_is_the_sum_of_its_parts(tallies: list[Tally]) -> None:
    """Adding tallies adds every count, so found stays the sum, and the others are not changed."""
    before = [(tally.found, dict(tally.ignored_by)) for tally in tallies]
    total = Tally()
    for tally in tallies:
        total.add(tally)
    assert total.found == total.arrived + total.already_here + total.ignored + total.failed
    assert total.found == sum(tally.found for tally in tallies)
    assert total.ignored == sum(total.ignored_by.values())
    assert [(tally.found, dict(tally.ignored_by)) for tally in tallies] == before


def test_only_the_first_hundred_sentences_are_kept() -> None:
    """A million failures are all counted, but a hundred sentences are enough; also when tallies are added."""
    tally = Tally()
    for number in range(MOST_FAILURES + 50):
        tally.fail(f"file {number}")
    assert (tally.failed, len(tally.failures), tally.failures[-1]) == (150, 100, "file 99")
    other = Tally()
    other.fail("another")
    other.add(tally)
    assert (other.failed, len(other.failures), other.failures[0]) == (151, 100, "another")


def test_what_was_taken_and_not_seen_again_is_counted() -> None:
    """Of what the ledger has of an import, what the walk did not count itself is added; nothing is taken away."""
    tally = Tally(arrived=2, already_here=1)
    tally.own.update({"arrived": 2, "already_here": 1})
    tally.count_unseen({"arrived": 5, "already_here": 1, "repaired": 2})
    assert (tally.arrived, tally.already_here, tally.repaired, tally.found) == (5, 3, 2, 8)
    tally.count_unseen({"arrived": 5, "repaired": 2})
    assert (tally.arrived, tally.found) == (5, 8)
