"""What a look of the doctor found: a line for a person, an object for programs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared import inert

State = Literal["ok", "note", "wrong", "unknown"]
"""``note``: worth a look, nothing is broken; ``unknown``: what it depends on is down itself, which is said there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, and, where it is not as it should be, what to do."""

    about: str
    state: State
    says: str
    fix: str | None = None

    @property
    def line(self) -> str:
        """The line of it."""
        text = f"{self.state:<7} {self.about}: {self.says}"
        return inert.sentence(f"{text} -> {self.fix}" if self.fix else text)


def ok(about: str, says: str) -> Finding:
    """Something is as it should be."""
    return Finding(about, "ok", says)


def wrong(about: str, says: object, fix: str | None = None) -> Finding:
    """Something is not as it should be; ``says`` may be the error, whose sentence names the fix itself."""
    return Finding(about, "wrong", " ".join(str(says).split()) or type(says).__name__, fix)


def note(about: str, says: str, fix: str | None = None) -> Finding:
    """Something is worth a look."""
    return Finding(about, "note", says, fix)


def unknown(about: str, says: str) -> Finding:
    """Nobody can tell, since something else is down."""
    return Finding(about, "unknown", says)


def are_well(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong."""
    return all(finding.state != "wrong" for finding in findings)
