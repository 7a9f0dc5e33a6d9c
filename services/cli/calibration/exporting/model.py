"""What an export chooses from, and what it consists of."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

from shared.events.frame import FrameType

How = Literal["copy", "reflink", "symlink", "hardlink", "list"]
Kind = Literal["light", "dark", "flat", "bias"]
KINDS: dict[FrameType, Kind] = {
    FrameType.MASTER_DARK: "dark",
    FrameType.MASTER_FLAT: "flat",
    FrameType.MASTER_BIAS: "bias",
}


class Stored(NamedTuple):
    """A file where it lies on this host."""

    file_id: str
    size_bytes: int
    root: str
    path: Path

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name


class Master(NamedTuple):
    """A master that lights fit."""

    stored: Stored
    kind: Kind
    name: str
    """Name that it gets in the tree."""
    filter: str | None = None
    night: date | None = None
    camera: str | None = None
    telescope: str | None = None
    exposure_s: float | None = None
    x_binning: int | None = None


class Answer(NamedTuple):
    """The answer to one thing that lights need: a master with the reason, or why there is none."""

    kind: Kind
    master: Master | None
    words: str


class Light(NamedTuple):
    """A light, with the answers to what it needs."""

    stored: Stored
    session_id: str
    night: date | None
    target: str
    filter: str | None
    exposure_s: float | None
    camera: str | None
    answers: tuple[Answer, ...]
    alike: tuple[object, ...] = ()
    """Gain, binning, size: lights that differ in these are not stacked together."""

    def master(self, kind: Kind) -> Master | None:
        """Its master of a kind."""
        return next((one.master for one in self.answers if one.kind == kind and one.master is not None), None)


class Item(NamedTuple):
    """A file of the tree; ``path`` is below its folder, with ``/``."""

    path: str
    kind: Kind
    stored: Stored
    why: str
    session_id: str = ""
    target: str = ""
    night: date | None = None
    filter: str | None = None
    exposure_s: float | None = None


class Stack(NamedTuple):
    """Lights that are stacked together, for the page that says what is in the tree."""

    folder: str
    lights: int
    answers: tuple[Answer, ...]


class Tree(NamedTuple):
    """All that is to be written."""

    items: Sequence[Item]
    stacks: Sequence[Stack]
    advice: Sequence[str]
    """What the stacking program needs to know, a sentence each."""

    @property
    def size_bytes(self) -> int:
        """Size of all files, bytes."""
        return sum(item.stored.size_bytes for item in self.items)
