"""How a job goes on after its work ended: decided without a database."""

import pytest

from shared.errors import Away, Ignorable, Permanent, Transient, Unavailable, UserError
from shared.inert import SENTENCE_CHARS
from shared.jobs.outcome import (
    CANCELLED,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    MOST_UNEXPECTED,
    SOUND_AFTER_S,
    Stopped,
    outcome_of,
    pause_s,
)


def test_pauses_double_up_to_an_hour() -> None:
    """Each pause is twice the one before, and none is longer than an hour, however often it failed."""
    pauses = [pause_s(count) for count in range(1, 2000)]
    assert pauses[:4] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S, 8 * FIRST_PAUSE_S]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE_S


@pytest.mark.parametrize("error", [Transient("busy"), Away("no disk"), Unavailable("no database")])
def test_what_passes_waits_for_as_long_as_it_takes(error: Exception) -> None:
    """What is expected to pass never makes a job dead, however often it happens."""
    postponed = unexpected = 0
    for turn in range(1, 100):
        outcome = outcome_of(error, postponed=postponed, unexpected=unexpected, lasted_s=1.0)
        assert (outcome.state, outcome.reason, outcome.pause_s) == ("waiting", str(error), pause_s(turn))
        postponed, unexpected = outcome.postponed, outcome.unexpected
    assert (postponed, unexpected) == (99, 0)


def test_the_third_unexpected_failure_makes_a_job_dead() -> None:
    """Unexpected failures are counted over those that pass; the third makes the job dead, with the reason."""
    outcome = outcome_of(KeyError("x"), postponed=0, unexpected=0, lasted_s=1.0)
    assert (outcome.state, outcome.unexpected, outcome.pause_s) == ("waiting", 1, FIRST_PAUSE_S)
    outcome = outcome_of(Transient("busy"), postponed=1, unexpected=1, lasted_s=1.0)
    assert outcome.unexpected == 1
    outcome = outcome_of(KeyError("x"), postponed=2, unexpected=1, lasted_s=1.0)
    assert (outcome.state, outcome.unexpected) == ("waiting", 2)
    outcome = outcome_of(KeyError("x"), postponed=3, unexpected=2, lasted_s=1.0)
    assert (outcome.state, outcome.unexpected) == ("dead", MOST_UNEXPECTED)
    assert outcome.reason == "it failed unexpectedly: KeyError('x') (3 times in a row)"


def test_an_attempt_that_went_on_for_long_clears_the_count() -> None:
    """Work of days that is interrupted now and then is no poison: after a long attempt the count begins anew."""
    outcome = outcome_of(KeyError("x"), postponed=5, unexpected=2, lasted_s=SOUND_AFTER_S)
    assert (outcome.state, outcome.unexpected) == ("waiting", 1)


def test_what_no_retry_can_help_fails_at_once() -> None:
    """A refusal ends the job with its sentence, and does not count as unexpected."""
    for error in (Permanent("it is a folder"), UserError("there is no library")):
        outcome = outcome_of(error, postponed=1, unexpected=2, lasted_s=1.0)
        assert (outcome.state, outcome.reason, outcome.unexpected) == ("failed", str(error), 2)


def test_ends_that_are_no_failures() -> None:
    """Work that returns is done, work that needs nothing as well, and work that was stopped is cancelled."""
    assert outcome_of(None, postponed=3, unexpected=2, lasted_s=1.0).state == "done"
    assert outcome_of(Ignorable("nothing to do"), postponed=0, unexpected=0, lasted_s=1.0).state == "done"
    cancelled = outcome_of(Stopped(), postponed=0, unexpected=0, lasted_s=1.0)
    assert (cancelled.state, cancelled.reason) == ("cancelled", CANCELLED)


def test_a_reason_can_always_be_stored_and_shown() -> None:
    """NUL, bytes that are no UTF-8 and control characters become escapes, and a reason has an end."""
    reason = outcome_of(Transient("a\0b\udcff\x1b[31m"), postponed=0, unexpected=0, lasted_s=1.0).reason
    assert reason == "a\\x00b\\xff\\x1b[31m"
    longest = outcome_of(ValueError("x" * 10**6), postponed=0, unexpected=0, lasted_s=1.0).reason
    assert longest is not None
    assert len(longest) < SENTENCE_CHARS + 40
