"""The field's quirks one by one: what real files get wrong, and what is made of it."""

# ruff: noqa: E501  (tables read best unbroken)

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Permanent
from shared.events.frame import FrameMetadata, FrameType
from shared.frames import read_frame
from shared.frames.paths import facts_from_path
from shared.frames.provenance import explain_frame

FitsMaker = Callable[..., Path]
Read = Callable[..., FrameMetadata]

SEESTAR = ["CREATOR = 'ZWO Seestar S50'", "INSTRUME= 'Seestar S50'", "IMAGETYP= 'Light'", "EXPTIME = 10."]


def test_quirk_1_a_seestars_header_is_utc_and_its_name_is_local(corpus: Path) -> None:
    """The name's clock minus DATE-OBS is the zone's offset plus the exposure and two to four seconds."""
    for path in sorted((corpus / "seestar_s50").glob("Light_*.fit")):
        found = read_frame(path).metadata
        local = facts_from_path(path.name).local_time
        assert local is not None
        assert found.observed_at is not None
        assert found.exposure_s is not None
        rest_s = (local - found.observed_at.replace(tzinfo=None)).total_seconds() - found.exposure_s
        assert 0 <= rest_s % 1800 < 12, path.name


def test_quirk_1_the_name_tells_the_night_where_the_site_is_unknown(read: Read) -> None:
    """Without site and zone the local clock of the name keeps an evening in America in one night."""
    cards = [*SEESTAR, "DATE-OBS= '2025-07-16T01:10:00'"]
    assert read(cards, "Light_x_10.0s_IRCUT_20250715-181014.fit").night == date(2025, 7, 15)
    assert read(cards, "x.fit").night == date(2025, 7, 15)
    assert read([*SEESTAR, "DATE-OBS= '2025-07-16T12:10:00'"], "Light_x_10.0s_20250716-051014.fit").night == date(
        2025, 7, 15
    )


def test_a_name_of_another_day_is_noted(make_fits: FitsMaker) -> None:
    """A name whose time cannot be the exposure's is a problem, and DATE-OBS stands."""
    path = make_fits([*SEESTAR, "DATE-OBS= '2025-07-16T01:10:00'"], "Light_x_10.0s_IRCUT_20240715-181014.fit")
    found = read_frame(path)
    assert found.metadata.night == date(2025, 7, 15)
    assert found.problems == ("the time in the file's name, 2024-07-15 18:10:14, is not that of the exposure",)


def test_the_day_of_a_night_with_a_clock_is_understood(make_fits: FitsMaker) -> None:
    """Names of $$DATEMINUS12$$ and $$TIME$$ give the night's day: after midnight the exposure's is the next one."""
    cards = ["SWCREATE= 'N.I.N.A. 3.2'", "IMAGETYP= 'LIGHT'", "EXPTIME = 60.0", "DATE-OBS= '2025-01-02T00:30:05'"]
    found = read_frame(make_fits(cards, "M 31_2025-01-01_01-30-05_60.00s.fits"))
    assert found.problems == ()
    assert found.metadata.night == date(2025, 1, 1)


def test_quirk_2_a_dwarf_3_writes_the_end_in_local_time(read: Read) -> None:
    """The comment decides: DWARF 3 writes the end and DWARF II the start, both by the local clock."""
    end = ["TELESCOP= 'DWARFIII'", "EXPTIME = 60", "DATE-OBS= '2025-10-18T05:17:25.998' / Time end of exposure"]
    start = ["TELESCOP= 'DWARFII'", "EXP     = 15.", "DATE-OBS= '2023-06-10T21:38:19.442' / Time start to exposure"]
    assert read(end, zone="Europe/Paris").observed_at == datetime(2025, 10, 18, 3, 16, 25, 998000, UTC)
    assert read(start, zone="Europe/Paris").observed_at == datetime(2023, 6, 10, 19, 38, 19, 442000, UTC)


def test_quirk_3_one_night_has_two_dates(corpus: Path) -> None:
    """A session from 21:20 to 01:45 local is one night."""
    names = ("20250326-212057", "20250326-212210", "20250326-212232", "20250327-014525")
    paths = [corpus / "seestar_s50" / f"Light_M 94_10.0s_IRCUT_{name}.fit" for name in names]
    assert {read_frame(path).metadata.night for path in paths} == {date(2025, 3, 26)}


@pytest.mark.parametrize(
    ("cards", "observed_at"),
    [
        (["DATE-OBS= '2025-09-10T03:32:01.7364051'"], datetime(2025, 9, 10, 3, 32, 1, 736405, UTC)),
        (["DATE-OBS= '2026-07-28T12:11:53.3936819Z[UTC]'"], datetime(2026, 7, 28, 12, 11, 53, 393681, UTC)),
        (["DATE-OBS= '2017-12-19T18:33:43.317-0700'", "UT-OBS  = '01:33:43'"], datetime(2017, 12, 20, 1, 33, 43, 317000, UTC)),
        (["DATE-OBS= '26/10/92'", "UT      = '01:02:03'"], datetime(1992, 10, 26, 1, 2, 3, tzinfo=UTC)),
        (["DATE-OBS= '26/07/102'", "TIME-OBS= '19:36:37'"], datetime(2002, 7, 26, 19, 36, 37, tzinfo=UTC)),
        (["DATE-OBS= 'N/A'"], None),
        (["DATE-OBS= '2019-01-01T00:00:00.00'"], datetime(2019, 1, 1, tzinfo=UTC)),
        (["DATE-OBS= ''", "MJD-OBS = 60000.5"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_quirk_4_times_as_written(read: Read, cards: list[str], observed_at: datetime | None) -> None:
    """Seven-digit fractions, zones, two-digit years and N/A give the right moment or none."""
    assert read(cards).observed_at == observed_at


def test_midnight_is_a_time_of_day(read: Read) -> None:
    """A clock of 00:00:00 beside the date counts as one: the night is that of the day before."""
    assert read(["DATE-OBS= '2024-01-02'", "TIME-OBS= '00:00:00'"]).night == date(2024, 1, 1)
    assert read(["DATE-OBS= '2024-01-02'"]).night == date(2024, 1, 2)


@pytest.mark.parametrize(
    ("cards", "name", "exposure_s"),
    [
        (["EXPOSURE= 30", "CREATOR = 'Sequence Generator Pro v4'"], "a.fit", 30.0),
        (["EXPOSURE= 2.", "CREATOR = 'PHD2 Guiding 2.6'"], "a.fit", 2.0),
        (["EXP     = 15.", "BINNING = '2*2'", "TELESCOP= 'DWARFII'"], "a.fit", 15.0),
        (["EXPTIME = '10.0'"], "a.fit", 10.0),
        (["EXPOSURE= 30000", "CREATOR = 'ZWO ASIAIR Plus'"], "a.fit", 30.0),
        (["EXPOSURE= 3000", "CREATOR = 'ZWO ASIAIR'"], "Light_x_3.0s_Bin1_gain100_20250824-213032.fit", 3.0),
        (["EXPOSURE= 10000", "TELESCOP= 'Stellina'"], "a.fit", 10.0),
        (["EXPTIME = 0.00999999977648258"], "a.fit", 0.01),
        (["EXPTIME = -1"], "a.fit", None),
    ],
)
def test_quirk_5_exposures_as_written(read: Read, cards: list[str], name: str, exposure_s: float | None) -> None:
    """Other keywords, text and milliseconds are seconds in the end."""
    assert read(cards, name).exposure_s == exposure_s


@pytest.mark.parametrize(
    ("card", "field", "written"),
    [
        ("EXPTIME = -300", "exposure_s", "EXPTIME = -300"),
        ("EXPTIME = '-300 s'", "exposure_s", "EXPTIME = -300 s"),
        ("EXPOSURE= 1E30", "exposure_s", "EXPOSURE = 1e+30"),
        ("CCD-TEMP= -400", "sensor_temp_c", "CCD-TEMP = -400"),
        ("SET-TEMP= 5000.0", "set_temp_c", "SET-TEMP = 5000.0"),
        ("GAIN    = -200", "gain", "GAIN = -200"),
        ("FOCALLEN= -530", "focal_length_mm", "FOCALLEN = -530"),
        ("XPIXSZ  = 1E9", "pixel_size_um", "XPIXSZ = 1000000000.0"),
        ("XBINNING= 4096", "x_binning", "XBINNING = 4096"),
    ],
)
def test_a_value_that_cannot_be_is_unknown_and_named(make_fits: FitsMaker, card: str, field: str, written: str) -> None:
    """A number that no camera has is null, and the problem says which card holds it."""
    found = read_frame(make_fits([card]))
    assert getattr(found.metadata, field) is None
    assert found.problems == (f"{written} is impossible and was not used",)


def test_words_for_unknown_are_no_problem(make_fits: FitsMaker) -> None:
    """Zeros, -1, N/A and nothing are how programs say that they do not know; kelvins and long exposures are sound."""
    cards = [
        "EXPTIME = 0",
        "GAIN    = -1",
        "OFFSET  = -1.0",
        "CCD-TEMP= 'N/A'",
        "SET-TEMP=",
        "FOCALLEN= 0",
        "XPIXSZ  = 0",
    ]
    cards += [
        "CAMTEMP = 258.15",
        "XBINNING= 0",
        "BINNING = '2*2'",
        "EXPOSURE= 86400",
        "FOCAL   = -1",
        "GAIN2   = (1, 2)",
    ]
    assert read_frame(make_fits(cards)).problems == ()
    assert read_frame(make_fits(["EXPTIME = (1, 2)", "GAIN    = T"])).problems == ()


def test_the_name_answers_for_an_impossible_card(make_fits: FitsMaker) -> None:
    """Where a card cannot be believed the file's name may know, and the explanation says so."""
    path = make_fits(
        ["EXPTIME = -300", "DATE-OBS= '2025-03-27T01:20:44'"], "Light_M 94_10.0s_IRCUT_20250326-212057.fit"
    )
    assert read_frame(path).metadata.exposure_s == 10.0
    assert explain_frame(path)["exposure_s"].origin == "file name"


@pytest.mark.parametrize(
    ("cards", "name", "planes", "expected"),
    [
        ([*SEESTAR, "STACKCNT= 425", "TOTALEXP= 4250", "BAYERPAT= 'GRBG'"], "a.fit", 3, (FrameType.STACK, 10.0, 4250.0, 425)),
        (["TELESCOP= 'DWARFIII'", "EXPTIME = 2580"], "stacked-16_IC 434_60s60_Astro_20251018-045127226.fits", 3,
         (FrameType.STACK, 60.0, 2580.0, 43)),
        (["PROGRAM = 'Siril 1.2'", "EXPTIME = 10", "LIVETIME= 4250", "IMAGETYP= 'Light'"], "a.fit", 0,
         (FrameType.PROCESSED, 10.0, 4250.0, 425)),
        (["SWCREATE= 'SharpCap'", "EXPTIME = 280", "SUBEXP  = 8"], "a.fits", 3, (FrameType.STACK, 8.0, 280.0, 35)),
        ([*SEESTAR, "TOTALEXP= 10."], "a.fit", 0, (FrameType.LIGHT, 10.0, 10.0, None)),
    ],
)  # fmt: skip
def test_quirk_6_a_stack_is_never_a_sub(
    read: Read, cards: list[str], name: str, planes: int, expected: tuple[Any, ...]
) -> None:
    """Each device's way to give a total ends in one exposure, the total and their number."""
    found = read(cards, name, planes=planes)
    assert (found.frame_type, found.exposure_s, found.total_exposure_s, found.stack_count) == expected
    assert found.bayer_pattern is None or planes != 3


@pytest.mark.parametrize(
    ("cards", "name", "frame_type"),
    [
        (["IMAGETYP= 'light'"], "a.fit", FrameType.LIGHT),
        (["IMAGETYP= 'Light frame'"], "a.fit", FrameType.LIGHT),
        (["IMAGETYP= 'Master Light'"], "a.fit", FrameType.PROCESSED),
        (["IMAGETYP= 'MASTER DARK'"], "a.fit", FrameType.MASTER_DARK),
        (["IMAGETYP= 'DARKFLAT'"], "a.fit", FrameType.DARKFLAT),
        (["IMAGETYP= 'SNAPSHOT'"], "a.fit", FrameType.OTHER),
        (["FRAMETYP= 'Dark'", "SWCREATE= 'SharpCap'"], "a.fit", FrameType.DARK),
        (["FRAME   = 'Bias'"], "a.fit", FrameType.BIAS),
        (
            ["FRAME   = 'FK5'", "EXPTIME = 10", "DATE-OBS= '2025-01-01T22:00:00'", "OBJECT  = 'M 42'"],
            "a.fit",
            FrameType.LIGHT,
        ),
        (["SWCREATE= 'Artemis Capture'"], "a.fit", FrameType.LIGHT),
        (["SWCREATE= 'SBIG Win CCDOPS 5'"], "a.fit", FrameType.LIGHT),
        (["CREATOR = 'POCSv0.1.1'"], "a.fit", FrameType.LIGHT),
        ([], "CALI_FRAME/bias/cam_0/bias_gain_2_bin_1.fits", FrameType.MASTER_BIAS),
        ([], "M 31/DARKFLAT/a.fits", FrameType.DARKFLAT),
        ([], "a.fits", FrameType.OTHER),
    ],
)
def test_quirk_7_types_in_all_words_and_places(read: Read, cards: list[str], name: str, frame_type: FrameType) -> None:
    """Any case and wording, other keywords, folders, and the program's habit where nothing is said."""
    assert read(cards, name).frame_type is frame_type


@pytest.mark.parametrize(
    ("card", "raw", "canonical"),
    [
        ("FILTER  = 'IRCUT'", "IRCUT", "IRCUT"), ("FILTER  = 'LP'", "LP", "LP"), ("FILTER  = 'None'", "None", None),
        ("FILTER  = 'Dark'", "Dark", None), ("FILTER  = 'Position 3'", "Position 3", "Position 3"), ("FILTER  = ''", None, None),
        ("FILTER  = 'RGGB'", "RGGB", None),
    ],
)  # fmt: skip
def test_quirk_8_filters_that_are_none(read: Read, card: str, raw: str | None, canonical: str | None) -> None:
    """Words for no filter name none, and the text as written stays beside."""
    found = read([card])
    assert (found.filter_raw, found.filter) == (raw, canonical)


def test_quirk_9_a_dwarfs_calibration_frames_speak_by_their_path(read: Read, make_fits: FitsMaker) -> None:
    """Type, exposure, gain and temperature come from the path; rejected exposures are noted."""
    path = "CALI_FRAME/dark/cam_0/dark_exp_60.000000_gain_60_bin_1_20C_stack_8.fits"
    dark = read(["BAYERPAT= 'RGGB'"], path)
    assert (dark.frame_type, dark.exposure_s, dark.gain, dark.sensor_temp_c) == (
        FrameType.MASTER_DARK,
        60.0,
        60.0,
        20.0,
    )
    assert read(["DET-TEMP= 15", "TELESCOP= 'DWARFIII'"]).sensor_temp_c == 15.0
    rejected = make_fits(["TELESCOP= 'DWARFIII'"], "failed_IC 434_60s60_Astro_20251018-051725998_15C.fits")
    assert "the device rejected this exposure (failed_ in its name)" in read_frame(rejected).problems


@pytest.mark.parametrize(
    ("cards", "place"),
    [
        (["TELESCOP= 'DWARFII'", "RA      = 0.", "DEC     = 0."], (None, None)),
        (["OBJCTRA = '00 00 00'", "OBJCTDEC= '+00 00 00'"], (None, None)),
        (["TELESCOP= 'DWARFII'", "RA      = 5.5", "DEC     = -5.4"], (82.5, -5.4)),
        (["TELESCOP= 'DWARFIII'", "RA      = 82.5", "DEC     = -5.4"], (82.5, -5.4)),
        (["RA      = 0.", "DEC     = 41.3"], (0.0, 41.3)),
        (["RA      = 400.", "DEC     = 41.3"], (None, None)),
    ],
)
def test_quirk_10_zero_is_unknown(read: Read, cards: list[str], place: tuple[float | None, float | None]) -> None:
    """Both coordinates zero mean unknown, hours become degrees, and so does a site of 0/0."""
    found = read([*cards, "SITELAT = 0.0", "SITELONG= 0.0"])
    assert (found.ra_deg, found.dec_deg) == place
    assert (found.site_latitude_deg, found.site_longitude_deg) == (None, None)


@pytest.mark.parametrize(
    ("card", "gain"),
    [
        ("GAIN    =                   -1", None),
        ("GAIN    =                    0", 0.0),
        ("GAIN    =                  100", 100.0),
        ("GAIN    = 'ISO800'", 800.0),
    ],
)
def test_a_gain_of_minus_one_is_unknown(read: Read, card: str, gain: float | None) -> None:
    """Programs write -1 for a gain or offset that no driver told them; zero is a gain as any other."""
    found = read([card, card.replace("GAIN  ", "OFFSET")])
    assert (found.gain, found.offset) == (gain, gain)


def test_quirk_11_coordinates_of_date_and_odd_signs(read: Read) -> None:
    """SharpCap's places precess to J2000; INDI's blanks and missing signs are read; a PIERSIDE of 0 harms nothing."""
    of_date = read(["SWCREATE= 'SharpCap'", "EQUINOX = 2025.215", "RA      = 180.0", "DEC     = 0.0"])
    assert of_date.ra_deg == pytest.approx(179.677, abs=0.002)
    assert of_date.dec_deg == pytest.approx(0.1403, abs=0.001)
    indi = read(["OBJCTRA = ' 0 06 23.27'", "OBJCTDEC= '89 51 41.95'", "PIERSIDE= 0"])
    assert indi.ra_deg == pytest.approx(1.5969583)
    assert indi.dec_deg == pytest.approx(89.8616528)


_SADR = [*SEESTAR, "DATE-OBS= '2025-07-15T12:19:41'", "RA      = 305.870835", "DEC     = 40.315556"]
_SOLVED = [
    "CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRVAL1  = 305.62672828", "CRVAL2  = 40.3746892506",
    "CRPIX1  = 536.66375351", "CRPIX2  = 743.725921631",
]  # fmt: skip
_MATRICES: tuple[list[str], ...] = (
    ["CD1_1   = -6.545E-4", "CD1_2   = 6.750E-5", "CD2_1   = -6.749E-5", "CD2_2   = -6.542E-4"],
    [
        "CDELT1  = -6.545E-4",
        "CDELT2  = -6.542E-4",
        "PC1_1   = 1",
        "PC1_2   = -0.1031",
        "PC2_1   = 0.1032",
        "PC2_2   = 1",
    ],
    ["CDELT1  = -6.58E-4", "CDELT2  = -6.58E-4", "CROTA2  = 5.888"],
)


@pytest.mark.parametrize("matrix", _MATRICES)
def test_the_middle_of_a_solved_seestar_image_is_its_place(read: Read, matrix: list[str]) -> None:
    """A solution, in each of its three notations, gives the place of the image's middle, and agrees with RA and DEC."""
    found = read([*_SADR, *_SOLVED, *matrix], width=1080, height=1920)
    assert (found.ra_deg, found.dec_deg) == pytest.approx((305.6426, 40.2326), abs=2e-3)
    cards = read(_SADR, width=1080, height=1920)
    assert (cards.ra_deg, cards.dec_deg) == pytest.approx((305.6426, 40.2326), abs=3e-3)


def test_the_equinox_of_a_solution_is_not_that_of_the_cards(read: Read) -> None:
    """A solver's EQUINOX 2000 leaves RA and DEC of date; a solution that cannot be used leaves them standing."""
    for broken in (["EQUINOX = 2000.0"], ["EQUINOX = 2000.0", "CD1_1   = 0.0"], ["CD1_1   = 1E-4", "CRVAL2  = 400.0"]):
        kept = [card for card in _SOLVED if card[:8] not in {text[:8] for text in broken}]
        found = read([*_SADR, *kept, *broken], width=1080, height=1920)
        assert (found.ra_deg, found.dec_deg) == pytest.approx((305.6414, 40.2333), abs=1e-3)
    of_date = read([*_SADR, *_SOLVED, *_MATRICES[0], "EQUINOX = 2025.5"], width=1080, height=1920)
    assert of_date.ra_deg == pytest.approx(305.413, abs=2e-3)
    icrs = [*_MATRICES[0], "EQUINOX = 2025.5", "RADESYS = 'ICRS'"]
    assert read([*_SADR, *_SOLVED, *icrs], width=1080, height=1920).ra_deg == pytest.approx(305.6426, abs=2e-3)


def test_quirk_12_signs_kelvins_and_commas(read: Read, make_fits: FitsMaker) -> None:
    """A LONGITUD without sign is nobody's word on east or west; kelvins, units and decimal commas are read."""
    path = make_fits(["LONGITUD= 110.88", "LATITUDE= 31.68", "CAMTEMP = 258.15"])
    found = read_frame(path)
    assert (found.metadata.site_longitude_deg, found.metadata.site_latitude_deg) == (None, 31.68)
    assert found.problems == ("LONGITUD has no sign, so east and west cannot be told apart",)
    assert found.metadata.sensor_temp_c == -15.0
    assert read(["CAMTEMP = '11 C'", "EXPTIME = ' 9,78E-03'"]).sensor_temp_c == 11.0
    assert read(["EXPTIME = ' 9,78E-03'"]).exposure_s == 0.00978


@pytest.mark.parametrize(
    ("cards", "name", "rig"),
    [
        ([*SEESTAR, "TELESCOP= 'Seestar S50'"], "a.fit", "Seestar S50"),
        ([*SEESTAR, "TELESCOP= 'S50_1a2b3c4d'"], "a.fit", "S50_1a2b3c4d"),
        (["TELESCOP= 'S30_1a2b3c4d'", "IMAGETYP= 'Light'"], "a.fit", "S30_1a2b3c4d"),
    ],
)
def test_quirk_13_seestars_of_every_firmware(read: Read, cards: list[str], name: str, rig: str) -> None:
    """The rig is the telescope by model or serial, with the focal ratio that APERTURE holds."""
    found = read([*cards, "FOCALLEN= 250", "APERTURE= 5."], name)
    assert (found.rig, found.focal_ratio, found.frame_type) == (rig, 5.0, FrameType.LIGHT)


def test_focal_ratios_of_dwarfs_are_those_of_the_lens(read: Read) -> None:
    """The wide lens has not the ratio of the tele lens, nor a DWARF mini that of a DWARF 3."""
    signs = ["ORIGIN  = 'DWARFLAB'", "EXPTIME = 15"]
    assert read([*signs, "TELESCOP= 'DWARFIII'", "CAMERA  = 'TELE'"]).focal_ratio == 4.29
    assert read([*signs, "TELESCOP= 'DWARFIII'", "CAMERA  = 'WIDE'"]).focal_ratio is None
    assert read([*signs, "TELESCOP= 'DWARF mini'"]).focal_ratio == 5.0


def test_a_name_alone_turns_no_longitude(read: Read) -> None:
    """A name as MicroObservatory's makes west of a LONGITUD without a sign, and of no other longitude."""
    name = "M42_240101203045.fits"
    assert read(["SITELAT = 48.0", "SITELONG= 8.5", "DATE-OBS= '2024-01-01T20:30:45'"], name).site_longitude_deg == 8.5
    assert read(["LATITUDE= 31.7", "LONGITUD= 110.88"], name).site_longitude_deg == -110.88


def test_quirk_13_the_width_is_that_of_the_image(read: Read) -> None:
    """ASIAIR's IMAGEW is narrower than the pixels that are stored, which count."""
    assert read(["CREATOR = 'ZWO ASIAIR'", "IMAGEW  = 6240"], width=6248, height=2).width_px == 6248


def test_quirk_14_itelescopes_names_hold_everything(read: Read) -> None:
    """Blank cards are filled by the name; a premium image has its object in a HIERARCH card and no date."""
    raw = read(["OBJECT  = ' '", "TELESCOP= ' '"], "raw-T31-user-target-20211229-024225-Green-BIN1-W-300-001.fit")
    assert (raw.object_name, raw.telescope, raw.filter, raw.exposure_s) == ("target", "T31", "G", 300.0)
    premium = read(["OWNER   = 'iTelescope'", "HIERARCH OBSTARGET = 'Whale Galaxy NGC 55'"], "premium.fits")
    assert (premium.object_name, premium.observed_at) == ("Whale Galaxy NGC 55", None)


@pytest.mark.parametrize(
    "content", [b"\x0e\x10\x43\x08\x28\x06\x00\x00.FIT\x00\x00", b"some text", b"\xac\xed\x00\x05sr\x00"]
)
def test_quirk_15_other_files_with_our_extensions(tmp_path: Path, content: bytes) -> None:
    """Activities of a sports watch, text and serialized objects are no captures."""
    path = tmp_path / "a.fit"
    path.write_bytes(content)
    with pytest.raises(Permanent, match="not a capture file"):
        read_frame(path)


def test_quirk_16_ends_that_are_not_as_they_should_be(make_fits: FitsMaker) -> None:
    """Zeros in the header, a short end, junk behind it and bytes that are no ASCII are notes; the facts are there."""
    path = make_fits(["OBJECT  = 'M 51'", "OBSERVER= 'Jos\xe9'"], width=20, height=20)
    whole = path.read_bytes()
    path.write_bytes(whole[:-120])
    assert read_frame(path).problems[1:] == ("the final padding is missing: 120 of 2880 bytes",)
    path.write_bytes(whole + bytes(57_000))
    found = read_frame(path)
    assert found.metadata.object_name == "M 51"
    assert any("belong to no HDU" in problem for problem in found.problems)
    assert any(card == "OBSERVER= 'José'" for card in found.header_cards)
    end = whole.index(b"END     ") + 80
    path.write_bytes(whole[:end] + bytes(2880 - end) + whole[2880:])
    assert read_frame(path).metadata.object_name == "M 51"


def test_quirk_17_every_card_is_kept(make_fits: FitsMaker) -> None:
    """HIERARCH, duplicates, COMMENT with a value and CONTINUE stay in order; the first of duplicates counts."""
    cards = [
        "HIERARCH FRAME SPEED-X = 1.0 / Frame Speed",
        "COMMENT = 'a comment with a value'",
        "SWMODIFY= 'one'",
        "SWMODIFY= 'two'",
        "RA      = 10.0",
        "DEC     = 20.0",
        "RA      = 11.0",
        "OBJECT  = 'Abell&'",
        "CONTINUE  ' 39'",
    ]
    found = read_frame(make_fits(cards))
    assert list(found.header_cards[-len(cards) :]) == cards
    assert (found.metadata.ra_deg, found.metadata.object_name) == (10.0, "Abell 39")


@pytest.mark.parametrize(
    ("card", "field", "value"),
    [
        ("INSTRUME=           'ATIK-383L: fw rev 3.27'", "camera", None),
        ("EXPTIME = 060.00", "exposure_s", 60.0),
        ("EXPTIME =           +1.0E+001", "exposure_s", 10.0),
        ("CCD-TEMP= -1.50E+01 / C", "sensor_temp_c", -15.0),
    ],
)
def test_quirk_18_values_in_odd_columns(read: Read, card: str, field: str, value: object) -> None:
    """Shifted texts, leading zeros and signed exponents are values."""
    found = getattr(read([card]), field)
    assert found == value if value is not None else "ATIK" in found.upper()


def test_quirk_19_a_wcs_of_astap_is_no_frame(tmp_path: Path) -> None:
    """Header text in lines instead of 80-column cards is refused in a sentence."""
    path = tmp_path / "a.wcs"
    path.write_bytes(b"SIMPLE  =                    T\nBITPIX  =                    8\nEND\n")
    with pytest.raises(Permanent, match="80-column cards"):
        read_frame(path)


def test_quirk_20_keywords_of_xisf_keep_their_quotes(tmp_path: Path) -> None:
    """Without a namespace, and with FITS quotes around values, an XISF header says what it means."""
    xml = (
        b'<xisf version="1.0"><Image geometry="4:3:1" sampleFormat="UInt16" location="attachment:4096:24">'
        b'<FITSKeyword name="ROWORDER" value="\'BOTTOM-UP\'" comment=""/><FITSKeyword name="IMAGETYP" value="Light Frame" comment=""/>'
        b'<FITSKeyword name="OBJECT" value="\'M 31    \'" comment=""/></Image></xisf>'
    )
    path = tmp_path / "a.xisf"
    path.write_bytes((b"XISF0100" + len(xml).to_bytes(4, "little") + bytes(4) + xml).ljust(4096, b"\0") + bytes(24))
    found = read_frame(path)
    assert (found.metadata.frame_type, found.metadata.object_name) == (FrameType.LIGHT, "M 31")
    assert found.image is not None
    assert not found.image.bottom_up  # the first row of XISF is the top one, whatever a keyword from FITS says


@pytest.mark.parametrize(
    ("cards", "bottom_up"),
    [
        (["ROWORDER= 'BOTTOM-UP'"], True), (["ROWORDER= 'TOP-DOWN'"], False), ([], False), (["ROWORDER= 5"], False),
        (["ROWORDER= 'bottom-up '"], True),
    ],
)  # fmt: skip
def test_quirk_21_the_order_of_rows_is_known(make_fits: FitsMaker, cards: list[str], bottom_up: bool) -> None:
    """Only a ROWORDER of BOTTOM-UP turns the picture over."""
    image = read_frame(make_fits(cards)).image
    assert image is not None
    assert image.bottom_up is bottom_up


@pytest.mark.parametrize(
    ("cards", "offset"),
    [
        ([], (0, 0)), (["XBAYROFF= 1", "YBAYROFF= 0"], (1, 0)), (["YBAYROFF= '1.0'"], (0, 1)),
        (["XBAYROFF= 'N/A'"], (0, 0)),
    ],
)  # fmt: skip
def test_where_a_bayer_pattern_begins_is_known(make_fits: FitsMaker, cards: list[str], offset: tuple[int, int]) -> None:
    """XBAYROFF and YBAYROFF reach whoever reads the pixels, as numbers or as text."""
    found = read_frame(make_fits(cards))
    assert found.image is not None
    assert found.image.bayer_offset == offset


def test_quirk_22_no_name_or_address_gets_into_the_facts(corpus: Path) -> None:
    """Observers, e-mail addresses and serial numbers of software stay in the cards; the facts hold none of them."""
    found = read_frame(corpus / "jsol_ex" / "fe5302-misidentified.fits")
    assert any("CONTACT" in card and "@" in card for card in found.header_cards)
    facts = found.metadata.model_dump_json()
    assert "@" not in facts
    assert "Champeau" not in facts


def test_the_hour_that_clocks_repeat_is_noted(make_fits: FitsMaker) -> None:
    """A local time in the autumn's double hour is taken as the first, and said to be uncertain."""
    cards = ["TELESCOP= 'DWARFII'", "EXP     = 15.", "DATE-OBS= '2025-10-26T02:30:00' / Time start to exposure"]
    found = read_frame(make_fits(cards), source_zone="Europe/Berlin")
    assert found.metadata.observed_at == datetime(2025, 10, 26, 2, 30, tzinfo=UTC) - timedelta(hours=2)
    assert any("clocks of Europe/Berlin repeat" in problem for problem in found.problems)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_in_other_alphabets_reach_the_facts(read: Read, encoding: str) -> None:
    """What was typed with accents, in either encoding, is the object's and the telescope's name, and a site."""
    cards = [
        "OBJECT  = 'Nebulosa de Orión'",
        "TELESCOP= 'Takahashi µ250CRS'",
        "SITELAT = '48°12''33\"'",
        "SITELONG= 16.37",
    ]
    found = read([card.encode(encoding).decode("latin-1") for card in cards])
    assert (found.object_name, found.telescope) == ("Nebulosa de Orión", "Takahashi µ250CRS")
    assert found.site_latitude_deg == pytest.approx(48.209167)
