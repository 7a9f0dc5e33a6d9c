"""Tables of devices and programs: the rigs of the source process, DWARF, those that calibrate by themselves, and losses."""

# ruff: noqa: E501  (a line is a row)

from datetime import date
from typing import Any

from services.calibration.properties import Properties
from services.calibration.settings import RigCalibration
from tests.unit.calibration.matching_table import Row, bias, dark, flat, lights

PROCESS = (
    RigCalibration(
        rig="C8E@f10*+ZWO ASI2600MM Pro",
        dark=("exposure_s", "set_temp_c", "camera", "gain", "offset"),
        flat=("night", "telescope", "filter", "set_temp_c", "camera", "gain", "offset"),
        flat_nights=0,
    ),
    RigCalibration(
        rig="SQA55@f5.3+ATR585M",
        dark=("exposure_s", "set_temp_c", "camera", "gain", "offset", "readout_mode"),
        flat=("night", "telescope", "filter", "set_temp_c", "camera", "gain", "offset", "readout_mode"),
        flat_nights=0,
    ),
    RigCalibration(
        rig="DWARFIII@f4.3+DWARFIII",
        dark=("exposure_s", "camera", "gain"),
        flat=("night", "telescope", "filter", "camera", "gain"),
        flat_nights=0,
    ),
)
"""The lists of the three rigs of the source process, as its scripts have them."""
SQA55 = Properties(
    camera="ATR585M", telescope="SQA55", rig="SQA55@f5.3+ATR585M", exposure_s=180.0, gain=239.0, offset=150.0,
    set_temp_c=-10.0, filter="Ha", x_binning=1, readout_mode="Low Conversion Gain", width_px=3856, height_px=2180,
    night=date(2026, 1, 29),
)  # fmt: skip
DWARF = Properties(
    camera="DWARFIII", telescope="DWARFIII", rig="DWARFIII", exposure_s=60.0, gain=60.0, sensor_temp_c=15.0,
    filter="Astro", x_binning=1, width_px=3856, height_px=2180, night=date(2025, 10, 17),
)  # fmt: skip
DWARF_OF_PROCESS = DWARF._replace(rig="DWARFIII@f4.3+DWARFIII")
_NOTHING = dict.fromkeys(("set_temp_c", "sensor_temp_c", "offset", "telescope", "rig"))
_S: dict[str, Any] = {
    "camera": "ATR585M",
    "telescope": "SQA55",
    "rig": "SQA55@f5.3+ATR585M",
    "gain": 239.0,
    "offset": 150.0,
    "exposure_s": 180.0,
    "readout_mode": "Low Conversion Gain",
    "width_px": 3856,
    "height_px": 2180,
}
_D: dict[str, Any] = {
    **_NOTHING,
    "camera": "DWARFIII",
    "gain": 60.0,
    "exposure_s": 60.0,
    "width_px": 3856,
    "height_px": 2180,
}

# fmt: off

RIGS = [
    Row("C8E: a dark", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark()], rigs=PROCESS),
    Row("C8E: the readout mode does not count", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark(readout_mode="High")], lights=lights(readout_mode="Low"), rigs=PROCESS),
    Row("C8E: another offset", None, "nearest dark: 300 s, gain 100, -10 C: offset 10 instead of 50; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(offset=10.0)], rigs=PROCESS),
    Row("C8E: a flat of the night", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50, -10 C", [flat()], kind="flat", rigs=PROCESS),
    Row("C8E: a flat of another temperature", None, "nearest flat: Ha, night 2026-01-31, gain 100, 0 C: 10.0 C off; capture 20 flats of Ha, gain 100, offset 50, -10 C of the night 2026-01-31", [flat(set_temp_c=0.0)], kind="flat", rigs=PROCESS),
    Row("C8E: a flat of the night before", None, "nearest flat: Ha, night 2026-01-30, gain 100, -10 C: 1 night before the lights, 0 allowed; capture 20 flats of Ha, gain 100, offset 50, -10 C of the night 2026-01-31", [flat(night=date(2026, 1, 30))], kind="flat", rigs=PROCESS),
    Row("SQA55: a dark", "dark.xisf", "dark.xisf: same camera, 180 s, gain 239, offset 150, -10 C, readout mode Low Conversion Gain", [dark(**_S)], lights=SQA55, rigs=PROCESS),
    Row("SQA55: another readout mode", None, "nearest dark: 180 s, gain 239, -10 C, readout mode High Conversion Gain: readout mode High Conversion Gain instead of Low Conversion Gain; capture 20 darks of 180 s, gain 239, offset 150, -10 C, readout mode Low Conversion Gain (1 h)", [dark(**_S | {"readout_mode": "High Conversion Gain"})], lights=SQA55, rigs=PROCESS),
    Row("SQA55: a flat", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 239, offset 150, -10 C, readout mode Low Conversion Gain", [flat(**_S, night=date(2026, 1, 29))], lights=SQA55, kind="flat", rigs=PROCESS),
    Row("SQA55: a flat of C8E", None, "no master flat of ATR585M is in the library; capture 20 flats of Ha, gain 239, offset 150, -10 C, readout mode Low Conversion Gain of the night 2026-01-29", [flat(night=date(2026, 1, 29))], lights=SQA55, kind="flat", rigs=PROCESS),
    Row("DWARF: a dark of any temperature", "dark.xisf", "dark.xisf: same camera, 60 s, gain 60", [dark(**_D | {"sensor_temp_c": 34.0})], lights=DWARF_OF_PROCESS, rigs=PROCESS),
    Row("DWARF: another gain", None, "nearest dark: 60 s, gain 80: gain 80 instead of 60; capture 20 darks of 60 s, gain 60 (20 min)", [dark(**_D | {"gain": 80.0})], lights=DWARF_OF_PROCESS, rigs=PROCESS),
    Row("DWARF: a flat of the night", "flat.xisf", "flat.xisf: same telescope and camera, Astro, the same night, gain 60", [flat(**_D | {"telescope": "DWARFIII", "filter": "Astro", "night": date(2025, 10, 17)})], lights=DWARF_OF_PROCESS, kind="flat", rigs=PROCESS),
    Row("DWARF: a flat of another filter", None, "nearest flat: DuoBand, night 2025-10-17, gain 60: filter DuoBand instead of Astro; capture 20 flats of Astro, gain 60 of the night 2025-10-17", [flat(**_D | {"telescope": "DWARFIII", "filter": "Duo-Band", "night": date(2025, 10, 17)})], lights=DWARF_OF_PROCESS, kind="flat", rigs=PROCESS),
]

DWARFS = [
    Row("its own dark has no camera in it", "dark.fits", "dark.fits: same size of 3856x2180 pixels, 60 s, gain 60; its camera is not known", [dark("dark.fits", **_D | {"camera": None, "sensor_temp_c": 20.0})], lights=DWARF),
    Row("the dark of the wide camera", None, "nearest dark: 60 s, gain 60: 1920x1080 pixels instead of 3856x2180; capture 20 darks of 60 s, gain 60 (20 min)", [dark("dark.fits", **_D | {"camera": None, "width_px": 1920, "height_px": 1080})], lights=DWARF),
    Row("another exposure", None, "nearest dark: 30 s, gain 60: 30 s instead of 60 s; capture 20 darks of 60 s, gain 60 (20 min)", [dark("dark.fits", **_D | {"camera": None, "exposure_s": 30.0, "sensor_temp_c": 34.0})], lights=DWARF),
    Row("temperatures do not count by default", "dark.fits", "dark.fits: same camera, 60 s, gain 60", [dark("dark.fits", **_D | {"sensor_temp_c": 40.0})], lights=DWARF),
    Row("they count where a person wants it", None, "nearest dark: 60 s, gain 60, sensor at 40 C: 25.0 C off; capture 20 darks of 60 s, gain 60, sensor at 15 C (20 min)", [dark("dark.fits", **_D | {"sensor_temp_c": 40.0})], lights=DWARF, rigs=[RigCalibration(rig="DWARF*", dark=("camera", "exposure_s", "gain", "sensor_temp_c"))]),
    Row("its factory flat knows nothing but its size", "flat.fits", "flat.fits: same size of 3856x2180 pixels; its telescope, camera, filter, gain and night are not known", [flat("flat.fits", **_D | {"camera": None, "gain": None, "filter": None, "night": None})], lights=DWARF, kind="flat"),
    Row("its factory bias is refused", None, "bias_gain_2_bin_1.fits fits, but may not be used: 99 % of the pixels of a light would be negative after it; no other master bias is in the library; capture 50 bias frames of gain 60", [bias("bias_gain_2_bin_1.fits", **_D | {"camera": None, "gain": None}, refused="99 % of the pixels of a light would be negative after it")], lights=DWARF, kind="bias", rigs=[RigCalibration(rig="DWARF*", requires=("bias",))]),
    Row("a row of settings that says something else keeps the device's list", "dark.fits", "dark.fits: same camera, 60 s, gain 60", [dark("dark.fits", **_D | {"sensor_temp_c": 40.0})], lights=DWARF, rigs=[RigCalibration(rig="DWARF*", flat_nights=100)]),
]

LOSSES = [
    Row("WBPP lost gain, offset and temperature", "masterDark_BIN-1_6248x4176_EXPOSURE-300.00s.xisf", "masterDark_BIN-1_6248x4176_EXPOSURE-300.00s.xisf: same camera, 300 s; its gain, offset and temperature are not known", [dark("masterDark_BIN-1_6248x4176_EXPOSURE-300.00s.xisf", gain=None, offset=None, set_temp_c=None, sensor_temp_c=None)]),
    Row("WBPP lost gain and offset of a flat", "masterFlat_BIN-1_6248x4176_FILTER-Ha_mono.xisf", "masterFlat_BIN-1_6248x4176_FILTER-Ha_mono.xisf: same telescope and camera, Ha, the same night; its gain and offset are not known", [flat("masterFlat_BIN-1_6248x4176_FILTER-Ha_mono.xisf", gain=None, offset=None)], kind="flat"),
    Row("PixInsight left the filter blank", "masterFlat_BIN-1_6248x4176.xisf", "masterFlat_BIN-1_6248x4176.xisf: same telescope and camera, the same night, gain 100, offset 50; its filter is not known", [flat("masterFlat_BIN-1_6248x4176.xisf", filter=None)], kind="flat"),
    Row("WBPP's dark of another size", None, "nearest dark: 300 s, -10 C: 3008x3008 pixels instead of 6248x4176; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("masterDark_BIN-1_3008x3008_EXPOSURE-300.00s.xisf", camera=None, gain=None, width_px=3008, height_px=3008)]),
    Row("a person told the temperature", "masterDark.xisf", "masterDark.xisf: same camera, 300 s, gain 100, -10 C; its offset is not known", [dark("masterDark.xisf", gain=100.0, offset=None, set_temp_c=-10.0, sensor_temp_c=None)]),
    Row("Siril's dark without a camera", "dark_stacked.fit", "dark_stacked.fit: same size of 6248x4176 pixels, 300 s, gain 100, offset 50, sensor at -10 C; its camera is not known", [dark("dark_stacked.fit", camera=None, set_temp_c=None, sensor_temp_c=-10.0)]),
    Row("Siril's dark of nothing", None, "nearest dark: 300 s, gain 100, -10 C: its camera is not known, nor is the size; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("dark_stacked.fit", camera=None, width_px=None, height_px=None)]),
    Row("ASIAIR's bias", "MasterBias_1.0ms_Bin1_gain100.fit", "MasterBias_1.0ms_Bin1_gain100.fit: same camera (2600MM), gain 100, -10 C; its offset is not known", [bias("MasterBias_1.0ms_Bin1_gain100.fit", camera="2600MM", offset=None)], kind="bias", rigs=[RigCalibration(rig="*", requires=("bias",))]),
    Row("ASIAIR's flat without rotator and telescope", "Flat.fit", "Flat.fit: same camera (2600MM), Ha, the same night, gain 100, offset 50; its telescope and rotator angle are not known", [flat("Flat.fit", camera="2600MM", telescope=None, rig=None)], lights=lights(rotator_angle_deg=88.0), kind="flat"),
    Row("ap-* keeps everything", "masterDark_EXPOSURE_300.00_GAIN_100_OFFSET_50_SETTEMP_-10.00.xisf", "masterDark_EXPOSURE_300.00_GAIN_100_OFFSET_50_SETTEMP_-10.00.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark("masterDark_EXPOSURE_300.00_GAIN_100_OFFSET_50_SETTEMP_-10.00.xisf", sensor_temp_c=None)]),
]
