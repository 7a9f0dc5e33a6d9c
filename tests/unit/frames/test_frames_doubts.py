"""What is said of frames that can be read and look wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shared.events.frame import FrameType
from shared.frames import FrameFacts, load_image, read_frame

ReadFacts = Callable[..., FrameFacts]
FitsMaker = Callable[..., Path]
DATED = ["DATE-OBS= '2024-03-28T22:00:00'", "OBJECT  = 'NGC 3031'", "INSTRUME= 'ZWO ASI533MM Pro'"]
LIGHT = ["IMAGETYP= 'LIGHT'"]


@pytest.mark.parametrize(
    ("cards", "frame_type", "problem"),
    [
        (DATED, "OTHER", "no card names the frame's type, and without an exposure it does not count as a light"),
        (["EXPTIME = 60.0", "OBJECT  = 'M 1'"], "OTHER",
         "no card names the frame's type, and without a date it does not count as a light"),
        (["EXPTIME = 60.0", DATED[0]], "OTHER",
         "no card names the frame's type, and without a telescope, camera or object it does not count as a light"),
        ([*DATED, *LIGHT], "LIGHT", "a LIGHT without an exposure: it adds nothing to the integration"),
        ([*DATED, *LIGHT, "EXPTIME = 0.0"], "LIGHT", "a LIGHT without an exposure: it adds nothing to the integration"),
        ([*DATED, *LIGHT, "STACKCNT= 5"], "STACK", "a STACK without an exposure: it adds nothing to the integration"),
        ([*DATED, *LIGHT, "EXPTIME = 160000.0"], "LIGHT",
         "a single exposure of 44.4 h is not likely: a sum, or another unit than seconds"),
    ],
)  # fmt: skip
def test_a_doubt_is_said_once(read_facts: ReadFacts, cards: list[str], frame_type: str, problem: str) -> None:
    """A light that falls to OTHER, adds nothing, or is longer than a night is told in a sentence."""
    found = read_facts(cards)
    assert found.metadata.frame_type == frame_type
    assert found.problems == (problem,)


@pytest.mark.parametrize(
    "cards",
    [
        [*DATED, *LIGHT, "EXPTIME = 3600.0"],
        [*DATED, "IMAGETYP= 'DARK'", "EXPTIME = 28800.0"],
        ["IMAGETYP= 'BIAS'", "EXPTIME = 0.0"],
        ["OBJECT  = 'a mere picture'"],
        ["CREATOR = 'PHD2 2.6.13'", "DATE-OBS= '2024-03-28T22:00:00'", "OBJECT  = 'guide star'"],
        [*DATED, "OBSTYPE = 'POINTING'"],
    ],
)
def test_sound_frames_raise_no_doubt(read_facts: ReadFacts, cards: list[str]) -> None:
    """Long lights and darks, a bias, a guide frame and what shows no sign of a capture are no problem."""
    assert read_facts(cards).problems == ()


def test_an_image_that_is_a_line_is_said(read_facts: ReadFacts) -> None:
    """A spectrum or a table of three rows is no picture of the sky."""
    found = read_facts([*DATED, *LIGHT, "EXPTIME = 60.0"], width=1080, height=3)
    assert found.problems == ("an image of 1080 x 3 pixels is no picture of the sky",)


def test_colours_in_the_first_axis_are_read_as_colours(make_fits: FitsMaker) -> None:
    """A script's array of rows, columns and colours is a picture of that size in colour, and a problem says so."""
    path = make_fits([*DATED, *LIGHT, "EXPTIME = 60.0"], width=3, height=40, planes=30)
    pixels = np.arange(30 * 40 * 3, dtype=">i2").reshape(30, 40, 3)
    content = path.read_bytes()
    path.write_bytes(content[:2880] + pixels.tobytes().ljust(len(content) - 2880, b"\0"))
    found = read_frame(path)
    assert (found.metadata.width_px, found.metadata.height_px) == (40, 30)
    assert found.problems == ("the colours of the image are its first axis (NAXIS1 = 3), and are read so",)
    assert found.image is not None
    assert np.array_equal(load_image(path, found.image), pixels.transpose(2, 0, 1))
    assert read_frame(make_fits(LIGHT, "cube.fits", width=40, height=30, planes=3)).metadata.width_px == 40
    assert read_frame(make_fits(LIGHT, "small.fits", width=3, height=4, planes=3)).metadata.width_px == 3
    assert found.metadata.frame_type is FrameType.LIGHT
