"""A mono rig driven by N.I.N.A.: lights of two targets, flats at dawn, then darks and bias.

Folders and names follow a common file pattern of N.I.N.A.: date minus twelve hours, target, image type; then time,
filter, sensor temperature, exposure, frame number, and for lights HFR, star count and guiding error.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.standalone.simulation.detector import Sensor, glow, gradient, optics_response
from services.standalone.simulation.fits_writer import write_fits
from services.standalone.simulation.manifest import Anomaly
from services.standalone.simulation.night import SimulatedNight
from services.standalone.simulation.nina_header import NinaRig, NinaShot, nina_cards
from services.standalone.simulation.profiles import LightPlan
from services.standalone.simulation.randomness import generator
from services.standalone.simulation.stars import FloatImage, Pointing, Psf, PsfShape, StarField, make_field, paint
from services.standalone.simulation.targets import Target
from shared.events.frame import FrameType

ROOT = "NINA"
RIG = NinaRig()
_FWHM_PX = 2.6
_BLUR = 2.7
_SKY_E_S = 4.2
_FAINTEST_E_S = 7.0
_STARS_PER_MPX = 620.0
_GLOW_E_S = 1.2
FLAT_ADU = 30_000.0
_BIAS_S = 0.0001
_PARKED_DEC_DEG = 89.6


@dataclass(frozen=True, slots=True)
class _Filter:
    """Share of starlight, of sky light and of nebular light that passes, and the exposure of a flat in seconds."""

    stars: float
    sky: float
    nebula: float
    colour: float
    flat_s: float


_FILTERS = {
    "L": _Filter(1.0, 1.0, 1.0, 0.0, 1.8),
    "R": _Filter(0.34, 0.33, 0.4, 0.4, 4.2),
    "G": _Filter(0.33, 0.36, 0.2, 0.0, 3.9),
    "B": _Filter(0.30, 0.31, 0.2, -0.4, 4.6),
    "Ha": _Filter(0.04, 0.02, 0.5, 0.2, 12.5),
}
FLAT_S = {name: one.flat_s for name, one in _FILTERS.items()}
"""Exposures of flats by filter, seconds."""


@dataclass(slots=True)
class _Session:
    """The rig during one night. ``hours`` is the night clock; ``frame`` the number that N.I.N.A. counts up."""

    night: SimulatedNight
    sensor: Sensor
    responses: dict[str, FloatImage]
    hours: float
    frame: int = 0
    fields: dict[str, StarField] = field(default_factory=dict)
    glows: dict[str, FloatImage] = field(default_factory=dict)

    def next_start(self, draw: np.random.Generator, exposure_s: float, pause_s: float) -> datetime:
        """When the next exposure begins; the clock moves on by exposure and pause."""
        started = self.night.clock.at(self.hours) + timedelta(microseconds=int(draw.integers(1_000_000)))
        self.hours += (exposure_s + pause_s) / 3600.0
        self.frame += 1
        return started


def record_nina(night: SimulatedNight) -> None:
    """Write the rig's night: a snapshot, the lights, and at dawn flats, darks and bias."""
    profile = night.profile
    width, height = profile.nina_width_px, profile.nina_height_px
    sensor = nina_sensor(night)
    filters = list(dict.fromkeys(plan.filter for plan in profile.lights))
    responses = {name: optics_response(generator(night.seed, "dust", name), width, height) for name in filters}
    session = _Session(night, sensor, responses, hours=9.0)
    _record_snapshot(session)
    _record_lights(session)
    session.hours = 17.6
    _record_flats(session, filters)
    _record_darks(session)


def nina_sensor(night: SimulatedNight) -> Sensor:
    """The rig's camera, the same in every night of a seed."""
    return Sensor.build(
        generator(night.seed, "nina sensor"),
        width_px=night.profile.nina_width_px,
        height_px=night.profile.nina_height_px,
        e_per_adu=RIG.e_per_adu,
        read_noise_e=1.5,
        pedestal_adu=RIG.offset * 10.0,
        dark_current_e_s=0.006,
        hot_per_mpx=25.0,
    )


def _record_lights(session: _Session) -> None:
    profile = session.night.profile
    blurred = int(session.night.random("nina anomalies").integers(1, profile.lights[0].count))
    for number, plan in enumerate(profile.lights):
        for index in range(plan.count):
            anomaly = Anomaly.BLURRED if number == 0 and index == blurred else None
            _record_light(session, plan, index, anomaly)


def _record_light(session: _Session, plan: LightPlan, index: int, anomaly: Anomaly | None) -> None:
    night = session.night
    draw = night.random("nina light", plan.filter, index)
    target = night.programme.nina_emission if plan.emission else night.programme.broadband
    name = (target.common_name or target.designation) if plan.emission else target.designation
    hours = session.hours
    started = session.next_start(draw, plan.exposure_s, 6.0)
    blur = _BLUR if anomaly is Anomaly.BLURRED else 1.0
    psf = Psf(PsfShape.MOFFAT, _FWHM_PX * blur * night.weather.seeing_factor(hours) * float(draw.uniform(0.97, 1.03)))
    light, star_count = _sky_and_stars(session, target, plan, psf, draw)
    pixels = session.sensor.read_out(light, draw)
    shot = _shot(
        session,
        draw,
        "LIGHT",
        started,
        exposure_s=plan.exposure_s,
        filter_name=plan.filter,
        target=target,
        object_name=name,
    )
    reported = f"_HFR_{psf.half_flux_radius_px:.2f}_STARS_{star_count}_RMSAC_{draw.uniform(0.4, 0.8):.2f}"
    path = _write(session, shot, pixels, (name, "LIGHT"), suffix=reported)
    night.record(
        path,
        FrameType.LIGHT,
        rig=RIG.name,
        target=target.catalog_id,
        object_name=name,
        filter_name=plan.filter,
        exposure_s=plan.exposure_s,
        observed_at=started,
        fwhm_px=psf.fwhm_px,
        star_count=star_count,
        anomaly=anomaly,
    )


def _sky_and_stars(
    session: _Session, target: Target, plan: LightPlan, psf: Psf, draw: np.random.Generator
) -> tuple[FloatImage, int]:
    width, height = session.sensor.width_px, session.sensor.height_px
    key = target.catalog_id
    if key not in session.fields:
        session.fields[key] = make_field(
            generator(session.night.seed, "field", "nina", key),
            width_px=width,
            height_px=height,
            stars_per_mpx=_STARS_PER_MPX * session.night.profile.star_density,
            faintest_e_s=_FAINTEST_E_S,
        )
        glow_px = min(target.glow_arcmin * 60.0 / RIG.arcsec_per_px, width / 5.0)
        session.glows[key] = glow(width, height, width_of_glow_px=glow_px)
    through, stars = _FILTERS[plan.filter], session.fields[key]
    tilt = session.night.random("nina sky", key).uniform(-0.1, 0.1, 2)
    sky_e = _SKY_E_S * session.night.weather.sky_factor * through.sky * plan.exposure_s
    light = gradient(width, height, across=float(tilt[0]), down=float(tilt[1])) * np.float32(sky_e)
    nebula = through.nebula * (0.15 if target.emission else 1.0)
    light += session.glows[key] * np.float32(_GLOW_E_S * nebula * plan.exposure_s)
    star_count = paint(
        light,
        stars,
        psf,
        pointing=Pointing(*(float(v) for v in draw.uniform(-6.0, 6.0, 2))),
        electrons=stars.flux_e_s * plan.exposure_s * through.stars * (1.0 + through.colour * stars.colour),
        noise_e=session.sensor.sky_noise_e(sky_e),
    )
    light *= session.responses[plan.filter]
    session.sensor.add_dark_current(light, plan.exposure_s)
    return light, star_count


def _record_snapshot(session: _Session) -> None:
    """A test exposure from the imaging tab, telescope parked: N.I.N.A. calls it LIGHT all the same."""
    draw = session.night.random("nina snapshot")
    plan = LightPlan("L", 5.0, 1)
    started = session.next_start(draw, plan.exposure_s, 300.0)
    sidereal = session.night.clock.sidereal_time_deg(session.hours)
    pole = Target("", "Snapshot", sidereal, _PARKED_DEC_DEG, False, 1.0)
    psf = Psf(PsfShape.MOFFAT, _FWHM_PX * session.night.weather.seeing_factor(session.hours))
    light, star_count = _sky_and_stars(session, pole, plan, psf, draw)
    pixels = session.sensor.read_out(light, draw)
    shot = _shot(
        session,
        draw,
        "LIGHT",
        started,
        exposure_s=plan.exposure_s,
        filter_name=plan.filter,
        target=pole,
        object_name=pole.designation,
    )
    path = _write(session, shot, pixels, ("Snapshot", "SNAPSHOT"))
    session.night.record(
        path,
        FrameType.LIGHT,
        rig=RIG.name,
        object_name="Snapshot",
        filter_name="L",
        exposure_s=plan.exposure_s,
        observed_at=started,
        fwhm_px=psf.fwhm_px,
        star_count=star_count,
        anomaly=Anomaly.SNAPSHOT,
    )


def _record_flats(session: _Session, filters: list[str]) -> None:
    for name in filters:
        for index in range(session.night.profile.flats_per_filter):
            draw = session.night.random("nina flat", name, index)
            light = session.responses[name] * np.float32(FLAT_ADU * RIG.e_per_adu * float(draw.uniform(0.95, 1.05)))
            _record_calibration(
                session, draw, FrameType.FLAT, light, exposure_s=_FILTERS[name].flat_s, filter_name=name
            )


def _record_darks(session: _Session) -> None:
    exposures = dict.fromkeys(plan.exposure_s for plan in session.night.profile.lights)
    plans = [(FrameType.DARK, exposure_s, session.night.profile.darks_per_exposure) for exposure_s in exposures]
    plans.append((FrameType.BIAS, _BIAS_S, session.night.profile.bias))
    # The wheel stays where the flats left it, and N.I.N.A. writes that down.
    filter_name = session.night.profile.lights[-1].filter
    for frame_type, exposure_s, count in plans:
        for index in range(count):
            draw = session.night.random("nina dark", exposure_s, index)
            light = session.sensor.blank()
            session.sensor.add_dark_current(light, exposure_s)
            _record_calibration(session, draw, frame_type, light, exposure_s=exposure_s, filter_name=filter_name)


def _record_calibration(
    session: _Session,
    draw: np.random.Generator,
    frame_type: FrameType,
    light: FloatImage,
    *,
    exposure_s: float,
    filter_name: str,
) -> None:
    started = session.next_start(draw, exposure_s, 1.5)
    pixels = session.sensor.read_out(light, draw)
    shot = _shot(session, draw, frame_type.value, started, exposure_s=exposure_s, filter_name=filter_name)
    path = _write(session, shot, pixels, (frame_type.value,))
    session.night.record(
        path,
        frame_type,
        rig=RIG.name,
        filter_name=filter_name,
        exposure_s=exposure_s,
        observed_at=started,
    )


def _shot(
    session: _Session,
    draw: np.random.Generator,
    image_type: str,
    started: datetime,
    *,
    exposure_s: float,
    filter_name: str,
    target: Target | None = None,
    object_name: str | None = None,
) -> NinaShot:
    clock = session.night.clock
    ra_deg = clock.sidereal_time_deg(session.hours) if target is None else target.ra_deg
    dec_deg = _PARKED_DEC_DEG if target is None else target.dec_deg
    wobble = draw.normal(0.0, 0.004, 2)
    return NinaShot(
        image_type=image_type,
        exposure_s=exposure_s,
        started_at=started,
        local_at=clock.local(started),
        fraction=int(draw.integers(10)),
        sensor_temp_c=round(RIG.set_temp_c + float(draw.integers(-1, 2)) * 0.1, 1),
        filter_name=filter_name,
        ra_deg=(ra_deg + float(wobble[0])) % 360.0,
        dec_deg=dec_deg + float(wobble[1]),
        focuser_steps=12_000 + int(draw.integers(-40, 40)),
        ambient_c=session.night.weather.ambient_c(session.hours),
        object_name=object_name,
        object_ra_deg=None if target is None else target.ra_deg,
        object_dec_deg=None if target is None else target.dec_deg,
    )


def _write(
    session: _Session, shot: NinaShot, pixels: NDArray[np.uint16], folders: tuple[str, ...], *, suffix: str = ""
) -> Path:
    height_px, width_px = pixels.shape
    name = (
        f"{shot.local_at:%Y-%m-%d_%H-%M-%S}_{shot.filter_name}_{shot.sensor_temp_c:.2f}"
        f"_{shot.exposure_s:.2f}s_{session.frame:04d}{suffix}.fits"
    )
    path = session.night.target_path(ROOT, session.night.night.isoformat(), *folders, name)
    write_fits(path, nina_cards(RIG, shot, session.night.clock.site, width_px=width_px, height_px=height_px), pixels)
    return path
