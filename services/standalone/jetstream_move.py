"""Where the streams of a home lie: in the folder of our account, and at rest where earlier versions look for them.

The server keeps the streams of each account in a folder of its name, and says nowhere else whose they are. Earlier
versions had them in the server's global account. Giving the folder the other name is one step, which a power cut cannot
halve: before the server starts it is that of our account, and once `nightbus up` has stopped it is the earlier one
again, so that an earlier version goes on with it. After kill -9 it keeps the name of our account.
"""

import shutil
from pathlib import Path

from services.standalone.home import sync_folder
from services.standalone.jetstream import Part
from shared.bus.names import ACCOUNT

_PLACE = "jetstream"
_GLOBAL = "$G"


def left_behind(store: Path) -> list[Part]:
    """Streams of ours beside those that an earlier version began anew, since this one was killed.

    They are as old as its last run; they are to be kept aside, and the newer ones to be gone on with.
    """
    earlier, ours = _folders(store)
    return [Part(name) for name in _streams(ours)] if _streams(earlier) else []


def move_streams(store: Path) -> None:
    """Bring the streams to where the server looks for those of our account, before it starts."""
    earlier, ours = _folders(store)
    if _streams(earlier):
        if ours.exists():  # no stream is in it: see left_behind
            shutil.rmtree(ours)
        earlier.rename(ours)
        sync_folder(ours.parent)


def move_back(store: Path) -> None:
    """Bring the streams of a server that is stopped to where an earlier version looks for them."""
    earlier, ours = _folders(store)
    if ours.is_dir() and not earlier.exists():
        ours.rename(earlier)
        sync_folder(earlier.parent)


def _folders(store: Path) -> tuple[Path, Path]:
    return store / _PLACE / _GLOBAL, store / _PLACE / ACCOUNT


def _streams(folder: Path) -> list[str]:
    place = folder / "streams"
    return sorted(entry.name for entry in place.iterdir()) if place.is_dir() else []
