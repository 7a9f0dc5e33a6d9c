"""Which images of the corpus are real star fields, by a rule about what their pictures show.

A real star field is a frame of which all of this is true, seen on its stretched picture and in its header:

1. it is an exposure of the night sky, by a camera or on a plate: not simulated, no calibration frame, lamp, Sun,
   spectrum or counts map, no test card, and no cutout with an edge under 64 pixels;
2. its stars are stars: no Bahtinov spikes, no discs with a hole, no focus run on one star, no trails of the pole;
3. stars are what most of it shows: no galaxy, nebula or building covers more than half of the frame;
4. at least 20 stars are seen, so that 15 % is at least three. Cosmic rays and hot pixels are none.

Elongated, clipped, crowded and undersampled stars, noise, eight bits and processing are no reason to leave one out.
"""

from pathlib import Path

STAR_FIELDS = (
    "dss_plate_scan_stsci/HorseHead.fits",
    "ekos_indi_capture_re_saved_by_pixinsight/Kocab.fits",
    "iraf_ystar/long.fits",
    "nom_tam_fits_astroimagej_tests/checksum.fits",
    "nom_tam_fits_astroimagej_tests/m13*.fits",
    "panoptes_pocs_dslr_fits/noheader.fits",
    "panoptes_pocs_dslr_fits/tiny.fits",
    "panoptes_pocs_dslr_fits/unsolved.fits",
    "pixinsight_fits/M51.*.fits",
    "professional_fz/CFHTLS_03_g_sci.fits.fz",
    "professional_fz/coj1m011-fl08-20151216-0048-x00.fits.fz",
    "seestar_s50/*.fit",
)
"""Patterns of files, relative to the corpus."""

UNEQUAL = {
    "ekos_indi_capture_re_saved_by_pixinsight/Kocab.fits": (
        "eight bits: the sky's noise is a fifth of a step. What only SExtractor counts are lone pixels and pairs, most "
        "one to three steps high, and the borders where the sky goes over from one step to the next"
    ),
    "nom_tam_fits_astroimagej_tests/checksum.fits": (
        "NGC 1316 with its halo: CLEAN takes faint stars all over the frame for the galaxy's wings. What only the "
        "scanner counts are sharp, plain stars"
    ),
    "panoptes_pocs_dslr_fits/noheader.fits": (
        "the pixels of tiny.fits without its header, which named the mosaic: taken for mono, a sharp star is a bright "
        "pixel among dark ones, and the scanner takes 20 of a hundred for hot pixels"
    ),
}
"""Star fields where the counts cannot be the same, and why."""

NO_STAR_FIELDS = {
    "artemis_capture_atik/*.fits": "a focus run on one star, with a hole where out of focus",
    "astro_pixel_processor/bahtinov-focus.fits": "four stars with Bahtinov spikes, and letters",
    "astrophoto_toolbox/bahtinov_mask.fits": "one star with Bahtinov spikes",
    "astrophoto_toolbox/color16bits.fits": "a test card, eight rows high",
    "astrophoto_toolbox/stars.fits": "five stars",
    "chimera_iraf_sbig/*.fits": "a dusk sky with specks, and a blank array",
    "ekos_indi/Debayer.GRBG.fits": (
        "an all-sky camera: lamps, roofs and their glare take half of it, and most of what either program finds"
    ),
    "ekos_indi/m42_test.fits": "the Orion nebula fills the frame",
    "ekos_indi_capture_re_saved_by_pixinsight/ngc4535-autofocus1.fits": "of a focus run: some fifteen wide discs",
    "ekos_kstars_indi_ccd_simulator/m47_sim_stars.fits": "simulated",
    "graxpert_fits/*.fits": "a test card of 6 x 5 pixels",
    "jsol_ex/*.fits": "spectra of the Sun",
    "maxim_dl/aspen_trimmed.fit": "a flat",
    "maxim_dl/biastest2.fit": "a bias",
    "maxim_dl/center_cutout_1.fits": "a cutout with one star",
    "maxim_dl/darktest1.fit": "a dark",
    "maxim_dl/flattest.fit": "a bias by its header, a ramp by its pixels",
    "maxim_dl/maximdl_*_header.fit": "a cutout of 100 x 200 pixels without a star",
    "maxim_dl/sip-wcs.fit": "a cutout of 50 x 100 noisy pixels",
    "maxim_dl/uint16*.fit": "a ramp of 16 x 16 pixels",
    "panoptes_pocs_dslr_fits/rotation.fits": "trails of stars around the pole",
    "phd2/HFD.*.fits": "simulated",
    "phd2/savetest.fit": "noise alone",
    "phd2/simimage.fit": "simulated: one star on stripes",
    "pixinsight_fits/NGC3344.*.fits": "the galaxy fills the frame",
    "pixinsight_fits/hotpixels.fits": "a test card of hot pixels",
    "pixinsight_simulated_defocus/C8_Simul_BG.fit": "simulated noise",
    "professional_mef/a8280271.fits": "some five stars; the rest are cosmic rays",
    "professional_mef/fermi_counts.fits.gz": "a map of gamma ray counts",
    "professional_mef/gmos.fits": "a spectrum with cosmic rays",
    "professional_mef/science-mef.fits": "a test card of 10 x 10 pixels",
    "sbig_ccdops/*.fit": "a neon lamp",
    "voyager_2_1_1e/*.FIT": "a focus run on one star",
    "xisf_graxpert_python_xisf/*.xisf": "a test card of 6 x 5 pixels",
    "xisf_pixinsight/test_lz4.xisf": "a test card of 8 x 10 pixels, simulated",
}
"""Patterns of the other images, and why they are none."""


def star_fields(corpus: Path) -> list[str]:
    """The star fields in a corpus, relative to it, in order."""
    return sorted(str(path.relative_to(corpus)) for pattern in STAR_FIELDS for path in corpus.glob(pattern))
