"""The truth about a simulated night, one record per file, to compare with what Nightbus finds."""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from shared.events.frame import FrameType


class Anomaly(StrEnum):
    """What is wrong with a file, on purpose."""

    CLOUDS = "clouds"
    """A sub through clouds: few stars, a bright sky."""
    BLURRED = "blurred"
    """A light out of focus: the right stars, far too wide."""
    TRUNCATED = "truncated"
    """A FITS file that ends before the length its header declares."""
    NOT_FITS = "not_fits"
    """Plain text in a file called .fit."""
    DUPLICATE = "duplicate"
    """The same bytes as another file of the night, under another name."""
    UNFINISHED = "unfinished"
    """A file that is still being written and named .part."""
    SNAPSHOT = "snapshot"
    """A sound light of nothing in particular: OBJECT is 'Snapshot', the telescope looks at the pole."""


_UNREADABLE = frozenset({Anomaly.TRUNCATED, Anomaly.NOT_FITS, Anomaly.UNFINISHED})


@dataclass(frozen=True, slots=True)
class FileTruth:
    """One file. Facts that a file does not have are None.

    ``path`` is relative to the simulation's folder, with forward slashes. ``target`` is a catalogue id such as ``M31``;
    ``filter`` is the canonical name of what FILTER says; ``exposure_s`` is one exposure, ``total_exposure_s`` their sum
    in a stack. ``observed_at`` is the start of the exposure, UTC. ``fwhm_px`` is the width of the painted star profiles
    and ``star_count`` the number of stars inside the frame whose centre stands at least five sigma above the sky; in a
    colour mosaic and in a colour stack, in green. A preview has the facts that its stack's name tells.
    """

    path: str
    size_bytes: int
    frame_type: FrameType | None
    night: date
    rig: str | None = None
    target: str | None = None
    object_name: str | None = None
    filter: str | None = None
    exposure_s: float | None = None
    total_exposure_s: float | None = None
    stack_count: int | None = None
    observed_at: datetime | None = None
    fwhm_px: float | None = None
    star_count: int | None = None
    anomaly: Anomaly | None = None
    duplicate_of: str | None = None

    @property
    def is_readable(self) -> bool:
        """Whether the file is whole and of the format that its name says."""
        return self.anomaly not in _UNREADABLE

    @property
    def is_integration(self) -> bool:
        """Whether its exposure counts: a readable light that is not a second copy."""
        return self.frame_type is FrameType.LIGHT and self.is_readable and self.anomaly is not Anomaly.DUPLICATE


@dataclass(frozen=True, slots=True)
class NightManifest:
    """All files of one night, in the order in which they were written."""

    night: date
    seed: int
    profile: str
    files: tuple[FileTruth, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.size_bytes for file in self.files)

    def with_anomaly(self, anomaly: Anomaly) -> tuple[FileTruth, ...]:
        """The files that have this anomaly."""
        return tuple(file for file in self.files if file.anomaly is anomaly)

    def integration_s(self) -> dict[str, float]:
        """Seconds of light per target, as a catalogue of the night must find them: stacks and copies count nothing."""
        totals: defaultdict[str, float] = defaultdict(float)
        for file in self.files:
            if file.is_integration and file.target is not None and file.exposure_s is not None:
                totals[file.target] += file.exposure_s
        return dict(totals)

    def to_json(self) -> dict[str, Any]:
        """The manifest as JSON types: dates and times in ISO 8601, enumerations as their words."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self), default=_plain))
        return document


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value).__name__}")
