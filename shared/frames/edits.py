"""What a header tells of processing: a calibrated, aligned or stacked copy keeps the capture's own cards.

Programs that calibrate copy type, object and time of the exposure, so these prove nothing; the marks that they add do.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from shared.frames import values
from shared.frames.cards import Card, CardValue
from shared.frames.keys import Keys

_PIXINSIGHT = re.compile(
    r"\b(?:ImageCalibration|CosmeticCorrection|Debayer|StarAlignment|LocalNormalization|DrizzleIntegration"
    r"|FastIntegration|ImageIntegration)(?:\.|\b)(?:numberOfImages\s*[:=]\s*(?P<count>\d{1,6}))?"
)
"""Processes of PixInsight, which write their parameters as HISTORY."""
_CALIBRATED = re.compile(
    r"\bcalibrated (?:with|using|by|&)|\b(?:with|using) (?:a |the )?(?:master|synthetic)[ -](?:bias|offset|dark|flat)"
    r"|\bflat[- ]?field(?:ed| correct| divi)|\bflat (?:correct|divi)|\bcosmetic correction|\bsubtracted (?:master|bias)"
    r"|\b(?:bias|zero)[- ](?:frame )?(?:subtract|correct)",
    re.IGNORECASE,
)
"""Siril, ASTAP and others: no frame of any type is raw after that."""
_PICTURED = re.compile(
    r"\b(?:debayered|demosaiced|registered (?:to|on|with)|aligned (?:to|on|with|by)|stacked|stacking|deconvol\w+"
    r"|denois\w+)"
    r"|\bbackground (?:extraction|neutrali[sz]ation)|\bcolou?r calibration|\bhistogram transf|^PixInsight process\b",
    re.IGNORECASE,
)
"""What is done to pictures of the sky alone."""
_DARK = re.compile(r"\bdark(?: frame)?[- ](?:subtract|correct)", re.IGNORECASE)
_ASTAP = re.compile(r"\b(?:calibrated|aligned|stacked)\b.*\bby ASTAP\b", re.IGNORECASE)
_STEPS = (
    ("B", ("ZEROCOR", "BIASCOR", "BIASCORR", "BIASSUB", "SUBBIAS")),
    ("D", ("DARKCOR", "DARKCORR", "DARKSUB", "SUBDARK")),
    ("F", ("FLATCOR", "FLATCORR", "FLATDIV", "CCDPROC")),
)
"""Cards of IRAF, ccdproc and others, by the letters of CALSTAT (MaxIm DL, ASTAP): bias, dark, flat."""
_MARKS = frozenset({"CALSTAT", *(name for _letter, names in _STEPS for name in names)})
_NOT_DONE = frozenset({"omit", "perform", "no", "n", "none", "false", "f", "0", "skipped", "off", "not applied"})
_LETTERS = frozenset("BDFS")
"""S is ASTAP's for stacked."""


class Edits(NamedTuple):
    """``keyword`` tells of processing that leaves no raw frame, ``picture`` of one that leaves at least no raw light.

    Both are empty where nothing does. ``integrated`` is the number of frames of an integration; ``dark_only`` says that
    a dark alone was subtracted, as cameras do by themselves.
    """

    keyword: str = ""
    picture: str = ""
    integrated: int | None = None
    dark_only: bool = False


NOT_EDITED = Edits()


def edits(keys: Keys, cards: Iterable[Card]) -> Edits:
    """What keywords, HISTORY and ASTAP's COMMENT say."""
    raw = keys.raw
    steps, keyword = _steps(keys)
    found = keyword if "F" in steps or "S" in steps or len(steps) > 1 else ""
    picture, count, dark = "", None, "D" in steps
    if "HISTORY" in raw or "COMMENT" in raw:
        for name, text, _ in cards:
            if name not in ("HISTORY", "COMMENT") or not isinstance(text, str):
                continue
            if name == "COMMENT":
                found = found or (name if _ASTAP.search(text) else "")
            elif (match := _PIXINSIGHT.search(text)) is not None:
                found = found or name
                count = int(match["count"]) if match["count"] else count
            elif _CALIBRATED.search(text):
                found = found or name
            elif _PICTURED.search(text):
                picture = name
            else:
                dark = dark or _DARK.search(text) is not None
    if (level := values.number(raw.get("RLEVEL"))) is not None and level > 0:
        found = found or "RLEVEL"
    if not (found or picture or dark):
        return NOT_EDITED
    return Edits(found, found or picture, count or None, dark and not found)


def _steps(keys: Keys) -> tuple[set[str], str]:
    """The letters of the steps that keywords tell of, and the last of these keywords."""
    steps: set[str] = set()
    keyword = ""
    raw = keys.raw
    if raw.keys().isdisjoint(_MARKS):
        return steps, keyword
    if isinstance(written := raw.get("CALSTAT"), str):
        steps = set(written.upper()) & _LETTERS
        keyword = "CALSTAT" if steps else ""
    for letter, names in _STEPS:
        for name in names:
            if name in raw and _is_done(raw[name]):
                steps.add(letter)
                keyword = keyword or name
    return steps, keyword


def _is_done(value: CardValue) -> bool:
    if isinstance(value, str):
        return bool(value.strip()) and value.strip().lower() not in _NOT_DONE
    return bool(value)
