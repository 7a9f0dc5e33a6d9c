"""Tables of what people decided, of masters that may not be used, and of which one is taken of several."""

# ruff: noqa: E501  (a line is a row)

from datetime import date

from tests.unit.calibration.matching_table import Row, bias, dark, flat, lights

NEGATIVE = "99 % of the pixels of a light would be negative after it."

# fmt: off

PINNED = [
    Row("the older of two", "a.xisf", "a.xisf: chosen by a person; same camera, 300 s, gain 100, offset 50, -10 C", [dark("a.xisf", "2025-01-01"), dark("b.xisf")], pinned="a.xisf"),
    Row("of another temperature", "dark.xisf", "dark.xisf: chosen by a person, though 5.0 C off; same camera, 300 s, gain 100, offset 50", [dark(set_temp_c=-5.0)], pinned="dark.xisf"),
    Row("of another gain, beside one that fits", "a.xisf", "a.xisf: chosen by a person, though gain 0 instead of 100; same camera, 300 s, offset 50, -10 C", [dark("a.xisf", gain=0.0), dark("b.xisf")], pinned="a.xisf"),
    Row("an old flat", "flat.xisf", "flat.xisf: chosen by a person, though 336 nights before the lights, 30 allowed; same telescope and camera, Ha, gain 100, offset 50", [flat(night=date(2025, 3, 1))], kind="flat", pinned="flat.xisf"),
    Row("a flat across a change", "flat.xisf", "flat.xisf: chosen by a person, though the train was changed on 2026-01-25, after it was made; same telescope and camera, Ha, night 2026-01-20, 11 nights before the lights, gain 100, offset 50", [flat(night=date(2026, 1, 20))], kind="flat", pinned="flat.xisf", changes=[date(2026, 1, 25)]),
    Row("a longer dark is scaled where scaling is on", "dark.xisf", "dark.xisf: chosen by a person, though 600 s instead of 300 s; scaled with bias.xisf; same camera, gain 100, offset 50, -10 C", [dark(exposure_s=600.0), bias()], pinned="dark.xisf", settings={"scale_darks": True}),
    Row("a longer dark where scaling is off", "dark.xisf", "dark.xisf: chosen by a person, though 600 s instead of 300 s; same camera, gain 100, offset 50, -10 C", [dark(exposure_s=600.0), bias()], pinned="dark.xisf"),
    Row("gone, with another that fits", None, "the master that a person chose is not in the library any more; once it is unassigned, b.xisf is taken", [dark("b.xisf")], pinned="a.xisf"),
    Row("gone, without another", None, "the master that a person chose is not in the library any more; without it: no master dark is in the library; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [], pinned="a.xisf"),
    Row("of another size", None, "a.xisf, chosen by a person, cannot be used: 3000x3000 pixels instead of 6248x4176; once it is unassigned, b.xisf is taken", [dark("a.xisf", width_px=3000, height_px=3000), dark("b.xisf")], pinned="a.xisf"),
    Row("of another type", None, "bias.xisf, chosen by a person, is no master dark; once it is unassigned, b.xisf is taken", [bias(), dark("b.xisf")], pinned="bias.xisf"),
    Row("refused", None, "a.xisf, chosen by a person, may not be used: 99 % of the pixels of a light would be negative after it; once it is unassigned, b.xisf is taken", [dark("a.xisf", refused=NEGATIVE), dark("b.xisf")], pinned="a.xisf"),
]

REFUSED = [
    Row("the only one", None, "dark.xisf fits, but may not be used: 99 % of the pixels of a light would be negative after it; no other master dark is in the library; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(refused=NEGATIVE)]),
    Row("an older one is taken", "a.xisf", "a.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark("a.xisf", "2025-01-01"), dark("b.xisf", refused=NEGATIVE)]),
    Row("with a near miss beside", None, "b.xisf fits, but may not be used: 99 % of the pixels of a light would be negative after it; nearest dark: 300 s, gain 100, -5 C: 5.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", set_temp_c=-5.0), dark("b.xisf", refused=NEGATIVE)]),
    Row("by a person", None, "dark.xisf fits, but may not be used: turned down by a person: amp glow; no other master dark is in the library; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(refused="turned down by a person: amp glow")]),
    Row("one that would not fit is not spoken of", None, "nearest dark: 300 s, gain 100, -5 C: 5.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", set_temp_c=-5.0), dark("b.xisf", gain=0.0, refused=NEGATIVE)]),
    Row("the newest of two refused", None, "b.xisf fits, but may not be used: its median is 0 ADU; no other master dark is in the library; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark("a.xisf", refused=NEGATIVE), dark("b.xisf", "2026-01-20", refused="its median is 0 ADU")]),
    Row("the only flat", None, "flat.xisf fits, but may not be used: its levels are those of a dark; no other master flat is in the library; capture 20 flats of Ha, gain 100, offset 50 by 2026-03-02", [flat(refused="its levels are those of a dark")], kind="flat"),
]

SEVERAL = [
    Row("the newest of two", "b.xisf", "b.xisf: same camera, 300 s, gain 100, offset 50, -10 C; the newest of 2", [dark("a.xisf"), dark("b.xisf", "2026-01-20")]),
    Row("the newest of three", "c.xisf", "c.xisf: same camera, 300 s, gain 100, offset 50, -10 C; the newest of 3", [dark("a.xisf"), dark("b.xisf", "2025-01-20"), dark("c.xisf", "2026-01-06")]),
    Row("of the same moment the first by its id", "a.xisf", "a.xisf: same camera, 300 s, gain 100, offset 50, -10 C; the newest of 2", [dark("b.xisf"), dark("a.xisf")]),
    Row("one that states all goes before a newer one", "a.xisf", "a.xisf: same camera, 300 s, gain 100, offset 50, -10 C; preferred to a newer one that states less", [dark("a.xisf"), dark("b.xisf", "2026-01-20", gain=None, offset=None)]),
    Row("one that states more goes before", "b.xisf", "b.xisf: same camera, 300 s, gain 100, -10 C; its offset is not known; preferred to 2 newer ones that state less", [dark("a.xisf", "2026-01-25", gain=None, offset=None), dark("b.xisf", "2026-01-20", offset=None), dark("c.xisf", "2026-01-30", gain=None, offset=None)]),
    Row("an old one that fits before a new one that does not", "a.xisf", "a.xisf: same camera, 300 s, gain 100, offset 50, -10 C", [dark("a.xisf", "2019-01-01"), dark("b.xisf", "2026-01-30", gain=0.0)]),
]

UNKNOWN = [
    Row("gain of the master", "dark.xisf", "dark.xisf: same camera, 300 s, offset 50, -10 C; its gain is not known", [dark(gain=None)]),
    Row("offset of the master", "dark.xisf", "dark.xisf: same camera, 300 s, gain 100, -10 C; its offset is not known", [dark(offset=None)]),
    Row("gain and offset of the master", "dark.xisf", "dark.xisf: same camera, 300 s, -10 C; its gain and offset are not known", [dark(gain=None, offset=None)]),
    Row("all but camera and exposure of the master", "dark.xisf", "dark.xisf: same camera, 300 s; its gain, offset and temperature are not known", [dark(gain=None, offset=None, set_temp_c=None, sensor_temp_c=None, x_binning=None)]),
    Row("gain of the lights", "dark.xisf", "dark.xisf: same camera, 300 s, offset 50, -10 C; the lights do not state their gain", [dark()], lights=lights(gain=None)),
    Row("offset of the lights, gain of the master", "dark.xisf", "dark.xisf: same camera, 300 s, -10 C; its gain is not known; the lights do not state their offset", [dark(gain=None)], lights=lights(offset=None)),
    Row("gain of both", "dark.xisf", "dark.xisf: same camera, 300 s, offset 50, -10 C", [dark(gain=None)], lights=lights(gain=None)),
    Row("gain and offset of both", "dark.xisf", "dark.xisf: same camera, 300 s, -10 C", [dark(gain=None, offset=None)], lights=lights(gain=None, offset=None)),
    Row("what is known still counts", None, "nearest dark: 300 s, 5 C: 15.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)", [dark(gain=None, set_temp_c=5.0)]),
    Row("telescope and filter of a flat", "flat.xisf", "flat.xisf: same camera, the same night, gain 100, offset 50; its telescope and filter are not known", [flat(telescope=None, rig=None, filter=None)], kind="flat"),
    Row("everything of a flat but its size", "flat.xisf", "flat.xisf: same size of 6248x4176 pixels; its telescope, camera, filter, gain, offset and night are not known", [flat(telescope=None, rig=None, filter=None, camera=None, gain=None, offset=None, night=None)], kind="flat"),
]
