"""Counting what lies below the paths of an import, beside the import itself: so it can tell how long the rest takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Event

from services.ingest.sources.port import SourcePort
from services.ingest.tally import LARGE_BYTES
from shared.library.extensions import Kind, classify
from shared.library.walk import NOT_COUNTED


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted: all files, the size of the captures among them, and what of that is of large ones."""

    files: int
    size_bytes: int
    large_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Below:
    """What an import looks at in a source: a folder with all below it, or the ``only`` files in it, by their paths."""

    folder: str
    only: frozenset[str] | None = None


def count(places: Iterable[tuple[SourcePort, Below]], stop: Event) -> Totals | None:
    """Walk the places as the import does; None where ``stop`` was set meanwhile. Runs in a thread."""
    files = size_bytes = large_bytes = 0
    for port, place in places:
        for listing in port.listings(place.folder, recursive=place.only is None):
            if stop.is_set():
                return None
            if place.only is None:
                files += sum(skipped.rule not in NOT_COUNTED for skipped in listing.skipped)
            for entry in listing.entries:
                if place.only is None or entry.relative_path in place.only:
                    files += 1
                    weight = entry.size_bytes if classify(entry.name).kind is Kind.CAPTURE else 0
                    size_bytes += weight
                    large_bytes += weight if weight >= LARGE_BYTES else 0
    return Totals(files, size_bytes, large_bytes)
