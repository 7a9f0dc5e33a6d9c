"""Tables of darks: temperature, exposure, gain and offset, readout mode, binning, size, camera, scaling."""

# ruff: noqa: E501  (a line is a row)

from services.calibration.settings import RigCalibration
from tests.unit.calibration.matching_table import Row, bias, dark, lights

# fmt: off

TEMPERATURE = [
    Row("equal", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark()]),
    Row("half a degree", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -9.5 C (0.5 C off)", [dark(set_temp_c=-9.5)]),
    Row("exactly the tolerance", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -8 C (2.0 C off)", [dark(set_temp_c=-8.0)]),
    Row("just above the tolerance", None, "nearest dark: 300 s, gain 100, -7.9 C: 2.1 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(set_temp_c=-7.9)]),
    Row("five degrees warmer", None, "nearest dark: 300 s, gain 100, -5 C: 5.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(set_temp_c=-5.0)]),
    Row("ten degrees colder", None, "nearest dark: 300 s, gain 100, -20 C: 10.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(set_temp_c=-20.0)]),
    Row("a tolerance of five degrees", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -5 C (5.0 C off)", [dark(set_temp_c=-5.0)], settings={"temperature_tolerance_c": 5.0}),
    Row("no tolerance", None, "nearest dark: 300 s, gain 100, -9.9 C: 0.1 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(set_temp_c=-9.9)], settings={"temperature_tolerance_c": 0.0}),
    Row("the newest, not the nearest temperature", "b.xisf", "b.xisf: same camera, 300 s, gain 100, offset 50, -9 C (1.0 C off); the newest of 2", [dark("a.xisf"), dark("b.xisf", "2026-01-20", set_temp_c=-9.0)]),
    Row("a measured one stands for the set one", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, sensor at -9.8 C (0.2 C off)", [dark(set_temp_c=None, sensor_temp_c=-9.8)]),
    Row("a measured one is too warm", None, "nearest dark: 300 s, gain 100, sensor at -2 C: 8.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(set_temp_c=None, sensor_temp_c=-2.0)]),
    Row("the lights were measured", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark()], lights=lights(set_temp_c=None, sensor_temp_c=-10.3)),
    Row("the lights were measured elsewhere", None, "nearest dark: 300 s, gain 100, -10 C: 13.0 C off; capture 20 darks of 300 s, gain 100, offset 50, sensor at 3 C (1 h 40 min)", [dark()], lights=lights(set_temp_c=None, sensor_temp_c=3.4)),
    Row("the master does not say", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50; its temperature is not known", [dark(set_temp_c=None, sensor_temp_c=None)]),
    Row("nobody says", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50", [dark(set_temp_c=None, sensor_temp_c=None)], lights=lights(set_temp_c=None, sensor_temp_c=None)),
    Row("zero degrees", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, 0 C", [dark(set_temp_c=-0.0)], lights=lights(set_temp_c=0.0)),
    Row("the nearest of several", None, "nearest dark: 300 s, gain 100, -5 C: 5.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", set_temp_c=-20.0), dark("b.xisf", set_temp_c=-5.0), dark("c.xisf", set_temp_c=0.0)]),
]

EXPOSURE = [
    Row("within a twentieth of a second", "dark.xisf", "dark.xisf: same camera, 2.04 s, gain 100, offset 50, -10 C", [dark(exposure_s=2.04)], lights=lights(exposure_s=2.0)),
    Row("above a twentieth of a second", None, "nearest dark: 2.06 s, gain 100, -10 C: 2.06 s instead of 2 s; capture 20 darks of 2 s, gain 100, offset 50, -10 C (40 s)", [dark(exposure_s=2.06)], lights=lights(exposure_s=2.0)),
    Row("within a thousandth", "dark.xisf", "dark.xisf: same camera, 600.5 s, gain 100, offset 50, -10 C", [dark(exposure_s=600.5)], lights=lights(exposure_s=600.0)),
    Row("above a thousandth", None, "nearest dark: 601 s, gain 100, -10 C: 601 s instead of 600 s; capture 20 darks of 600 s, gain 100, offset 50, -10 C (3 h 20 min)", [dark(exposure_s=601.0)], lights=lights(exposure_s=600.0)),
    Row("single precision", "dark.xisf", "dark.xisf: same camera, 30 s, gain 100, offset 50, -10 C", [dark(exposure_s=29.999999)], lights=lights(exposure_s=30.0)),
    Row("short ones are all alike", "dark.xisf", "dark.xisf: same camera, 0.04 s, gain 100, offset 50, -10 C", [dark(exposure_s=0.04)], lights=lights(exposure_s=0.001)),
    Row("half as long", None, "nearest dark: 150 s, gain 100, -10 C: 150 s instead of 300 s; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(exposure_s=150.0)]),
    Row("the nearest by ratio", None, "nearest dark: 180 s, gain 100, -10 C: 180 s instead of 300 s; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", exposure_s=60.0), dark("b.xisf", exposure_s=600.0), dark("c.xisf", exposure_s=180.0)]),
    Row("a wrong temperature is nearer than a wrong exposure", None, "nearest dark: 300 s, gain 100, 0 C: 10.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", exposure_s=180.0), dark("b.xisf", set_temp_c=0.0)]),
    Row("the master's is not known", None, "nearest dark: gain 100, -10 C: its exposure is not known; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(exposure_s=None)]),
    Row("that of the lights is not known", None, "the exposure of the lights is not known, so that no dark can be found", [dark()], lights=lights(exposure_s=None)),
    Row("not in the list of a rig, and counted all the same", None, "nearest dark: 60 s: 60 s instead of 300 s; capture 20 darks of 300 s (1 h 40 min)", [dark(exposure_s=60.0)], rigs=[RigCalibration(rig="C8E*", dark=("camera",))]),
    Row("the right one of a library", "c.xisf", "c.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark("a.xisf", exposure_s=60.0), dark("b.xisf", exposure_s=180.0), dark("c.xisf"), dark("d.xisf", exposure_s=600.0)]),
]

GAIN_AND_OFFSET = [
    Row("another gain", None, "nearest dark: 300 s, gain 0, -10 C: gain 0 instead of 100; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(gain=0.0)]),
    Row("another offset", None, "nearest dark: 300 s, gain 100, -10 C: offset 30 instead of 50; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(offset=30.0)]),
    Row("gain and offset differ", None, "nearest dark: 300 s, gain 0, -10 C: gain 0 instead of 100 and offset 10 instead of 50; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(gain=0.0, offset=10.0)]),
    Row("gain and temperature differ", None, "nearest dark: 300 s, gain 0, 0 C: gain 0 instead of 100 and 10.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(gain=0.0, set_temp_c=0.0)]),
    Row("gain zero is known", "dark.xisf", "dark.xisf: same camera, 300 s, gain 0, offset 50, -10 C", [dark(gain=0.0)], lights=lights(gain=0.0)),
    Row("gain in decibels", "dark.xisf", "dark.xisf: same camera, 300 s, gain 27.5, offset 50, -10 C", [dark(gain=27.499999)], lights=lights(gain=27.5)),
    Row("the nearest gain", None, "nearest dark: 300 s, gain 120, -10 C: gain 120 instead of 100; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", gain=300.0), dark("b.xisf", gain=120.0)]),
    Row("the offset is nearer than the gain", None, "nearest dark: 300 s, gain 100, -10 C: offset 10 instead of 50; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", gain=101.0), dark("b.xisf", offset=10.0)]),
    Row("not in the list of a rig", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100", [dark(offset=30.0)], rigs=[RigCalibration(rig="c8e@*", dark=("camera", "exposure_s", "gain"))]),
]

READOUT_MODE = [
    Row("equal", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C, readout mode High Gain Mode", [dark(readout_mode="High Gain Mode")], lights=lights(readout_mode="High Gain Mode")),
    Row("case and blanks", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C, readout mode low noise", [dark(readout_mode="low noise ")], lights=lights(readout_mode="Low Noise")),
    Row("another", None, "nearest dark: 300 s, gain 100, -10 C, readout mode High Full Well: readout mode High Full Well instead of Low Noise; capture 20 darks of 300 s, gain 100, offset 50, -10 C, readout mode Low Noise (1 h 40 min)", [dark(readout_mode="High Full Well")], lights=lights(readout_mode="Low Noise")),
    Row("the master does not say", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C; its readout mode is not known", [dark()], lights=lights(readout_mode="Low Noise")),
    Row("the lights do not say", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C; the lights do not state their readout mode", [dark(readout_mode="Low Noise")]),
]

BINNING = [
    Row("equal two", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C, binning 2", [dark(x_binning=2, width_px=3124, height_px=2088)], lights=lights(x_binning=2, width_px=3124, height_px=2088)),
    Row("another, with the same size of a cropped frame", None, "nearest dark: 300 s, gain 100, -10 C, binning 2: binning 2 instead of 1; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(x_binning=2)]),
    Row("another, and so the size", None, "nearest dark: 300 s, gain 100, -10 C, binning 2: 3124x2088 pixels instead of 6248x4176 and binning 2 instead of 1; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(x_binning=2, width_px=3124, height_px=2088)]),
    Row("equal sizes say enough", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark(x_binning=None)]),
    Row("neither binning nor size is told", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C; its binning is not known", [dark(x_binning=None, width_px=None, height_px=None)]),
]

SIZE = [
    Row("cropped", None, "nearest dark: 300 s, gain 100, -10 C: 3000x3000 pixels instead of 6248x4176; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(width_px=3000, height_px=3000)]),
    Row("a column more", None, "nearest dark: 300 s, gain 100, -10 C: 6249x4176 pixels instead of 6248x4176; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(width_px=6249)]),
    Row("turned", None, "nearest dark: 300 s, gain 100, -10 C: 4176x6248 pixels instead of 6248x4176; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(width_px=4176, height_px=6248)]),
    Row("not in the list of a rig, and counted all the same", None, "nearest dark: 300 s: 3000x3000 pixels instead of 6248x4176; capture 20 darks of 300 s (1 h 40 min)", [dark(width_px=3000, height_px=3000)], rigs=[RigCalibration(rig="C8E*", dark=("camera",))]),
    Row("the master's is not known", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark(width_px=None, height_px=None)]),
    Row("those of another size are no near miss", None, "nearest dark: 1 s, gain 0, 20 C: gain 0 instead of 100, offset 0 instead of 50, 1 s instead of 300 s and 30.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", width_px=3000, height_px=3000), dark("b.xisf", gain=0.0, offset=0.0, set_temp_c=20.0, exposure_s=1.0)]),
]

CAMERA = [
    Row("without its maker", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark(camera="ASI2600MM Pro")]),
    Row("without its variant", "dark.xisf", "dark.xisf: same camera (ZWO ASI2600MM), 300 s, gain 100, offset 50, -10 C", [dark(camera="ZWO ASI2600MM")]),
    Row("as ASIAIR shortens it", "dark.xisf", "dark.xisf: same camera (2600MM), 300 s, gain 100, offset 50, -10 C", [dark(camera="2600MM")]),
    Row("another of the same sensor", None, "no master dark of ZWO ASI2600MM Pro is in the library; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(camera="ZWO ASI2600MC Pro")]),
    Row("not known, of the same size", "dark.xisf", "dark.xisf: same size of 6248x4176 pixels, 300 s, gain 100, offset 50, -10 C; its camera is not known", [dark(camera=None)]),
    Row("not known, nor the size", None, "nearest dark: 300 s, gain 100, -10 C: its camera is not known, nor is the size; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(camera=None, width_px=None, height_px=None)]),
    Row("not known, of another size", None, "nearest dark: 300 s, gain 100, -10 C: 3000x3000 pixels instead of 6248x4176; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(camera=None, width_px=3000, height_px=3000)]),
    Row("that of the lights is not known", "dark.xisf", "dark.xisf: same size of 6248x4176 pixels, 300 s, gain 100, offset 50, -10 C; the lights do not state their camera", [dark()], lights=lights(camera=None)),
    Row("nothing is known of the lights", None, "neither camera nor size of the lights is known, so that no dark can be found", [dark()], lights=lights(camera=None, width_px=None, height_px=None)),
    Row("no master at all", None, "no master dark is in the library; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", []),
    Row("masters of other types", None, "no master dark is in the library; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [bias()]),
]

SCALING = [
    Row("off by default", None, "nearest dark: 600 s, gain 100, -10 C: 600 s instead of 300 s; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(exposure_s=600.0), bias()]),
    Row("a longer dark and a bias", "dark.xisf", "dark.xisf: 600 s scaled to 300 s with bias.xisf; same camera, gain 100, offset 50, -10 C", [dark(exposure_s=600.0), bias()], settings={"scale_darks": True}),
    Row("an exact one goes first", "b.xisf", "b.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark("a.xisf", exposure_s=600.0), dark("b.xisf", "2020-01-01"), bias()], settings={"scale_darks": True}),
    Row("the shortest of the longer ones", "b.xisf", "b.xisf: 600 s scaled to 300 s with bias.xisf; same camera, gain 100, offset 50, -10 C", [dark("a.xisf", exposure_s=1200.0), dark("b.xisf", exposure_s=600.0), dark("c.xisf", exposure_s=180.0), bias()], settings={"scale_darks": True}),
    Row("the newest of equal length", "b.xisf", "b.xisf: 600 s scaled to 300 s with bias.xisf; same camera, gain 100, offset 50, -10 C; the newest of 2", [dark("a.xisf", exposure_s=600.0), dark("b.xisf", "2026-01-20", exposure_s=600.0), bias()], settings={"scale_darks": True}),
    Row("never a shorter one", None, "nearest dark: 180 s, gain 100, -10 C: 180 s instead of 300 s; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(exposure_s=180.0), bias()], settings={"scale_darks": True}),
    Row("no bias", None, "dark.xisf of 600 s could be scaled to 300 s, but no bias fits; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min), or 50 bias frames of gain 100, offset 50, -10 C", [dark(exposure_s=600.0)], settings={"scale_darks": True}),
    Row("a bias of another gain", None, "dark.xisf of 600 s could be scaled to 300 s, but no bias fits; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min), or 50 bias frames of gain 100, offset 50, -10 C", [dark(exposure_s=600.0), bias(gain=0.0)], settings={"scale_darks": True}),
    Row("a longer one of another temperature", None, "nearest dark: 600 s, gain 100, 0 C: 600 s instead of 300 s and 10.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(exposure_s=600.0, set_temp_c=0.0), bias()], settings={"scale_darks": True}),
    Row("for one rig alone", "dark.xisf", "dark.xisf: 600 s scaled to 300 s with bias.xisf; same camera, gain 100, offset 50, -10 C", [dark(exposure_s=600.0), bias()], rigs=[RigCalibration(rig="C8E*", scale_darks=True)]),
    Row("a refused bias", None, "dark.xisf of 600 s could be scaled to 300 s, but no bias fits; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min), or 50 bias frames of gain 100, offset 50, -10 C", [dark(exposure_s=600.0), bias(refused="its median is 0 ADU.")], settings={"scale_darks": True}),
]

BIAS = [
    Row("equal", "bias.xisf", "bias.xisf: same camera, gain 100, offset 50, -10 C", [bias()], kind="bias", rigs=[RigCalibration(rig="*", requires=("bias",))]),
    Row("the exposure does not matter", "bias.xisf", "bias.xisf: same camera, gain 100, offset 50, -10 C", [bias(exposure_s=0.03)], kind="bias", rigs=[RigCalibration(rig="*", requires=("bias",))]),
    Row("another gain", None, "nearest bias: gain 0, -10 C: gain 0 instead of 100; capture 50 bias frames of gain 100, offset 50, -10 C", [bias(gain=0.0)], kind="bias", rigs=[RigCalibration(rig="*", requires=("bias",))]),
    Row("too warm", None, "nearest bias: gain 100, 20 C: 30.0 C off; capture 50 bias frames of gain 100, offset 50, -10 C", [bias(set_temp_c=20.0)], kind="bias", rigs=[RigCalibration(rig="*", requires=("bias",))]),
]
