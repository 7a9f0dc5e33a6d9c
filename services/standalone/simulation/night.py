"""One night while it is being simulated: what all rigs share, and the growing list of what they wrote."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import numpy as np

from services.standalone.simulation.manifest import Anomaly, FileTruth, NightManifest
from services.standalone.simulation.profiles import Profile
from services.standalone.simulation.randomness import generator
from services.standalone.simulation.sky import NightClock
from services.standalone.simulation.targets import Programme, plan_targets
from shared.events.frame import FrameType


@dataclass(frozen=True, slots=True)
class Weather:
    """Sky brightness and seeing of a night, relative to the site's usual; seeing swings by a tenth over some hours."""

    sky_factor: float
    seeing_base: float
    seeing_phase: float
    temperature_c: float

    def seeing_factor(self, clock_hours: float) -> float:
        """Width of a star at that hour of the night clock, relative to the usual width."""
        swing = 0.10 * math.sin(2.0 * math.pi * (clock_hours / 4.3 + self.seeing_phase))
        return self.seeing_base * (1.0 + swing)

    def ambient_c(self, clock_hours: float) -> float:
        """Air temperature in degrees Celsius: about one degree less every hour of the night."""
        return round(self.temperature_c - 0.9 * (clock_hours - 9.0), 1)


@dataclass(slots=True)
class SimulatedNight:
    """The state of one night: folder, clock, weather, programme, and the files written so far."""

    folder: Path
    seed: int
    profile: Profile
    clock: NightClock
    on_file: Callable[[Path], None] | None = None
    weather: Weather = field(init=False)
    programme: Programme = field(init=False)
    files: list[FileTruth] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw the weather and choose the targets."""
        draw = self.random("weather")
        self.weather = Weather(
            sky_factor=float(draw.uniform(0.85, 1.3)),
            seeing_base=float(draw.uniform(0.92, 1.12)),
            seeing_phase=float(draw.random()),
            temperature_c=float(draw.uniform(4.0, 16.0)),
        )
        self.programme = plan_targets(self.clock, seed=self.seed)

    @property
    def night(self) -> date:
        """The local date of the noon before."""
        return self.clock.night

    def random(self, *labels: object) -> np.random.Generator:
        """Random numbers of this night for one purpose."""
        return generator(self.seed, self.night.isoformat(), *labels)

    def target_path(self, *parts: str) -> Path:
        """The path of a new file under the simulation's folder; its folders are made."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(
        self,
        path: Path,
        frame_type: FrameType | None,
        *,
        rig: str | None = None,
        target: str | None = None,
        object_name: str | None = None,
        filter_name: str | None = None,
        exposure_s: float | None = None,
        stack_count: int | None = None,
        observed_at: datetime | None = None,
        fwhm_px: float | None = None,
        star_count: int | None = None,
        anomaly: Anomaly | None = None,
        duplicate_of: Path | None = None,
    ) -> None:
        """Note the truth about a file that is now complete on disk, and tell whoever is watching."""
        total_s = None if exposure_s is None else exposure_s * (stack_count or 1)
        self.files.append(
            FileTruth(
                path=self._relative(path),
                size_bytes=path.stat().st_size,
                frame_type=frame_type,
                night=self.night,
                rig=rig,
                target=target,
                object_name=object_name,
                filter=filter_name,
                exposure_s=exposure_s,
                total_exposure_s=total_s,
                stack_count=stack_count,
                observed_at=observed_at,
                fwhm_px=None if fwhm_px is None else round(fwhm_px, 3),
                star_count=star_count,
                anomaly=anomaly,
                duplicate_of=None if duplicate_of is None else self._relative(duplicate_of),
            )
        )
        if self.on_file is not None:
            self.on_file(path)

    def manifest(self) -> NightManifest:
        """What the night has become."""
        return NightManifest(night=self.night, seed=self.seed, profile=self.profile.name, files=tuple(self.files))

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()
