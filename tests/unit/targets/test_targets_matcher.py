"""The matcher's order of authority, its candidates and its separations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.frame import TargetMatch
from shared.targets.matcher import Matcher


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    """One matcher for all tests."""
    return Matcher.load()


MATCHER = Matcher.load()


def test_given_id_outranks_the_name(matcher: Matcher) -> None:
    """What the caller vouches for wins, in its canonical form and with full confidence."""
    found = matcher.match("M 33", hints_catalog_id="NGC 224")
    assert (found.catalog_id, found.method, found.confidence) == ("M31", "given", 1.0)


def test_given_id_of_no_table_is_kept_and_nonsense_is_ignored(matcher: Matcher) -> None:
    """A user's own id passes as it is; what cannot be an id leaves the decision to the name."""
    assert matcher.match(None, hints_catalog_id="My-Field-7").catalog_id == "My-Field-7"
    assert matcher.match("M 33", hints_catalog_id="no id; at all").catalog_id == "M33"


def test_folder_answers_only_when_the_name_does_not(matcher: Matcher) -> None:
    """The parent folder names the frame when OBJECT says nothing, with less confidence."""
    found = matcher.match("Unknown", folder="M 31_sub")
    assert (found.catalog_id, found.method) == ("M31", "folder")
    assert 0.5 < found.confidence < 1.0
    assert matcher.match("M 33", folder="M 31_sub").catalog_id == "M33"


def test_methods_say_how(matcher: Matcher) -> None:
    """Designation, name and fuzzy are told apart, and are sure in this order."""
    answers = [matcher.match(name) for name in ("NGC 7000", "North America Nebula", "North Amercia Nebula")]
    assert [one.method for one in answers] == ["designation", "name", "fuzzy"]
    assert [one.catalog_id for one in answers] == ["NGC7000"] * 3
    assert answers[0].confidence > answers[1].confidence > answers[2].confidence


def test_separation_is_the_great_circle_distance(matcher: Matcher) -> None:
    """With coordinates the distance to the object's position is given, else None."""
    found = matcher.match("M 31", ra_deg=10.6847, dec_deg=42.269)
    assert found.separation_deg == pytest.approx(1.0, abs=0.01)
    assert matcher.match("M 31").separation_deg is None
    assert matcher.match("Moon", ra_deg=10.0, dec_deg=10.0).separation_deg is None


def test_position_picks_among_objects_of_one_name(matcher: Matcher) -> None:
    """The two Spindle Galaxies are told apart by coordinates; the other one stays a candidate."""
    there = matcher.match("Spindle Galaxy", ra_deg=151.3, dec_deg=-7.7)
    assert there.catalog_id == "NGC3115"
    assert [one.catalog_id for one in there.candidates] == ["M102"]
    assert there.separation_deg is not None
    assert there.separation_deg < 0.1


def test_contradicting_name_becomes_a_candidate(matcher: Matcher) -> None:
    """A designation beside another object's name is believed less, and the other is kept."""
    found = matcher.match("M 31 Triangulum Galaxy")
    assert (found.catalog_id, [one.catalog_id for one in found.candidates]) == ("M31", ["M33"])
    assert found.confidence < 0.7


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("Bubble Nebula and M52", "NGC7635", "M52"),
        ("M 52 & Bubble Nebula", "M52", "NGC7635"),
        ("NGC 7331 und Stephans Quintett", "NGC7331", "HCG92"),
    ],
)
def test_of_a_name_and_a_designation_that_are_joined_the_first_is_meant(
    matcher: Matcher, text: str, first: str, second: str
) -> None:
    """Two objects joined by a word are both there: the first is the answer, not a sure one, the other a candidate."""
    found = matcher.match(text)
    assert (found.catalog_id, [one.catalog_id for one in found.candidates]) == (first, [second])
    assert found.confidence < 0.9
    assert matcher.match("NGC 281 and Pacman").confidence > 0.9


def test_nothing_is_a_match_without_confidence(matcher: Matcher) -> None:
    """No text gives no object, confidence zero and method none."""
    assert matcher.match(None) == TargetMatch(confidence=0.0, method="none")


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    """Whatever a header holds, the answer is a valid match and is the same the second time."""
    first = MATCHER.match(text, folder=text[::-1], file_name=text[1:], hint=text[2:])
    assert first == MATCHER.match(text, folder=text[::-1], file_name=text[1:], hint=text[2:])
    assert (first.catalog_id is None) is (first.method == "none")


@given(st.sampled_from(["NGC", "IC", "M", "Messier", "Caldwell", "Sh2-", "LDN", "LBN"]), st.integers(0, 99_999))
def test_numbers_are_never_forgiven(prefix: str, number: int) -> None:
    """A designation finds the object of exactly this number or nothing."""
    last = {"NGC": 7840, "IC": 5386, "M": 110, "Messier": 110, "Caldwell": 109, "Sh2-": 313, "LDN": 1802, "LBN": 1125}
    found = MATCHER.match(f"{prefix} {number}")
    if not 1 <= number <= last[prefix]:
        assert found.catalog_id is None
    elif found.catalog_id is not None:
        assert found.method == "designation"
        assert found == MATCHER.match(f"{prefix}{number:05d}".lower())


def test_what_a_source_is_said_to_show_counts_where_nothing_else_does(matcher: Matcher) -> None:
    """Alone it is a match of its own method and less sure than a header; names, folders and positions go before it."""
    alone = matcher.match(None, hint="M 31")
    assert (alone.catalog_id, alone.method, alone.uncertain) == ("M31", "hint", False)
    assert alone.confidence < matcher.match(None, folder="M 31").confidence
    assert matcher.match("M 33", hint="M 31") == matcher.match("M 33")
    assert matcher.match(None, folder="M 33", hint="M 31") == matcher.match(None, folder="M 33")
    assert matcher.match(None, hint="the garden") == matcher.match(None)
    elsewhere = matcher.match(None, hint="M 31", ra_deg=210.0, dec_deg=-60.0, width_deg=0.5, height_deg=0.5)
    assert (elsewhere.method, elsewhere.uncertain) == ("conflict", True)


def test_what_a_source_is_said_to_show_settles_a_doubt(matcher: Matcher) -> None:
    """Of the objects that a doubtful match leaves open it chooses; what is none of them is one more candidate."""
    doubtful = matcher.match("M 31 Triangulum Galaxy")
    named = {doubtful.catalog_id, *(one.catalog_id for one in doubtful.candidates)}
    assert (doubtful.uncertain, named) == (True, {"M31", "M33"})
    for said in ("M 31", "M 33"):
        settled = matcher.match("M 31 Triangulum Galaxy", hint=said)
        assert (settled.catalog_id, settled.method, settled.uncertain) == (said.replace(" ", ""), "hint", False)
    other = matcher.match("M 31 Triangulum Galaxy", hint="M 42")
    assert (other.catalog_id, other.method, other.uncertain) == (doubtful.catalog_id, doubtful.method, True)
    assert "M42" in {one.catalog_id for one in other.candidates}


def test_matches_below_the_settings_threshold_are_marked_uncertain(matcher: Matcher) -> None:
    """A person is asked about matches below the threshold; a stricter setting asks about more, no match about none."""
    strict = Matcher(matcher.catalogue, uncertain_below=0.98)
    sure, named, doubtful = "M 31", "North America Nebula", "M 31 Triangulum Galaxy"
    assert [matcher.match(name).uncertain for name in (sure, named, doubtful)] == [False, False, True]
    assert [strict.match(name).uncertain for name in (sure, named, doubtful)] == [False, True, True]
    assert not strict.match("Snapshot").uncertain
    assert not strict.match("M 33", hints_catalog_id="M31").uncertain


def test_a_conflict_is_uncertain_whatever_the_threshold(matcher: Matcher) -> None:
    """A name and a position that contradict each other are a person's to decide, also where no guess is asked about."""
    trusting = Matcher(matcher.catalogue, uncertain_below=0.0)
    found = trusting.match("M 33", ra_deg=83.822, dec_deg=-5.391, width_deg=1.5, height_deg=1.0)
    assert (found.catalog_id, found.method, found.uncertain) == ("M42", "conflict", True)
    assert not trusting.match("Spindle Galaxy").uncertain


def test_the_files_own_name_answers_last_and_is_believed_least(matcher: Matcher) -> None:
    """Where header, position and folders say nothing the file's name is asked; loose words leave a person to decide."""
    header = matcher.match("M 31")
    folder = matcher.match("Snapshot", folder="M 31/lights")
    named = matcher.match("Snapshot", folder="lights", file_name="M31")
    loose = matcher.match("", file_name="M31", file_name_is_loose=True)
    assert [one.catalog_id for one in (header, folder, named, loose)] == ["M31"] * 4
    assert [one.method for one in (folder, named, loose)] == ["folder", "file_name", "file_name"]
    assert header.confidence > folder.confidence > named.confidence > loose.confidence
    assert (named.uncertain, loose.uncertain) == (False, True)
    assert matcher.match("", folder="M 33", file_name="M31").catalog_id == "M33"


def test_a_position_goes_before_the_files_own_name(matcher: Matcher) -> None:
    """What the frame points at is believed before the words of its name, and confirmed by them."""
    against = matcher.match("", ra_deg=10.68, dec_deg=41.27, width_deg=1.3, height_deg=0.7, file_name="M33")
    alone = matcher.match("", ra_deg=10.68, dec_deg=41.27, width_deg=1.3, height_deg=0.7)
    agreed = matcher.match("", ra_deg=10.68, dec_deg=41.27, width_deg=1.3, height_deg=0.7, file_name="M31")
    assert against.catalog_id == alone.catalog_id == agreed.catalog_id == "M31"
    assert agreed.confidence >= alone.confidence
