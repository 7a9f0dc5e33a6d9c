"""How often what people really typed is understood: ``real-names.tsv`` and ``real-paths.tsv``.

Half of the rows were looked at while the rules were made (*tuned*), the other half judged only (*held*).
``python -m tests.unit.targets.reality`` names the wrong ones of the first half and gives the shares of both.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from shared.events.frame import TargetMatch
from tests.unit.targets.reliability import NONE, canonical, matcher

HALVES = ("tuned", "held")
_NAMES = Path(__file__).with_name("real-names.tsv")


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
        print(f"names, {half}: {share_of(real_names(), half):.1%}")
    for one in real_names():
        if not one.right and one.half == "tuned":
            print(f"{one.name!r} is {one.found.catalog_id}, {one.found.confidence}, not {sorted(one.expected)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
