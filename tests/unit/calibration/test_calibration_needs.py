"""What rigs need, how requirements are named, what to capture, and what a person can choose from."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.calibration.matching.alternatives import alternatives
from services.calibration.matching.candidates import Candidates
from services.calibration.matching.model import Need
from services.calibration.matching.needs import as_group, needs_of, requirement_id
from services.calibration.matching.rules import rules_of
from services.calibration.matching.shopping import to_capture
from services.calibration.properties import Properties
from services.calibration.settings import CalibrationSettings, RigCalibration
from tests.unit.calibration.matching_table import C8E, dark, flat, lights

COMMON = CalibrationSettings()
DEFAULT = rules_of(C8E.rig, C8E.camera, COMMON, ())


@pytest.mark.parametrize(
    ("rig", "camera", "requires"),
    [
        ("C8E@f10.0+ZWO ASI2600MM Pro", "ZWO ASI2600MM Pro", ("dark", "flat")),
        (None, None, ("dark", "flat")),
        ("S50_1a2b3c4d", "Seestar S50", ()),
        ("Seestar S50", "Seestar S50", ()),
        ("S30 Pro_041c45cb", "imx585", ()),
        ("Seestar S30 WIDE", None, ()),
        (None, "ZWO Seestar S30", ()),
        ("my balcony", "Seestar S50", ()),
        ("eVscope 2", "eVscope 2", ()),
        ("Vespera II", "Vespera II", ()),
        ("Celestron Origin", "Celestron Origin", ()),
        ("DWARFIII", "DWARFIII", ("dark", "flat")),
        ("DWARF mini", "DWARF mini", ("dark", "flat")),
    ],
)
def test_devices_that_calibrate_by_themselves_need_nothing(
    rig: str | None, camera: str | None, requires: tuple[str, ...]
) -> None:
    """Seestar, Unistellar, Vaonis and Origin subtract their darks before they write; all others need dark and flat."""
    rules = rules_of(rig, camera, COMMON, ())
    assert rules.requires == requires
    kinds = [need.master_type.removeprefix("MASTER_").lower() for need in needs_of(C8E, rules)]
    assert kinds == list(requires)


@pytest.mark.parametrize("rig", ["DWARFIII", "DWARFII", "DWARF mini", "DWARFIII WIDE"])
def test_a_dwarf_has_no_set_temperature(rig: str) -> None:
    """Its darks are compared by exposure, camera and gain, its flats without an offset."""
    rules = rules_of(rig, None, COMMON, ())
    assert rules.dark == ("camera", "exposure_s", "gain")
    assert rules.flat == ("night", "telescope", "filter", "camera", "gain")
    assert rules.origin == "what a DWARF needs"


def test_the_first_row_of_the_settings_that_fits_counts() -> None:
    """Rows are asked in order; what a row leaves out is the device's, and numbers are those of [calibration]."""
    rows = (
        RigCalibration(rig="c8e@f?.0+*", flat_nights=3, temperature_tolerance_c=0.5),
        RigCalibration(rig="DWARF*", flat_nights=90),
        RigCalibration(rig="*", requires=("dark",), scale_darks=True),
    )
    c8e = rules_of("C8E@f7.0+ATR585M", None, COMMON, rows)
    assert (c8e.flat_nights, c8e.temperature_tolerance_c, c8e.requires) == (3, 0.5, ("dark", "flat"))
    assert c8e.origin == "[[calibration_rigs]] c8e@f?.0+*"
    dwarf = rules_of("DWARFIII", None, COMMON, rows)
    assert (dwarf.flat_nights, dwarf.dark) == (90, ("camera", "exposure_s", "gain"))
    other = rules_of("C8E@f10.0+ATR585M", None, COMMON, rows)
    assert (other.flat_nights, other.requires, other.scale_darks) == (30, ("dark",), True)


@pytest.mark.parametrize(
    ("pattern", "rig", "fits"),
    [
        ("C8E@f7.0+ATR585M", "C8E@f7.0+ATR585M", True),
        ("C8E@f7.0+ATR585M", "C8E@f7x0+ATR585M", False),
        ("c8e @F7.0 + atr585m", "C8E@f7.0+ATR585M", True),
        ("[big]*", "[Big] Newton", True),
        ("[big]*", "b", False),
        ("*585?", "C8E@f7.0+ATR585M", True),
        ("*585", "C8E@f7.0+ATR585M", False),
    ],
)
def test_patterns_of_rigs(pattern: str, rig: str, fits: bool) -> None:
    """Only * and ? mean more than themselves; case and blanks do not count."""
    rules = rules_of(rig, None, COMMON, [RigCalibration(rig=pattern, requires=("bias",))])
    assert (rules.requires == ("bias",)) is fits


def test_a_rig_that_is_not_known_goes_by_its_camera() -> None:
    """Frames without a telescope have no rig; the row of their camera counts."""
    rules = rules_of(None, "ZWO ASI2600MM Pro", COMMON, [RigCalibration(rig="ZWO*", requires=("bias",))])
    assert rules.requires == ("bias",)


def test_a_need_holds_what_counts_and_nothing_else() -> None:
    """A dark's need has no filter and no night, a flat's no exposure and no temperature."""
    found = dict(zip(("dark", "flat"), needs_of(lights(rotator_angle_deg=88.04), DEFAULT), strict=True))
    kept = {
        name: {key for key, value in need.properties._asdict().items() if value is not None}
        for name, need in found.items()
    }
    size = {"camera", "width_px", "height_px", "x_binning"}
    assert kept["dark"] == size | {"exposure_s", "gain", "offset", "set_temp_c"}
    assert kept["flat"] == size | {"telescope", "rig", "filter", "gain", "offset", "night", "rotator_angle_deg"}


def test_a_scaled_dark_needs_what_its_bias_needs() -> None:
    """Where darks are scaled, the dark's need holds the properties of the bias as well."""
    row = RigCalibration(rig="*", dark=("exposure_s",), bias=("gain", "offset"), scale_darks=True)
    need = needs_of(C8E, rules_of("x", None, COMMON, [row]))[0]
    assert (need.properties.gain, need.properties.offset, need.properties.set_temp_c) == (100.0, 50.0, None)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("dark", "dark-76e891df"),
        ("flat", "flat-e3d192e9"),
        ("bias", "bias-633f2642"),
    ],
)
def test_names_of_requirements_are_frozen(kind: str, expected: str) -> None:
    """Released names never change: pins and events of the past refer to them."""
    rules = rules_of(C8E.rig, None, COMMON, [RigCalibration(rig="*", requires=("dark", "flat", "bias"))])
    names = {requirement_id(need).partition("-")[0]: requirement_id(need) for need in needs_of(C8E, rules)}
    assert names[kind] == expected


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"camera": "zwo asi2600mm-pro"}, True),
        ({"filter": "Ha "}, True),
        ({"telescope": "c8e"}, True),
        ({"rig": "renamed"}, True),
        ({"gain": 100}, True),
        ({"exposure_s": 300.0000001}, True),
        ({"sensor_temp_c": 3.0}, True),
        ({"exposure_s": 301.0}, False),
        ({"set_temp_c": -5.0}, False),
        ({"gain": 101.0}, False),
    ],
)
def test_a_requirements_name_follows_from_what_counts(changes: dict[str, object], same: bool) -> None:
    """Spellings, single precision and what does not count give the same name; whatever counts gives another."""
    need, other = (needs_of(one, DEFAULT)[0] for one in (C8E, C8E._replace(**changes)))  # type: ignore[arg-type]
    flats = [needs_of(one, DEFAULT)[1] for one in (C8E, C8E._replace(**changes))]  # type: ignore[arg-type]
    assert (requirement_id(need) == requirement_id(other)) is same
    if same:
        assert requirement_id(flats[0]) == requirement_id(flats[1])


def test_groups_leave_out_the_small_differences_of_a_night() -> None:
    """Measured temperatures count in whole degrees, angles in tenths within the circle, exposures in six digits."""
    one = as_group(lights(sensor_temp_c=-9.7, rotator_angle_deg=359.98, exposure_s=29.9999999, set_temp_c=-0.0))
    other = as_group(lights(sensor_temp_c=-10.3, rotator_angle_deg=0.02, exposure_s=30.0, set_temp_c=0.0))
    assert one == other
    assert str(one.set_temp_c) == "0.0"
    assert as_group(Properties()) == Properties()


def _need(kind: str, properties: Properties = C8E) -> Need:
    wanted = rules_of("x", None, COMMON, [RigCalibration(rig="*", requires=("dark", "flat", "bias"))])
    return next(one for one in needs_of(properties, wanted) if one.master_type == f"MASTER_{kind.upper()}")


@pytest.mark.parametrize(
    ("kind", "min_frames", "frames", "total_s", "sentence"),
    [
        ("dark", 10, 20, 6000.0, "capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)"),
        ("dark", 40, 40, 12000.0, "capture 40 darks of 300 s, gain 100, offset 50, -10 C (3 h 20 min)"),
        ("bias", 10, 50, 0.0, "capture 50 bias frames of gain 100, offset 50, -10 C"),
        ("flat", 10, 20, None, "capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02"),
    ],
)
def test_what_to_capture(kind: str, min_frames: int, frames: int, total_s: float | None, sentence: str) -> None:
    """As many frames as make a good master and the settings ask for, and how long they take."""
    line = to_capture(_need(kind), min_frames, 30)
    assert (line.frame_type, line.frames, line.total_s) == (kind.upper(), frames, total_s)
    assert line.sentence == sentence
    assert line.latest_night == (date(2026, 3, 2) if kind == "flat" else None)


def test_flats_are_late_once_the_train_is_changed() -> None:
    """A flat counts until the night before the next change of the train."""
    line = to_capture(_need("flat"), 10, 30, [date(2026, 1, 10), date(2026, 2, 4), date(2026, 2, 20)])
    assert (line.latest_night, line.sentence) == (
        date(2026, 2, 3),
        "capture 20 flats of Ha, gain 100, offset 50 by 2026-02-03",
    )


def test_a_person_chooses_an_older_flat_from_a_list() -> None:
    """Flats that fit come first, then older ones by their night, refused ones and other filters with their reason."""
    known = Candidates(
        [
            flat("old.xisf", night=date(2025, 6, 1)),
            flat("older.xisf", night=date(2025, 1, 1)),
            flat("near.xisf", night=date(2026, 1, 29)),
            flat("other.xisf", filter="OIII"),
            flat("bad.xisf", refused="its levels are those of a dark"),
        ]
    )
    found = alternatives(_need("flat"), known, DEFAULT)
    assert [(one.name, fits) for one, fits, _ in found] == [
        ("near.xisf", True),
        ("bad.xisf", False),
        ("old.xisf", False),
        ("older.xisf", False),
        ("other.xisf", False),
    ]
    assert [sentence for *_, sentence in found] == [
        "near.xisf: same telescope and camera, Ha, night 2026-01-29, 2 nights before the lights, gain 100, offset 50",
        "bad.xisf: may not be used: its levels are those of a dark",
        "old.xisf: 244 nights before the lights, 30 allowed (Ha, night 2025-06-01, gain 100, offset 50)",
        "older.xisf: 395 nights before the lights, 30 allowed (Ha, night 2025-01-01, gain 100, offset 50)",
        "other.xisf: filter OIII instead of Ha (OIII, night 2026-01-31, gain 100, offset 50)",
    ]
    assert len(alternatives(_need("flat"), known, DEFAULT, limit=2)) == 2


def test_the_newest_is_told_by_time_and_not_by_name() -> None:
    """Two masters of one moment are told apart by their ids, so that every answer is the only one."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    masters = [dark(name)._replace(made_at=moment + timedelta(seconds=late)) for late, name in enumerate("zyx")]
    found = alternatives(_need("dark"), Candidates(masters), DEFAULT)
    assert [one.name for one, *_ in found] == ["x", "y", "z"]
