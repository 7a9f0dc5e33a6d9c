"""Tables of flats: filter, night, rotator, changes of the optical train, telescope."""

# ruff: noqa: E501  (a line is a row)

from datetime import date

from services.calibration.settings import RigCalibration
from tests.unit.calibration.matching_table import Row, dark, flat, lights

JAN = {day: date(2026, 1, day) for day in range(1, 32)}

# fmt: off

FILTER = [
    Row("equal", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat()], kind="flat"),
    Row("another", None, "nearest flat: OIII, night 2026-01-31, gain 100: filter OIII instead of Ha; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(filter="OIII")], kind="flat"),
    Row("another spelling", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat(filter="H-alpha")], kind="flat"),
    Row("a letter", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat(filter="H")], kind="flat"),
    Row("a maker's name and bandwidth", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat(filter="Antlia 3nm Pro Ha")], kind="flat"),
    Row("both spelled by hand", "flat.xisf", "flat.xisf: same telescope and camera, OIII, the same night, gain 100, offset 50", [flat(filter="o3")], lights=lights(filter="Oxygen III"), kind="flat"),
    Row("a filter that no table knows", "flat.xisf", "flat.xisf: same telescope and camera, my filter, the same night, gain 100, offset 50", [flat(filter="my filter")], lights=lights(filter="My Filter"), kind="flat"),
    Row("the master lost it", "flat.xisf", "flat.xisf: same telescope and camera, the same night, gain 100, offset 50; its filter is not known", [flat(filter=None)], kind="flat"),
    Row("known ones go before nearer ones that lost it", "b.xisf", "b.xisf: same telescope and camera, Ha, night 2026-01-20, 11 nights before the lights, gain 100, offset 50; preferred to a nearer one that states less", [flat("a.xisf", filter=None), flat("b.xisf", night=JAN[20])], kind="flat"),
    Row("of two that lost it the newer", "b.xisf", "b.xisf: same telescope and camera, the same night, gain 100, offset 50; its filter is not known; the newest of 2", [flat("a.xisf", filter=None), flat("b.xisf", "2026-02-02", filter=None)], kind="flat"),
    Row("a colour camera without a filter", "flat.xisf", "flat.xisf: same telescope and camera, no filter, the same night, gain 100, offset 50", [flat(filter=None)], lights=lights(filter=None), kind="flat"),
    Row("words for no filter", "flat.xisf", "flat.xisf: same telescope and camera, no filter, the same night, gain 100, offset 50", [flat(filter="NoFilter")], lights=lights(filter=None), kind="flat"),
    Row("only the flat states one", "flat.xisf", "flat.xisf: same telescope and camera, the same night, gain 100, offset 50; the lights do not state their filter", [flat(filter="UVIR")], lights=lights(filter=None), kind="flat"),
    Row("the nearest is of another night rather than of another filter", None, "nearest flat: Ha, night 2025-06-01, gain 100: 244 nights before the lights, 30 allowed; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat("a.xisf", filter="L"), flat("b.xisf", night=date(2025, 6, 1))], kind="flat"),
]

NIGHT = [
    Row("the same", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat()], kind="flat"),
    Row("one before", "flat.xisf", "flat.xisf: same telescope and camera, Ha, night 2026-01-30, 1 night before the lights, gain 100, offset 50", [flat(night=JAN[30])], kind="flat"),
    Row("one after", "flat.xisf", "flat.xisf: same telescope and camera, Ha, night 2026-02-01, 1 night after the lights, gain 100, offset 50", [flat(night=date(2026, 2, 1))], kind="flat"),
    Row("the last that is allowed", "flat.xisf", "flat.xisf: same telescope and camera, Ha, night 2026-01-01, 30 nights before the lights, gain 100, offset 50", [flat(night=JAN[1])], kind="flat"),
    Row("one too many", None, "nearest flat: Ha, night 2025-12-31, gain 100: 31 nights before the lights, 30 allowed; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(night=date(2025, 12, 31))], kind="flat"),
    Row("the nearest of several", "b.xisf", "b.xisf: same telescope and camera, Ha, night 2026-01-28, 3 nights before the lights, gain 100, offset 50; the nearest night of 3 flats", [flat("a.xisf", night=JAN[20]), flat("b.xisf", night=JAN[28]), flat("c.xisf", night=JAN[5])], kind="flat"),
    Row("the nearest, though another is newer", "a.xisf", "a.xisf: same telescope and camera, Ha, night 2026-01-30, 1 night before the lights, gain 100, offset 50; the nearest night of 2 flats", [flat("a.xisf", "2026-01-30", night=JAN[30]), flat("b.xisf", "2026-02-10", night=date(2026, 2, 9))], kind="flat"),
    Row("the newest of one night", "b.xisf", "b.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50; the newest of 2", [flat("a.xisf"), flat("b.xisf", "2026-02-02")], kind="flat"),
    Row("the newest of the nearest night", "b.xisf", "b.xisf: same telescope and camera, Ha, night 2026-01-30, 1 night before the lights, gain 100, offset 50; the nearest night of 3 flats, the newest of 2 of it", [flat("a.xisf", night=JAN[30]), flat("b.xisf", "2026-02-02", night=JAN[30]), flat("c.xisf", night=JAN[3])], kind="flat"),
    Row("as far before as after: the newest", "b.xisf", "b.xisf: same telescope and camera, Ha, night 2026-02-01, 1 night after the lights, gain 100, offset 50; the newest of 2", [flat("a.xisf", "2026-01-30", night=JAN[30]), flat("b.xisf", "2026-02-02", night=date(2026, 2, 1))], kind="flat"),
    Row("the same night alone", None, "nearest flat: Ha, night 2026-01-30, gain 100: 1 night before the lights, 0 allowed; capture 20 flats of Ha, gain 100, offset 50 of the night 2026-01-31", [flat(night=JAN[30])], kind="flat", settings={"flat_nights": 0}),
    Row("a year for one rig", "flat.xisf", "flat.xisf: same telescope and camera, Ha, night 2025-03-01, 336 nights before the lights, gain 100, offset 50", [flat(night=date(2025, 3, 1))], kind="flat", rigs=[RigCalibration(rig="C8E*", flat_nights=365)]),
    Row("the flat's is not known", "flat.xisf", "flat.xisf: same telescope and camera, Ha, gain 100, offset 50; its night is not known", [flat(night=None)], kind="flat"),
    Row("a known one goes first", "b.xisf", "b.xisf: same telescope and camera, Ha, night 2026-01-10, 21 nights before the lights, gain 100, offset 50; the nearest night of 2 flats", [flat("a.xisf", "2026-02-10", night=None), flat("b.xisf", night=JAN[10])], kind="flat"),
    Row("that of the lights is not known", "flat.xisf", "flat.xisf: same telescope and camera, Ha, gain 100, offset 50; the lights do not state their night", [flat()], lights=lights(night=None), kind="flat"),
    Row("not in the list of a rig", "flat.xisf", "flat.xisf: same camera, Ha", [flat(night=date(2020, 1, 1))], kind="flat", rigs=[RigCalibration(rig="C8E*", flat=("filter",))]),
    Row("the nearest that is too far", None, "nearest flat: Ha, night 2025-11-01, gain 100: 91 nights before the lights, 30 allowed; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat("a.xisf", night=date(2025, 1, 1)), flat("b.xisf", night=date(2025, 11, 1)), flat("c.xisf", night=date(2026, 12, 1))], kind="flat"),
]

ROTATOR = [
    Row("equal", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50, rotator at 88 deg", [flat(rotator_angle_deg=88.0)], lights=lights(rotator_angle_deg=88.0), kind="flat"),
    Row("within the tolerance", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50, rotator at 88.9 deg", [flat(rotator_angle_deg=88.9)], lights=lights(rotator_angle_deg=88.0), kind="flat"),
    Row("exactly the tolerance", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50, rotator at 89 deg", [flat(rotator_angle_deg=89.0)], lights=lights(rotator_angle_deg=88.0), kind="flat"),
    Row("turned", None, "nearest flat: Ha, night 2026-01-31, gain 100, rotator at 100.3 deg: the rotator turned by 12.3 deg; capture 20 flats of Ha, gain 100, offset 50, rotator at 88 deg by 2026-03-02", [flat(rotator_angle_deg=100.3)], lights=lights(rotator_angle_deg=88.0), kind="flat"),
    Row("through zero", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50, rotator at 359.6 deg", [flat(rotator_angle_deg=359.6)], lights=lights(rotator_angle_deg=0.3), kind="flat"),
    Row("negative angles", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50, rotator at -0.4 deg", [flat(rotator_angle_deg=-0.4)], lights=lights(rotator_angle_deg=359.8), kind="flat"),
    Row("half a turn", None, "nearest flat: Ha, night 2026-01-31, gain 100, rotator at 268 deg: the rotator turned by 180.0 deg; capture 20 flats of Ha, gain 100, offset 50, rotator at 88 deg by 2026-03-02", [flat(rotator_angle_deg=268.0)], lights=lights(rotator_angle_deg=88.0), kind="flat"),
    Row("a nearer night that is turned", "b.xisf", "b.xisf: same telescope and camera, Ha, night 2026-01-20, 11 nights before the lights, gain 100, offset 50, rotator at 88.2 deg", [flat("a.xisf", rotator_angle_deg=10.0), flat("b.xisf", night=JAN[20], rotator_angle_deg=88.2)], lights=lights(rotator_angle_deg=88.0), kind="flat"),
    Row("the flat does not say", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50; its rotator angle is not known", [flat()], lights=lights(rotator_angle_deg=88.0), kind="flat"),
    Row("the lights do not say", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50; the lights do not state their rotator angle", [flat(rotator_angle_deg=88.0)], kind="flat"),
    Row("a tolerance of half a turn", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50, rotator at 268 deg", [flat(rotator_angle_deg=268.0)], lights=lights(rotator_angle_deg=88.0), kind="flat", settings={"rotator_tolerance_deg": 180.0}),
]

TRAIN = [
    Row("changed between", None, "nearest flat: Ha, night 2026-01-20, gain 100: the train was changed on 2026-01-25, after it was made; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(night=JAN[20])], kind="flat", changes=[JAN[25]]),
    Row("changed before both", "flat.xisf", "flat.xisf: same telescope and camera, Ha, night 2026-01-20, 11 nights before the lights, gain 100, offset 50", [flat(night=JAN[20])], kind="flat", changes=[JAN[10]]),
    Row("changed after both", "flat.xisf", "flat.xisf: same telescope and camera, Ha, night 2026-01-20, 11 nights before the lights, gain 100, offset 50", [flat(night=JAN[20])], kind="flat", changes=[date(2026, 2, 10)]),
    Row("changed on the day of the lights", None, "nearest flat: Ha, night 2026-01-30, gain 100: the train was changed on 2026-01-31, after it was made; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(night=JAN[30])], kind="flat", changes=[JAN[31]]),
    Row("changed on the day of the flat", "flat.xisf", "flat.xisf: same telescope and camera, Ha, night 2026-01-30, 1 night before the lights, gain 100, offset 50", [flat(night=JAN[30])], kind="flat", changes=[JAN[30]]),
    Row("a later flat, changed between", None, "nearest flat: Ha, night 2026-02-05, gain 100: the train was changed on 2026-02-03, before it was made; capture 20 flats of Ha, gain 100, offset 50 by 2026-02-02", [flat(night=date(2026, 2, 5))], kind="flat", changes=[date(2026, 2, 3)]),
    Row("a farther flat of the same side", "b.xisf", "b.xisf: same telescope and camera, Ha, night 2026-02-20, 20 nights after the lights, gain 100, offset 50", [flat("a.xisf", night=JAN[30]), flat("b.xisf", night=date(2026, 2, 20))], kind="flat", changes=[JAN[31]]),
    Row("the flat's night is not known", None, "nearest flat: Ha, gain 100: its night is not known, and the train was changed on 2025-01-01; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(night=None)], kind="flat", changes=[date(2025, 1, 1)]),
    Row("several changes", None, "nearest flat: Ha, night 2026-01-05, gain 100: the train was changed on 2026-01-10, after it was made; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(night=JAN[5])], kind="flat", changes=[JAN[20], JAN[10], date(2025, 1, 1)]),
    Row("darks do not mind", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark()], kind="dark", changes=[JAN[20]]),
]

TELESCOPE = [
    Row("another", None, "nearest flat: Ha, night 2026-01-31, gain 100: another telescope, SQA55; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(telescope="SQA55")], kind="flat"),
    Row("another spelling", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat(telescope="c8-e")], kind="flat"),
    Row("with a reducer", None, "nearest flat: Ha, night 2026-01-31, gain 100: at f/7 instead of f/10; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(rig="C8E@f7.0+ZWO ASI2600MM Pro")], kind="flat"),
    Row("nearly the same ratio", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat(rig="C8E@f10.1+ZWO ASI2600MM Pro")], kind="flat"),
    Row("the flat's ratio is not known", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat(rig="C8E+ZWO ASI2600MM Pro")], kind="flat"),
    Row("the flat does not say", "flat.xisf", "flat.xisf: same camera, Ha, the same night, gain 100, offset 50; its telescope is not known", [flat(telescope=None, rig=None)], kind="flat"),
    Row("another camera on it", None, "no master flat of ZWO ASI2600MM Pro is in the library; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(camera="ZWO ASI533MC Pro", width_px=3008, height_px=3008)], kind="flat"),
    Row("the set temperature does not matter", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat(set_temp_c=15.0)], kind="flat"),
    Row("the flat's exposure does not matter", "flat.xisf", "flat.xisf: same telescope and camera, Ha, the same night, gain 100, offset 50", [flat(exposure_s=None)], kind="flat"),
    Row("another gain", None, "nearest flat: Ha, night 2026-01-31, gain 0: gain 0 instead of 100; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(gain=0.0)], kind="flat"),
]
