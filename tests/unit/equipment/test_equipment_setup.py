"""What a header leaves out is filled, what it says stays."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.equipment.rigs import Rig
from shared.equipment.setup import Equipment, Seen
from shared.equipment.tables import Camera, Telescope
from shared.frames.read import read_frame
from tests.integration.ingest.world import fits

BUILT_IN = Equipment.built_in()
NUMBERS = st.none() | st.floats(min_value=0.01, max_value=1e6)
TEXTS = st.none() | st.text(max_size=30) | st.sampled_from(["ZWO ASI294MC Pro", "imx585", "RedCat 51", "Seestar S50"])


def test_a_silent_header_is_filled() -> None:
    """Pixel size with binning, focal length, ratio and Bayer pattern come from the tables, each with its source."""
    found = BUILT_IN.setup(
        Seen(camera="ZWO CCD ASI294MC Pro", telescope="RedCat 51", width_px=4144, height_px=2822, sensor_plane=True)
    )
    assert (found.camera, found.pixel_size_um, found.bayer_pattern) == ("ZWO ASI294MC Pro", 4.63, "RGGB")
    assert (found.focal_length_mm, found.focal_ratio, found.rig) == (250.0, 4.9, "RedCat 51@f4.9+ZWO ASI294MC Pro")
    assert set(dict(found.filled)) == {"camera", "pixel_size_um", "bayer_pattern", "focal_length_mm", "focal_ratio"}


def test_the_header_wins() -> None:
    """What the header says is never changed by a table."""
    seen = Seen(
        camera="ZWO ASI294MC Pro", telescope="RedCat 51", focal_length_mm=190.0, focal_ratio=3.7, pixel_size_um=4.7,
        x_binning=1, width_px=4144, height_px=2822, bayer_pattern="GRBG", sensor_plane=True,
    )  # fmt: skip
    found = BUILT_IN.setup(seen)
    assert (found.focal_length_mm, found.focal_ratio, found.pixel_size_um) == (190.0, 3.7, 4.7)
    assert (found.bayer_pattern, found.filled) == ("GRBG", ())


def test_reducers_keep_the_aperture() -> None:
    """The header's FOCALLEN and the table's aperture give the ratio; an unknown reduced focal length stays so."""
    found = BUILT_IN.setup(Seen(camera="X", telescope="Celestron C8 reducer", focal_length_mm=1280.0))
    assert found.focal_ratio == 6.3
    found = BUILT_IN.setup(Seen(camera="X", telescope="Celestron C8 reducer"))
    assert (found.focal_length_mm, found.focal_ratio) == (None, None)
    solved = [Seen(camera="X", telescope="Celestron C8", focal_length_mm=focal) for focal in (2005.0, 2032.0, 2080.0)]
    assert {BUILT_IN.setup(one).rig for one in solved} == {"Celestron C8@f10+X"}
    found = BUILT_IN.setup(Seen(camera="X", telescope="Celestron C8", focal_length_mm=60.0))
    assert found.focal_ratio is None


@pytest.mark.parametrize(
    ("binning", "width", "height", "pixel", "bayer"),
    [
        (1, 4144, 2822, 4.63, "RGGB"),
        (2, 2072, 1411, 9.26, None),
        (None, 4144, 2822, 4.63, "RGGB"),
        (None, 2072, 1411, None, None),
        (1, 1024, 1024, 4.63, None),
        (None, 4130, 2810, 4.63, None),
    ],
)
def test_binning_and_crops(
    binning: int | None, width: int, height: int, pixel: float | None, bayer: str | None
) -> None:
    """Pixels grow with the binning; without it only a full frame is sure; crops may shift the Bayer pattern."""
    seen = Seen(camera="ZWO ASI294MC Pro", x_binning=binning, width_px=width, height_px=height, sensor_plane=True)
    found = BUILT_IN.setup(seen)
    assert (found.pixel_size_um, found.bayer_pattern) == (pixel, bayer)


def test_processed_planes_are_not_bayer() -> None:
    """A plane that is not the sensor's own gets no Bayer pattern, and a mono camera never does."""
    seen = Seen(camera="ZWO ASI294MC Pro", x_binning=1, width_px=4144, height_px=2822)
    assert BUILT_IN.setup(seen).bayer_pattern is None
    mono = Seen(camera="ZWO ASI2600MM Pro", x_binning=1, width_px=6248, height_px=4176, sensor_plane=True)
    assert BUILT_IN.setup(mono).bayer_pattern is None


def test_a_sensor_without_a_model_is_a_camera_where_one_fits() -> None:
    """``imx585`` is the smart telescope whose name, or whose focal length, the header has; else it stays unnamed."""
    seen = Seen(camera="imx585", pixel_size_um=2.9, x_binning=1, width_px=2160, height_px=3840, sensor_plane=True)
    assert BUILT_IN.setup(seen).camera == "imx585"
    assert BUILT_IN.setup(seen._replace(focal_length_mm=160.0)).rig == "Seestar S30 Pro"
    assert BUILT_IN.setup(seen._replace(focal_length_mm=260.0)).rig == "Seestar S50 Pro"
    named = BUILT_IN.setup(Seen(camera="imx585", telescope="S30 Pro_041c45cb"))
    assert (named.camera, named.rig, named.focal_length_mm) == ("Seestar S30 Pro", "S30 Pro_041c45cb", 160.0)
    shared = Seen(pixel_size_um=3.76, x_binning=1, width_px=6248, height_px=4176, sensor_plane=True)
    assert BUILT_IN.setup(shared).camera is None


def test_a_smart_telescope_is_itself_with_its_serial() -> None:
    """The rig is TELESCOP's serial, the optics are the model's; the wide camera is a rig of its own."""
    found = BUILT_IN.setup(Seen(camera="Seestar S50", telescope="S50_1623087d", smart=True))
    assert (found.rig, found.focal_length_mm, found.focal_ratio) == ("S50_1623087d", 250.0, 5.0)
    wide = BUILT_IN.setup(Seen(camera="DWARFIII", telescope="DWARFIII", smart=True, wide=True))
    assert (wide.rig, wide.focal_length_mm) == ("DWARFIII WIDE", None)


def test_my_rig_is_the_frames_rig() -> None:
    """Name, telescope, ratio and filters of a rig of mine hold; the measured focal length stays."""
    mine = Equipment(
        rigs=[
            Rig(
                "Garden", camera="ZWO ASI2600MC Duo", focal_length_mm=490, telescope="Askar 107PHQ", focal_ratio=5.0,
                filters=(("Position 3", "Ha"), ("", "L")), origin="nightbus.toml",
            )
        ],
        filters=[("Position 3", "OIII")],
    )  # fmt: skip
    seen = Seen(camera="ZWO ASI2600MC Duo", telescope="OnStep", focal_length_mm=494.0, filter_raw="Position 3")
    found = mine.setup(seen)
    assert (found.rig, found.telescope, found.focal_ratio) == ("Garden", "Askar 107PHQ", 5.0)
    assert (found.focal_length_mm, found.filter) == (494.0, "Ha")
    assert dict(found.filled)["filter"] == "filters of the rig Garden (nightbus.toml)"
    assert mine.setup(seen._replace(filter_raw=None)).filter == "L"
    other = mine.setup(seen._replace(focal_length_mm=600.0))
    assert (other.rig, other.filter) == ("OnStep+ZWO ASI2600MC Duo", "OIII")
    assert mine.rig_called(" garden") == "Garden"
    assert mine.rig_called("Roof") == "Roof"


def test_two_rigs_that_fit_alike_are_a_problem() -> None:
    """Where a frame says all that could decide and two rigs fit, neither is taken, and a sentence says so."""
    rigs = [Rig(name, camera="ZWO ASI183MM Pro", focal_length_mm=400) for name in ("One", "Two")]
    seen = Seen(camera="ZWO ASI183MM Pro", focal_length_mm=400.0)
    found = Equipment(rigs=rigs).setup(seen)
    assert (found.rig, found.problem) == ("ZWO ASI183MM Pro", "the rigs One and Two fit this frame equally well")
    assert Equipment(rigs=rigs).setup(seen._replace(focal_length_mm=None)).problem is None


def test_my_rows_go_before_the_built_in_ones() -> None:
    """A camera or telescope of mine with a known name replaces the built-in row; a new one is added."""
    mine = Equipment(
        cameras=[Camera("ZWO ASI294MC Pro", pixel_size_um=5.0, origin="mine"), Camera("Eye", pixel_size_um=3.0)],
        telescopes=[Telescope("RedCat 51", aperture_mm=50, focal_length_mm=200, origin="mine")],
    )
    found = mine.setup(Seen(camera="ZWO ASI294MC Pro", telescope="RedCat 51", x_binning=1))
    assert (found.pixel_size_um, found.focal_length_mm, found.focal_ratio) == (5.0, 200, 4.0)
    assert mine.setup(Seen(camera="Eye", x_binning=2)).pixel_size_um == 6.0


def test_a_frame_is_filled_when_it_is_read(tmp_path: Path) -> None:
    """Equipment reaches the frame's metadata: pixel scale, rig and filter of a header that has few of them."""
    path = tmp_path / "a.fits"
    cards = ("INSTRUME= 'ZWO ASI533MC Pro'", "TELESCOP= 'Mount'", "FOCALLEN= 200.0", "XBINNING= 1", "FILTER  = 'P 1'")
    path.write_bytes(fits(cards=cards))
    frame = read_frame(path).metadata
    assert (frame.pixel_size_um, frame.pixel_scale_arcsec, frame.filter) == (3.76, 3.8778, "P 1")
    mine = Equipment(rigs=[Rig("Roof", camera="ASI533MC Pro", focal_length_mm=200, filters=(("P 1", "UVIR"),))])
    frame = read_frame(path, equipment=mine).metadata
    assert (frame.rig, frame.filter, frame.filter_raw) == ("Roof", "UVIR", "P 1")


@pytest.mark.parametrize(("kind", "name"), [("LIGHT", "LeXtr"), ("FLAT", "LeXtr"), ("DARK", None), ("BIAS", None)])
def test_what_is_always_mounted_is_before_light_alone(tmp_path: Path, kind: str, name: str | None) -> None:
    """A filter that a rig has whenever none is written belongs to lights and flats, not to darks and bias frames."""
    path = tmp_path / "a.fits"
    path.write_bytes(fits(cards=("INSTRUME= 'ZWO ASI533MC Pro'", f"IMAGETYP= '{kind}'")))
    mine = Equipment(rigs=[Rig("Roof", camera="ASI533MC Pro", filters=(("", "LeXtr"),))])
    assert read_frame(path, equipment=mine).metadata.filter == name


@given(TEXTS, TEXTS, NUMBERS, NUMBERS, NUMBERS, st.none() | st.integers(1, 64), st.booleans())
def test_what_the_header_says_survives_anything(
    camera: str | None, telescope: str | None, focal: float | None, ratio: float | None, pixel: float | None,
    binning: int | None, smart: bool,
) -> None:  # fmt: skip
    """No text and no number makes the tables fail or change a fact of the header."""
    seen = Seen(camera, telescope, focal, ratio, pixel, binning, 4144, 2822, None, camera, smart, False, True)
    found = BUILT_IN.setup(seen)
    assert focal is None or found.focal_length_mm == focal
    assert ratio is None or found.focal_ratio == ratio
    assert pixel is None or found.pixel_size_um == pixel
    assert found.telescope == telescope
    assert (camera is None) or found.camera is not None
