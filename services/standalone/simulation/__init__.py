"""A simulated night, for the demo, for users who want to try Nightbus first, and for tests and benches.

What comes out of ``simulate(folder, nights=1, seed=1)``:

1. ``MyWorks/``: a Seestar S50 with two targets: ten-second subs, the telescope's own stacks, their JPEG previews.
2. ``NINA/<night>/``: a mono rig with L, R, G, B and Ha lights of two targets, a flat for every filter, darks and bias.
   It shares one target with the Seestar.
3. Seven things that go wrong in real nights (``Anomaly``): clouds, a blurred frame, a truncated file, a text called
   .fit, a copy under another name, an upload that stopped, a snapshot of nothing.
4. ``Masters/``, where it is asked for: what the mono rig's owner made before (``simulate_masters``).
5. A manifest with the truth of every file: target, filter, exposure, star count, FWHM, anomaly.

The same seed, nights and profile give the same bytes on the same versions of numpy and Pillow. Nothing here needs the
stack: the package writes files and reads none but its own.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from services.standalone.simulation.anomalies import record_anomalies
from services.standalone.simulation.manifest import Anomaly, FileTruth, NightManifest
from services.standalone.simulation.masters import simulate_masters
from services.standalone.simulation.night import SimulatedNight
from services.standalone.simulation.nina import record_nina
from services.standalone.simulation.profiles import FULL, SMALL, LightPlan, Profile
from services.standalone.simulation.seestar import record_seestar
from services.standalone.simulation.sky import NightClock
from services.standalone.simulation.tiny import tiny_frames

__all__ = [
    "DEFAULT_END_NIGHT",
    "FULL",
    "SMALL",
    "Anomaly",
    "FileTruth",
    "LightPlan",
    "NightManifest",
    "Profile",
    "simulate",
    "simulate_masters",
    "simulate_night",
    "tiny_frames",
]

DEFAULT_END_NIGHT = date(2025, 10, 20)
"""The last night unless another is asked for: fixed, a day before new moon, so that a seed alone decides every byte."""


def simulate_night(
    folder: Path,
    *,
    night: date,
    seed: int,
    profile: Profile = FULL,
    on_file: Callable[[Path], None] | None = None,
) -> NightManifest:
    """Write one night under ``folder`` and return the truth about it.

    ``night`` is the local date of its noon. ``on_file`` is called with each path once its file is complete.
    Files of the same names are replaced. Raises OSError when the folder cannot be written.
    """
    state = SimulatedNight(Path(folder), seed, profile, NightClock(night, profile.site), on_file)
    record_seestar(state)
    record_nina(state)
    record_anomalies(state)
    return state.manifest()


def simulate(
    folder: Path,
    *,
    nights: int,
    seed: int,
    end_night: date | None = None,
    profile: Profile = FULL,
    on_file: Callable[[Path], None] | None = None,
) -> list[NightManifest]:
    """Write ``nights`` consecutive nights, oldest first, the last of them ``end_night`` (default DEFAULT_END_NIGHT).

    Targets stay the same within a month, so that integration adds up. Raises ValueError for fewer than one night.
    """
    if nights < 1:
        raise ValueError("at least one night is needed")
    last = end_night or DEFAULT_END_NIGHT
    dates = [last - timedelta(days=ago) for ago in reversed(range(nights))]
    return [simulate_night(folder, night=night, seed=seed, profile=profile, on_file=on_file) for night in dates]
