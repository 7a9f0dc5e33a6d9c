"""What of a listing cannot be taken, and why: names, sizes and folders that are told instead of being read."""

from collections.abc import Iterator

from services.ingest.ledger import LARGEST_BYTES, LONGEST_PATH_BYTES, Observation, observe, refusal
from services.ingest.source import Source
from shared.library.reading import shown
from shared.library.walk import NOT_UTF8, DirectoryListing, Entry


def of_listing(source: Source, listing: DirectoryListing, *, asked_for: bool) -> Iterator[Observation]:
    """What a folder holds that cannot be looked at, or the folder itself.

    A folder that vanished while others were looked at is no failure, unless a person ``asked_for`` it.
    """
    folder = listing.relative_path
    if listing.error is not None and (asked_for or not listing.gone):
        yield refusal(folder, "", listing.error)
    for skipped in (one for one in listing.skipped if one.is_refused):
        where = shown(source.port.named(skipped.relative_path))
        what = "the name is not UTF-8; rename it" if skipped.rule == NOT_UTF8 else skipped.rule
        yield refusal(folder, skipped.relative_path.rpartition("/")[2], f"{where}: {what}")


def of_entry(source: Source, entry: Entry) -> Observation | None:
    """Why a file cannot be taken whatever it holds; None where it can."""
    length, size_bytes = len(entry.relative_path.encode()), entry.size_bytes
    if length < LONGEST_PATH_BYTES and 0 <= size_bytes <= LARGEST_BYTES:
        return None
    where = shown(source.port.named(entry.relative_path))
    if length >= LONGEST_PATH_BYTES:
        reason = f"{where}: the path has {length} bytes, and {LONGEST_PATH_BYTES} is too long; move it up"
    elif size_bytes < 0:
        reason = f"{where} cannot be read: its file system gives a size of {size_bytes} bytes"
    else:
        reason = f"{where} is no capture: it claims to hold {size_bytes} bytes"
    return observe(entry, reason=reason)
