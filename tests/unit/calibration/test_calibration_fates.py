"""Which raw calibration frames may go: every unsafe case stays, with its sentence."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.calibration.cleaning.fates import Fate, RawFrame, StoredMaster, judge, sets_of
from services.calibration.filing.names import library_path
from services.calibration.matching.model import Master
from services.calibration.matching.rules import rules_of
from services.calibration.properties import Properties, properties_of
from services.calibration.settings import CalibrationSettings
from shared.events.frame import FrameType
from shared.frames.read import read_frame

SHOT = datetime(2026, 1, 4, 6, tzinfo=UTC)
KNOWN = Properties(
    camera="ZWO ASI2600MM Pro", exposure_s=300.0, gain=100.0, offset=50.0, set_temp_c=-10.0, x_binning=1,
    width_px=6248, height_px=4176, night=date(2026, 1, 3),
)  # fmt: skip
FLAT = KNOWN._replace(telescope="C8E", filter="Ha", exposure_s=2.0)
RULES = rules_of(None, KNOWN.camera, CalibrationSettings(), ())
DARK_NAME, SUPPLY = "its master masterDark.xisf", "`nightbus calibration describe` supplies it"


def frames(count: int = 3, kind: FrameType = FrameType.DARK, known: Properties = KNOWN, **facts: Any) -> list[RawFrame]:
    """Raw frames that are alike, archived and in the library."""
    return [
        RawFrame(f"{number:064}", kind, known, (f"raw/{number}.fits",), 10, SHOT, is_archived=True)._replace(**facts)
        for number in range(count)
    ]


def master(
    kind: FrameType = FrameType.MASTER_DARK, known: Properties = KNOWN, *, refused: str | None = None, **facts: Any
) -> StoredMaster:
    """A master that stands for them."""
    made = Master("f" * 64, kind, known, SHOT, "masterDark.xisf", refused)
    return StoredMaster(made, "_Dark Library/masterDark.xisf", 100, SHOT + timedelta(hours=5))._replace(**facts)


def judged(raw: list[RawFrame], *masters: StoredMaster, archive_needed: bool = True) -> Fate:
    """The fate of the one set that the frames are."""
    (one,) = sets_of(raw)
    return judge(one, masters, RULES, archive_needed=archive_needed)


def test_a_set_whose_master_stands_for_it_may_go() -> None:
    """The same properties, a master that came later and lies in the library, every frame archived."""
    found = judged(frames(), master())
    assert (found.may_go, found.reason) == (True, "its master masterDark.xisf is in the library")
    assert found.master == master()


def test_the_newest_of_several_masters_stands_for_a_set() -> None:
    """Of two masters the later one is verified."""
    newer = master(arrived_at=SHOT + timedelta(days=9))
    assert judged(frames(), master(), newer).master == newer


UNSAFE: dict[str, tuple[Callable[[], Fate], str]] = {
    "no master": (lambda: judged(frames()), "no master dark of these properties is known"),
    "another exposure": (
        lambda: judged(frames(), master(known=KNOWN._replace(exposure_s=120.0))),
        "no master dark of these properties is known",
    ),
    "another type": (
        lambda: judged(frames(), master(FrameType.MASTER_BIAS)), "no master dark of these properties is known",
    ),
    "a flat of the night before": (
        lambda: judged(
            frames(kind=FrameType.FLAT, known=FLAT),
            master(FrameType.MASTER_FLAT, FLAT._replace(night=date(2026, 1, 2))),
        ),
        "no master flat of this very night and these properties is known",
    ),
    "the master lost its gain": (
        lambda: judged(frames(), master(known=KNOWN._replace(gain=None))),
        f"{DARK_NAME} does not state its gain, so that it may be another set's: {SUPPLY}",
    ),
    "the frames lost their temperature": (
        lambda: judged(frames(known=KNOWN._replace(set_temp_c=None)), master()),
        "its frames do not state their temperature, so that its master masterDark.xisf may be another set's",
    ),
    "refused": (
        lambda: judged(frames(), master(refused="99 % of its pixels are negative")),
        "its master masterDark.xisf may not be used: 99 % of its pixels are negative",
    ),
    "indexed master": (
        lambda: judged(frames(), master(path=None)),
        "its master masterDark.xisf is not in the library: it lies in an indexed folder",
    ),
    "indexed frames": (
        lambda: judged(frames(paths=()), master()),
        "its frames lie in folders that are only indexed, where nothing is removed",
    ),
    "the frames are newer": (
        lambda: judged(frames(arrived_at=SHOT + timedelta(days=30)), master()),
        "3 frames of 3 came after its master masterDark.xisf, which cannot stand for them",
    ),
    "one frame is newer": (
        lambda: judged([*frames(2), frames(3)[2]._replace(arrived_at=SHOT + timedelta(days=30))], master()),
        "1 frame of 3 came after its master masterDark.xisf, which cannot stand for them",
    ),
    "built of others": (
        lambda: judged(frames(), master(made_of=frozenset(one.file_id for one in frames(1)))),
        "2 frames of 3 are not in its master masterDark.xisf, which cannot stand for them",
    ),
    "not archived": (
        lambda: judged([*frames(2), frames(3)[2]._replace(is_archived=False)], master()),
        "1 frame of 3 is in no verified archive: archive them first, or say --no-archive-needed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSAFE)
def test_an_unsafe_set_stays(case: str) -> None:
    """It says in a sentence what is unsafe."""
    fate, reason = UNSAFE[case]
    assert (fate().may_go, fate().reason) == (False, reason)


def test_a_master_that_was_built_stands_for_what_it_was_made_of() -> None:
    """What it was made of is known then, whenever its frames came into this library."""
    late = frames(arrived_at=SHOT + timedelta(days=30))
    assert judged(late, master(made_of=frozenset(one.file_id for one in late))).may_go


@pytest.mark.parametrize(("days", "may_go"), [(29, True), (31, False)])
def test_an_old_master_that_came_late_stands_for_no_new_frames(days: int, may_go: bool) -> None:
    """Masters of years ago may come into the library after the frames of today, which are in none of them."""
    made = master(arrived_at=SHOT + timedelta(days=400))
    new = [frames(1)[0], frames(2)[1]._replace(observed_at=SHOT + timedelta(days=days))]
    found = judged(new, made)
    assert found.may_go == may_go
    if not may_go:
        assert found.reason == "1 frame of 2 came after its master masterDark.xisf, which cannot stand for them"


def test_no_archive_needed() -> None:
    """A person may say that frames need no archive."""
    assert judged(frames(is_archived=False), master(), archive_needed=False).may_go


def test_a_property_that_nobody_states_forbids_nothing() -> None:
    """A camera without gain and temperature in its headers has sets all the same."""
    bare = Properties(camera="Canon EOS 6D", exposure_s=300.0, width_px=5496, height_px=3670)
    assert judged(frames(known=bare), master(known=bare)).may_go


def test_sets_go_in_their_order() -> None:
    """Bias frames first, then darks, then flats; frames of other properties are sets of their own."""
    raw = [
        *frames(2, FrameType.FLAT, FLAT), *frames(2, FrameType.DARK),
        *frames(1, FrameType.DARK, KNOWN._replace(exposure_s=60.0)), *frames(1, FrameType.BIAS),
        *frames(1, FrameType.FLAT, FLAT._replace(sensor_temp_c=-9.8)),
    ]  # fmt: skip
    assert [(one.frame_type.value, len(one.frames)) for one in sets_of(raw)] == [
        ("BIAS", 1), ("DARK", 2), ("DARK", 1), ("FLAT", 3),
    ]  # fmt: skip
    assert sets_of(frames())[0].description == "ZWO ASI2600MM Pro, 300 s, night 2026-01-03, gain 100, offset 50, -10 C"


def test_real_frames_make_sets_and_names(corpus: Path) -> None:
    """Raw frames of MaxIm DL are sets by their real headers; a master of theirs is filed by the same properties."""
    raw = []
    for name in ("darktest1.fit", "biastest2.fit"):
        found = read_frame(corpus / "maxim_dl" / name, relative_path=name, source_zone=None).metadata
        raw.append(RawFrame(name, found.frame_type, properties_of(found), (f"raw/{name}",), 10, SHOT, is_archived=True))
    bias, dark = sets_of(raw)
    assert (bias.description, dark.description) == (
        "Apogee Alta, 0 s, night 2012-02-05, -35 C", "Apogee Alta, 30 s, night 2012-02-05, -35 C",
    )  # fmt: skip
    assert judge(dark, [master(known=dark.known)], RULES, archive_needed=True).may_go
    assert judge(bias, [master(known=dark.known)], RULES, archive_needed=True).reason == (
        "no master bias of these properties is known"
    )
    assert library_path(FrameType.MASTER_DARK, dark.known, None, "d.fit", CalibrationSettings()) == (
        "_Dark Library/Apogee Alta/masterDark_EXPTIME_30.00_SETTEMP_-35.00.fit"
    )
