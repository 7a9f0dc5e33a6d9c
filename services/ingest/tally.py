"""Counting what became of the files of a walk."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.inert import sentence

LARGE_BYTES = 256 * 1024**2
"""From this size on a file is large: more than a frame of the largest sensors, so that nights of frames are not."""
MOST_FAILURES = 100


@dataclass(slots=True)
class Crowd:
    """Files that wait for room: how many, their size, and the size of the smallest, bytes."""

    files: int = 0
    size_bytes: int = 0
    smallest_bytes: int = 0

    def __bool__(self) -> bool:
        """Whether any waits."""
        return self.files > 0

    def join(self, other: "Crowd") -> None:
        """Count the files of another one too."""
        smallest_bytes = min(self.smallest_bytes, other.smallest_bytes) if self else other.smallest_bytes
        self.smallest_bytes = smallest_bytes if other else self.smallest_bytes
        self.files += other.files
        self.size_bytes += other.size_bytes

    @classmethod
    def of(cls, crowds: Iterable["Crowd"]) -> "Crowd":
        """Several as one."""
        whole = cls()
        for crowd in crowds:
            whole.join(crowd)
        return whole


@dataclass(slots=True)
class Tally:
    """found = arrived + already_here + ignored + failed, once nothing is unsettled."""

    arrived: int = 0
    already_here: int = 0
    brought_home: int = 0
    """Of those already here: known by other places only, and now copied into the library."""
    brought_back: int = 0
    """Of those already here: they had gone from the library, and are in it again."""
    repaired: int = 0
    """Of those already here: their copy in the library was damaged, and was replaced."""
    set_beside: int = 0
    """Of those already here: somebody had changed their copy in the library; the original lies beside it now."""
    failed: int = 0
    size_bytes: int = 0
    """Size of the captures among the files that were judged."""
    large_bytes: int = 0
    """What of that is of large files, which are taken beside the others."""
    own: Counter[str] = field(default_factory=Counter)
    """Of all these, what the ledger has as taken by this very import, by what it calls it."""
    read_bytes: int = 0
    """What was read of them: those that the ledger knows are not read again."""
    without_room: dict[str, Crowd] = field(default_factory=dict)
    """Files that wait for room in the library, by folder: they were looked at and are in no other count."""
    ignored_by: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def ignored(self) -> int:
        """Files that no capture extension or rule lets in."""
        return self.ignored_by.total()

    @property
    def found(self) -> int:
        """All files that were judged."""
        return self.arrived + self.already_here + self.ignored + self.failed

    def count_known(self, state: str, files: int = 1) -> None:
        """Count files of known content by what the ledger calls them: already_here, or how their copy was mended."""
        self.already_here += files
        self.brought_back += files * (state == "brought_back")
        self.repaired += files * (state == "repaired")
        self.set_beside += files * (state == "set_beside")

    def weigh(self, size_bytes: int) -> None:
        """Count the size of a capture that was judged."""
        self.size_bytes += size_bytes
        self.large_bytes += size_bytes if size_bytes >= LARGE_BYTES else 0

    def count_unseen(self, taken: Mapping[str, int]) -> None:
        """Count what the import took, by what the ledger calls it, and did not see again where it went on.

        Sources of a move are deleted meanwhile: those of an attempt before are not there to be looked at.
        """
        for state, count in taken.items():
            if state == "forgotten":
                continue  # its sources stay, and were seen
            unseen = max(count - self.own[state], 0)
            self.own[state] += unseen
            if state == "arrived":
                self.arrived += unseen
            else:
                self.count_known(state, unseen)

    def crowd_out(self, folder: str, size_bytes: int) -> None:
        """Count a file of a folder that waits for room."""
        self.without_room.setdefault(folder, Crowd()).join(Crowd(1, size_bytes, size_bytes))

    def fail(self, words: str) -> None:
        """Count a failure; the first hundred sentences are kept."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(sentence(words))

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.arrived += other.arrived
        self.already_here += other.already_here
        self.brought_home += other.brought_home
        self.brought_back += other.brought_back
        self.repaired += other.repaired
        self.set_beside += other.set_beside
        self.failed += other.failed
        self.size_bytes += other.size_bytes
        self.large_bytes += other.large_bytes
        self.own.update(other.own)
        self.read_bytes += other.read_bytes
        self.ignored_by.update(other.ignored_by)
        for folder, crowd in other.without_room.items():
            self.without_room.setdefault(folder, Crowd()).join(crowd)
        self.failures.extend(other.failures[: MOST_FAILURES - len(self.failures)])
