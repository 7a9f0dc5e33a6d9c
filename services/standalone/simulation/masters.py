"""Masters that the rig's owner made before: what a library of masters holds, with one that does not fit any more.

Of a night's profile there is a master flat for each filter, and a master dark for each exposure. The longest dark was
made at -5 degrees, in summer: it is 5 degrees off the lights, so that these have none that fits.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from services.standalone.simulation.detector import optics_response
from services.standalone.simulation.fits_writer import Card, write_fits
from services.standalone.simulation.manifest import NightManifest
from services.standalone.simulation.night import SimulatedNight
from services.standalone.simulation.nina import FLAT_ADU, FLAT_S, RIG, nina_sensor
from services.standalone.simulation.nina_header import NinaRig, NinaShot, nina_cards
from services.standalone.simulation.profiles import Profile
from services.standalone.simulation.randomness import generator
from services.standalone.simulation.sky import NightClock
from services.standalone.simulation.stars import FloatImage
from shared.events.frame import FrameType

ROOT = "Masters"
OFF_C = 5.0
"""How much warmer the longest dark is, unless told otherwise: more than a dark may be off."""
_FRAMES = 20
_CLOCK_H = 18.5
"""When their frames were taken: at dawn."""
_KEPT = frozenset({
    "SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "BZERO", "EXTEND", "IMAGETYP", "EXPTIME", "DATE-OBS", "DATE-LOC",
    "XBINNING", "YBINNING", "GAIN", "OFFSET", "XPIXSZ", "YPIXSZ", "INSTRUME", "SET-TEMP", "READOUTM", "TELESCOP",
    "FOCALLEN", "FOCRATIO", "SITELAT", "SITELONG", "ROTATOR", "FILTER",
})  # fmt: skip
"""Of the keywords of a frame, those that a master keeps."""


def simulate_masters(folder: Path, *, night: date, seed: int, profile: Profile, off_c: float = OFF_C) -> NightManifest:
    """Write masters under ``folder``, of frames of that night; returns the truth about them.

    ``off_c`` is how much warmer the longest dark was than the lights. Raises OSError when it cannot be written.
    """
    state = SimulatedNight(Path(folder), seed, profile, NightClock(night, profile.site))
    sensor = nina_sensor(state)
    exposures = dict.fromkeys(plan.exposure_s for plan in profile.lights)
    for exposure_s in exposures:
        rig = replace(RIG, set_temp_c=RIG.set_temp_c + off_c) if exposure_s == max(exposures) else RIG
        light = sensor.blank()
        sensor.add_dark_current(light, exposure_s)
        name = f"masterDark_BIN-1_{profile.nina_width_px}x{profile.nina_height_px}_EXPOSURE-{exposure_s:.2f}s.fits"
        _record(state, rig, FrameType.MASTER_DARK, light, name, exposure_s, None)
    for filter_name in dict.fromkeys(plan.filter for plan in profile.lights):
        draw = generator(seed, "dust", filter_name)
        response = optics_response(draw, profile.nina_width_px, profile.nina_height_px)
        light = response * np.float32(FLAT_ADU * RIG.e_per_adu)
        name = f"masterFlat_BIN-1_{profile.nina_width_px}x{profile.nina_height_px}_FILTER-{filter_name}_mono.fits"
        _record(state, RIG, FrameType.MASTER_FLAT, light, name, FLAT_S[filter_name], filter_name)
    return state.manifest()


def _record(
    state: SimulatedNight,
    rig: NinaRig,
    frame_type: FrameType,
    light: FloatImage,
    name: str,
    exposure_s: float,
    filter_name: str | None,
) -> None:
    draw = state.random("master", name)
    pixels = nina_sensor(state).read_out(light, draw, frames=_FRAMES)
    started = state.clock.at(_CLOCK_H)
    shot = NinaShot(
        image_type=frame_type.value.replace("_", " ").title(),
        exposure_s=exposure_s,
        started_at=started,
        local_at=state.clock.local(started),
        fraction=0,
        sensor_temp_c=rig.set_temp_c,
        filter_name=filter_name or "",
        ra_deg=0.0,
        dec_deg=90.0,
        focuser_steps=0,
        ambient_c=0.0,
    )
    height_px, width_px = pixels.shape
    cards = nina_cards(rig, shot, state.clock.site, width_px=width_px, height_px=height_px)
    cards = [card for card in cards if card.keyword in _KEPT and (card.keyword != "FILTER" or filter_name)]
    path = state.target_path(ROOT, name)
    write_fits(path, [*cards, Card("STACKCNT", _FRAMES, "Number of frames", pad=0)], pixels)
    state.record(
        path, frame_type, rig=RIG.name, filter_name=filter_name, exposure_s=exposure_s, stack_count=_FRAMES,
        observed_at=started,
    )  # fmt: skip
