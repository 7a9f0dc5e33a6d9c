"""What people reported in public about frames of theirs, each report one example of a kind.

The kinds are tested where they are read (units, exposures, site, timing, edits, optics, doubts, XISF); here a whole scan
of each example gives the facts that its owner knew. Targets are looked up, so that a type that is wrong shows too.
"""

# ruff: noqa: E501  (tables read best unbroken)

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from services.scanner.knowledge import built_in
from services.scanner.scan import Scanned, scan_file
from shared.events.frame import FrameType

FitsMaker = Callable[..., Path]
LIGHT, SBIG = "IMAGETYP= 'Light Frame'", "INSTRUME= 'SBIG ST-7'"

Report = tuple[str, list[str], str | None, dict[str, Any]]

REPORTS: list[Report] = [
    (
        "ZWO ASICAP gives the exposure in microseconds alone",
        ["EXPOINUS= 30000000 / Exposure time in us", "INSTRUME= 'ZWO ASI1600MM Pro'", "DATE-OBS= '2019-11-23T20:31:10.551'", "OBJECT  = 'M 33'", "CREATOR = 'ZWO ASICAP'"],
        "M33",
        {"frame_type": FrameType.LIGHT, "exposure_s": 30.0},
    ),
    (
        "ImageCCD sums in the camera",
        ["DATE-OBS= '2005-01-02T04:49:34.00'", "EXPTIME = 80.0 / Total exposure in seconds", "NCOADDS = 4", "SNAPSHOT= 4 / SnapShot count", "EACHSNAP= 20.0", "OBJECT  = 'M 1'", SBIG, LIGHT],
        "M1",
        {"frame_type": FrameType.STACK, "exposure_s": 20.0, "total_exposure_s": 80.0, "stack_count": 4},
    ),
    (
        "a single exposure that counts itself",
        ["DATE-OBS= '2005-01-02T04:49:34.00'", "EXPTIME = 20.0", "SNAPSHOT= 1", "OBJECT  = 'M 1'", SBIG, LIGHT],
        "M1",
        {"frame_type": FrameType.LIGHT, "exposure_s": 20.0, "stack_count": None},
    ),
    (
        "a network of telescopes writes the longitude's sense into the comment",
        ["LONGITUD= 149.0708466 / [deg East] Telescope longitude", "LATITUDE= -31.2729 / [deg North] Telescope latitude", "OBSTYPE = 'EXPOSE'", "DATE-OBS= '2015-12-16T11:48:39.307'", "EXPTIME = 10.0", "OBJECT  = 'M 83'", "TELESCOP= '1m0-11'"],
        "M83",
        {"frame_type": FrameType.LIGHT, "site_longitude_deg": 149.0708466, "night": date(2015, 12, 16)},
    ),
    (
        "MountWizzard leaves out the last letter of SITELONG",
        ["OBJECT  = 'M 13'", "FRAME   = 'Light'", "DATE-OBS= '2021-09-12T12:20:00Z'", "EXPTIME = 20.0", "SITELAT = '+34 30 10'", "SITELON = '-117 12 20'"],
        "M13",
        {"site_longitude_deg": pytest.approx(-117.205556), "night": date(2021, 9, 11)},
    ),
    (
        "the Celestron Origin gives the offset of its clock in a card of its own",
        ["INSTRUME= 'Origin'", "TELESCOP= 'Celestron Origin'", "OBJECT  = 'M 8'", "EXPOSURE= 10.0", "DATE-OBS= '2025-08-31T20:40:32'", "TIMEZONE= '-0700'", "BAYERPAT= 'RGGB'", "FOCALLEN= 335.0", "XPIXSZ  = 2.4", LIGHT],
        "M8",
        {"observed_at": datetime(2025, 9, 1, 3, 40, 32, tzinfo=UTC), "night": date(2025, 8, 31)},
    ),
    (
        "a Spaniard's object and an Austrian's site in UTF-8",
        ["IMAGETYP= 'LIGHT   '", "EXPTIME = 60.0", "DATE-OBS= '2023-03-06T20:00:00'", "OBJECT  = 'Nebulosa de OriÃ³n'", "TELESCOP= 'Takahashi Âµ250CRS'", "SITELAT = '48Â°12''33\"'", "SITELONG= '16Â°22''20\"'"],
        "M42",
        {"telescope": "Takahashi µ250CRS", "site_latitude_deg": pytest.approx(48.209167)},
    ),
    (
        "the same in Latin-1",
        ["IMAGETYP= 'LIGHT   '", "EXPTIME = 60.0", "DATE-OBS= '2023-03-06T20:00:00'", "OBJECT  = 'Nebulosa de Orión'"],
        "M42",
        {"object_name": "Nebulosa de Orión"},
    ),
    (
        "milliseconds by the comment, the day before the month",
        ["EXPTIME = 160000 / exposure time in ms", "DATE-OBS= '28/03/93' / days/month/year", "UT      = '07:18:51'", "OBJECT  = 'NGC 3031'"],
        "M81",
        {"exposure_s": 160.0, "observed_at": datetime(1993, 3, 28, 7, 18, 51, tzinfo=UTC)},
    ),
    (
        "the sensor's own pixel size beside a binning of two",
        ["XBINNING= 2", "YBINNING= 2", "XPIXSZ  = 3.76", "FOCALLEN= 480.0", "EXPTIME = 5.0", "INSTRUME= 'ZWO ASI2600MM Pro'", "SECPIX1 = 3.23", "DATE-OBS= '2024-11-18T20:00:00'", "OBJECT  = 'M 31'", LIGHT],
        "M31",
        {"pixel_size_um": 7.52, "pixel_scale_arcsec": 3.2315},
    ),
    (
        "Siril's calibrated copy keeps the capture's cards",
        ["PROGRAM = 'Siril 1.4.0'", LIGHT, "OBJECT  = 'M 51'", "EXPTIME = 300.0", "DATE-OBS= '2025-04-05T22:00:00'", "HISTORY Calibrated with a master bias, a master dark and a master flat"],
        "M51",
        {"frame_type": FrameType.PROCESSED},
    ),
    (
        "brand and bandwidth in the filter's name",
        ["FILTER  = 'Astronomik MaxFR Ha 6nm'", LIGHT, "OBJECT  = 'NGC 7000'", "EXPTIME = 300.0", "DATE-OBS= '2025-08-05T22:00:00'"],
        "NGC7000",
        {"filter": "Ha", "filter_raw": "Astronomik MaxFR Ha 6nm"},
    ),
]  # fmt: skip


def scanned(make_fits: FitsMaker, cards: list[str]) -> Scanned:
    """A whole scan of a frame with these cards."""
    path = make_fits(cards, "frame.fits", width=64, height=48)
    return scan_file(path, known=built_in(), measure_stars=True, relative_path=path.name)


@pytest.mark.parametrize(("_what", "cards", "target", "expected"), REPORTS, ids=[row[0] for row in REPORTS])
def test_a_reported_frame_is_read_as_its_owner_knows_it(
    make_fits: FitsMaker, _what: str, cards: list[str], target: str | None, expected: dict[str, Any]
) -> None:
    """The facts and the target of each report are those that the report gives."""
    found = scanned(make_fits, cards)
    assert {key: getattr(found.frame, key) for key in expected} == expected
    assert found.target is not None
    assert found.target.catalog_id == target


def test_what_counts_as_a_light_is_measured(make_fits: FitsMaker) -> None:
    """A frame that its exposure makes a light has its stars counted, be it none."""
    assert scanned(make_fits, REPORTS[0][1]).quality is not None


@pytest.mark.parametrize(
    "cards",
    [
        ["OBJECT  = 'M 13'", LIGHT, "DATE-OBS= '2021-09-12T12:20:00Z'", "EXPTIME = 20.0", "SITELAT = 34.5"],
        ["EXPTIME = 160000.0", "DATE-OBS= '2024-03-28T22:00:00'", "OBJECT  = 'NGC 3031'", LIGHT],
        ["DATE-OBS= '2024-03-28T22:00:00'", "OBJECT  = 'NGC 3031'", "INSTRUME= 'ZWO ASI533MM Pro'"],
    ],
)
def test_a_frame_that_looks_wrong_says_so(make_fits: FitsMaker, cards: list[str]) -> None:
    """Half a site, a sub of 44 hours and a light without an exposure are problems of their files."""
    facts = scanned(make_fits, cards).problems
    assert len([problem for problem in facts if not problem.startswith("not measured")]) == 1
