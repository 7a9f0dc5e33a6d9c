"""Decisions about names: what they are about, where they lie, and what they answer together."""

import pytest
from pydantic import ValidationError

from shared.decisions.lookup import Decisions
from shared.decisions.model import (
    DECISION,
    WHOLE,
    Decision,
    Entry,
    RigNamed,
    TargetNamed,
    TargetsMerged,
    read_entry,
    target_key,
)
from shared.errors import Permanent

EXAMPLES: tuple[Decision, ...] = (
    TargetNamed(name="Our garden gnome", catalog_id="M31"),
    TargetsMerged(catalog_id="NGC7000", into="Sh2-117"),
    RigNamed(name="Eye@f4+Cam", rig="Garden"),
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cat's Eye Nebula", "cats-eye_NEBULA"),
        ("M 31", "Messier 031"),
        ("The Gnome", "gnome"),
        ("Ｇｎｏｍｅ", "gnome"),
        ("Туманность Гном", "туманность  гном"),
        ("馬頭星雲", "馬頭 星雲"),
    ],
)
def test_two_spellings_are_one_name(one: str, other: str) -> None:
    """Case, accents, blanks, punctuation and the ways to write a designation make no other name."""
    assert target_key(one) == target_key(other) != ""
    assert TargetNamed(name=one, catalog_id="M31").key == TargetNamed(name=other, catalog_id="M33").key


def test_names_that_differ_have_keys_of_their_own() -> None:
    """Another number, another kind and another name are another key, and none of them is the key that says all."""
    names = ("M 31", "M 3", "M 33", "Gnome", "Gnomes", "NGC 7318 B", "NGC 7318")
    keys = {TargetNamed(name=name, catalog_id="M31").key for name in names}
    keys |= {TargetsMerged(catalog_id="M31", into="M33").key, RigNamed(name="Gnome", rig="x").key}
    assert len(keys) == len(names) + 2
    assert WHOLE not in keys
    assert all(key.replace(".", "").isalnum() and key.isascii() for key in keys), "a key is part of a subject"


@pytest.mark.parametrize("kind", [TargetNamed, RigNamed])
def test_a_name_of_nothing_is_refused(kind: type[TargetNamed] | type[RigNamed]) -> None:
    """Blanks and underscores name no target and no rig."""
    for name in ("", "  "):
        with pytest.raises(ValidationError, match="is no name of a"):
            kind(name=name, catalog_id="M31", rig="x")


@pytest.mark.parametrize("decision", EXAMPLES, ids=lambda one: one.kind)
def test_an_entry_comes_back(decision: Decision) -> None:
    """What lies in the bucket is read as it was, with and without fields that a newer version adds."""
    entry = Entry(revision=3, decision=decision)
    text = entry.model_dump_json()
    assert read_entry(text.encode()) == entry
    assert read_entry(text.replace('"kind"', '"added_later":1,"kind"').encode()) == entry
    assert DECISION.validate_json(decision.model_dump_json()) == decision
    assert read_entry(b'{"revision": 4, "decision": null}').decision is None


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"no", b'{"revision": 0}', b'{"revision": 1, "decision": {"kind": "site", "name": "Roof"}}']
)
def test_what_is_not_known_here_is_said(value: bytes) -> None:
    """Damage, and a kind of decision that a newer version has, are told in a sentence."""
    with pytest.raises(Permanent, match="no decision that is known here"):
        read_entry(value)


def test_a_name_is_asked_as_it_is_written_and_without_decoration() -> None:
    """A panel, a date or a filter behind the name changes nothing, unless somebody decided about the whole of it."""
    decisions = Decisions((
        TargetNamed(name="Gnome", catalog_id="M31"),
        TargetNamed(name="Gnome Ha", catalog_id="M33"),
        TargetNamed(name="NGC 7318", catalog_id="HCG92"),
    ))  # fmt: skip
    for name in ("Gnome", "gnome", "Gnome Panel 2", "Light_Gnome_10.0s_20250101-203011.fit"):
        assert decisions.target_of(name) == "M31", name
    assert decisions.target_of("Gnome_Ha") == "M33"
    assert decisions.target_of("NGC7318") == "HCG92"
    assert not any(map(decisions.target_of, (None, "", "Dwarf", "NGC 7319", "x" * 10_000)))
    assert Decisions().target_of("Gnome") is None


def test_merges_are_followed_to_the_one_that_stays() -> None:
    """A target that was merged into one that was merged counts for the last; a circle is found and ends."""
    merges = [TargetsMerged(catalog_id=one, into=other) for one, other in (("A", "B"), ("B", "C"), ("D", "C"))]
    decisions = Decisions(merges)
    assert [decisions.survivor_of(one) for one in "ABCDE"] == ["C", "C", "C", "C", "E"]
    assert decisions.circle() is None
    round_about = Decisions([*merges, TargetsMerged(catalog_id="C", into="A")])
    assert round_about.circle() in {"A", "B", "C"}
    assert round_about.survivor_of("A") in {"A", "B", "C"}
    assert Decisions([TargetsMerged(catalog_id="A", into="A")]).circle() == "A"


def test_a_rig_is_called_as_decided() -> None:
    """A rig's name is found without case and blanks."""
    decisions = Decisions([RigNamed(name="Eye@f4+Cam", rig="Garden")])
    assert decisions.rig_of("eye@F4 + cam") == "Garden"
    assert decisions.rig_of("Garden") is None
