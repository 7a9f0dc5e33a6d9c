"""Copies that programs calibrated, aligned or stacked, and the words for frames that are no lights."""

# ruff: noqa: E501  (tables read best unbroken)

from collections.abc import Callable

import pytest

from shared.events.frame import FrameMetadata, FrameType
from shared.frames import FrameFacts

Read = Callable[..., FrameMetadata]
RAW = ["IMAGETYP= 'LIGHT'", "OBJECT  = 'M 51'", "EXPTIME = 300.0", "DATE-OBS= '2025-04-05T22:00:00'"]


@pytest.mark.parametrize(
    "cards",
    [
        ["PROGRAM = 'Siril 1.4.0'", "HISTORY Calibrated with a master bias, a master dark and a master flat"],
        ["PROGRAM = 'Siril 1.2.0'", "HISTORY Calibrated with a synthetic bias"],
        ["PROGRAM = 'Siril 1.2.0'", "HISTORY Cosmetic correction of hot pixels"],
        ["PROGRAM = 'Siril 1.2.0'", "HISTORY Background extraction (Correction: Subtraction)"],
        ["SWCREATE= 'N.I.N.A. 3.1'", "HISTORY Calibration with ImageCalibration process"],
        ["SWCREATE= 'N.I.N.A. 3.1'", "HISTORY StarAlignment.outputExtension: .xisf"],
        ["SWCREATE= 'N.I.N.A. 3.1'", "COMMENT 1  Calibrated by ASTAP. www.hnsky.org"],
        ["SWCREATE= 'N.I.N.A. 3.1'", "COMMENT 1  Calibrated & aligned by ASTAP"],
        ["SWCREATE= 'MaxIm DL Version 6.30'", "CALSTAT = 'BDF'"],
        ["SWCREATE= 'MaxIm DL Version 6.30'", "CALSTAT = 'BF'"],
        ["SWCREATE= 'N.I.N.A. 3.1'", "CALSTAT = 'DS'"],
        ["CCDPROC = 'Mar  3 12:00 CCD processing done'", "FLATCOR = 'Mar  3 12:00 Flat field image is flat.fits'"],
        ["ZEROCOR = 'Zero level correction image is zero'", "DARKCOR = 'Dark count correction image is dark'"],
        ["BIASSUB = T", "DARKSUB = T", "FLATDIV = T"],
        ["RLEVEL  = 91 / reduction level"],
        ["HISTORY Image was flat-fielded and aligned to frame 1"],
        ["HISTORY debayered"],
    ],
)  # fmt: skip
def test_a_processed_copy_never_stands_for_the_raw_frame(read: Read, cards: list[str]) -> None:
    """What a program calibrated, aligned or edited is PROCESSED, though it keeps the capture's own cards."""
    assert read([*RAW, *cards]).frame_type is FrameType.PROCESSED


@pytest.mark.parametrize(
    "cards",
    [
        ["PROGRAM = 'Siril 1.4.0'"],  # a raw photograph that was only converted
        ["CALSTAT = '    '"],
        ["FLATCORR= 'PERFORM'", "BIASCORR= 'OMIT'"],
        ["BIASSUB = F", "FLATDIV = F"],
        ["RLEVEL  = 0"],
        ["HISTORY File was processed by fpack", "HISTORY WCS created by AIJ link to Astronomy.net website"],
        ["HISTORY Flat frame of the same night: none", "COMMENT calibrated focuser by hand"],
        ["HISTORY Dark subtraction: none planned"],
    ],
)
def test_a_raw_light_stays_one(read: Read, cards: list[str]) -> None:
    """Programs that only convert, switches that say what is to be done, and other history change nothing."""
    assert read([*RAW, *cards]).frame_type is FrameType.LIGHT


@pytest.mark.parametrize("cards", [["CALSTAT = 'D'"], ["HISTORY Dark Subtraction"], ["DARKCOR = T"]])
def test_a_dark_alone_is_said(read_facts: Callable[..., FrameFacts], cards: list[str]) -> None:
    """A light from which a camera subtracted its own dark is still the raw frame, and a problem says so."""
    found = read_facts([*RAW, *cards])
    assert found.metadata.frame_type is FrameType.LIGHT
    assert found.problems == ("a dark was subtracted from this light already",)


def test_calibrated_flats_are_no_flats(read: Read) -> None:
    """A flat that was calibrated is PROCESSED; what is done to pictures of the sky says nothing of it."""
    flat = ["IMAGETYP= 'Flat'", "EXPTIME = 1.0"]
    assert read([*flat, "HISTORY Calibrated with a master bias"]).frame_type is FrameType.PROCESSED
    assert read([*flat, "CALSTAT = 'BD'"]).frame_type is FrameType.PROCESSED
    assert read([*flat, "HISTORY stacking planned"]).frame_type is FrameType.FLAT


@pytest.mark.parametrize(
    ("card", "frame_type"),
    [
        ("OBSTYPE = 'EXPOSE'", FrameType.LIGHT), ("OBSTYPE = 'OBJECT'", FrameType.LIGHT), ("OBSTYPE = 'STANDARD'", FrameType.LIGHT),
        ("OBSTYPE = 'TRAILED'", FrameType.OTHER), ("OBSTYPE = 'GUIDE'", FrameType.OTHER), ("OBSTYPE = 'POINTING'", FrameType.OTHER),
        ("OBSTYPE = 'SPECTROSCOPIC'", FrameType.OTHER), ("OBSTYPE = 'SPECTRUM'", FrameType.OTHER), ("OBSTYPE = 'ARC'", FrameType.OTHER),
        ("OBSTYPE = 'comp'", FrameType.OTHER), ("OBSTYPE = 'EXPERIMENTAL'", FrameType.OTHER), ("OBSTYPE = 'focus'", FrameType.OTHER),
        ("OBSTYPE = 'SKYFLAT'", FrameType.FLAT), ("OBSTYPE = 'LAMPFLAT'", FrameType.FLAT), ("OBSTYPE = 'dflat'", FrameType.FLAT),
        ("OBSTYPE = 'zero'", FrameType.BIAS), ("HIERARCH ESO DPR TYPE = 'FLAT,SKY'", FrameType.FLAT),
        ("HIERARCH ESO DPR TYPE = 'OBJECT'", FrameType.LIGHT), ("IMGTYPE = 'Dark'", FrameType.DARK),
    ],
)  # fmt: skip
def test_words_of_observatories(read_facts: Callable[..., FrameFacts], card: str, frame_type: FrameType) -> None:
    """What an observatory calls a frame is its type, without a problem, and only what shows the target is a light."""
    found = read_facts([card, *RAW[1:]])
    assert found.metadata.frame_type is frame_type
    assert found.problems == ()


def test_words_of_observatories_are_no_folders(read: Read) -> None:
    """A folder that is called target, comp or sky says nothing of a frame's type."""
    for folder in ("Target", "comp", "Sky", "Standard", "arc"):
        assert read(RAW[1:], f"{folder}/a.fits").frame_type is FrameType.LIGHT, folder
