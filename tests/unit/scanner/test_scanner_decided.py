"""What people decided goes before settings, headers and tables; and one event id never has two contents."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scanner.knowledge import Knowledge, Loaded, built_in
from services.scanner.reader import scanned_event
from shared.decisions.lookup import Decided, Decisions
from shared.decisions.model import Decision, RigNamed, TargetNamed, TargetsMerged
from shared.equipment.rigs import Rig
from shared.equipment.setup import Equipment
from shared.events.file import FileArrived, FileScanned, Hints
from shared.targets.own import OwnTarget
from tests.integration.ingest.world import fits
from tests.integration.scanner.world import arrival

CARDS = ("IMAGETYP= 'LIGHT'", "INSTRUME= 'Cam'", "TELESCOP= 'Eye'", "FOCRATIO= 4.0", "DATE-OBS= '2025-10-20T20:00:00'")
AT_M33 = ("RA      = 23.462", "DEC     = 30.66")
LABEL = "Eye@f4+Cam"


def knowing(*decisions: Decision, rigs: Sequence[Rig] = (), revision: int = 1) -> Loaded:
    """The built-in tables, these rigs and what was decided."""
    decided = Decisions(decisions)
    return built_in()._replace(
        decisions=decided,
        decisions_revision=revision,
        equipment=Equipment(rigs=rigs, rig_decided=decided.rig_of),
    )


def read(folder: Path, known: Loaded, *cards: str, path: str = "a.fits", hints: Hints | None = None) -> FileScanned:
    """What the scanner makes of a frame with these cards."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(fits(cards=CARDS + cards))
    arrived = arrival(file, folder).model_copy(update={"hints": hints or Hints()})
    return scanned_event(arrived, folder, measure_stars=False, known=known)


def target(event: FileScanned) -> tuple[str | None, str, bool]:
    """Which target, how it was found, and whether a person should decide."""
    assert event.target is not None
    return event.target.catalog_id, event.target.method, event.target.uncertain


def test_a_decision_goes_before_header_position_and_catalogue(tmp_path: Path) -> None:
    """A header's name means what somebody said, though it names another object and the telescope pointed elsewhere."""
    gnome = TargetNamed(name="Gnome", catalog_id="M31")
    assert target(read(tmp_path, knowing(), "OBJECT  = 'Gnome'"))[0] is None
    found = read(tmp_path, knowing(gnome), "OBJECT  = 'gnome Panel 2'", *AT_M33)
    assert target(found) == ("M31", "person", False)
    assert found.target is not None
    assert (found.target.name, found.target.confidence) == ("Andromeda Galaxy", 1.0)
    assert (found.target.separation_deg or 0) > 10
    assert not [problem for problem in found.problems if "target" in problem]
    wrong = TargetNamed(name="Messier 33", catalog_id="NGC7000")
    assert target(read(tmp_path, knowing(wrong), "OBJECT  = 'M 33'", *AT_M33)) == ("NGC7000", "person", False)
    assert target(read(tmp_path, knowing(wrong), "OBJECT  = 'M 34'"))[:2] == ("M34", "designation")


def test_the_id_that_the_sender_gives_goes_before_a_decision(tmp_path: Path) -> None:
    """A planner's id is about this very frame; what a source is said to show counts where all else is silent."""
    known = knowing(TargetNamed(name="Gnome", catalog_id="M31"))
    given_id = Hints(catalog_id="M42", target="Gnome")
    assert target(read(tmp_path, known, "OBJECT  = 'Gnome'", hints=given_id))[:2] == ("M42", "given")
    hint = Hints(target="Gnome")
    assert target(read(tmp_path, known, hints=hint))[:2] == ("M31", "person")
    assert target(read(tmp_path, known, "OBJECT  = 'M 42'", hints=hint))[:2] == ("M42", "designation")
    assert target(read(tmp_path, known, *AT_M33, hints=hint))[:2] == ("M33", "position")


def test_names_of_folders_and_files_are_asked_where_the_header_says_nothing(tmp_path: Path) -> None:
    """The nearest decided folder, then the file's own name; a header that names an object goes before both."""
    known = knowing(TargetNamed(name="Gnome", catalog_id="M31"), TargetNamed(name="Dwarf", catalog_id="M33"))
    assert target(read(tmp_path, known, path="Dwarf/Gnome/LIGHT/a.fits"))[:2] == ("M31", "person")
    assert target(read(tmp_path, known, *AT_M33, path="Gnome/a.fits"))[:2] == ("M31", "person")
    assert target(read(tmp_path, known, "OBJECT  = 'M 42'", path="Gnome/b.fits"))[:2] == ("M42", "designation")
    assert target(read(tmp_path, known, "OBJECT  = 'Snapshot'", path="Gnome/c.fits"))[:2] == ("M31", "person")


def test_a_merged_target_counts_for_the_one_that_stays(tmp_path: Path) -> None:
    """However the target was found; how and how surely is as before."""
    known = knowing(TargetsMerged(catalog_id="M33", into="M31"), TargetNamed(name="Gnome", catalog_id="M33"))
    merged = read(tmp_path, known, "OBJECT  = 'M 33'").target
    plain = read(tmp_path, knowing(), "OBJECT  = 'M 33'").target
    assert merged is not None
    assert plain is not None
    assert (merged.catalog_id, merged.name) == ("M31", "Andromeda Galaxy")
    assert (merged.method, merged.confidence) == (plain.method, plain.confidence)
    assert target(read(tmp_path, known, "OBJECT  = 'Gnome'")) == ("M31", "person", False)
    assert target(read(tmp_path, known, hints=Hints(catalog_id="M33")))[:2] == ("M31", "given")


def test_a_rig_is_called_as_somebody_decided(tmp_path: Path) -> None:
    """Before the settings' rigs, the sender's word and the header's name; what the settings say of it holds."""
    garden = Rig("Garden", aliases=(LABEL,), origin="nightbus.toml")
    attic = Rig("Attic", camera="Another", filters=(("Slot 3", "Ha"),), origin="nightbus.toml")
    said = RigNamed(name=LABEL, rig="attic")
    assert read(tmp_path, knowing()).frame.rig == LABEL
    assert read(tmp_path, knowing(rigs=[garden, attic])).frame.rig == "Garden"
    by_label = read(tmp_path, knowing(said, rigs=[garden, attic]), "FILTER  = 'Slot 3'").frame
    assert (by_label.rig, by_label.filter) == ("Attic", "Ha")
    assert read(tmp_path, knowing(said)).frame.rig == "attic"
    renamed = knowing(RigNamed(name="Garden", rig="Roof"), rigs=[garden])
    assert read(tmp_path, renamed).frame.rig == "Roof"
    assert read(tmp_path, renamed, hints=Hints(rig="garden")).frame.rig == "Roof"
    assert read(tmp_path, renamed, hints=Hints(rig="Elsewhere")).frame.rig == "Elsewhere"


def test_knowledge_takes_decisions_on_its_journey() -> None:
    """Decisions and their number reach a reader as they are, and are part of what is known."""
    decisions = (TargetNamed(name="Gnome", catalog_id="M31"), RigNamed(name=LABEL, rig="Attic"))
    plain = Knowledge(rigs=(Rig("Attic"),))
    known = plain.deciding(Decided(4, decisions))
    assert Knowledge.from_json(known.to_json()) == known
    assert len({one.revision for one in (plain, known, plain.deciding(Decided(5, decisions)))}) == 3
    loaded = known.load()
    assert (loaded.decisions_revision, loaded.decisions.target_of("gnome")) == (4, "M31")
    assert loaded.equipment.rig_called(LABEL) == "Attic"


DECISIONS: st.SearchStrategy[Decision] = st.one_of(
    st.builds(TargetNamed, name=st.sampled_from(("Gnome", "M 33")), catalog_id=st.sampled_from(("M31", "M42"))),
    st.builds(TargetsMerged, catalog_id=st.sampled_from(("M31", "M33")), into=st.sampled_from(("M42", "IC434"))),
    st.builds(RigNamed, name=st.sampled_from((LABEL, "Garden")), rig=st.sampled_from(("Attic", "Roof"))),
)


@cache
def with_targets(own: tuple[OwnTarget, ...]) -> Loaded:
    """What is known with these targets of the settings."""
    return Knowledge(targets=own).load()


@st.composite
def knowledge(draw: st.DrawFn) -> Loaded:
    """Decisions and settings as they may be at some time."""
    own = draw(st.sampled_from(((), (OwnTarget("Gnome1", ("Gnome",)),))))
    rigs = draw(st.sampled_from(((), (Rig("Garden", aliases=(LABEL,)),), (Rig("Shed", aliases=(LABEL,)),))))
    decided = Decisions(draw(st.lists(DECISIONS, max_size=3)))
    return with_targets(own)._replace(
        decisions=decided,
        decisions_revision=draw(st.integers(0, 3)),
        equipment=Equipment(rigs=rigs, rig_decided=decided.rig_of),
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[FileArrived, Path]]:
    """Arrivals whose reading depends on decisions and settings in several ways."""
    root = tmp_path_factory.mktemp("tree")
    arrivals = []
    for path, card in (("a.fits", "OBJECT  = 'Gnome'"), ("b.fits", "OBJECT  = 'M 33'"), ("Gnome/c.fits", "COMMENT")):
        file = root / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(fits(cards=(*CARDS, card)))
        arrivals.append((arrival(file, root), root))
    return arrivals


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(knowledge(), min_size=2, max_size=5))
def test_one_event_id_never_has_two_contents(tree: list[tuple[FileArrived, Path]], history: list[Loaded]) -> None:
    """Whatever people decide and settings become between deliveries of an arrival: equal ids say the same.

    And the same reading is the same event, so that a delivery that is repeated tells nothing new.
    """
    contents: dict[UUID, str] = {}
    ids: dict[str, UUID] = {}
    for known in (*history, history[0]):
        for arrived, root in tree:
            event = scanned_event(arrived, root, measure_stars=False, known=known)
            content = event.model_dump_json(exclude={"occurred_at", "event_id", "digest"})
            assert contents.setdefault(event.event_id, content) == content
            assert ids.setdefault(content, event.event_id) == event.event_id
    assert len(contents) >= len(tree)
