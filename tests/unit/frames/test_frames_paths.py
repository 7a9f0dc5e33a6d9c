"""Facts from file names and folders, quoted from real listings."""

# ruff: noqa: DTZ001  (what cards and file names give is naive until its zone is known)

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.frame import FrameType
from shared.frames.paths import facts_from_path, panel_of

CASES: list[tuple[str, dict[str, Any]]] = [
    (
        "MyWorks/M 94_sub/Light_M 94_10.0s_IRCUT_20250326-212057.fit",
        {
            "frame_type": FrameType.LIGHT,
            "object_name": "M 94",
            "exposure_s": 10.0,
            "filter": "IRCUT",
            "local_time": datetime(2025, 3, 26, 21, 20, 57),
            "night": date(2025, 3, 26),
        },
    ),
    (
        "Light_mosaic_M 31_10.0s_20240101-010203.fit",
        {"object_name": "M 31", "filter": None, "night": date(2023, 12, 31)},
    ),
    ("Light_My_odd_name_20.0s_LP_20250630-023420.jpg", {"object_name": "My_odd_name", "filter": "LP"}),
    (
        "Stacked_614_Sadr_10.0s_LP_20250715-052001_thn.jpg",
        {"frame_type": FrameType.STACK, "stack_count": 614, "object_name": "Sadr", "night": date(2025, 7, 14)},
    ),
    (
        "DSO_Stacked_425_M 100_10.0s_20250704_070948.fit",
        {"frame_type": FrameType.STACK, "stack_count": 425, "object_name": "M 100", "exposure_s": 10.0},
    ),
    (
        "Light_M 13_30.0s_Bin1_2600MC_None_gain100_20250824-213032_-10.0C_0013.fit",
        {"program": "ASIAIR", "camera": "2600MC", "filter": "None", "gain": 100.0, "sensor_temp_c": -10.0},
    ),
    (
        "Flat_5.0ms_Bin1_H_gain100_20250824-213032.fit",
        {"frame_type": FrameType.FLAT, "exposure_s": 0.005, "filter": "H"},
    ),
    (
        "failed_IC 434_60s60_Astro_20251018-051725998_15C.fits",
        {"rejected": True, "object_name": "IC 434", "exposure_s": 60.0, "gain": 60.0, "sensor_temp_c": 15.0},
    ),
    (
        "stacked-16_IC 434_60s60_Astro_20251018-045127226.fits",
        {"frame_type": FrameType.STACK, "stack_count": None, "object_name": "IC 434", "exposure_s": 60.0},
    ),
    (
        "DWARF_DARK/tele_exp_60/raw_60s_60_0002_20251020-032310186_20C.fits",
        {"frame_type": FrameType.DARK, "gain": 60.0},
    ),
    (
        "CALI_FRAME/dark/cam_0/dark_exp_60.000000_gain_60_bin_1_20C_stack_8.fits",
        {"frame_type": FrameType.MASTER_DARK, "stack_count": 8, "exposure_s": 60.0, "sensor_temp_c": 20.0},
    ),
    (
        "DWARF_DARK/dark_exp_30.000000_gain_60_bin_1_34C_stack_1.fits",
        {"frame_type": FrameType.DARK, "exposure_s": 30.0, "sensor_temp_c": 34.0},
    ),
    (
        "CALI_FRAME/flat/cam_0/flat_gain_2_bin_1_ir_0.fits",
        {"frame_type": FrameType.MASTER_FLAT, "gain": None, "x_binning": 1},
    ),
    (
        "DWARF_RAW_TELE_M 42_EXP_15_GAIN_80_2023-12-07-20-56-01-123/0001.fits",
        {
            "frame_type": FrameType.LIGHT,
            "object_name": "M 42",
            "exposure_s": 15.0,
            "gain": 80.0,
            "night": date(2023, 12, 7),
        },
    ),
    (
        "raw-T31-user-NGC-5128-20150420-231234-Red-BIN1-W-300-001.fit",
        {"telescope": "T31", "object_name": "NGC-5128", "filter": "Red", "exposure_s": 300.0, "program": "iTelescope"},
    ),
    ("calibrated-T31-user-M 83-20150420-231234-Red-BIN1-W-300-001.fit", {"processed": True}),
    (
        "Target_LIGHT_7350_3s_BIN1_-15C_001_20190513_214817_006_W.FIT",
        {"object_name": "Target", "exposure_s": 3.0, "set_temp_c": -15.0, "filter": None},
    ),
    (
        "M 45 Panel 2_ZWO ASI183MM Pro_1x1_0019  LIGHT_Ha_111_10_600.00s_(2023-09-13@00-38-22).fits",
        {"object_name": "M 45 Panel 2", "filter": "Ha", "gain": 111.0, "offset": 10.0, "night": date(2023, 9, 13)},
    ),
    (
        "M 27/2025-09-16/FLAT/2025-09-16_20-23-31_HaOiii_-10.00_6.25s_0001.fits",
        {"frame_type": FrameType.FLAT, "filter": "HaOiii", "exposure_s": 6.25, "sensor_temp_c": -10.0},
    ),
    (
        (
            "C8E@f6.3+ASI533MM/20_Data/M 51/accept/DATE_2023-12-07/FILTER_UVIR_EXP_120.00_SETTEMP_-10.00_PANEL_2/"
            "2023-12-07_20-56-01_HFR_2.52_STARS_836_RMSAC_0.62_TEMP_-9.90.fits"
        ),
        {
            "telescope": "C8E",
            "focal_ratio": 6.3,
            "camera": "ASI533MM",
            "object_name": "M 51",
            "filter": "UVIR",
            "exposure_s": 120.0,
            "set_temp_c": -10.0,
            "panel": "2",
            "hfr_px": 2.52,
            "star_count": 836,
            "rms_arcsec": 0.62,
            "sensor_temp_c": -9.9,
            "night": date(2023, 12, 7),
        },
    ),
    ("x_HFR__RMSAC_0.00.fits", {"hfr_px": None, "rms_arcsec": 0.0}),
    ("GAIN-100_OFFSET-50/light_001.fits", {"gain": 100.0, "offset": 50.0}),
    ("masterDark_EXP_300.00_SETTEMP_-10.00.xisf", {"frame_type": FrameType.MASTER_DARK, "exposure_s": 300.0}),
    ("r_pp_light_00001.fit", {"processed": True}),
    ("M31_LIGHT_c_cc_r.xisf", {"processed": True}),
    ("R_M 31_001.fit", {"processed": None}),
    ("D:\\Astro\\M 31\\DARK\\x.fits", {"frame_type": FrameType.DARK}),
    ("holiday.jpg", {"frame_type": None, "object_name": None, "night": None}),
]


@pytest.mark.parametrize(("path", "expected"), CASES, ids=[path[-40:] for path, _ in CASES])
def test_paths(path: str, expected: dict[str, Any]) -> None:
    """Each device's names and folders give the facts that they were made from."""
    found = facts_from_path(path)
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_real_listing_is_understood_whole(corpus: Path) -> None:
    """All 2,342 names of a Target Scheduler rig give object, filter, exposure and night."""
    names = (corpus / "headers" / "nina_filenames_targetscheduler.txt").read_text().splitlines()
    found = [facts_from_path(name) for name in names]
    assert len(found) > 2000
    assert all(facts.object_name and facts.filter and facts.exposure_s and facts.night for facts in found)


def test_a_real_seestar_listing_is_understood(corpus: Path) -> None:
    """Every Light_ name with a stamp in a real Seestar listing gives its object and night."""
    names = (corpus / "headers" / "seestar_listing_zeseestarstacker.txt").read_text().splitlines()
    stamped = [facts_from_path(name) for name in names if "s_IRCUT_" in name]
    assert len(stamped) > 30
    assert {facts.object_name for facts in stamped} == {"M 94", "NGC 7023"}


@pytest.mark.parametrize(
    ("name", "panel"),
    [
        ("Sh2 103 Panel 13", "13"),
        ("Clamshell P3", "3"),
        ("M 31", None),
        ("P3", None),
        (None, None),
        ("C/2023 P1", None),
        ("Comet C2022 P1", None),
        ("P/2010 P4", None),
        ("C/2023 P1 Panel 2", "2"),
        ("NGC 7000 P2", "2"),
    ],
)
def test_panels(name: str | None, panel: str | None) -> None:
    """A mosaic panel at the end of an object's name is found, and nothing else is taken for one."""
    assert panel_of(name) == panel


@given(st.text(max_size=300))
def test_no_path_makes_the_parser_raise(path: str) -> None:
    """Any text is a path that says something or nothing."""
    facts_from_path(path)
    facts_from_path(f"DATE_{path}/FILTER_{path}_EXP_{path}_{path}.fits")
