"""N.I.N.A.'s traces outside the header: file patterns, and the Session Metadata plug-in's side files."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.knowledge import Knowledge
from services.settings import load_settings
from shared.errors import UserError
from shared.events.frame import FrameType
from shared.frames import ninafiles, read_frame
from shared.frames.ninafiles import side_row, with_row
from shared.frames.ninapatterns import compile_pattern
from shared.frames.paths import PathFacts, facts_from_path

FitsMaker = Callable[..., Path]

NINA = ["SWCREATE= 'N.I.N.A. 3.2.0.2008 (x64)'", "IMAGETYP= 'LIGHT'", "EXPTIME = 300.0", "FILTER  = 'Ha'"]
COLUMNS = (
    "ExposureNumber,FilePath,FilterName,ExposureStart,Duration,Binning,CameraTemp,CameraTargetTemp,Gain,Offset,"
    "DetectedStars,HFR,HFRStDev,FWHM,Eccentricity,GuidingRMS,GuidingRMSArcSec,ExposureStartUTC,ImageType"
)


def line(name: str, *, stars: str = "812", hfr: str = "2.31", rms: str = "0.55", offset: str = "50") -> str:
    """A row of the plug-in for an image of that name."""
    return (
        f"4,D:\\Astro\\M 31\\{name},OIII,2024-01-02 01:02,300,1x1,-9.9,-10,100,{offset},{stars},{hfr},0.2,NaN,NaN,0.3,"
        f"{rms},2024-01-02T00:02:03.5Z,LIGHT"
    )


@pytest.fixture(autouse=True)
def _forget_folders() -> None:
    ninafiles._tables.clear()


def write_table(folder: Path, *lines: str) -> None:
    """The plug-in's CSV beside the images."""
    (folder / "ImageMetaData.csv").write_text("\n".join([COLUMNS, *lines]) + "\n")


def test_a_side_file_gives_the_reported_quality(make_fits: FitsMaker) -> None:
    """HFR, stars and guiding error are reported; facts that the header leaves out are filled, others are not."""
    path = make_fits(NINA, "0004.fits")
    write_table(path.parent, line("0003.fits", hfr="9.99"), line("0004.fits"))
    found = read_frame(path)
    assert (found.reported.hfr_px, found.reported.star_count, found.reported.rms_arcsec) == (2.31, 812, 0.55)
    assert (found.metadata.filter, found.metadata.gain, found.metadata.offset) == ("Ha", 100.0, 50.0)
    assert found.metadata.observed_at == datetime(2024, 1, 2, 0, 2, 3, 500_000, UTC)
    assert found.problems == ()


def test_header_and_name_win_over_the_side_file(make_fits: FitsMaker) -> None:
    """The header's HFR stands first, the name's stars next, and the side file's error fills the rest."""
    path = make_fits([*NINA, "HFR     = 3.5"], "x_STARS_77.fits")
    write_table(path.parent, line("x_STARS_77.fits"))
    reported = read_frame(path).reported
    assert (reported.hfr_px, reported.star_count, reported.rms_arcsec) == (3.5, 77, 0.55)


def test_zero_is_how_the_plug_in_says_failed(make_fits: FitsMaker) -> None:
    """An HFR or a guiding error of 0, NaN and a gain of -1 say nothing; neither do zero stars."""
    path = make_fits(NINA, "a.fits")
    write_table(path.parent, line("a.fits", stars="0", hfr="0", rms="NaN", offset="-1"))
    found = read_frame(path)
    assert found.reported.model_dump(exclude_none=True) == {}
    assert found.metadata.offset is None
    assert found.problems == ()


def test_a_renamed_extension_and_json_are_found(make_fits: FitsMaker) -> None:
    """The image is found by its name without folder and extension, in the JSON form as well."""
    path = make_fits(NINA, "A.fits")
    rows = [{"FilePath": "D:/x/a.xisf", "HFR": 2.5, "DetectedStars": 10, "GuidingRMSArcSec": "NaN"}, 5]
    (path.parent / "ImageMetaData.json").write_text(json.dumps(rows))
    found = read_frame(path)
    assert (found.reported.hfr_px, found.reported.star_count, found.reported.rms_arcsec) == (2.5, 10, None)


def test_one_bad_line_costs_no_other(make_fits: FitsMaker) -> None:
    """A torn line is a problem of the image that has no row; its neighbours keep theirs."""
    path, lost = make_fits(NINA, "a.fits"), make_fits(NINA, "b.fits")
    write_table(path.parent, line("a.fits", hfr="two"), "5,D:\\b.fits,OI")
    assert read_frame(path).reported.star_count == 812
    assert read_frame(path).problems == ("the side file's HFR 'two' is not a number",)
    assert read_frame(lost).problems == ("ImageMetaData.csv line 3 has 3 cells, not 19",)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("ImageMetaData.csv", b"", "has no column FilePath"),
        ("ImageMetaData.csv", b"A,B\n1,2\n", "has no column FilePath"),
        ("ImageMetaData.csv", b"FilePath,HFR\n" + b"x" * 200_000 + b",2\n", "cannot be read"),
        ("ImageMetaData.json", b"{", "cannot be read"),
        ("ImageMetaData.json", b"[" * 100_000, "cannot be read"),
        ("ImageMetaData.json", b"{}", "is not a list"),
        ("ImageMetaData.json", b"[1, 2]", "2 entries have no FilePath"),
    ],
)
def test_damaged_tables_are_noted(make_fits: FitsMaker, name: str, content: bytes, problem: str) -> None:
    """A table that cannot be used is said in one sentence, and the image is read."""
    path = make_fits(NINA)
    (path.parent / name).write_bytes(content)
    (noted,) = read_frame(path).problems
    assert problem in noted


def test_a_table_beyond_the_limit_is_not_read(make_fits: FitsMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A side file larger than any night's is refused by its size."""
    monkeypatch.setattr(ninafiles, "MAX_BYTES", 100)
    path = make_fits(NINA)
    write_table(path.parent, line("frame.fits"))
    assert "was not read" in read_frame(path).problems[0]


def test_a_folder_is_looked_at_seldom_and_a_growing_table_is_seen(
    make_fits: FitsMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two looks nothing is asked of the disk; afterwards a changed table is read anew, an equal one is kept."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    looks, reads = Mock(side_effect=ninafiles._signature), Mock(side_effect=ninafiles._read)
    monkeypatch.setattr(ninafiles, "_signature", looks)
    monkeypatch.setattr(ninafiles, "_read", reads)
    path = make_fits(NINA, "a.fits")
    for _ in range(50):
        assert side_row(path) == (None, ())
    assert (looks.call_count, reads.call_count) == (1, 0)
    write_table(path.parent, line("b.fits"))
    clock[0] += ninafiles.LOOK_FOR_NEW_S
    assert side_row(path)[0] is None
    write_table(path.parent, line("b.fits"), line("a.fits"))
    clock[0] += ninafiles.LOOK_AGAIN_S
    row, _ = side_row(path)
    assert row is not None
    assert row["HFR"] == "2.31"
    clock[0] += ninafiles.LOOK_AGAIN_S
    assert side_row(path)[0] is row
    assert (looks.call_count, reads.call_count) == (4, 2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_a_file_is_a_table(make_fits: FitsMaker) -> None:
    """A named pipe or a folder of that name is passed over, so that no reader waits for it."""
    path = make_fits(NINA)
    os.mkfifo(path.parent / "ImageMetaData.csv")
    (path.parent / "ImageMetaData.json").mkdir()
    assert read_frame(path).problems == ()


def test_few_folders_are_remembered(tmp_path: Path) -> None:
    """The memory of folders is bounded, however many are visited."""
    for number in range(200):
        side_row(tmp_path / str(number) / "a.fits")
    assert len(ninafiles._tables) == ninafiles._MAX_FOLDERS


@given(
    st.dictionaries(st.sampled_from(COLUMNS.split(",")), st.one_of(st.text(), st.floats(), st.integers(), st.none()))
)
def test_no_row_makes_the_reader_raise(row: dict[str, object]) -> None:
    """Whatever a row holds, known facts stay and problems are few."""
    facts, problems = with_row(PathFacts(hfr_px=1.0), row)
    assert facts.hfr_px == 1.0
    assert len(problems) <= 3


def test_the_example_pattern_is_read_back() -> None:
    """A person's own pattern gives every fact that its tokens carry."""
    own = compile_pattern(
        r"$$DATEMINUS12$$\$$TARGETNAME$$\$$IMAGETYPE$$\$$DATETIME$$_$$FILTER$$_$$SENSORTEMP$$C_$$EXPOSURETIME$$s"
        r"_G$$GAIN$$_O$$OFFSET$$_$$BINNING$$_HFR$$HFR$$_S$$STARCOUNT$$_R$$RMSARCSEC$$_$$FRAMENR$$"
    )
    name = "2024-01-02_01-02-03_L-eXtreme_-10.00C_300.00s_G100_O50_1x1_HFR2.31_S812_R0.61_0004.fits"
    found = facts_from_path(f"D:\\Astro\\2024-01-01\\M_31 Panel 2\\LIGHT\\{name}", (own,))
    assert (found.object_name, found.frame_type, found.filter) == ("M_31 Panel 2", FrameType.LIGHT, "L-eXtreme")
    assert (found.exposure_s, found.gain, found.offset, found.x_binning) == (300.0, 100.0, 50.0, 1)
    assert (found.hfr_px, found.star_count, found.rms_arcsec, found.sensor_temp_c) == (2.31, 812, 0.61, -10.0)
    assert (found.night, found.local_time) == (date(2024, 1, 1), datetime(2024, 1, 2, 1, 2, 3))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("pattern", "name", "local"),
    [
        ("$$DATE$$_$$TIME$$_$$FRAMENR$$", "2024-01-02_01-02-03_0001.fits", datetime(2024, 1, 2, 1, 2, 3)),  # noqa: DTZ001
        ("$$DATEMINUS12$$_$$TIME$$", "2023-12-31_01-02-03.fits", datetime(2024, 1, 1, 1, 2, 3)),  # noqa: DTZ001
        ("$$DATEMINUS12$$_$$TIME$$", "2023-12-31_21-02-03.fits", datetime(2023, 12, 31, 21, 2, 3)),  # noqa: DTZ001
    ],
)
def test_day_and_clock_apart_make_a_time(pattern: str, name: str, local: datetime) -> None:
    """A night and a clock after midnight are the next day's, over the end of a year as well."""
    found = facts_from_path(name, (compile_pattern(pattern),))
    assert found.local_time == local


def test_empty_values_and_unknown_tokens_say_nothing() -> None:
    """N.I.N.A. leaves a value out where it knows none; tokens without a fact are passed over."""
    own = compile_pattern("$$TARGETNAME$$_$$FILTER$$_HFR$$HFR$$_$$SQM$$_$$SEQUENCETITLE$$_$$FRAMENR$$")
    found = facts_from_path("M 31__HFR_21.2_night one_0001.fits", (own,))
    assert (found.object_name, found.filter, found.hfr_px, found.program) == ("M 31", None, None, "N.I.N.A.")


def test_a_name_of_another_pattern_is_read_as_before() -> None:
    """Where a person's pattern does not fit, the known ones are tried."""
    own = compile_pattern("$$TARGETNAME$$_X_$$FRAMENR$$")
    found = facts_from_path("Light_M 94_10.0s_IRCUT_20250326-212057.fit", (own,))
    assert (found.program, found.object_name) == ("Seestar", "M 94")


def test_patterns_of_the_settings_reach_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern in nightbus.toml is part of what readers are told; a text that is none is one sentence."""
    config = tmp_path / "nightbus.toml"
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(config))
    config.write_text("[scanner]\nnina_file_patterns = ['$$TARGETNAME$$_X_$$FRAMENR$$']\n")
    known = Knowledge.from_json(Knowledge.of(load_settings()).to_json())
    assert facts_from_path("M 31_X_1.fits", known.name_patterns()).object_name == "M 31"
    config.write_text("[scanner]\nnina_file_patterns = ['x']\n")
    with pytest.raises(UserError, match=r"setting scanner\.nina_file_patterns: 'x' is no"):
        Knowledge.of(load_settings())


@pytest.mark.parametrize("text", ["", "no tokens", "$$A$$" * 40, "$$TARGETNAME$$" + "x" * 600])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    """A text without tokens, or too long, is answered with a sentence."""
    with pytest.raises(ValueError, match="file pattern: it needs tokens"):
        compile_pattern(text)


def test_a_hostile_name_costs_no_time() -> None:
    """Many tokens and a long name without an end are given up at once."""
    own = compile_pattern("_".join(["$$TARGETNAME$$", "$$FILTER$$", *["$$SQM$$-$$CAMERA$$"] * 10]) + "!")
    assert facts_from_path("_-" * 120 + ".fits", (own,)).program is None


def test_side_files_of_other_rights_are_noted(make_fits: FitsMaker) -> None:
    """A table that may not be read is a problem of the image, not a failure."""
    path = make_fits(NINA)
    write_table(path.parent, line("frame.fits"))
    table = path.parent / "ImageMetaData.csv"
    table.chmod(0)
    if os.access(table, os.R_OK):
        pytest.skip("this user may read everything")
    assert "cannot be read" in read_frame(path).problems[0]
