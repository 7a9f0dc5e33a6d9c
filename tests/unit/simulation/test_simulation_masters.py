"""Masters of the simulation are masters to the scanner, and say what the manifest says."""

from datetime import date
from pathlib import Path

import pytest

from services.standalone.simulation import SMALL, simulate_masters
from shared.events.frame import FrameType
from shared.frames import read_frame

NIGHT = date(2025, 10, 20)


@pytest.mark.parametrize(("off_c", "longest_c"), [(5.0, -5.0), (0.0, -10.0)], ids=["warmer", "fits"])
def test_masters_are_read_as_they_were_made(tmp_path: Path, off_c: float, longest_c: float) -> None:
    """A flat for each filter and a dark for each exposure, of which the longest alone has another temperature."""
    made = simulate_masters(tmp_path, night=NIGHT, seed=3, profile=SMALL, off_c=off_c).files
    kinds = [file.frame_type for file in made]
    assert (kinds.count(FrameType.MASTER_DARK), kinds.count(FrameType.MASTER_FLAT)) == (2, 5)
    for truth in made:
        frame = read_frame(tmp_path / truth.path, relative_path=truth.path).metadata
        assert (frame.frame_type, frame.filter, frame.exposure_s) == (truth.frame_type, truth.filter, truth.exposure_s)
        assert (frame.rig, frame.stack_count, frame.night) == (truth.rig, truth.stack_count, NIGHT)
        assert frame.set_temp_c == (longest_c if truth.exposure_s == 300.0 else -10.0)


def test_the_same_seed_makes_the_same_masters(tmp_path: Path) -> None:
    """Masters that fit and those of a warmer night differ in the longest dark alone."""
    for folder, off_c in (("one", 5.0), ("again", 5.0), ("fits", 0.0)):
        simulate_masters(tmp_path / folder, night=NIGHT, seed=3, profile=SMALL, off_c=off_c)
    one, again, fits = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).rglob("*.fits")}
        for folder in ("one", "again", "fits")
    )
    assert one == again
    assert {name for name in one if one[name] != fits[name]} == {f"masterDark_BIN-1_312x208_EXPOSURE-{300:.2f}s.fits"}
