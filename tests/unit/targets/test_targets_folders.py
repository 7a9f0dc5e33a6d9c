"""Folders: the nearest that says what the frames show."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from services.scanner.knowledge import built_in
from services.scanner.scan import scan_file
from tests.unit.targets.reliability import matcher


@pytest.mark.parametrize(
    ("folders", "catalog_id"),
    [
        ("M 51", "M51"), ("M 51/lights", "M51"), ("M 51/2025-01-01/Light", "M51"), ("M 51_sub/raw", "M51"),
        ("M 51/session1/Ha/300s", "M51"), ("M 51/accept/DATE_2025-01-01/FILTER_L", "M51"), ("Orion/lights", "M42"),
        ("M 51/CAMERA_ASI2600MM/DATE_2025-01-01", "M51"), ("M 51/RASA8@f2+ASI2600MC/subs", "M51"),
        ("Tulip Nebula/panel 2/20250101/-10C", "Sh2-101"), ("M 51/C11/lights", "M51"), ("NGC 7000/B2", "NGC7000"),
        ("C11/lights", "NGC7635"), ("M 31/M 33/lights", "M33"), ("M 51/Cygnus/lights", "M51"),
        ("M 31/Backyard/lights", "M31"), ("M 31/RAW_Ultra", "M31"), ("M 31/Lichter", "M31"), ("M 31/Bilder", "M31"),
        ("M 31/brutes", "M31"), ("M 31/Canon/raw", "M31"), ("M 31/WBPP/calibrated/Light_BIN-1_6248x4176", "M31"),
        ("T CrB/lights", "TCrB"),
    ],
)  # fmt: skip
def test_folders_of_decoration_are_passed(folders: str, catalog_id: str) -> None:
    """What stands between a frame and its target's folder is passed: types, dates, rigs, words of any language."""
    found = matcher().match("Unknown", folder=folders)
    assert (found.catalog_id, found.method) == (catalog_id, "folder")


@pytest.mark.parametrize(
    "folders",
    ["M 31/Betelgeuse/lights", "M 31/HD 12345", "M 31/NGC 9999/lights", "M 31/SN 2023ixf", "astro/raw", ""],
)
def test_a_folder_that_names_something_else_ends_the_search(folders: str) -> None:
    """What stands beyond the folder of a star, a supernova or a wrong number is not what the frame shows."""
    assert matcher().match("Unknown", folder=folders).catalog_id is None


def test_a_folder_behind_others_that_say_nothing_known_counts_less() -> None:
    """Each folder that is passed and names nothing known takes some of the confidence; decoration takes none."""
    near, behind = (matcher().match("", folder=folders).confidence for folders in ("M 31/lights", "M 31/Backyard/raw"))
    assert behind < near == matcher().match("", folder="M 31").confidence


@pytest.mark.parametrize(
    ("relative_path", "catalog_id"),
    [
        ("M 51/lights/f1.fits", "M51"), ("M 51/2025-01-01/Light/f1.fits", "M51"), ("M 51/ASI2600MM/Ha/f1.fits", "M51"),
        ("M 51/Redcat 51/L-eXtreme/f1.fits", "M51"), ("M 51\\lights\\f1.fits", "M51"), ("lights/f1.fits", None),
    ],
)  # fmt: skip
def test_the_scanner_gives_the_folders_below_the_root(
    tmp_path: Path, relative_path: str, catalog_id: str | None
) -> None:
    """Cameras, telescopes and filters are passed too, and nothing above the root is looked at."""
    path = tmp_path / "M 33" / "f1.fits"
    path.parent.mkdir()
    fits.PrimaryHDU(np.zeros((8, 8), np.uint16), fits.Header({"IMAGETYP": "Light"})).writeto(path)
    found = scan_file(path, known=built_in(), measure_stars=False, relative_path=relative_path).target
    assert found is not None
    assert found.catalog_id == catalog_id


@pytest.mark.parametrize(
    ("relative_path", "cards", "catalog_id", "method"),
    [
        ("lights/M31_Light_Ha_300s_Bin1_0001.fits", {}, "M31", "file_name"),
        ("lights/NGC7000_Light_Ha_300_secs_001.fits", {"OBJECT": "Snapshot"}, "NGC7000", "file_name"),
        ("M 33/M31_Light_Ha_300s_Bin1_0001.fits", {}, "M33", "folder"),
        ("lights/M31_Light_Ha_300s_Bin1_0001.fits", {"OBJECT": "M 51"}, "M51", "designation"),
        ("lights/M31_Light_Ha_300s_Bin1_0001.fits", {"OBJECT": "M31"}, "M31", "designation"),
        ("lights/Light_M 31_300.0s_Bin1_gain100_20240101-010203_-10.0C_0001.fit", {}, "M31", "designation"),
        ("lights/IMG_1234.fits", {}, None, "none"), ("lights/M0042.fits", {}, None, "none"),
    ],
)  # fmt: skip
def test_the_scanner_asks_the_files_own_name_last(
    tmp_path: Path, relative_path: str, cards: dict[str, str], catalog_id: str | None, method: str
) -> None:
    """A name of no known program is believed after header and folders, a device's own as the header is."""
    path = tmp_path / relative_path
    path.parent.mkdir(parents=True)
    fits.PrimaryHDU(np.zeros((8, 8), np.uint16), fits.Header({"IMAGETYP": "Light", **cards})).writeto(path)
    found = scan_file(path, known=built_in(), measure_stars=False, relative_path=relative_path).target
    assert found is not None
    assert (found.catalog_id, found.method) == (catalog_id, method)
