"""A source: a folder that captures land in, and what is done with them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from shared.library.settle import Settler, is_network_filesystem
from shared.settings import IngestSettings, SourceSettings

Mode = Literal["copy", "move", "index"]


@dataclass(slots=True)
class Source:
    """A folder with a name. ``settler`` remembers what was seen of files that may still be growing."""

    name: str
    path: Path
    mode: Mode
    settle_s: float
    settler: Settler
    zone: str | None = None
    network: bool = False
    first_seen_incomplete: dict[str, float] = field(default_factory=dict)

    @classmethod
    def make(
        cls, name: str, path: Path, mode: Mode, settings: IngestSettings, configured: SourceSettings | None = None
    ) -> "Source":
        """A source with the settle rule that its file system needs."""
        network = is_network_filesystem(path)
        settle_s = settings.network_settle_s if network else settings.settle_s
        if configured is not None and configured.settle_s is not None:
            settle_s = configured.settle_s
        return cls(
            name,
            path,
            mode,
            settle_s,
            Settler(settle_s, network),
            zone=configured.time_zone if configured else None,
            network=network,
        )

    @property
    def kind(self) -> Literal["indexed", "source"]:
        """What its root is: files of an indexed root stay where they are."""
        return "indexed" if self.mode == "index" else "source"
