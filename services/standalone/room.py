"""Room on the disk of the home: without it neither Postgres nor NATS can go on, and with it both do again."""

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line asks for a full disk alone
    from shared.waits import Waits

LEAST_FREE_BYTES = 64 * 1024**2
"""Below this a disk counts as full: four segments of Postgres' log."""
LOOK_EVERY_S = 5.0
_WHAT = "room on the disk of the home"


class Room:
    """The free space of one home. ``watch`` says when it runs out and when it is back."""

    def __init__(self, path: Path, waits: "Waits") -> None:
        self._path = path
        self._waits = waits

    def is_full(self) -> bool:
        """Whether there is too little room now."""
        return full_disk(self._path) is not None

    def look(self) -> bool:
        """Whether there is too little room, which is said once, and so is its end."""
        sentence = full_disk(self._path)
        if sentence is None:
            self._waits.end(_WHAT)
            return False
        self._waits.begin(_WHAT, sentence)
        return True

    async def until_some(self) -> None:
        """Wait until there is room."""
        while self.look():  # noqa: ASYNC110 - nobody tells of room
            await asyncio.sleep(LOOK_EVERY_S)

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY_S)


def full_disk(home: Path) -> str | None:
    """A sentence where a disk of a home has too little room, None where all have enough.

    The folders of the servers may be on disks of their own.
    """
    for folder in (home, home / "postgres", home / "nats"):
        if folder.is_dir() and shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
            return (
                f"the disk of {folder} is full (less than {LEAST_FREE_BYTES // 1024**2} MiB are free): Postgres and "
                "NATS wait until there is room, and nothing new is counted meanwhile"
            )
    return None
