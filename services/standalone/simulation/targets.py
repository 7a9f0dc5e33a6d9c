"""What the simulated rigs point at: well-known objects, chosen so that they stand high at night in the season."""

from dataclasses import dataclass
from datetime import date

from services.standalone.simulation.randomness import generator
from services.standalone.simulation.sky import NightClock


@dataclass(frozen=True, slots=True)
class Target:
    """One object. Position in ICRS degrees (OpenNGC); ``glow_arcmin`` is the width of the light painted for it."""

    catalog_id: str
    designation: str
    ra_deg: float
    dec_deg: float
    emission: bool
    glow_arcmin: float
    common_name: str | None = None


TARGETS = (
    Target("NGC281", "NGC 281", 13.2473, 56.6219, True, 12.0),
    Target("M31", "M 31", 10.6848, 41.2691, False, 18.0, "Andromeda Galaxy"),
    Target("M33", "M 33", 23.4620, 30.6602, False, 15.0, "Triangulum Galaxy"),
    Target("NGC891", "NGC 891", 35.6392, 42.3491, False, 4.0),
    Target("IC1805", "IC 1805", 38.1730, 61.4569, True, 20.0),
    Target("NGC1499", "NGC 1499", 60.8101, 36.3675, True, 25.0, "California Nebula"),
    Target("M1", "M 1", 83.6332, 22.0145, True, 3.0, "Crab Nebula"),
    Target("M42", "M 42", 83.8187, -5.3897, True, 15.0, "Orion Nebula"),
    Target("NGC2392", "NGC 2392", 112.2948, 20.9118, True, 1.0, "Eskimo Nebula"),
    Target("M81", "M 81", 148.8882, 69.0653, False, 8.0),
    Target("M97", "M 97", 168.6988, 55.0190, True, 2.0, "Owl Nebula"),
    Target("M106", "M 106", 184.7396, 47.3040, False, 6.0),
    Target("M63", "M 63", 198.9555, 42.0293, False, 4.0, "Sunflower Galaxy"),
    Target("M51", "M 51", 202.4696, 47.1952, False, 5.0, "Whirlpool Galaxy"),
    Target("M3", "M 3", 205.5468, 28.3754, False, 4.0),
    Target("M101", "M 101", 210.8022, 54.3489, False, 10.0),
    Target("M13", "M 13", 250.4235, 36.4613, False, 5.0),
    Target("M16", "M 16", 274.7007, -13.8072, True, 10.0, "Eagle Nebula"),
    Target("M57", "M 57", 283.3959, 33.0286, True, 1.0, "Ring Nebula"),
    Target("M27", "M 27", 299.9016, 22.7210, True, 4.0, "Dumbbell Nebula"),
    Target("NGC6888", "NGC 6888", 303.0273, 38.3549, True, 10.0, "Crescent Nebula"),
    Target("NGC7000", "NGC 7000", 314.8214, 44.5288, True, 30.0, "North America Nebula"),
    Target("M15", "M 15", 322.4932, 12.1668, False, 4.0),
    Target("IC1396", "IC 1396", 324.7401, 57.4891, True, 30.0),
    Target("NGC7331", "NGC 7331", 339.2667, 34.4155, False, 4.0),
)

_REACH_DEG = 75.0
"""Largest hour angle, at the middle of the night, of an object worth a night: five hours."""


@dataclass(frozen=True, slots=True)
class Programme:
    """The targets of one night: the Seestar and the imaging rig share ``broadband``, so that a target has two rigs."""

    broadband: Target
    seestar_emission: Target
    nina_emission: Target


def plan_targets(clock: NightClock, *, seed: int) -> Programme:
    """Choose the night's three targets. Within a month they stay the same, as people image one object for weeks."""
    month = date(clock.night.year, clock.night.month, 15)
    sidereal_deg = NightClock(month, clock.site).sidereal_time_deg(clock_hours=12.0)
    visible = [t for t in TARGETS if abs((t.ra_deg - sidereal_deg + 180.0) % 360.0 - 180.0) <= _REACH_DEG]
    pick = generator(seed, "targets", month.isoformat())
    broadband = [t for t in visible if not t.emission]
    emission = [t for t in visible if t.emission]
    first, second = pick.choice(len(emission), size=2, replace=False)
    return Programme(broadband[int(pick.integers(len(broadband)))], emission[int(first)], emission[int(second)])
