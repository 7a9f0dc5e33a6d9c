"""What the commands of `calibration` cannot do: the words, the exit code, and what the sentence says.

SESSION, LIGHT and DARK stand for the session of a rig, one of its lights and the dark that it needs; FEW for a set with
too few frames.
"""

from tests.integration.cli.calibrated import READ

UNKNOWN = "20000101_00000000"
"""A session that there is not."""
LONG = "x" * 700

Words = tuple[str, ...]
REFUSED: dict[str, tuple[Words, int, str]] = {
    "status: session": (("status", "--session", "x"), 2, "x is no id of a session, which `sessions` shows"),
    "status: state": (("status", "--state", "lost"), 2, "lost is none of matched, missing, waiting"),
    "status: type": (("status", "--type", "light"), 2, "light is none of dark, flat, bias"),
    "status: date": (("status", "--date", "x"), 2, "--date wants a night as YYYY-MM-DD, not 'x'"),
    "missing: type": (("missing", "--type", "x"), 2, "x is none of dark, flat, bias"),
    "masters: type": (("masters", "--type", "x"), 2, "x is none of dark, flat, bias"),
    "why: session": (("why", UNKNOWN), 1, f"no light of {UNKNOWN} needs a master; `nightbus calibration status`"),
    "why: file": (("why", "000000"), 1, "no light that needs masters has an id that starts with 000000"),
    "why: word": (("why", "x"), 2, "x is neither the id of a session nor that of a file"),
    "why: requirement": (("why", "SESSION", "--requirement", "dark-0"), 1, "no light of SESSION needs a dark-0"),
    "why: of a light": (("why", "LIGHT", "--requirement", "dark-0"), 1, "the light LIGHT needs dark-"),
    "why: long": (("why", "SESSION", "--requirement", LONG), 2, "requirement_id: String should have at most 600"),
    "why: alternatives": (("why", "SESSION", "--alternatives", "101"), 2, "101 is no whole number from 0 to 100"),
    "plan: half": (("plan", "--camera", READ), 2, "say --camera and --exposure, or neither"),
    "plan: exposure": (("plan", "--camera", "c", "--exposure", "-1"), 2, "-1 is no length of an exposure"),
    "plan: number": (("plan", "--camera", "c", "--exposure", "x"), 2, "x is no number"),
    "plan: camera": (("plan", "--camera", LONG, "--exposure", "1"), 2, "camera: String should have at most 255"),
    "plan: much": (
        ("plan", "--camera", "c", *(word for n in range(101) for word in ("--exposure", str(n)))), 2,
        "exposures_s: Tuple should have at most 100 items",
    ),
    "plan: darks": (
        (
            "plan", "--camera", "c", *(word for n in range(40) for word in ("--exposure", str(n))),
            *(word for n in range(40) for word in ("--gain", str(n))),
        ), 1, "that would be 1600 darks: ask for at most 1000 at once",
    ),
    "assign: session": (("assign", UNKNOWN, "d.fits"), 1, f"{UNKNOWN}: it has none of this type"),
    "assign: word": (("assign", "x", "d.fits"), 2, "x is no id of a session"),
    "assign: master": (("assign", "SESSION", "none.fits"), 1, "no master is called none.fits"),
    "assign: id": (("assign", "SESSION", "000000"), 1, "no master has an id that starts with 000000"),
    "assign: several": (("assign", "SESSION", "same.fits"), 1, "several masters are called same.fits: say the id"),
    "assign: raw": (("assign", "SESSION", "DARK_000.fits"), 1, "no master is called DARK_000.fits"),
    "assign: requirement": (
        ("assign", "SESSION", "d.fits", "--requirement", "dark-0"), 1, "SESSION has no requirement dark-0: it has ",
    ),
    "assign: type": (("assign", "SESSION", "f.fits", "--requirement", "DARK"), 1, "DARK wants a master dark, and "),
    "assign: long": (
        ("assign", "SESSION", "d.fits", "--requirement", LONG), 2, "requirement_id: String should have at most 600",
    ),
    "unassign: session": (("unassign", UNKNOWN), 1, f"nobody chose a master for any requirement of {UNKNOWN}"),
    "unassign: requirement": (
        ("unassign", "SESSION", "--requirement", "dark-0"), 1, "nobody chose a master for any dark-0 of SESSION",
    ),
    "unassign: long": (("unassign", "SESSION", "--requirement", LONG), 2, "requirement_id: String should have at"),
    "refuse: nothing": (("refuse", "d.fits"), 2, "say either --reason, or --undo"),
    "refuse: both": (("refuse", "d.fits", "--reason", "x", "--undo"), 2, "say either --reason, or --undo"),
    "refuse: reason": (("refuse", "d.fits", "--reason", " "), 2, "a reason must say something"),
    "refuse: master": (("refuse", "none.fits", "--reason", "x"), 1, "no master is called none.fits"),
    "describe: nothing": (("describe", "d.fits"), 2, "say what the frame is like, such as --exposure 300"),
    "describe: frame": (("describe", "l0.fits", "--gain", "1"), 1, "no calibration frame is called l0.fits"),
    "describe: value": (("describe", "d.fits", "--gain", "much"), 2, "much is no number"),
    "describe: night": (("describe", "d.fits", "--night", "x"), 2, "x is no date: write it as YYYY-MM-DD"),
    "describe: early": (("describe", "d.fits", "--night", "0001-01-01"), 2, "night: Input should be greater than"),
    "describe: camera": (("describe", "d.fits", "--camera", LONG), 2, "camera: String should have at most 255"),
    "describe: name": (("describe", "d.fits", "--withdraw", "seeing"), 2, "--withdraw wants one of camera, "),
    "train: rig": (("train-changed", "none", "--date", "2026-01-01"), 1, "there is no rig none; `nightbus equipment"),
    "train: no date": (("train-changed", "none"), 2, "say --date of the change"),
    "train: no rig": (("train-changed", "--date", "2026-01-01"), 2, "say which rig"),
    "train: date": (("train-changed", "none", "--date", "soon"), 2, "soon is no date: write it as YYYY-MM-DD"),
    "train: early": (("train-changed", "none", "--date", "0001-01-01"), 2, "changed_on: Input should be greater than"),
    "train: long": (("train-changed", LONG, "--date", "2026-01-01"), 2, "rig: String should have at most 600"),
    "train: list": (("train-changed", "none", "--date", "2026-01-01", "--csv"), 2, "--json and --csv are for the list"),
    "sets: type": (("sets", "--type", "light"), 2, "light is none of bias, dark, darkflat, flat"),
    "sets: set": (("sets", "--frames", "4711"), 1, "there is no set 4711: `nightbus calibration sets` lists them"),
    "sets: zero": (("sets", "--frames", "0"), 2, "0 is no number of a set, which `calibration sets` shows"),
    "sets: large": (("sets", "--frames", "9" * 19), 2, f"there is no set {'9' * 19}"),
    "build: set": (("build", "4711"), 1, "there is no set 4711: `nightbus calibration sets` lists them"),
    "build: word": (("build", "all"), 2, "all is no number of a set, which `calibration sets` shows"),
    "build: large": (("build", "9" * 20), 2, f"there is no set {'9' * 20}"),
    "build: few": (("build", "FEW"), 1, "set FEW has 3 frames that are fit for a master, 6 are needed"),
    "build: both": (("build", "FEW", "--cancel", "0"), 2, "say either sets, or --cancel"),
    "build: unknown": (("build", "--cancel", "none"), 1, "no build has an id that starts with none"),
}  # fmt: skip
