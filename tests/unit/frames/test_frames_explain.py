"""Where every value came from: the words of `inspect --explain`, and that nobody else pays for them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from shared.frames import read_frame
from shared.frames.provenance import Explanation, explain_frame
from shared.frames.read import FrameFacts
from tests.unit.frames.conftest import photograph

FitsMaker = Callable[..., Path]


def known(facts: FrameFacts) -> set[str]:
    """The names of the values that a frame has."""
    values = {name for name, value in facts.metadata if value is not None}
    return values | {f"reported.{name}" for name, value in facts.reported if value is not None}


def test_every_value_of_every_capture_is_explained(corpus: Path) -> None:
    """Each known value of each real capture has one explanation, and absent values have none."""
    for path in sorted(corpus.glob("*/*")):
        if path.parent.name == "headers" or path.suffix == ".wcs":
            continue
        name = str(path.relative_to(corpus))
        found = explain_frame(path, relative_path=name)
        assert set(found) == known(read_frame(path, relative_path=name)), name
        assert all(why.detail for why in found.values()), name


def test_keywords_named_by_an_explanation_are_in_the_header(corpus: Path) -> None:
    """The origin ``header`` names a keyword that the file really has."""
    path = corpus / "seestar_s50" / "Light_M 94_10.0s_IRCUT_20250326-212057.fit"
    keywords = {card[:8].strip() for card in read_frame(path).header_cards}
    named = [why.detail.split(" ")[0] for why in explain_frame(path).values() if why.origin == "header"]
    assert len(named) > 12
    assert set(named) <= keywords


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("exposure_s", Explanation("header", "EXPTIME")),
        ("observed_at", Explanation("header", "DATE-OBS")),
        ("night", Explanation("computed", "from observed_at and site_longitude_deg")),
        ("pixel_scale_arcsec", Explanation("computed", "from pixel_size_um and focal_length_mm")),
        ("focal_ratio", Explanation("header", "APERTURE (Seestar: APERTURE holds the focal ratio)")),
        ("width_px", Explanation("file", "the size of the image")),
        ("filter", Explanation("computed", "from filter_raw")),
    ],
)
def test_a_seestars_values(corpus: Path, field: str, expected: Explanation) -> None:
    """Real header: keywords, rules and computations are told apart."""
    path = corpus / "seestar_s50" / "Light_M 94_10.0s_IRCUT_20250326-212057.fit"
    assert explain_frame(path)[field] == expected


def test_names_folders_and_rules(make_fits: FitsMaker) -> None:
    """What the path says is told by its part, and what the program's habit says by its rule."""
    name = "C8E@f6.3+ASI533MM/M 51/accept/DATE_2023-12-07/FILTER_Ha_EXP_120.00/2023-12-07_20-56-01_HFR_2.52.fits"
    path = make_fits(["SWCREATE= 'N.I.N.A. 3.2'"], name)
    found = explain_frame(path, relative_path=name)
    assert found["frame_type"] == Explanation("dialect rule", "N.I.N.A.: a frame that names no type is LIGHT")
    assert found["object_name"].origin == found["filter_raw"].origin == found["night"].origin == "folder"
    assert found["reported.hfr_px"].origin == "file name"
    stamped = make_fits([], "Light_M 94_10.0s_IRCUT_20250326-212057.fit")
    assert explain_frame(stamped)["night"] == Explanation("file name", "the pattern of Seestar")


def test_the_side_file_and_the_tables_are_named(make_fits: FitsMaker) -> None:
    """Facts of N.I.N.A.'s side file and of the equipment tables say so."""
    path = make_fits(["INSTRUME= 'ZWO ASI2600MM Pro'", "XBINNING= 1", "IMAGETYP= 'LIGHT'"], "a.fits")
    (path.parent / "ImageMetaData.csv").write_text("FilePath,HFR,Gain\nC:\\a.fits,2.5,100\n")
    found = explain_frame(path)
    assert found["reported.hfr_px"] == found["gain"] == Explanation("side file", "ImageMetaData")
    assert found["pixel_size_um"].origin == "equipment table"


def test_computed_values_name_their_keywords(make_fits: FitsMaker) -> None:
    """Precession, split dates and unsigned longitudes name every keyword that went in."""
    cards = ["SWCREATE= 'SharpCap'", "RA      = 10.0", "DEC     = 20.0", "EQUINOX = 2025.2"]
    found = explain_frame(make_fits([*cards, "DATE-OBS= '2025-03-19'", "TIME-OBS= '22:51:59'"]))
    assert found["ra_deg"] == Explanation("computed", "from RA, EQUINOX")
    assert found["observed_at"] == Explanation("computed", "from DATE-OBS, TIME-OBS")
    of_date = explain_frame(make_fits([*cards[:3], "DATE-OBS= '2025-03-19T22:51:59'"]))
    assert of_date["dec_deg"].detail.startswith("DEC (SharpCap: RA and DEC are of the EQUINOX card's date")


def test_a_solved_place_names_the_solution(corpus: Path) -> None:
    """The place of a solved Seestar image comes from the reference point of its solution."""
    found = explain_frame(corpus / "seestar_s50" / "Light_NGC 7023_10.0s_IRCUT_20240730-224436.fit")
    assert found["ra_deg"].detail.startswith("CRVAL1 (Seestar: RA and DEC are of")
    assert found["dec_deg"].origin == "header"


def test_the_total_of_a_live_stack_is_its_exptime(make_fits: FitsMaker) -> None:
    """SharpCap writes the total into EXPTIME and one exposure into SUBEXP: each value names its own keyword."""
    found = explain_frame(make_fits(["SWCREATE= 'SharpCap'", "EXPTIME = 280", "SUBEXP  = 8"]))
    assert found["total_exposure_s"] == Explanation("header", "EXPTIME")
    assert "SUBEXP" in found["exposure_s"].detail


def test_keywords_that_cannot_be_used_are_not_named(make_fits: FitsMaker) -> None:
    """Where a keyword holds nothing that can be read, the explanation names the one that answered."""
    cards = ["RA      = 'lost'", "DEC     = 5.0", "OBJCTRA = '10 00 00'", "OBJCTDEC= '5 00 00'"]
    cards += ["DATE-OBS= 'N/A'", "FILTER  = ''", "FILT    = 'Ha'", "SITELAT = 'N/A'", "LATITUDE= 30.0", "SITELONG= 8.5"]
    found = explain_frame(make_fits([*cards, "BINNING = 'no'", "BIN1    = 2", "MJD-OBS = 60000.5"]))
    assert found["ra_deg"] == Explanation("header", "OBJCTRA")
    assert found["dec_deg"] == Explanation("header", "OBJCTDEC")
    assert found["observed_at"] == Explanation("header", "MJD-OBS")
    assert found["filter_raw"] == Explanation("header", "FILT")
    assert found["x_binning"] == Explanation("header", "BIN1")
    assert found["site_latitude_deg"] == Explanation("header", "LATITUDE")


def test_pictures_are_explained_too(tmp_path: Path) -> None:
    """A picture's facts are the name's or the file's."""
    path = tmp_path / "Stacked_187_NGC 6027A_10.0s_IRCUT_20250514-004835.jpg"
    Image.new("RGB", (8, 6)).save(path)
    found = explain_frame(path)
    assert found["object_name"] == Explanation("file name", "the pattern of Seestar")
    assert found["night"].origin == "file name"
    assert found["filter_raw"] == Explanation("file name", "the pattern of Seestar")
    assert found["width_px"].origin == "file"
    plain = tmp_path / "IMG_1.jpg"
    path.rename(plain)
    assert explain_frame(plain)["frame_type"] == Explanation("file", "the kind of file, JPEG")


def test_a_photographs_values_name_their_exif_tags(tmp_path: Path) -> None:
    """Each value that EXIF gives names the tag, and the zone where it needed one."""
    path = tmp_path / "Light_M 31_10.0s_LP_20250514-004835.jpg"
    photograph(path, {272: "D850"}, {36867: "2024:08:12 23:10:05", 33434: 30.0, 34855: 1600, 37386: 530.0})
    found = explain_frame(path, source_zone="Europe/Berlin")
    assert found["exposure_s"] == Explanation("header", "EXIF ExposureTime")
    assert found["gain"] == Explanation("header", "EXIF ISOSpeedRatings")
    assert found["focal_length_mm"] == Explanation("header", "EXIF FocalLength")
    assert found["camera"] == Explanation("header", "EXIF Model")
    assert found["night"] == Explanation("header", "EXIF DateTimeOriginal")
    assert found["observed_at"] == Explanation("computed", "from EXIF DateTimeOriginal, Europe/Berlin")
    assert found["object_name"].origin == found["filter_raw"].origin == "file name"


def test_explaining_changes_nothing(corpus: Path) -> None:
    """The values of an explained read are those of a plain one, problems included."""
    from shared.frames.trace import Trace

    for folder in ("seestar_s50", "maxim_dl", "voyager_2_1_1e", "panoptes_pocs_dslr_fits", "iraf_ystar"):
        for path in sorted((corpus / folder).glob("*")):
            plain, traced = read_frame(path), read_frame(path, trace=Trace())
            assert (plain.metadata, plain.reported, plain.problems) == (
                traced.metadata,
                traced.reported,
                traced.problems,
            )
