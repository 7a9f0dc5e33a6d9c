"""The whole corpus of real captures, and exact values of files that were read by hand."""

# ruff: noqa: E501  (tables of expected values read best unbroken)

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Permanent
from shared.events.frame import FrameType
from shared.frames import FrameFacts, read_frame
from shared.frames.fits import read_fits
from shared.frames.format import FileFormat
from shared.frames.source import PlainSource

EXPECTED: dict[str, dict[str, Any]] = {
    "seestar_s50/Light_M 94_10.0s_IRCUT_20250326-212057.fit": {
        "frame_type": FrameType.LIGHT, "object_name": "M 94", "exposure_s": 10.0, "filter": "IRCUT", "gain": 80.0,
        "sensor_temp_c": 25.375, "rig": "S50_1d3fe189", "night": date(2025, 3, 26), "ra_deg": pytest.approx(192.74564),
        "observed_at": datetime(2025, 3, 27, 1, 20, 44, 228809, UTC),
    },
    "seestar_s50/Light_M 94_10.0s_IRCUT_20250327-014525.fit": {"night": date(2025, 3, 26), "sensor_temp_c": 17.875},
    "seestar_s50/Light_M 94_10.0s_IRCUT_20250409-225516.fit": {
        "night": date(2025, 4, 9), "rig": "S50_12d98769", "observed_at": datetime(2025, 4, 9, 20, 55, 3, 773743, UTC),
    },
    "seestar_s50/02.fit": {"object_name": "M 42", "rig": "Seestar S50", "focal_ratio": 5.0, "night": date(2024, 12, 4)},
    "seestar_s50/Light_NGC 7023_20.0s_IRCUT_20250630-023420.fit": {"exposure_s": 20.0, "night": date(2025, 6, 29)},
    "seestar_s50/Light_NGC 7023_10.0s_IRCUT_20240730-224436.fit": {"rig": "Seestar S50", "night": date(2024, 7, 30)},
    "voyager_2_1_1e/Target_LIGHT_7350_3s_BIN1_-15C_001_20190513_214817_006_W.FIT": {
        "frame_type": FrameType.LIGHT, "object_name": "Target", "exposure_s": 3.0, "filter": "R", "set_temp_c": -15.0,
        "ra_deg": pytest.approx(197.3909583), "dec_deg": pytest.approx(56.8378222), "night": date(2019, 5, 13),
        "site_longitude_deg": pytest.approx(-78.8058333), "pixel_scale_arcsec": 0.5599,
    },
    "maxim_dl/flattest.fit": {"frame_type": FrameType.BIAS, "exposure_s": 0.0, "night": date(2012, 2, 5)},
    "maxim_dl/darktest1.fit": {"frame_type": FrameType.DARK, "exposure_s": 30.0, "set_temp_c": -35.0},
    "maxim_dl/aspen_trimmed.fit": {"frame_type": FrameType.FLAT, "object_name": None, "focal_length_mm": None, "filter": "R"},
    "maxim_dl/maximdl_5_23_header.fit": {
        "frame_type": FrameType.LIGHT, "object_name": "ngc-6946", "focal_ratio": 8.18, "rig": "FEDER@f8.2+Apogee USB/Net",
        "pixel_scale_arcsec": 0.5583, "ra_deg": pytest.approx(308.7333333),
    },
    "maxim_dl/center_cutout_1.fits": {
        "filter": "R", "filter_raw": "r", "ra_deg": pytest.approx(348.992625), "focal_ratio": 8.0, "exposure_s": 90.0,
    },
    "artemis_capture_atik/STAR_FOCUS_1.fits": {
        "frame_type": FrameType.LIGHT, "filter": "Position 3", "camera": "ATIK-383L: fw rev 3.27", "pixel_size_um": 5.4,
    },
    "sbig_ccdops/neon-on-dome-10-sec-high-res-though-scope.fit": {
        "frame_type": FrameType.LIGHT, "exposure_s": 10.0, "filter": None, "filter_raw": "None", "focal_ratio": 8.0,
        "rig": "DFM 16@f8+SBIG ST-7", "observed_at": datetime(2013, 1, 28, 3, 8, 12, tzinfo=UTC),
    },
    "phd2/HFD.1.fits": {"frame_type": FrameType.OTHER, "exposure_s": 2.0, "pixel_scale_arcsec": 3.57526},
    "panoptes_pocs_dslr_fits/tiny.fits": {
        "frame_type": FrameType.LIGHT, "exposure_s": 120.4, "filter": None, "bayer_pattern": "RGGB",
    },
    "ekos_indi_capture_re_saved_by_pixinsight/ngc4535-autofocus1.fits": {
        "frame_type": FrameType.LIGHT, "object_name": "NGC_4492", "filter": "LP", "x_binning": 2, "pixel_size_um": 7.6,
        "pixel_scale_arcsec": 2.666463, "night": date(2020, 4, 12),
    },
    "ekos_indi_capture_re_saved_by_pixinsight/Kocab.fits": {
        "frame_type": FrameType.LIGHT, "filter": "UVIR", "x_binning": 4, "pixel_size_um": 15.04, "focal_ratio": 5.44,
    },
    "ekos_kstars_indi_ccd_simulator/m47_sim_stars.fits": {"object_name": "M 47", "ra_deg": 114.1438, "filter": "LP"},
    "pixinsight_fits/M51.16.Mono.fits": {"frame_type": FrameType.PROCESSED, "filter": "L"},
    "pixinsight_fits/NGC3344.Color.F32.fits": {"frame_type": FrameType.PROCESSED, "width_px": 256, "height_px": 256},
    "astro_pixel_processor/bahtinov-focus.fits": {"frame_type": FrameType.PROCESSED, "observed_at": None, "camera": None},
    "jsol_ex/fe5302-misidentified.fits": {
        "object_name": "Sun", "x_binning": 2, "observed_at": datetime(2026, 7, 28, 12, 11, 53, 393681, UTC),
    },
    "iraf_ystar/long.fits": {
        "object_name": "T07490", "observed_at": datetime(2002, 7, 26, 19, 36, 37, tzinfo=UTC), "filter": "R",
        "ra_deg": pytest.approx(232.14875), "dec_deg": 0.0,
    },
    "chimera_iraf_sbig/teste-sem-wcs.fits": {"frame_type": FrameType.LIGHT, "ra_deg": None, "exposure_s": 1.0},
    "dss_plate_scan_stsci/HorseHead.fits": {"frame_type": FrameType.OTHER, "site_longitude_deg": pytest.approx(149.066)},
    "professional_mef/gmos.fits": {"object_name": "LTT7379", "width_px": 200, "height_px": 150},
    "professional_fz/CFHTLS_03_g_sci.fits.fz": {"width_px": 401, "height_px": 401},
    "xisf_pixinsight/test_lz4.xisf": {
        "frame_type": FrameType.LIGHT, "filter": "R", "exposure_s": 1.0, "gain": 90.0, "focal_ratio": 4.0, "width_px": 8,
        "height_px": 10,
    },
    "xisf_graxpert_python_xisf/color_16bit.xisf": {"frame_type": FrameType.PROCESSED, "software": "GraXpert"},
    "side_file_ser_avi/2026-05-23T19-56-44.ser": {
        "frame_type": FrameType.OTHER, "camera": "ZWO CCD ASI715MC", "width_px": 3864, "height_px": 2192,
        "observed_at": datetime(2026, 5, 23, 16, 56, 44, 907436, UTC), "night": date(2026, 5, 23),
    },
    "nom_tam_fits_astroimagej_tests/issue49test.fits": {"filter": None, "filter_raw": None},
    "side_file_tiff/mono_16bit.tiff": {"frame_type": FrameType.OTHER},
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_values_of_real_captures(corpus: Path, name: str) -> None:
    """A real capture gives exactly the values that its header was read to say."""
    metadata = read_frame(corpus / name, relative_path=name).metadata
    assert {key: getattr(metadata, key) for key in EXPECTED[name]} == EXPECTED[name]


_PLACES = {"M 94": (192.7214, 41.1206), "M 42": (83.8187, -5.3897), "NGC 7023": (315.4035, 68.1633)}


def test_seestars_stand_where_their_object_is(corpus: Path) -> None:
    """Every Seestar file's centre is within 0.06 degrees of its object, one framed beside the Trapezium excepted."""
    far: dict[str, float] = {}
    for path in sorted((corpus / "seestar_s50").glob("*.fit")):
        found = read_frame(path).metadata
        assert found.ra_deg is not None
        assert found.dec_deg is not None
        ra, dec = _PLACES[str(found.object_name)]
        far[path.name] = math.hypot((found.ra_deg - ra) * math.cos(math.radians(dec)), found.dec_deg - dec)
    # Its brightest stars lie 0.15 degrees from the middle of the image, too.
    assert far.pop("02.fit") == pytest.approx(0.16, abs=0.01)
    assert max(far.values()) < 0.06
    assert len(far) == 10


def test_every_file_is_read_or_refused_in_a_sentence(corpus: Path) -> None:
    """Each file of the corpus gives facts, or one sentence without its path; almost all give facts."""
    outcomes: list[FrameFacts | str] = []
    for path in sorted(corpus.glob("*/*")):
        try:
            outcomes.append(read_frame(path, relative_path=str(path.relative_to(corpus))))
        except Permanent as refused:
            outcomes.append(str(refused))
    facts = [outcome for outcome in outcomes if isinstance(outcome, FrameFacts)]
    sentences = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert all(sentence and str(corpus) not in sentence for sentence in sentences)
    assert len(facts) >= 101
    assert all(all(len(card) <= 80 and card.isascii() for card in found.header_cards) for found in facts)


def test_no_capture_of_the_corpus_is_called_truncated(corpus: Path) -> None:
    """Every FITS file holds at least what its headers declare, and the layout says complete."""
    for path in sorted(corpus.glob("*/*")):
        if path.parent.name != "headers" and path.suffix.lower() in (".fits", ".fit", ".fz", ".gz"):
            found = read_frame(path)
            assert found.image is None or found.image.complete, path.name
            assert not any(problem.startswith("truncated") for problem in found.problems), path.name


def test_the_structure_of_a_multi_extension_file(corpus: Path) -> None:
    """Without a primary image the first image extension is chosen, behind its own header."""
    with PlainSource(corpus / "professional_mef" / "gmos.fits") as source:
        found = read_fits(source, FileFormat.FITS)
    assert found.image is not None
    assert (found.image.hdu_index, found.image.width, found.image.height) == (1, 200, 150)
