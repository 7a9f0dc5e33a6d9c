"""How often what people really typed is understood: ``real-names.tsv`` and ``real-paths.tsv``.

Half of the rows were looked at while the rules were made (*tuned*), the other half judged only (*held*).
``python -m tests.unit.targets.reality`` names the wrong ones of the first half and gives the shares of both.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from services.scanner.knowledge import built_in
from services.scanner.target import target_of
from shared.equipment.filters import canonical_filter
from shared.events.file import Hints
from shared.events.frame import FrameMetadata, FrameType, TargetMatch
from shared.frames.paths import PathFacts, facts_from_path
from shared.frames.read import ObjectGuess
from tests.unit.targets.reliability import NONE, canonical, matcher

HALVES = ("tuned", "held")
_NAMES = Path(__file__).with_name("real-names.tsv")
_PATHS = Path(__file__).with_name("real-paths.tsv")


class Answered(Protocol):
    """A row with its answer."""

    @property
    def half(self) -> str:
        """Whether the row may be looked at."""

    @property
    def right(self) -> bool:
        """Whether the answer is one that the row expects."""


@dataclass(frozen=True, slots=True)
class RealName:
    """A name, the ids that are right (``NONE``: nothing may be found), and the matcher's answer."""

    half: str
    source: str
    expected: frozenset[str]
    name: str
    found: TargetMatch

    @property
    def right(self) -> bool:
        """Whether the object found is one that was meant."""
        return (self.found.catalog_id or NONE) in {canonical(one) for one in self.expected}


@cache
def real_names() -> tuple[RealName, ...]:
    """The names in file order, each with its answer."""
    return tuple(
        RealName(half, source, frozenset(expected.split("|")), name, matcher().match(name))
        for half, source, expected, name in rows(_NAMES)
    )


@dataclass(frozen=True, slots=True)
class RealPath:
    """A path, what it says by the table, what was read of it (``NONE``: nothing), and the target's confidence."""

    half: str
    source: str
    path: str
    expected: dict[str, str]
    found: dict[str, str]
    confidence: float

    @property
    def wrong(self) -> dict[str, tuple[str, str]]:
        """The facts that were read otherwise: what was read, and what the path says."""
        return {
            fact: (self.found[fact], meant)
            for fact, meant in self.expected.items()
            if not _same(self.found[fact], meant)
        }

    @property
    def right(self) -> bool:
        """Whether every fact is read as the path has it."""
        return not self.wrong


@cache
def real_paths() -> tuple[RealPath, ...]:
    """The paths in file order, each with what was read of it."""
    return tuple(
        _path(half, source, path, dict(fact.split("=", 1) for fact in facts.split(" ")))
        for half, source, path, facts in rows(_PATHS)
    )


def _path(half: str, source: str, path: str, expected: dict[str, str]) -> RealPath:
    facts = facts_from_path(path)
    target = _target(path, facts)
    expected = {fact: canonical(meant) if fact == "target" else meant for fact, meant in expected.items()}
    read = {
        "target": target.catalog_id if target else None,
        "type": facts.frame_type,
        "filter": canonical_filter(facts.filter),
        "temp": facts.set_temp_c if facts.sensor_temp_c is None else facts.sensor_temp_c,
        "angle": facts.rotator_angle_deg,
        "time": facts.local_time,
        "night": facts.night,
        "processed": int(facts.processed or 0) or None,
        "rejected": int(facts.rejected or 0) or None,
        "exposure": facts.exposure_s,
        "gain": facts.gain,
        "offset": facts.offset,
        "bin": facts.x_binning,
        "camera": facts.camera,
        "telescope": facts.telescope,
        "stack": facts.stack_count,
        "hfr": facts.hfr_px,
        "rms": facts.rms_arcsec,
        "panel": facts.panel,
    }
    found = {fact: _text(read[fact]) for fact in expected}
    return RealPath(half, source, path, expected, found, target.confidence if target else 0.0)


def _target(path: str, facts: PathFacts) -> TargetMatch | None:
    """The target of a frame whose header says nothing."""
    frame = FrameMetadata(frame_type=facts.frame_type or FrameType.LIGHT, object_name=facts.object_name)
    guess = ObjectGuess(facts.object_guess, loose=not facts.object_is_guess) if facts.object_guess else None
    return target_of(built_in(), frame, guess, PurePosixPath(path.replace("\\", "/")).parent.parts, Hints(), [])


def _text(read: object) -> str:
    if read is None:
        return NONE
    return read.isoformat() if isinstance(read, (date, datetime)) else str(read)


def _same(read: str, meant: str) -> bool:
    try:
        return abs(float(read) - float(meant)) < 1e-3
    except ValueError:
        return read == meant or (len(meant) == len("2026-04-20T04:45:07") and read.startswith(meant))


def rows(path: Path) -> list[tuple[str, str, str, str]]:
    """The rows of a table. Raises ValueError where a row is of no half."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            half, source, first, second = line.split("\t")
            if half not in HALVES:
                raise ValueError(f"{path.name}: {line!r} is neither tuned nor held")
            found.append((half, source, first, second))
    return found


def share_of(answers: Sequence[Answered], half: str | None = None) -> float:
    """The share of right answers, 0 to 1, of one half or of all."""
    judged = [one.right for one in answers if half in (None, one.half)]
    return sum(judged) / len(judged)


def main() -> int:
    """Print the shares, and the wrong ones of the half that may be looked at."""
    for half in HALVES:
        print(f"{half}: names {share_of(real_names(), half):.1%}, paths {share_of(real_paths(), half):.1%}")
    for one in real_names():
        if not one.right and one.half == "tuned":
            print(f"{one.name!r} is {one.found.catalog_id}, {one.found.confidence}, not {sorted(one.expected)}")
    for path in real_paths():
        if not path.right and path.half == "tuned":
            print(f"{path.path}: {path.wrong}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
