"""Where a master is filed, and under which name."""

from datetime import date

import pytest

from services.calibration.distribution.distributor import wishes_of
from services.calibration.distribution.folders import night_folder
from services.calibration.filing.names import is_in_folder, library_path, master_name
from services.calibration.pixels.whereabouts import Place
from services.calibration.properties import Properties
from services.calibration.settings import CalibrationSettings
from services.calibration.store.placements import Wanted
from shared.events.frame import FrameType
from shared.frames.frametypes import frame_type_of
from shared.frames.pathkeys import key_values
from shared.library.template import safe_path

DEFAULTS = CalibrationSettings()
COOLED = Properties(
    camera="ZWO ASI2600MM Pro", telescope="C8E", exposure_s=300.0, gain=100.0, offset=50.0, set_temp_c=-10.0,
    readout_mode="Low Noise", x_binning=1, night=date(2026, 1, 3), filter="Ha",
)  # fmt: skip
DARK, FLAT, BIAS = FrameType.MASTER_DARK, FrameType.MASTER_FLAT, FrameType.MASTER_BIAS
DARKFLAT = FrameType.MASTER_DARKFLAT
DARKS, FLATS = "_Dark Library/ZWO ASI2600MM Pro", "_Flat Stash/ZWO ASI2600MM Pro/C8E"

NAMES = {
    "dark": (
        DARK, COOLED, 2000.0, "integration1.xisf",
        f"{DARKS}/masterDark_EXPTIME_300.00_SETTEMP_-10.00_GAIN_100_OFFSET_50_READOUTM_Low Noise.xisf",
    ),
    "bias": (
        BIAS, COOLED._replace(exposure_s=0.0, readout_mode=None), None, "MasterBias_Bin1.fit",
        "_Bias Library/ZWO ASI2600MM Pro/masterBias_EXPTIME_0.00_SETTEMP_-10.00_GAIN_100_OFFSET_50.fit",
    ),
    "flat with night, filter and focal length": (
        FLAT, COOLED._replace(readout_mode=None), 2000.0, "masterFlat_BIN-1_6248x4176_FILTER-Ha_mono.xisf",
        f"{FLATS}/masterFlat_DATE_2026-01-03_FILTER_Ha_SETTEMP_-10.00_GAIN_100_OFFSET_50_FOCALLEN_2000.xisf",
    ),
    "flat without an optic": (
        FLAT, Properties(camera="DWARFIII", night=date(2026, 1, 3), filter="Astro", gain=60.0), None, "flat.fits",
        "_Flat Stash/DWARFIII/masterFlat_DATE_2026-01-03_FILTER_Astro_GAIN_60.fits",
    ),
    "dark-flat in the folder of flats": (
        DARKFLAT, COOLED._replace(exposure_s=2.5, readout_mode=None), None, "x.xisf",
        "_Flat Stash/ZWO ASI2600MM Pro/C8E/masterDarkFlat_EXPTIME_2.50_SETTEMP_-10.00_GAIN_100_OFFSET_50.xisf",
    ),
    "short exposures keep their digits": (
        DARK, Properties(camera="ATR585M", exposure_s=0.0032), None, "x.fits.gz",
        "_Dark Library/ATR585M/masterDark_EXPTIME_0.0032.fits.gz",
    ),
    "binning is named where it is not 1": (
        DARK, Properties(camera="ATR585M", exposure_s=60.0, x_binning=2), None, "x.fits",
        "_Dark Library/ATR585M/masterDark_EXPTIME_60.00_BIN_2.fits",
    ),
    "what is not known is left out": (
        DARK, Properties(camera="ATR585M"), None, "Dark.FITS", "_Dark Library/ATR585M/masterDark.FITS",
    ),
    "no value parts the keys": (
        FLAT, Properties(camera="A/B", telescope="R_135", filter="Ha_OIII", readout_mode="a/b"), None, "x.xisf",
        "_Flat Stash/A-B/R_135/masterFlat_FILTER_Ha-OIII_READOUTM_a-b.xisf",
    ),
    "a temperature of zero has no sign": (
        BIAS, Properties(camera="C", set_temp_c=-0.0), None, "b.fit", "_Bias Library/C/masterBias_SETTEMP_0.00.fit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_a_master_is_filed_by_its_properties(case: str) -> None:
    """Camera and optic are folders, the properties stand in the name in the order and spelling of the process."""
    master_type, known, focal_length_mm, name, expected = NAMES[case]
    assert library_path(master_type, known, focal_length_mm, name, DEFAULTS) == expected
    assert safe_path(expected) == expected


@pytest.mark.parametrize("case", NAMES)
def test_the_scanner_reads_a_name_back(case: str) -> None:
    """What a name says is what the scanner finds in it, so that a value that a header lost stays with the file."""
    master_type, known, focal_length_mm, name, _expected = NAMES[case]
    stem = master_name(master_type, known, focal_length_mm, name).partition(".fit")[0].removesuffix(".xisf")
    stem = stem.removesuffix(".FITS")
    said = key_values(stem)
    for fact in ("set_temp_c", "gain", "offset"):
        assert said.get(fact) == getattr(known, fact)
    assert frame_type_of(stem.partition("_")[0]) is master_type
    if master_type is FLAT:
        assert said.get("night") == known.night
    elif known.exposure_s:
        assert said["exposure_s"] == pytest.approx(known.exposure_s, rel=0.001)


def test_a_master_without_a_camera_has_no_place() -> None:
    """A camera that is not known makes no folder."""
    assert library_path(DARK, COOLED._replace(camera=None), None, "x.xisf", DEFAULTS) is None


def test_folders_are_settings() -> None:
    """The folders for masters are those of the settings, at any depth below the library."""
    own = CalibrationSettings(dark_folder="calibration/darks")
    path = library_path(DARK, Properties(camera="C"), None, "x.xisf", own)
    assert path == "calibration/darks/C/masterDark.xisf"
    assert is_in_folder(path, DARK, own)
    assert not is_in_folder(path, DARK, DEFAULTS)
    assert not is_in_folder("calibration/darks-of-old/x.xisf", DARK, own)


FOLDERS = {
    "the process": ("C8E/M 31/accept/DATE_2026-01-03/FILTER_Ha_EXP_300.00", "C8E/M 31/accept/DATE_2026-01-03"),
    "N.I.N.A.": ("nina/2026-01-03/M 31/LIGHT", "nina/2026-01-03"),
    "the deepest date counts": ("2025-12-31 to 2026-01-09/2026-01-03/L", "2025-12-31 to 2026-01-09/2026-01-03"),
    "a date without dashes": ("Autorun/Light/M 31 20260103", "Autorun/Light/M 31 20260103"),
    "no date": ("MyWorks/M 31_sub", "MyWorks/M 31_sub"),
    "no folder": ("", ""),
    "a number is no date": ("runs/20261399/x", "runs/20261399/x"),
    "a longer number is none either": ("a/202601031234/b", "a/202601031234/b"),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLDERS)
def test_the_folder_of_the_night(case: str) -> None:
    """Masters lie at the level of the folder that names a date, else beside the lights."""
    folder, expected = FOLDERS[case]
    assert night_folder(folder) == expected


def test_a_master_is_wanted_once_in_each_folder_of_the_night() -> None:
    """Filters of one night share a place; lights of an indexed folder get none, nor does the master's own folder."""
    night = "M 31/DATE_2026-01-03"

    def wanted(root: str, folder: str, file_id: str) -> Wanted:
        return Wanted(root, folder, file_id, DARK, "x.xisf", Properties(camera="C", exposure_s=60.0), None)

    lights = [
        wanted("library", f"{night}/FILTER_L", "a"), wanted("library", f"{night}/FILTER_R", "a"),
        wanted("library", "M 42/DATE_2026-01-03", "a"), wanted("library", "own", "b"), wanted("nas", "elsewhere", "a"),
    ]  # fmt: skip
    places = {
        "b": [Place("library", "own/x.xisf", "/nas", 1)],
        "a": [Place("library", "_Dark Library/C/y.xisf", "/nas", 1)],
    }
    name = "masterDark_EXPTIME_60.00.xisf"
    wishes, left = wishes_of(lights, places)
    assert wishes == {(night, "a"): name, ("M 42/DATE_2026-01-03", "a"): name}
    assert left == ["nas"]
