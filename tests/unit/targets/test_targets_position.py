"""What a position says, and what it says together with a name."""

import subprocess
import sys
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scanner.knowledge import built_in
from services.scanner.scan import scan_file
from shared.targets.position import Field, separation_deg
from tests.unit.targets.reliability import matcher


class Centre(TypedDict):
    """Where a frame points, ICRS degrees."""

    ra_deg: float
    dec_deg: float


class Sides(TypedDict):
    """A frame's sides, degrees."""

    width_deg: float
    height_deg: float


M31 = Centre(ra_deg=10.68, dec_deg=41.27)
EMPTY = Centre(ra_deg=150.0, dec_deg=20.0)
SEESTAR = Sides(width_deg=0.72, height_deg=1.28)


def test_position_names_a_frame_whose_name_says_nothing() -> None:
    """``Snapshot`` pointed at M 31 is M 31, with its distance and method position."""
    found = matcher().match("Snapshot", **M31, **SEESTAR)
    assert (found.catalog_id, found.method) == ("M31", "position")
    assert found.confidence >= 0.9
    assert found.separation_deg == pytest.approx(0.004, abs=0.002)


def test_a_field_without_a_plausible_object_names_nothing() -> None:
    """Empty sky, a parked mount at the pole and a star's field are no target."""
    assert matcher().match(None, **EMPTY, **SEESTAR).catalog_id is None
    assert matcher().match("Snapshot", ra_deg=0.0, dec_deg=90.0, **SEESTAR).catalog_id is None
    assert matcher().match("Kochab", ra_deg=222.672, dec_deg=74.159, **SEESTAR).catalog_id is None


def test_unknown_optics_are_a_field_of_usual_size_and_trusted_less() -> None:
    """Without a field size the position still names the object, with less confidence."""
    without = matcher().match(None, **M31)
    assert without.catalog_id == "M31"
    assert without.confidence < matcher().match(None, **M31, **SEESTAR).confidence


def test_one_coordinate_alone_is_no_position() -> None:
    """A right ascension without a declination changes nothing."""
    assert matcher().match("Snapshot", ra_deg=10.68).catalog_id is None
    assert matcher().match("M 33", ra_deg=10.68).separation_deg is None


def test_agreement_raises_confidence() -> None:
    """A misspelt name is believed more where the telescope pointed at the object."""
    alone = matcher().match("Androemda Galaxy")
    placed = matcher().match("Androemda Galaxy", **M31, **SEESTAR)
    near = matcher().match("Androemda Galaxy", ra_deg=10.68, dec_deg=44.3, **SEESTAR)
    assert alone.catalog_id == placed.catalog_id == near.catalog_id == "M31"
    assert alone.method == placed.method == "fuzzy"
    assert alone.confidence < near.confidence < placed.confidence


def test_the_outskirts_of_an_object_are_the_object() -> None:
    """A panel 1.3 degrees from the centre of M 31 agrees with the name and is named by its position."""
    panel = Centre(ra_deg=9.85, dec_deg=40.15)
    assert matcher().match("M 31 panel 4", **panel, **SEESTAR).method == "designation"
    assert matcher().match("panel 4", **panel, **SEESTAR).catalog_id == "M31"


def test_a_contradiction_keeps_both_and_the_position_of_a_target_wins() -> None:
    """M 27 in the header and M 13 in the field: M 13, doubtful, with M 27 as a candidate."""
    found = matcher().match("M 27", ra_deg=250.42, dec_deg=36.46, **SEESTAR)
    assert (found.catalog_id, found.method) == ("M13", "conflict")
    assert found.confidence < 0.8
    assert "M27" in {one.catalog_id for one in found.candidates}


def test_a_contradiction_with_empty_sky_leaves_the_name_in_doubt() -> None:
    """A parked or unsynchronised mount does not rename a frame, but says so."""
    found = matcher().match("M 27", **EMPTY, **SEESTAR)
    assert (found.catalog_id, found.method) == ("M27", "conflict")
    assert 0.5 <= found.confidence < 0.8
    assert found.separation_deg is not None
    assert found.separation_deg > 90


@pytest.mark.parametrize("name", ["Moon", "Jupiter", "C/2023 A3", "12P/Pons-Brooks", "Gum 12"])
def test_objects_without_a_fixed_position_never_conflict(name: str) -> None:
    """The solar system's bodies are wherever the telescope found them."""
    assert matcher().match(name, **M31, **SEESTAR) == matcher().match(name)


def test_what_the_caller_gives_outranks_the_position() -> None:
    """A given id stays, with its true distance."""
    found = matcher().match("M 33", hints_catalog_id="M27", **M31, **SEESTAR)
    assert (found.catalog_id, found.method, found.confidence) == ("M27", "given", 1.0)
    assert found.separation_deg is not None
    assert found.separation_deg > 60


def test_the_folder_stands_behind_the_position_and_decides_between_neighbours() -> None:
    """Position before folder; but of two alike in the field the folder's name tells which was meant."""
    assert matcher().match("Snapshot", folder="M 33", **M31, **SEESTAR).catalog_id == "M31"
    between, field = Centre(ra_deg=148.93, dec_deg=69.37), Sides(width_deg=3.0, height_deg=2.0)
    assert matcher().match("Snapshot", **between, **field).confidence < 0.9
    chosen = matcher().match("Snapshot", folder="M 82", **between, **field)
    assert (chosen.catalog_id, chosen.method) == ("M82", "folder")
    assert matcher().match("Snapshot", folder="M 33", **EMPTY, **SEESTAR).method == "conflict"
    agreeing = matcher().match("Snapshot", folder="M 31_sub", **M31, **SEESTAR)
    assert agreeing.confidence > matcher().match("Snapshot", **M31, **SEESTAR).confidence


def test_one_name_of_two_halves_is_one_target() -> None:
    """Between the halves of the Double Cluster there is no doubt about the target."""
    found = matcher().match(None, ra_deg=35.2, dec_deg=57.13, width_deg=2.0, height_deg=1.5)
    assert found.catalog_id == "NGC869"
    assert found.confidence >= 0.9


def test_right_ascension_has_no_edge() -> None:
    """Objects on both sides of 0 h are found: NGC 7822 at 0.9 degrees, from 359.9."""
    found = matcher().match(None, ra_deg=359.9, dec_deg=67.16, width_deg=3.0, height_deg=2.0)
    assert found.catalog_id == "NGC7822"


@settings(max_examples=150, deadline=None)
@given(
    st.floats(0, 359.9999),
    st.floats(-90, 90),
    st.none() | st.floats(1e-4, 400),
    st.none() | st.floats(1e-4, 400),
    st.sampled_from(["", "M 31", "Snapshot", "Rosete Nebula", "Vega"]),
)
def test_every_position_is_answered(
    ra_deg: float, dec_deg: float, width_deg: float | None, height_deg: float | None, name: str
) -> None:
    """Anywhere, with any field: probabilities that add up to one at most, separations below 180 degrees."""
    found = matcher().match(name, ra_deg=ra_deg, dec_deg=dec_deg, width_deg=width_deg, height_deg=height_deg)
    assert (found.catalog_id is None) is (found.method == "none")
    if found.method == "position":
        assert found.confidence + sum(one.confidence for one in found.candidates) <= 1.001
    if found.catalog_id is not None:
        known = matcher().catalogue.get(found.catalog_id)
        assert known is not None
        assert found.separation_deg == separation_deg(known, round(ra_deg, 4), round(dec_deg, 4))
        assert found.catalog_id not in {one.catalog_id for one in found.candidates}
        assert len({one.catalog_id for one in found.candidates}) == len(found.candidates)


@given(st.floats(0, 359.99), st.floats(-89, 89), st.floats(0.05, 20))
def test_the_tree_finds_what_a_search_of_all_finds(ra_deg: float, dec_deg: float, radius_deg: float) -> None:
    """The objects within a circle are those whose great-circle distance says so."""
    sky = matcher().positions.sky
    found = {sky.objects[index].catalog_id for index in sky.near(ra_deg, dec_deg, radius_deg)}
    for one in sky.objects[::37]:
        away = separation_deg(one, ra_deg, dec_deg)
        assert away is not None
        if abs(away - radius_deg) > 1e-4:
            assert (one.catalog_id in found) is (away < radius_deg)


def test_a_field_knows_its_reach() -> None:
    """Half the diagonal, and a usual size where nothing is known."""
    assert Field(0.0, 0.0, 3.0, 4.0).reach_deg == pytest.approx(2.5)
    assert Field(0.0, 0.0, 3.0, 4.0).short_deg == 3.0
    assert Field(0.0, 0.0).short_deg == 1.0


def test_named_frames_do_not_wait_for_scipy() -> None:
    """A name that its position confirms needs neither numpy nor scipy; a nameless frame brings them in."""
    program = """
import sys
from shared.targets.matcher import Matcher
matcher = Matcher.load()
matcher.match("M 31", ra_deg=10.7, dec_deg=41.3, width_deg=1.0, height_deg=1.0)
assert "scipy" not in sys.modules, "a named frame imported scipy"
assert matcher.match("", ra_deg=10.7, dec_deg=41.3).catalog_id == "M31"
assert "scipy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    ("path", "catalog_id", "method"),
    [
        ("dss_plate_scan_stsci/HorseHead.fits", "B33", "position"),
        ("seestar_s50/02.fit", "M42", "designation"),
        ("seestar_s50/Light_NGC 7023_10.0s_IRCUT_20240730-224436.fit", "NGC7023", "designation"),
        ("maxim_dl/uint16.fit", "M101", "position"),
        ("nom_tam_fits_astroimagej_tests/m13real.fits", "M13", "position"),
        ("astrometry_net_wcs/M106_2020-03-17T024357_60sec_LP__-15C_frame11.wcs.fits", "M106", "position"),
        ("professional_mef/gmos.fits", None, "none"),
        ("maxim_dl/center_cutout_1.fits", None, "none"),
    ],
)
def test_real_frames_are_named(corpus: Path, path: str, catalog_id: str | None, method: str) -> None:
    """Real headers, scanned as the service does: named by name and position together, or not at all."""
    found = scan_file(corpus / path, known=built_in(), measure_stars=False).target
    assert found is not None
    assert (found.catalog_id, found.method) == (catalog_id, method)


@pytest.mark.parametrize(("optics", "surest"), [({"FOCALLEN": 250.0, "XPIXSZ": 2.9}, True), ({}, False)])
def test_the_scanner_gives_the_field_from_the_optics(tmp_path: Path, optics: dict[str, float], surest: bool) -> None:
    """Pixel scale and frame size reach the matcher: with them the position is trusted fully."""
    path = tmp_path / "Snapshot_001.fits"
    header = fits.Header({"IMAGETYP": "Light", "OBJECT": "Snapshot", "RA": 10.68, "DEC": 41.27, **optics})
    fits.PrimaryHDU(np.zeros((1920, 1080), np.uint16), header).writeto(path)
    found = scan_file(path, known=built_in(), measure_stars=False).target
    assert found is not None
    assert (found.catalog_id, found.method) == ("M31", "position")
    assert (found.confidence > 0.9) is surest
