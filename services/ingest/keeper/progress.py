"""What a job of the keeper says of itself: how far it is, and what stays where it was."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from shared.inert import sentence

MOST_LINES = 100


class Reporting(Protocol):
    """A job, as far as it matters here."""

    def __getitem__(self, column: str, /) -> Any:
        """What its row held when it was claimed."""

    def reports(self, columns: Callable[[], Mapping[str, Any]], /) -> None:
        """Save what this returns with every heartbeat."""


class Progress:
    """How far a job is, as columns of its row."""

    def __init__(self, job: Reporting) -> None:
        self.files = job["files"]
        self.done = 0
        self.kept = job["kept"]
        self.lines: list[str] = list(job["lines"])
        job.reports(self.columns)

    def keep(self, why: str) -> None:
        """Count a file that stays, and why."""
        self.kept += 1
        self.say(why)

    def say(self, words: str) -> None:
        """Add a line for the person who asked."""
        if len(self.lines) < MOST_LINES:
            self.lines.append(sentence(words))

    def columns(self) -> Mapping[str, Any]:
        """The columns of ``ingest.keeper_job``."""
        return {"files": self.files, "files_done": self.done, "kept": self.kept, "lines": self.lines}
