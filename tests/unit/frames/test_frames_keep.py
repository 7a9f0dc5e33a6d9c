"""Facts within the bounds of the contract."""

import math

from shared.events.frame import FrameMetadata, FrameQuality, FrameType, ReportedQuality
from shared.frames.keep import kept


def test_a_value_beyond_the_contract_is_left_out_and_named() -> None:
    """One value that nobody could store costs itself: the others stay, and each loss is a sentence."""
    problems = ["one before"]
    made_up = FrameMetadata.model_construct(
        frame_type=FrameType.LIGHT, exposure_s=60.0, gain=1e39, camera="a\0b", width_px=2**31, night=None, rig="r" * 601
    )
    assert kept(made_up, problems) == FrameMetadata(frame_type=FrameType.LIGHT, exposure_s=60.0)
    assert problems == [
        "one before",
        "gain is nothing that can be kept and was left out",
        "camera is nothing that can be kept and was left out",
        "rig is nothing that can be kept and was left out",
        "width_px is nothing that can be kept and was left out",
    ]


def test_facts_within_the_contract_stay_as_they_are() -> None:
    """Sound facts are given back equal, without a problem."""
    problems: list[str] = []
    facts = FrameQuality(star_count=3, fwhm_px=2.5)
    assert kept(facts, problems) == facts
    assert kept(ReportedQuality.model_construct(hfr_px=math.inf, star_count=7), []) == ReportedQuality(star_count=7)
    assert problems == []
