"""Masters that other programs made: WBPP, Siril, ASIAIR, DWARF, ap-*, and people by hand."""

# ruff: noqa: E501  (tables of names and what they say read best unbroken)

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.events.frame import FrameMetadata, FrameType
from shared.frames import read_frame
from shared.frames.paths import facts_from_path

Read = Callable[..., FrameMetadata]
DARK, FLAT, BIAS = FrameType.MASTER_DARK, FrameType.MASTER_FLAT, FrameType.MASTER_BIAS

NAMES: list[tuple[str, dict[str, Any]]] = [
    # WBPP: binning and size always, exposure or filter by type, and the keywords that a person groups by
    ("WBPP/_calibration/master/masterDark_BIN-1_6248x4176_EXPOSURE-300.00s.xisf", {"frame_type": DARK, "program": "WBPP", "exposure_s": 300.0, "x_binning": 1}),
    ("master/masterDark_BIN-1_6248x4176_EXPOSURE-2.47s.xisf", {"frame_type": DARK, "exposure_s": 2.47}),
    ("master/masterDark_BIN-1_6248x4176_EXPOSURE-120.00s_TARGET-H_FILTER-H_TEMP--10C_GAIN-120_EXP-120s.xisf", {"frame_type": DARK, "gain": 120.0, "sensor_temp_c": -10.0, "exposure_s": 120.0}),
    ("master/masterDark_BIN-1_6248x4176_-20.00-EXPOSURE-600.00s.xisf", {"frame_type": DARK, "exposure_s": 600.0}),
    ("master/masterDark_BIN-2_3124x2088_EXPOSURE-300.00s_GAIN-100_SETTEMP--10.xisf", {"x_binning": 2, "gain": 100.0, "set_temp_c": -10.0}),
    ("master/masterDark_BIN-1_6248x4176_EXPOSURE-300.00s_DARK-300.0s.xisf", {"frame_type": DARK, "exposure_s": 300.0}),
    ("master/masterBias_BIN-1_6248x4176.xisf", {"frame_type": BIAS, "program": "WBPP", "x_binning": 1, "object_name": None}),
    ("master/masterFlat_BIN-1_6248x4176_FILTER-Ha_mono.xisf", {"frame_type": FLAT, "filter": "Ha", "x_binning": 1}),
    ("master/masterFlat_BIN-1_6248x4176_FILTER-LPro_CFA_FLAT-10ms.xisf", {"frame_type": FLAT, "filter": "LPro"}),
    ("master/masterFlat_BIN-1_4770x3178_FILTER-NoFilter_CFA.xisf", {"frame_type": FLAT, "filter": "NoFilter"}),
    ("master/masterFlat_BIN-1_9576x6388_FILTER-S_mono_SESSION-1.fit", {"frame_type": FLAT, "filter": "S"}),
    ("master/masterFlat_BIN-1_9576x6388_FILTER-L_mono_NIGHT-2026-01-31.xisf", {"filter": "L", "night": date(2026, 1, 31)}),
    # Siril: its scripts put "stacked" behind the type, and calibrated flats begin with pp_
    ("masters/dark_stacked.fit", {"frame_type": DARK, "object_name": None, "object_guess": None}),
    ("masters/darks_stacked.fit", {"frame_type": DARK}),
    ("masters/bias_stacked.fit", {"frame_type": BIAS, "object_name": None}),
    ("masters/offset_stacked.fit", {"frame_type": BIAS}),
    ("masters/flat_stacked.fit", {"frame_type": FLAT}),
    ("masters/pp_flat_stacked.fit", {"frame_type": FLAT, "object_name": None}),
    ("masters/flatdark_stacked.fit", {"frame_type": FrameType.MASTER_DARKFLAT}),
    ("Flat_Ha_stacked.fit", {"frame_type": FLAT, "filter": "Ha", "object_name": None}),
    ("process/master-dark.fit", {"frame_type": DARK}),
    # ASIAIR
    ("MasterBias_1.0ms_Bin1_2600MC_gain100_20250101-010101_-10.0C.fit", {"frame_type": BIAS, "program": "ASIAIR", "gain": 100.0, "camera": "2600MC", "exposure_s": 0.001}),
    ("MasterDark_300.0s_Bin1_2600MC_gain100_20250101-010101_-10.0C.fit", {"frame_type": DARK, "exposure_s": 300.0, "sensor_temp_c": -10.0}),
    # DWARF: what lies in CALI_FRAME are masters of the device; flat and bias name a row of its table of gains, no gain
    ("CALI_FRAME/dark/cam_0/dark_exp_30.000000_gain_60_bin_1_34C_stack_1.fits", {"frame_type": DARK, "program": "DWARF", "exposure_s": 30.0, "gain": 60.0, "sensor_temp_c": 34.0, "x_binning": 1}),
    ("CALI_FRAME/dark/cam_1/dark_exp_15.0_gain_80_bin_1_14C.fits", {"frame_type": DARK, "exposure_s": 15.0, "gain": 80.0}),
    ("DWARF3/CALI_FRAME/bias/cam_1/bias_gain_2_bin_1.fits", {"frame_type": BIAS, "gain": None, "x_binning": 1}),
    ("CALI_FRAME/flat/cam_0/flat_gain_2_bin_1_ir_1.fits", {"frame_type": FLAT, "gain": None, "filter": None}),
    ("CALI_FRAME/bias/cam_0/other.fits", {"frame_type": BIAS}),
    ("DWARF_DARK/tele_exp_60_gain_60_bin_1_2025-10-20-03-20-10-952/raw_60s_60_0002_20251020-032310186_20C.fits", {"frame_type": FrameType.DARK, "gain": 60.0}),
    # ap-* and the source process: keys in the name, camera and optic in the folders of the library
    ("MASTER DARK/ZWO ASI2600MM Pro/masterDark_EXPOSURE_300.00_GAIN_100_OFFSET_50_SETTEMP_-10.00.xisf", {"frame_type": DARK, "exposure_s": 300.0, "gain": 100.0, "offset": 50.0, "set_temp_c": -10.0, "camera": "ZWO ASI2600MM Pro"}),
    ("_Dark Library/ATR585M/masterDark_EXPOSURE_1.50_SETTEMP_-10.00_GAIN_239_OFFSET_150_READOUTM_Low Conversion Gain.xisf", {"frame_type": DARK, "camera": "ATR585M", "exposure_s": 1.5, "readout_mode": "Low Conversion Gain", "offset": 150.0}),
    ("_Bias Library/ATR585M/masterBias_EXPOSURE_0.00_SETTEMP_-10.00_GAIN_239_OFFSET_150.xisf", {"frame_type": BIAS, "camera": "ATR585M", "exposure_s": 0.0, "set_temp_c": -10.0}),
    ("MASTER FLAT/ATR585M/SQA55/DATE_2026-01-29/masterFlat_FILTER_L_GAIN_239_OFFSET_150_SETTEMP_-10_FOCALLEN_264.xisf", {"frame_type": FLAT, "camera": "ATR585M", "telescope": "SQA55", "night": date(2026, 1, 29), "filter": "L", "gain": 239.0}),
    ("_Flat Stash/DWARFIII/masterFlat_DATE_2025-10-20_FILTER_Astro_GAIN_60.xisf", {"frame_type": FLAT, "camera": "DWARFIII", "telescope": None, "night": date(2025, 10, 20), "filter": "Astro"}),
    # people
    ("masterDark_300s_G100_-10C.xisf", {"frame_type": DARK, "exposure_s": 300.0, "gain": 100.0, "sensor_temp_c": -10.0}),
    ("masterBias_GA2750_257f_20251117.xisf", {"frame_type": BIAS, "gain": 2750.0, "stack_count": 257, "sensor_temp_c": None}),
    ("DARK_master.fit", {"frame_type": DARK, "object_name": None}),
    ("Dark_Master_300s_gain100_-10C.fits", {"frame_type": DARK, "exposure_s": 300.0, "gain": 100.0}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "expected"), NAMES, ids=[path.rpartition("/")[2] for path, _ in NAMES])
def test_names_of_masters(path: str, expected: dict[str, Any]) -> None:
    """What the name and the folders of a master say of it."""
    found = facts_from_path(path)
    assert {fact: getattr(found, fact) for fact in expected} == expected


@pytest.mark.parametrize(
    ("path", "frame_type"),
    [
        ("Dark Shark Nebula_stacked.fit", None),
        ("LIGHT/M 31_stacked.fit", FrameType.LIGHT),
        ("Dark_Shark_Nebula_stacked.fit", FrameType.DARK),
        ("pp_light_stacked.fit", FrameType.LIGHT),
        ("DARK/Dark_300s_0001.fits", FrameType.DARK),
    ],
)
def test_what_is_stacked_is_not_always_a_master(path: str, frame_type: FrameType | None) -> None:
    """A stack of lights, and a nebula that is called dark, give no master."""
    assert facts_from_path(path).frame_type is frame_type


@pytest.mark.parametrize(
    "folder", ["300s", "-10C", "Gain100", "2026-01-30", "DATE_2026-01-30", "GAIN_100", "1x1", "Ha", "darks", "100"]
)
def test_a_folder_of_settings_is_no_camera(folder: str) -> None:
    """In a library of masters the folder below is a camera only where it names no setting, date, filter or type."""
    assert facts_from_path(f"_Dark Library/{folder}/masterDark_EXP_300.00.xisf").camera is None


HEADERS: list[tuple[str, list[str], str, dict[str, Any]]] = [
    (
        "WBPP lost gain, offset, temperature and filter",
        ["PROGRAM = 'PixInsight 1.8.9'", "IMAGETYP= 'Master Flat'", "INSTRUME= 'ZWO ASI2600MM Pro'", "XBINNING=                    1", "HISTORY ImageIntegration.numberOfImages: 30", "HISTORY ImageCalibration"],
        "master/masterFlat_BIN-1_6248x4176_FILTER-Ha_mono.fits",
        {"frame_type": FLAT, "filter": "Ha", "gain": None, "set_temp_c": None, "stack_count": 30, "camera": "ZWO ASI2600MM Pro"},
    ),
    (
        "PixInsight wrote the type of the frames, the name says master",
        ["PROGRAM = 'PixInsight 1.8.8'", "IMAGETYP= 'Dark Frame'", "EXPTIME =                300.0"],
        "masterDark_300s.fits",
        {"frame_type": DARK, "exposure_s": 300.0},
    ),
    (
        "Siril keeps the first frame's type and counts",
        ["PROGRAM = 'Siril 1.4.0'", "IMAGETYP= 'Dark'", "EXPTIME =                 60.0", "LIVETIME=               1200.0", "STACKCNT=                   20"],
        "dark_stacked.fit",
        {"frame_type": DARK, "exposure_s": 60.0, "total_exposure_s": 1200.0, "stack_count": 20},
    ),
    (
        "Siril without a type",
        ["PROGRAM = 'Siril 1.2.6'", "EXPTIME =                 60.0", "STACKCNT=                   20"],
        "masters/dark_stacked.fit",
        {"frame_type": DARK, "exposure_s": 60.0, "stack_count": 20},
    ),
    (
        "Siril's calibrated flats without a count",
        ["PROGRAM = 'Siril 1.2.6'", "IMAGETYP= 'Flat'", "FILTER  = 'Ha'", "HISTORY Calibrated with a master bias"],
        "masters/pp_flat_stacked.fit",
        {"frame_type": FLAT, "filter": "Ha"},
    ),
    (
        "ASIAIR's master has the type of its frames",
        ["CREATOR = 'ZWO ASIAIR Plus'", "IMAGETYP= 'Bias'", "STACKCNT=                  100", "GAIN    =                  100", "EXPTIME =                0.001", "INSTRUME= 'ZWO ASI2600MC Pro'"],
        "MasterBias_1.0ms_Bin1_gain100_20250101-010101.fit",
        {"frame_type": BIAS, "stack_count": 100, "gain": 100.0, "camera": "ZWO ASI2600MC Pro"},
    ),
    (
        "ASIAIR's master under another name",
        ["CREATOR = 'ZWO ASIAIR Plus'", "IMAGETYP= 'Bias'", "STACKCNT=                  100"],
        "b.fit",
        {"frame_type": BIAS, "stack_count": 100},
    ),
    (
        "the darks of flats are darks in the header",
        ["IMAGETYP= 'Master Dark'", "EXPTIME =                  2.5"],
        "masterDarkFlat_2.5s.fits",
        {"frame_type": FrameType.MASTER_DARKFLAT, "exposure_s": 2.5},
    ),
    (
        "a raw dark in the folder of masters stays raw",
        ["IMAGETYP= 'DARK'", "EXPTIME =                300.0"],
        "Master Darks/raw/Dark_300s_0001.fits",
        {"frame_type": FrameType.DARK},
    ),
    (
        "the header goes before the name",
        ["IMAGETYP= 'LIGHT'", "EXPTIME =                300.0", "OBJECT  = 'M 31'"],
        "masterDark_300s.fits",
        {"frame_type": FrameType.LIGHT},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("cards", "path", "expected"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_headers_of_masters(read: Read, cards: list[str], path: str, expected: dict[str, Any]) -> None:
    """Header and name together: what a program lost in the one it often kept in the other."""
    found = read(cards, path)
    assert {fact: getattr(found, fact) for fact in expected} == expected


def test_a_dwarfs_real_flat_is_a_master_by_its_folder(from_dump: Callable[..., Path], tmp_path: Path) -> None:
    """Real header, which has nothing but the Bayer pattern: type from the folder, size from the image, nothing else."""
    path = from_dump("dwarf3__typ-CALI_FRAME-flat.txt", "CALI_FRAME/flat/cam_0/flat_gain_2_bin_1_ir_0.fits")
    found = read_frame(path, relative_path=str(path.relative_to(tmp_path))).metadata
    assert (found.frame_type, found.width_px, found.height_px) == (FLAT, 3856, 2180)
    assert (found.camera, found.gain, found.filter, found.night) == (None, None, None, None)
