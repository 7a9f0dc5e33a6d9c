"""The built-in tables: complete, unambiguous, and possible."""

from collections import defaultdict

import pytest

from shared.equipment.cameras import CameraTable, camera_key, generic_sensor, same_camera
from shared.equipment.filters import filter_key
from shared.equipment.tables import Camera, built_in_cameras, built_in_filters, built_in_telescopes
from shared.equipment.telescopes import TelescopeTable, keeps_focal_length, telescope_key

CAMERAS, TELESCOPES = CameraTable(), TelescopeTable()


def test_the_tables_are_large_enough() -> None:
    """At least 200 cameras of the common makers and 150 telescopes of all kinds are known."""
    cameras, telescopes = built_in_cameras(), built_in_telescopes()
    assert len(cameras) >= 200
    assert len(telescopes) >= 150
    assert {row.kind for row in cameras} == {"camera", "guide", "dslr", "smart"}
    makers = {
        "ZWO",
        "QHYCCD",
        "ToupTek",
        "Altair",
        "SVBONY",
        "Atik",
        "SBIG",
        "FLI",
        "Moravian",
        "QSI",
        "Canon",
        "Nikon",
    }
    assert makers | {"Player One", "Starlight Xpress", "Sony", "DwarfLab", "Vaonis"} <= {row.brand for row in cameras}
    assert {"refractor", "newtonian", "sct", "rc", "lens", "rasa", "smart"} <= {row.kind for row in telescopes}


def test_no_camera_name_means_two_models() -> None:
    """Every name and alias of a camera belongs to one row, so that a rename is never a guess."""
    owners = defaultdict(set)
    for row in built_in_cameras():
        for name in (row.name, *row.aliases):
            owners[camera_key(name)].add(row.name)
    assert {key: rows for key, rows in owners.items() if len(rows) > 1} == {}


def test_no_telescope_name_means_two_models() -> None:
    """Every name and alias of a telescope belongs to one row."""
    owners = defaultdict(set)
    for row in built_in_telescopes():
        for name in (row.name, *row.aliases):
            owners[telescope_key(name)].add(row.name)
    assert {key: rows for key, rows in owners.items() if len(rows) > 1} == {}


def test_no_filter_name_means_two_passbands() -> None:
    """Every name and alias of a filter belongs to one canonical name."""
    owners = defaultdict(set)
    for row in built_in_filters():
        for name in (row.name, *row.aliases):
            owners[filter_key(name)].add(row.name)
    assert {key: rows for key, rows in owners.items() if len(rows) > 1} == {}


def test_cameras_are_possible() -> None:
    """Pixels of 1 to 25 µm, sensors of 3 to 70 mm, whole frames or none; Bayer patterns for colour, no doubled name."""
    for row in built_in_cameras():
        assert row.pixel_size_um is not None, row
        assert 1 <= row.pixel_size_um <= 25, row
        assert (row.width_px is None) == (row.height_px is None), row
        if row.width_px and row.height_px:
            assert 3 < (row.width_px**2 + row.height_px**2) ** 0.5 * row.pixel_size_um / 1000 < 70, row
        assert row.bayer_pattern in {None, "RGGB", "BGGR", "GRBG", "GBRG"}, row
        assert row.colour == "colour" or row.bayer_pattern is None, row
    exact = {camera_key(name) for row in built_in_cameras() for name in (row.name, *row.aliases)}
    assert {one for row in built_in_cameras() for one in row.relatives if camera_key(one) in exact} == set()


def test_telescopes_are_possible() -> None:
    """Apertures of 4 to 1000 mm and focal ratios of 1.2 to 16; every row has both numbers."""
    for row in built_in_telescopes():
        assert row.aperture_mm is not None, row
        assert row.focal_length_mm is not None, row
        assert 4 < row.aperture_mm <= 1000, row
        assert 1.2 <= row.focal_length_mm / row.aperture_mm <= 16, row


def test_smart_telescopes_are_in_both_tables() -> None:
    """A device that is camera and telescope has its optics under the camera's name."""
    optics = {row.name for row in built_in_telescopes() if row.kind == "smart"}
    assert {row.name for row in built_in_cameras() if row.is_smart} == optics


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("ZWO CCD ASI294MC Pro", "ZWO ASI294MC Pro"),
        ("ASI294MC Pro", "ZWO ASI294MC Pro"),
        ("ZWO ASI2600MM Pro(Left)", "ZWO ASI2600MM Pro"),
        ("ZWO ASI120MM Mini #2", "ZWO ASI120MM Mini"),
        ("QHY CCD QHY268M-a1b2c3d", "QHY268M"),
        ("QHYCCD QHY600M", "QHY600M"),
        ("PlayerOne Poseidon-C Pro", "Poseidon-C PRO"),
        ("Poseidon-C PRO", "Poseidon-C PRO"),
        ("Canon DSLR EOS 6D", "Canon EOS 6D"),
        ("Canon EOS REBEL T3i", "Canon EOS 600D"),
        ("atik 460ex", "Atik 460EX"),
        ("SBIG STF-8300 CCD Camera", "SBIG STF-8300"),
        ("Sony A7 III", "Sony ILCE-7M3"),
    ],
)
def test_a_camera_is_found_by_what_drivers_call_it(written: str, name: str) -> None:
    """Makers, serial numbers, custom names, case and blanks do not matter."""
    row = CAMERAS.named(written).row
    assert row is not None
    assert row.name == name


def test_a_family_name_gives_facts_and_no_name() -> None:
    """``ASI2600MC`` may be the Pro, the Air or the Duo: the sensor is known, the model is not."""
    found = CAMERAS.named("ASI2600MC")
    assert found.row is None
    assert found.facts is not None
    assert (found.facts.pixel_size_um, found.facts.width_px) == (3.76, 6248)
    assert CAMERAS.named("294MC").facts is not None
    related = CAMERAS.named("SBIG ST-7E")
    assert related.row is None
    assert related.facts is not None
    assert related.facts.pixel_size_um == 9.0
    assert CAMERAS.named("My camera of 2019").facts is None
    assert CAMERAS.named("ASI2600").facts is None


def test_cameras_are_found_by_their_sensor() -> None:
    """Exact frame, near pixels, the sensor's name and colour choose; a frame is not turned."""

    def names(*size: float, **more: str) -> set[str]:
        return {row.name for row in CAMERAS.by_sensor(int(size[0]), int(size[1]), size[2], **more)}

    assert names(2160, 3840, 2.9, sensor="imx585") == {"Seestar S30 Pro", "Seestar S50 Pro"}
    assert names(1080, 1920, 2.90000009) == {"Seestar S50", "Seestar S30"}
    assert names(1080, 1920, 2.9, sensor="imx462") == {"Seestar S50"}
    assert names(2160, 3840, 2.0) == set()
    assert len(names(6248, 4176, 3.76)) > 2
    assert names(6248, 4176, 3.76, bayer_pattern="RGGB").isdisjoint({"ZWO ASI2600MM Pro"})


def test_the_only_camera_of_mine_that_fits_is_it() -> None:
    """A user's own row decides between several models of one sensor, and replaces the built-in one."""
    mine = CameraTable([Camera("ZWO ASI2600MC Pro", pixel_size_um=3.76, width_px=6248, height_px=4176, origin="mine")])
    assert [row.origin for row in mine.by_sensor(6248, 4176, 3.76)] == ["mine"]
    assert sum(row.name == "ZWO ASI2600MC Pro" for row in mine.rows) == 1


@pytest.mark.parametrize(
    ("text", "sensor"),
    [
        (None, ""),
        ("imx585", "imx585"),
        ("IMX571C", "imx571"),
        ("CCD Camera", ""),
        ("ZWO ASI585MC", None),
        ("Moon", None),
    ],
)
def test_generic_names(text: str | None, sensor: str | None) -> None:
    """Only names that say no model leave the camera to its sensor."""
    assert generic_sensor(text) == sensor


def test_names_of_one_camera() -> None:
    """Spellings of one model are the same, a beginning is nearly, and another model is not."""
    assert same_camera("ZWO CCD ASI294MC Pro", "ASI294MC Pro") == 2
    assert same_camera("2600MC", "ZWO ASI2600MC Duo") == 1
    assert same_camera("ZWO ASI2600MC Pro", "ZWO ASI2600MM Pro") == 0
    assert same_camera("183", "ZWO ASI183MM") == 0


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("RedCat 51", "William Optics RedCat 51"),
        ("WO Redcat51", "William Optics RedCat 51"),
        ("William Optics RedCat 51 MKII f/4.9", "William Optics RedCat 51"),
        ("Skywatcher Esprit 100ED APO", "Sky-Watcher Esprit 100ED"),
        ("Ascar V 80mm reducer", "Askar V 80mm"),
        ("EdgeHD 8", "Celestron EdgeHD 800"),
        ("Celestron C8", "Celestron C8"),
        ("FSQ-106EDX4", "Takahashi FSQ-106ED"),
        ("Rokinon 135mm f/2", "Samyang 135mm f/2"),
        ("GSO RC 8", "GSO RC8"),
    ],
)
def test_a_telescope_is_found_by_what_people_type(written: str, name: str) -> None:
    """Abbreviations and additions are understood."""
    row = TELESCOPES.named(written)
    assert row is not None
    assert row.name == name


@pytest.mark.parametrize("written", ["EQMOD HEQ5/6", "OnStep", "ZWO AM5", "My scope", "", "Telescope", "C88", "T31"])
def test_mounts_and_strangers_are_no_telescopes(written: str) -> None:
    """A mount's name and an unknown name find nothing."""
    assert TELESCOPES.named(written) is None


def test_reducers_take_the_native_focal_length_away() -> None:
    """The name of a reducer, an extender or a factor means that the table's focal length does not hold."""
    assert keeps_focal_length("RedCat 51")
    for text in ("C8 with reducer", "C11 Hyperstar", "GT81 0.8x", "V 80mm extender", "C8 x0.63", "Barlow 2x C8"):
        assert not keeps_focal_length(text), text
