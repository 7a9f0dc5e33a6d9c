"""What the rows of the dialect table are tried on: headers made from the contracts, dumps of real ones, real captures."""

# ruff: noqa: E501  (tables of expected values read best unbroken)

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.events.frame import FrameType

SEESTAR = [
    "CREATOR = 'ZWO Seestar S50'",
    "INSTRUME= 'Seestar S50'",
    "TELESCOP= 'S50_1a2b3c4d'",
    "FOCALLEN= 250",
    "APERTURE= 5.",
]
SHARPCAP = ["SWCREATE= 'SharpCap v4.1.11387.0'", "DATE-OBS= '2025-03-20T22:00:00.1234567'", "EQUINOX = 2025.215"]
NINA = ["SWCREATE= 'N.I.N.A. 3.2.0.2008 (x64)'", "IMAGETYP= 'LIGHT'", "EXPTIME = 300.0"]

Case = tuple[str, str, list[str], dict[str, Any], dict[str, Any]]

CONTRACTS: list[Case] = [
    (
        "Seestar",
        "Light_x_10.0s_IRCUT_20250326-212057.fit",
        [*SEESTAR, "IMAGETYP= 'Light'", "EXPTIME = 10.", "TOTALEXP= 10.", "FILTER  = 'IRCUT'"],
        {},
        {
            "frame_type": FrameType.LIGHT,
            "rig": "S50_1a2b3c4d",
            "focal_ratio": 5.0,
            "stack_count": None,
            "filter": "IRCUT",
        },
    ),
    (
        "Seestar",
        "Stacked_5_x_10.0s_20250326-212057.fit",
        [*SEESTAR, "IMAGETYP= 'Light'", "EXPTIME = 10.", "BAYERPAT= 'GRBG'"],
        {"planes": 3},
        {"frame_type": FrameType.STACK, "exposure_s": 10.0, "bayer_pattern": None},
    ),
    (
        "Seestar",
        "s30.fit",
        ["INSTRUME= 'imx585'", "TELESCOP= 'S30Pro_1a2b3c4d'", "IMAGETYP= 'Light'", "EXPTIME = 20."],
        {},
        {"frame_type": FrameType.LIGHT, "rig": "S30Pro_1a2b3c4d", "camera": "Seestar S30 Pro"},
    ),
    (
        "DWARF II",
        "0001.fits",
        ["TELESCOP= 'DWARFII'", "EXP     = 15.", "RA      = 5.5", "DEC     = -5.4", "BINNING = '2*2'"],
        {},
        {"ra_deg": 82.5, "dec_deg": -5.4, "exposure_s": 15.0, "x_binning": 2, "rig": "DWARFII"},
    ),
    (
        "ASIAIR",
        "Light_M 13_30.0s_Bin1_gain100_20250824-213032.fit",
        ["CREATOR = 'ZWO ASIAIR Plus'", "EXPOSURE= 30000", "IMAGETYP= 'Light'"],
        {},
        {"exposure_s": 30.0, "total_exposure_s": 30.0},
    ),
    (
        "Vaonis",
        "img-0001.fits",
        ["TELESCOP= 'Stellina'", "EXPOSURE= 10000"],
        {},
        {"frame_type": FrameType.LIGHT, "exposure_s": 10.0, "rig": "Stellina"},
    ),
    (
        "Vaonis",
        "img-0002.fits",
        ["ORIGIN  = 'Vaonis'", "TELESCOP= 'Vaonis Vespera II'", "EXPTIME = 10.0"],
        {},
        {"frame_type": FrameType.LIGHT, "exposure_s": 10.0, "rig": "Vespera II", "focal_length_mm": 250.0},
    ),
    (
        "Unistellar",
        "frame_00012.fits",
        ["ORIGIN  = 'Unistellar'", "EXPTIME = 3.97", "FOVRA   = 83.82", "FOVDEC  = -5.39", "LATITUDE= 43.3", "LONGITUD= 5.37",
         "DATE-OBS= '2024-01-10T20:00:00'", "SOFTVER = '4.1'"],
        {},
        {"frame_type": FrameType.LIGHT, "ra_deg": 83.82, "dec_deg": -5.39, "site_longitude_deg": 5.37,
         "night": date(2024, 1, 10)},
    ),
    (
        "Unistellar",
        "frame_00013.fits",
        ["TELESCOP= 'eVscope 2'", "EXPTIME = 3.97", "DATE-AVG= '2024-01-10T20:00:01.985'"],
        {},
        {"frame_type": FrameType.LIGHT, "rig": "eVscope 2", "focal_length_mm": 450.0,
         "observed_at": datetime(2024, 1, 10, 20, 0, tzinfo=UTC)},
    ),
    (
        "Celestron Origin",
        "Light_0001.fits",
        ["INSTRUME= 'Origin'", "TELESCOP= 'Celestron Origin'", "EXPOSURE= 10.0", "DATE-OBS= '2025-08-31T20:40:32'",
         "TIMEZONE= '-0700'", "FOCALLEN= 335.0", "XPIXSZ  = 2.4"],
        {},
        {"frame_type": FrameType.LIGHT, "rig": "Celestron Origin", "observed_at": datetime(2025, 9, 1, 3, 40, 32, tzinfo=UTC),
         "night": date(2025, 8, 31), "camera": "Celestron Origin"},
    ),
    (
        "Celestron Origin",
        "Light_0002.fits",
        ["CREATOR = 'Celestron Origin'", "TELESCOP= 'Celestron Origin'", "DATE-OBS= '2025-09-01T05:40:32-07:00'"],
        {},
        {"observed_at": datetime(2025, 9, 1, 12, 40, 32, tzinfo=UTC), "night": date(2025, 8, 31)},
    ),
    (
        "DWARF mini",
        "M 31_60s60_Astro_20251018-051725998_15C.fits",
        ["TELESCOP= 'DWARF mini'", "EXPTIME = 60", "DATE-OBS= '2025-10-18T05:17:25.998' / Time end of exposure"],
        {},
        {"frame_type": FrameType.LIGHT, "rig": "DWARF mini", "night": date(2025, 10, 17), "focal_ratio": 5.0,
         "observed_at": datetime(2025, 10, 18, 5, 16, 25, 998000, UTC)},
    ),
    (
        "N.I.N.A.",
        "a.fits",
        [
            *NINA,
            "TELESCOP= 'C8E'",
            "FOCALLEN= 1280",
            "FOCRATIO= 6.3",
            "INSTRUME= 'ASI533MM'",
            "OBJECT  = 'M 45 Panel 2'",
        ],
        {},
        {"rig": "C8E@f6.3+ASI533MM", "panel": "2", "object_name": "M 45 Panel 2", "total_exposure_s": 300.0},
    ),
    (
        "N.I.N.A.",
        "b.fits",
        [*NINA, "OBJCTRA = '00 00 00'", "OBJCTDEC= '+00 00 00'", "SITELAT = 0", "SITELONG= 0", "FILTER  = ''"],
        {},
        {"ra_deg": None, "dec_deg": None, "site_latitude_deg": None, "filter": None, "filter_raw": None},
    ),
    (
        "SGP",
        "a.fit",
        [
            "CREATOR = 'Sequence Generator Pro v4'",
            "EXPOSURE= 30",
            "IMAGETYP= 'LIGHT'",
            "OBJCTRA = '18 53 34.930'",
            "OBJCTDEC= '+33 02 02.625'",
        ],
        {},
        {"exposure_s": 30.0, "ra_deg": pytest.approx(283.3955417), "dec_deg": pytest.approx(33.0340625)},
    ),
    (
        "SharpCap",
        "a.fits",
        [*SHARPCAP, "RA      = 180.0", "DEC     = 0.0", "EXPTIME = 8.0", "FRAMETYP= 'Light'"],
        {},
        {
            "ra_deg": pytest.approx(179.677, abs=0.002),
            "dec_deg": pytest.approx(0.1403, abs=0.001),
            "frame_type": FrameType.LIGHT,
        },
    ),
    (
        "SharpCap",
        "stack.fits",
        [*SHARPCAP, "EXPTIME = 280", "SUBEXP  = 8"],
        {},
        {"frame_type": FrameType.STACK, "exposure_s": 8.0, "total_exposure_s": 280.0, "stack_count": 35},
    ),
    (
        "TheSkyX",
        "a.fit",
        ["SWCREATE= 'TheSkyX Professional'", "IMAGETYP= 'Tricolor Image'", "EXPTIME = '10.0'"],
        {},
        {"frame_type": FrameType.LIGHT, "exposure_s": 10.0},
    ),
    (
        "BackyardEOS",
        "a.fit",
        ["SWCREATE= 'BackyardEOS'", "IMAGTYP = 'DARK'", "ISO     = 800"],
        {},
        {"frame_type": FrameType.DARK, "gain": 800.0},
    ),
    (
        "Siril",
        "result.fit",
        ["PROGRAM = 'Siril 1.2.0'", "EXPTIME = 10", "LIVETIME= 4250", "STACKCNT= 425", "IMAGETYP= 'Light'"],
        {},
        {"frame_type": FrameType.PROCESSED, "exposure_s": 10.0, "total_exposure_s": 4250.0, "stack_count": 425},
    ),
    (
        "Siril",
        "dark_stacked.fit",
        ["PROGRAM = 'Siril 1.2.0'", "EXPTIME = 60", "STACKCNT= 20", "IMAGETYP= 'Dark'"],
        {},
        {"frame_type": FrameType.MASTER_DARK, "stack_count": 20},
    ),
    (
        "Siril",
        "pp_light_00001.fit",
        ["PROGRAM = 'Siril 1.2.0'", "IMAGETYP= 'Light'"],
        {},
        {"frame_type": FrameType.PROCESSED},
    ),
    (
        "PixInsight",
        "m.fits",
        ["PROGRAM = 'PixInsight 1.8.9'", "IMAGETYP= 'Master Flat'", "FILTER  = 'Ha'"],
        {},
        {"frame_type": FrameType.MASTER_FLAT, "filter": "Ha"},
    ),
    (
        "PixInsight",
        "l.fits",
        ["PROGRAM = 'PixInsight 1.8.9'", "IMAGETYP= 'Master Light'"],
        {},
        {"frame_type": FrameType.PROCESSED},
    ),
    (
        "DeepSkyStacker",
        "Autosave.fits",
        ["SOFTWARE= 'DeepSkyStacker 5.1.8'", "NCOMBINE= 20", "EXPTIME = 6000.0", "DATE-OBS= '2025-03-26T21:20:00'"],
        {},
        {"frame_type": FrameType.PROCESSED, "exposure_s": 300.0, "total_exposure_s": 6000.0, "stack_count": 20},
    ),
    (
        "Ekos/INDI",
        "a.fits",
        ["FRAME   = 'Flat'", "PIXSIZE1= 3.8", "XBINNING= 2", "OBJCTRA = ' 0 06 23.27'", "OBJCTDEC= '89 51 41.95'"],
        {},
        {"frame_type": FrameType.FLAT, "pixel_size_um": 7.6, "dec_deg": pytest.approx(89.8616528), "x_binning": 2},
    ),
    (
        "PHD2",
        "a.fit",
        ["CREATOR = 'PHD2 Guiding 2.6.11'", "EXPOSURE= 2."],
        {},
        {"frame_type": FrameType.OTHER, "exposure_s": 2.0},
    ),
    ("POCS", "a.fits", ["CREATOR = 'POCSv0.1.1'", "FILTER  = 'RGGB'"], {}, {"filter": None, "bayer_pattern": "RGGB"}),
    (
        "unknown",
        "a.fit",
        ["CAMTEMP = '11 C'", "EXPTIME = 5", "LONGITUD= 110.88", "LATITUDE= 32.0"],
        {},
        {"sensor_temp_c": 11.0, "frame_type": FrameType.OTHER, "site_longitude_deg": None},
    ),
    ("unknown", "k.fit", ["CCD-TEMP= 180.2"], {}, {"sensor_temp_c": -92.95}),
    (
        "Seestar S30 Pro",
        "Light_M 31_20.0s_LP_20250812-231500.fit",
        ["INSTRUME= 'imx585'", "IMAGETYP= 'Light'", "EXPTIME = 20.", "FOCALLEN= 160", "APERTURE= 5.3"],
        {"width": 216, "height": 384},
        {"frame_type": FrameType.LIGHT, "object_name": "M 31", "focal_ratio": 5.3, "night": date(2025, 8, 12)},
    ),
    (
        "Seestar S30 Pro",
        "Stacked_30_M 31_20.0s_LP_20250812-231500.fit",
        ["IMAGETYP= 'Light'", "EXPTIME = 20."],
        {"planes": 3},
        {"frame_type": FrameType.STACK, "exposure_s": 20.0, "filter": "LP"},
    ),
    (
        "iTelescope",
        "Calibrated-iTelescope-Whale_Galaxy_NGC_55-900s-Red-5.fits",
        ["OWNER   = 'iTelescope'", "EXPTIME = 900.0", "FILTER  = 'Red'", "HIERARCH OBSTARGET = 'Whale Galaxy NGC 55'"],
        {},
        {"frame_type": FrameType.PROCESSED, "object_name": "Whale Galaxy NGC 55", "filter": "R", "observed_at": None},
    ),
    (
        "MaxIm DL",
        "raw-T31-user-NGC-5128-20150420-231234-Red-BIN1-W-300-001.fit",
        [
            "SWCREATE= 'MaxIm DL Version 6.27'", "OBJECT  = ' '", "TELESCOP= ' '", "OBSERVER= ' '", "INSTRUME= 'FLI'",
            "EXPTIME = 300.0", "IMAGETYP= 'Light Frame'", "FILTER  = 'Red'", "DATE-OBS= '2015-04-20T13:12:46.53'",
            "SITELAT = '-31 16 24'", "SITELONG= '149 04 11'",
        ],
        {},
        {
            "frame_type": FrameType.LIGHT, "object_name": "NGC-5128", "telescope": "T31", "exposure_s": 300.0,
            "x_binning": 1, "night": date(2015, 4, 20), "observed_at": datetime(2015, 4, 20, 13, 12, 46, 530000, UTC),
        },
    ),
    (
        "Slooh",
        "ngc3372_20260207_063727_0_re5tkp_l.fits",
        ["EXPTIME = 50"],
        {},
        {
            "frame_type": FrameType.LIGHT, "object_name": "ngc3372", "filter": "L",
            "observed_at": datetime(2026, 2, 7, 6, 37, 27, tzinfo=UTC), "night": date(2026, 2, 6),
        },
    ),
    (
        "Slooh",
        "teide5-2026-01-09T100627UTC-HQSxaD.fits",
        ["TELESCOP= 'Canary Two'", "OBJECT  = 'Barnard 33'", "EXPTIME = 50"],
        {},
        {"object_name": "Barnard 33", "observed_at": datetime(2026, 1, 9, 10, 6, 27, tzinfo=UTC)},
    ),
    (
        "MicroObservatory",
        "HATP32171220013343.FITS",
        ["CAMTEMP = 258.15", "LATITUDE= 31.68", "LONGITUD= 110.88", "EXPTIME = 60", "DATE-OBS= '2017-12-20T01:33:43'"],
        {},
        {
            "frame_type": FrameType.LIGHT, "object_name": "HATP32", "sensor_temp_c": -15.0, "site_longitude_deg": -110.88,
            "night": date(2017, 12, 19),
        },
    ),
    (
        "PixInsight",
        "masterDark_BIN-1_6248x4176_EXPOSURE-300.00s.fits",
        [
            "PROGRAM = 'PixInsight 1.8.9'", "IMAGETYP= 'Master Dark'", "EXPTIME = 300",
            "HISTORY ImageIntegration.numberOfImages: 25",
        ],
        {},
        {"frame_type": FrameType.MASTER_DARK, "exposure_s": 300.0, "total_exposure_s": 7500.0, "stack_count": 25},
    ),
    (
        "PixInsight",
        "masterFlat_BIN-1_6248x4176_FILTER-Ha_mono.fits",
        [],
        {},
        {"frame_type": FrameType.MASTER_FLAT, "filter": "Ha", "x_binning": 1},
    ),
    (
        "N.I.N.A.",
        "2025-09-16_20-23-31_Ha_-10.00_300.00s_0001_c.fits",
        [*NINA, "HISTORY Calibration with ImageCalibration process"],
        {},
        {"frame_type": FrameType.PROCESSED, "exposure_s": 300.0},
    ),
    (
        "SharpCap",
        "jnow.fits",
        ["SWCREATE= 'SharpCap v4.1.12946.0'", "DATE-OBS= '2025-03-19T22:51:59.3846323'", "RA      = 187.3498863705", "DEC     = 12.8925716003"],
        {},
        {"ra_deg": pytest.approx(187.031, abs=0.003), "dec_deg": pytest.approx(13.032, abs=0.003)},
    ),
    ("GraXpert", "g.fits", ["CREATOR = 'GraXpert'", "IMAGETYP= 'Light'"], {}, {"software": "GraXpert", "frame_type": FrameType.PROCESSED}),
]  # fmt: skip


DUMPS: list[tuple[str, str, str, dict[str, Any]]] = [
    (
        "Seestar", "seestar__seestar-typ-light2.txt", "Light_Sadr_10.0s_LP_20250715-002648.fit",
        {"frame_type": FrameType.LIGHT, "object_name": "Sadr", "exposure_s": 10.0, "total_exposure_s": 10.0, "filter": "LP",
         "gain": 80.0, "sensor_temp_c": 20.1875, "rig": "S50_153dd4e2", "focal_ratio": 5.0, "pixel_size_um": 2.9,
         "pixel_scale_arcsec": 2.3927, "width_px": 1080, "height_px": 1920, "bayer_pattern": "GRBG",
         "observed_at": datetime(2025, 7, 15, 7, 26, 35, 344647, UTC), "night": date(2025, 7, 14), "ra_deg": pytest.approx(305.6414, abs=0.001), "dec_deg": pytest.approx(40.2333, abs=0.001),
         "software": "ZWO Seestar S50"},
    ),
    (
        "Seestar", "seestar__seestar-stacked.txt", "Stacked_614_Sadr_10.0s_LP_20250715-052001.fit",
        {"frame_type": FrameType.STACK, "exposure_s": 10.0, "total_exposure_s": 6140.0, "stack_count": 614,
         "bayer_pattern": None, "night": date(2025, 7, 15 - 1),
         "ra_deg": pytest.approx(305.6426, abs=0.001), "dec_deg": pytest.approx(40.2326, abs=0.001)},
    ),
    (
        "Seestar", "seestar__seestar-stacked2.txt", "DSO_Stacked_425_M 100_10.0s_20250704_070948.fit",
        {"frame_type": FrameType.STACK, "exposure_s": 10.0, "total_exposure_s": 4250.0, "stack_count": 425,
         "object_name": "M 100", "filter": "IRCUT", "night": date(2025, 7, 3)},
    ),
    (
        "Seestar", "header_seestar.hdr", "x.fit",
        {"frame_type": FrameType.STACK, "stack_count": 187, "total_exposure_s": 1870.0, "rig": "S50_1623087d",
         "object_name": "NGC 6027A", "night": date(2025, 5, 13), "site_longitude_deg": 3.69361},
    ),
    (
        "DWARF 3", "dwarf3__failed_IC 434_60s60_Astro_20251018-051725998_15C.txt",
        "failed_IC 434_60s60_Astro_20251018-051725998_15C.fits",
        {"frame_type": FrameType.LIGHT, "object_name": "IC 434", "exposure_s": 60.0, "filter": "Astro", "gain": 60.0,
         "sensor_temp_c": 15.0, "rig": "DWARFIII", "focal_ratio": 4.29, "pixel_scale_arcsec": 2.7502,
         "observed_at": datetime(2025, 10, 18, 5, 16, 25, 998000, UTC), "night": date(2025, 10, 17), "ra_deg": 85.28743},
    ),
    (
        "DWARF 3", "dwarf3__stacked-16_IC 434_60s60_Astro_20251018-045127226.txt",
        "stacked-16_IC 434_60s60_Astro_20251018-045127226.fits",
        {"frame_type": FrameType.STACK, "exposure_s": 60.0, "total_exposure_s": 2580.0, "stack_count": 43,
         "observed_at": datetime(2025, 10, 18, 4, 51, 27, 226000, UTC), "night": date(2025, 10, 17)},
    ),
    (
        "DWARF 3", "dwarf3__typ-raw-dark.txt",
        "DWARF_DARK/tele_exp_60_gain_60_bin_1_2025-10-20-03-20-10-952/raw_60s_60_0002_20251020-032310186_20C.fits",
        {"frame_type": FrameType.DARK, "exposure_s": 60.0, "gain": 60.0, "filter": None, "object_name": None, "ra_deg": None},
    ),
    (
        "DWARF calibration", "dwarf3__typ-CALI_FRAME-dark.txt", "CALI_FRAME/dark/cam_0/dark_exp_60.000000_gain_60_bin_1_20C_stack_8.fits",
        {"frame_type": FrameType.MASTER_DARK, "exposure_s": 60.0, "gain": 60.0, "sensor_temp_c": 20.0, "stack_count": 8,
         "x_binning": 1, "bayer_pattern": "RGGB"},
    ),
    (
        "DWARF calibration", "dwarf3__typ-CALI_FRAME-flat.txt", "CALI_FRAME/flat/cam_0/flat_gain_2_bin_1_ir_0.fits",
        {"frame_type": FrameType.MASTER_FLAT, "gain": None, "x_binning": 1, "observed_at": None, "night": None},
    ),
    (
        "DWARF II", "header_dwarflab.hdr", "DWARF_RAW_TELE_M 51_EXP_15_GAIN_110_2023-06-10-21-38-00-123/0001.fits",
        {"frame_type": FrameType.LIGHT, "object_name": "M 51", "exposure_s": 15.0, "gain": 110.0, "x_binning": 2,
         "ra_deg": None, "observed_at": datetime(2023, 6, 10, 21, 38, 19, 442000, UTC), "night": date(2023, 6, 10),
         "bayer_pattern": "GBRG", "rig": "DWARFII"},
    ),
    (
        "ASIAIR", "asiair__asiair-typ-live-light.txt",
        "Live/Light/M 13/Light_M 13_30.0s_Bin1_2600MC_None_gain100_20250824-213032_-10.0C_0013.fit",
        {"frame_type": FrameType.LIGHT, "object_name": "M 13", "exposure_s": 30.0, "filter": None, "filter_raw": "None",
         "set_temp_c": -10.0, "offset": 50.0, "camera": "ZWO ASI2600MC Duo", "telescope": "OnStep",
         "rig": "OnStep+ZWO ASI2600MC Duo", "pixel_scale_arcsec": 1.57, "width_px": 6248,
         "observed_at": datetime(2025, 8, 25, 4, 30, 1, 240944, UTC), "night": date(2025, 8, 24)},
    ),
    (
        "N.I.N.A.", "nina__nina-typ-flat.txt", "M 27/2025-09-16/FLAT/2025-09-16_20-23-31_HaOiii_-10.00_6.25s_0001.fits",
        {"frame_type": FrameType.FLAT, "exposure_s": 6.24656, "filter": "HaOIII", "filter_raw": "HaOiii",
         "rig": "Ascar V 80mm extender@f7.5+ZWO ASI2600MC Duo", "focal_length_mm": 600.0, "focal_ratio": 7.5,
         "pixel_scale_arcsec": 1.2926, "night": date(2025, 9, 16), "gain": 100.0, "offset": 50.0},
    ),
    (
        "N.I.N.A.", "nina__nina-bias-raw.txt", "BIAS/2025-09-09_20-32-01_Dark_-9.80_0.00s_0008.fits",
        {"frame_type": FrameType.BIAS, "exposure_s": 0.0001, "filter": None, "filter_raw": "Dark", "sensor_temp_c": -9.8,
         "night": date(2025, 9, 9), "rig": "Ascar V 80mm reducer@f4.8+ZWO ASI2600MC Duo"},
    ),
    (
        "N.I.N.A.", "fh_nina_header_0.hdr", "x.fits",
        {"frame_type": FrameType.LIGHT, "object_name": "MarsM45", "ra_deg": None, "dec_deg": None, "exposure_s": 30.0,
         "camera": "ZWO ASI294MC Pro", "rig": "ZWO ASI294MC Pro", "night": date(2021, 3, 2), "bayer_pattern": "RGGB"},
    ),
    (
        "SGP", "sgp_header.hdr", "x.fit",
        {"frame_type": FrameType.LIGHT, "object_name": "M57", "exposure_s": 30.0, "filter": "HaOIII", "set_temp_c": -18.0,
         "site_latitude_deg": pytest.approx(51.05), "site_longitude_deg": pytest.approx(3.7166667),
         "rig": "EQMOD ASCOM HEQ5/6+ZWO ASI294MC Pro", "focal_length_mm": 1480.0, "pixel_scale_arcsec": 0.65415,
         "rotator_angle_deg": 258.37, "ra_deg": 283.395539831101, "night": date(2020, 5, 29)},
    ),
    (
        "APT", "header_apt.hdr", "x.fit",
        {"frame_type": FrameType.LIGHT, "object_name": "TEST", "exposure_s": 240.0, "ra_deg": pytest.approx(23.75),
         "dec_deg": pytest.approx(30.7402778), "pixel_scale_arcsec": 2.3875, "night": date(2018, 9, 17), "set_temp_c": -15.0},
    ),
    (
        "Astro Pixel Processor", "header_app.hdr", "x.fits",
        {"frame_type": FrameType.PROCESSED, "exposure_s": 900.0, "observed_at": None, "night": None},
    ),
]  # fmt: skip


REAL: dict[str, str] = {
    "Voyager": "voyager_2_1_1e/Target_LIGHT_7350_3s_BIN1_-15C_001_20190513_214817_006_W.FIT",
    "MaxIm DL": "maxim_dl/maximdl_6_16_header.fit",
    "Artemis Capture": "artemis_capture_atik/STAR_FOCUS_1.fits",
    "CCDOPS": "sbig_ccdops/neon-on-dome-10-sec-high-res-though-scope.fit",
    "PHD2": "phd2/HFD.1.fits",
    "POCS": "panoptes_pocs_dslr_fits/tiny.fits",
    "Chimera": "chimera_iraf_sbig/teste-sem-wcs.fits",
    "JSol'Ex": "jsol_ex/fe5302-misidentified.fits",
    "PixInsight": "pixinsight_fits/NGC3344.Color.F32.fits",
    "Astro Pixel Processor": "astro_pixel_processor/bahtinov-focus.fits",
    "GraXpert": "xisf_graxpert_python_xisf/color_16bit.xisf",
    "Ekos/INDI": "ekos_kstars_indi_ccd_simulator/m47_sim_stars.fits",
    "Plate scan (STScI)": "dss_plate_scan_stsci/HorseHead.fits",
    "Seestar": "seestar_s50/Light_M 94_10.0s_IRCUT_20250326-212057.fit",
}
"""Captures of the corpus by row; rows without one have a header dump above."""
