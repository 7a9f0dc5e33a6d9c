"""How large a simulated night is. Every profile has the same kinds of files; only sizes and numbers differ."""

from dataclasses import dataclass

from services.standalone.simulation.sky import HIGH_DESERT, Site

_STACK_PLANES = 3
"""A stack of the Seestar holds red, green and blue."""


@dataclass(frozen=True, slots=True)
class LightPlan:
    """A run of lights through one filter: on the broadband target, or on the rig's emission target."""

    filter: str
    exposure_s: float
    count: int
    emission: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """The size of a night. Pixels are those of one plane; counts of Seestar subs are per target (two targets).

    ``nina_*_px`` is a region of interest of the camera; its pixel scale stays that of the whole sensor.
    ``star_density`` multiplies the stars per pixel, so that small frames have enough of them to measure.
    """

    name: str
    seestar_width_px: int
    seestar_height_px: int
    seestar_subs: int
    nina_width_px: int
    nina_height_px: int
    lights: tuple[LightPlan, ...]
    darks_per_exposure: int
    flats_per_filter: int
    bias: int
    star_density: float = 1.0
    site: Site = HIGH_DESERT

    @property
    def size_bytes(self) -> int:
        """About how much a night writes: its frames, of 16 bits a pixel, without headers, previews and notes."""
        seestar = self.seestar_width_px * self.seestar_height_px * 2 * 2 * (self.seestar_subs + _STACK_PLANES)
        lights = sum(plan.count for plan in self.lights)
        calibration = 2 * self.darks_per_exposure + len(self.lights) * self.flats_per_filter + self.bias
        return seestar + self.nina_width_px * self.nina_height_px * 2 * (lights + calibration)


FULL = Profile(
    name="full",
    seestar_width_px=1080,
    seestar_height_px=1920,
    seestar_subs=12,
    nina_width_px=936,
    nina_height_px=624,
    lights=(
        LightPlan("L", 60.0, 8),
        LightPlan("R", 60.0, 4),
        LightPlan("G", 60.0, 4),
        LightPlan("B", 60.0, 4),
        LightPlan("Ha", 300.0, 10, emission=True),
    ),
    darks_per_exposure=4,
    flats_per_filter=2,
    bias=10,
)
"""A night as people have it, with the Seestar's real frame size: about 90 files and 195 MB."""

SMALL = Profile(
    name="small",
    seestar_width_px=216,
    seestar_height_px=384,
    seestar_subs=4,
    nina_width_px=312,
    nina_height_px=208,
    lights=(
        LightPlan("L", 60.0, 3),
        LightPlan("R", 60.0, 2),
        LightPlan("G", 60.0, 2),
        LightPlan("B", 60.0, 2),
        LightPlan("Ha", 300.0, 2, emission=True),
    ),
    darks_per_exposure=2,
    flats_per_filter=1,
    bias=2,
    star_density=2.5,
)
"""The same in about 40 files of some hundred kilobytes, for tests."""
