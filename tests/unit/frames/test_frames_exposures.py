"""Lengths of exposures: keywords, units, sums of several."""

# ruff: noqa: E501  (tables read best unbroken)

from collections.abc import Callable
from typing import Any

import pytest

from shared.events.frame import FrameMetadata, FrameType
from shared.frames import FrameFacts

Read = Callable[..., FrameMetadata]


@pytest.mark.parametrize(
    ("cards", "name", "exposure_s"),
    [
        (["EXPOINUS= 30000000 / Exposure time in us"], "a.fit", 30.0),
        (["EXPOINUS= 2000"], "a.fit", 0.002),
        (["EXPOINUS= 30000000", "EXPTIME = 30.0", "EXPOSURE= 30.0"], "a.fit", 30.0),
        (["EXPTIME = 160000 / exposure time in ms"], "a.fit", 160.0),
        (["EXPTIME = 90000 / [ms] exposure"], "a.fit", 90.0),
        (["EXPOSURE= 65.0 / Observation: Exposure Minutes"], "a.fit", 3900.0),
        (["XPOSURE = 12.5 / [s] effective exposure"], "a.fit", 12.5),
        (["ITIME   = 4.0"], "a.fit", 4.0),
        (["EXP-TIME= 20"], "a.fit", 20.0),
        (["EXPTIME_MS= 5"], "a.fit", None),  # nine letters are no keyword
        (["HIERARCH EXPTIME_MS = 2500"], "a.fit", 2.5),
        (["EXPTIME = '500 ms'"], "a.fit", 0.5),
        (["EXPTIME = '1/60'"], "a.fit", 1 / 60),
        (["EXPTIME = '00:05:00'"], "a.fit", 300.0),
        (["EXPTIME = 0", "EXPOSURE= 120.0"], "a.fit", 120.0),
        (["EXPTIME = 0.0"], "a.fit", 0.0),
        (["EXPTIME = 3000"], "Light_x_3.0s_Bin1_gain100_20250824-213032.fit", 3.0),
        (["EXPTIME = 300.0 / exposure time in ms"], "Light_x_300.0s_Bin1_gain100_20250824-213032.fit", 300.0),
    ],
)  # fmt: skip
def test_an_exposure_in_any_keyword_and_unit(read: Read, cards: list[str], name: str, exposure_s: float | None) -> None:
    """Keywords of other programs, and the unit in the keyword, the comment, the text or by the name, end as seconds."""
    found = read(cards, name).exposure_s
    assert found is exposure_s or found == pytest.approx(exposure_s)


def test_a_comment_that_the_name_contradicts_is_said(read_facts: Callable[..., FrameFacts]) -> None:
    """Where the name shows that the comment's unit is wrong, a problem says which was believed."""
    found = read_facts(["EXPTIME = 300.0 / in ms"], "Light_x_300.0s_Bin1_gain100_20250824-213032.fit")
    assert "EXPTIME = 300 is seconds by the file's name, whatever its comment says" in found.problems


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        (["EXPTIME = 80.0 / Total exposure in seconds", "NCOADDS = 4", "SNAPSHOT= 4", "EACHSNAP= 20.0"], (FrameType.STACK, 20.0, 80.0, 4)),
        (["EXPTIME = 80.0", "SNAPSHOT= 4"], (FrameType.STACK, 20.0, 80.0, 4)),
        (["EXPTIME = 20.0", "SNAPSHOT= 1"], (FrameType.LIGHT, 20.0, 20.0, None)),
        (["EXPTIME = 20.0", "SNAPSHOT= 1", "EACHSNAP= 20.0"], (FrameType.LIGHT, 20.0, 20.0, None)),
        (["EXPTIME = 2.0", "NCOADDS = 30"], (FrameType.STACK, 2.0, 60.0, 30)),
        (["ITIME   = 2.0", "COADDS  = 30"], (FrameType.STACK, 2.0, 60.0, 30)),
        (["EXPTIME = 60.0 / total exposure time", "COADDS  = 30"], (FrameType.STACK, 2.0, 60.0, 30)),
        (["EXPTIME = 60.0", "NCOADDS = 30", "COADDTIM= 2.0"], (FrameType.STACK, 2.0, 60.0, 30)),
        (["EXPTIME = 300.0 / Total Exposure Time (s)", "NCOMBINE= 12"], (FrameType.STACK, 300.0, 3600.0, 12)),
        (["EXPTIME = 3600.0", "NCOMBINE= 12", "SOFTWARE= 'DeepSkyStacker 4.2.6'"], (FrameType.PROCESSED, 300.0, 3600.0, 12)),
        (["EXPTIME = 900.0", "NUMFRAME= 3 / number of frames integrated", "SOFTWARE= 'Astro Pixel Processor'"], (FrameType.PROCESSED, 300.0, 900.0, 3)),
        (["EXPTIME = 10.0", "NIMAGES = 40 / Number of images combined in final stack", "TOTEXP  = 400.0"], (FrameType.STACK, 10.0, 400.0, 40)),
        (["EXPTIME = 10.0", "NFRAMES = 40 / frames of the sequence"], (FrameType.LIGHT, 10.0, 10.0, None)),
        (["EXPTIME = 600.0 / Total luminance exposure time in seconds", "LUM_CNT = 10"], (FrameType.STACK, 60.0, 600.0, 10)),
    ],
)  # fmt: skip
def test_sums_of_exposures(read: Read, cards: list[str], expected: tuple[Any, ...]) -> None:
    """One exposure, the sum and the number come out of every program's way to write two of them."""
    found = read([*cards, "IMAGETYP= 'Light Frame'", "OBJECT  = 'M 1'", "DATE-OBS= '2005-01-02T04:49:34.00'"])
    assert (found.frame_type, found.exposure_s, found.total_exposure_s, found.stack_count) == expected
