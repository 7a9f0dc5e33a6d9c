"""Counting what lies below the paths of an import, beside the import itself: so it can tell how long the rest takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from services.ingest.asked import Place
from services.ingest.tally import LARGE_BYTES
from shared.library.extensions import Kind, classify
from shared.library.walk import NOT_COUNTED, walk


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted: all files, the size of the captures among them, and what of that is of large ones."""

    files: int
    size_bytes: int
    large_bytes: int = 0


def count(places: Iterable[Place], excluded: Sequence[Path], stop: Event) -> Totals | None:
    """Walk the places as the import does; None where ``stop`` was set meanwhile. Runs in a thread."""
    files = size_bytes = large_bytes = 0
    for place in places:
        for listing in walk(place.folder, recursive=place.only is None, exclude=excluded):
            if stop.is_set():
                return None
            if place.only is None:
                files += sum(skipped.rule not in NOT_COUNTED for skipped in listing.skipped)
            for entry in listing.entries:
                if place.only is None or entry.name in place.only:
                    files += 1
                    weight = entry.size_bytes if classify(entry.name).kind is Kind.CAPTURE else 0
                    size_bytes += weight
                    large_bytes += weight if weight >= LARGE_BYTES else 0
    return Totals(files, size_bytes, large_bytes)
