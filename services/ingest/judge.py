"""Judging what a walk found, by what the ledger knows of it: which files are to be taken, which are as they were.

A folder may hold hundreds of thousands of files: it is judged in a thread, and nothing of the loop's is changed there.
"""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.ingest import refusals
from services.ingest.ledger import FORGOTTEN, Known, Observation, folders_of, key_of, unchanged
from services.ingest.source import Source
from shared.library.extensions import ignored_by
from shared.library.walk import NOT_COUNTED, DirectoryListing, Entry

SETTLING = "it changed a moment ago"


@dataclass(slots=True)
class Judged:
    """What is to be done about the files of some folders."""

    candidates: list[Entry] = field(default_factory=list)
    """Files to take."""
    replaced: dict[str, str] = field(default_factory=dict)
    """What the ledger has of those that it knows by other content, by relative path."""
    same: list[tuple[Entry, Known]] = field(default_factory=list)
    """Files that are as the ledger knows them."""
    refused: list[Observation] = field(default_factory=list)
    unsettled: dict[str, str] = field(default_factory=dict)
    """Files to look at again by relative path, and what is waited for."""
    ignored_by: Counter[str] = field(default_factory=Counter)
    folders: dict[str, int] = field(default_factory=dict)
    """How many files each folder holds, also those that are ignored."""
    over: list[tuple[str, str]] = field(default_factory=list)
    """Failures that the ledger knows of what is not there any more, or is no obstacle any more."""


def judged(
    source: Source,
    group: Sequence[DirectoryListing],
    known: Mapping[tuple[str, str], Known],
    only: Collection[str] | None,
    counted: Collection[str],
    asked_for: bool,
) -> Judged:
    """Judge the files of some folders. Runs in a thread.

    Args:
        source: where they are; its settler remembers what was seen of growing files.
        group: the folders, as they were listed.
        known: what the ledger has of them.
        only: relative paths of the only files to look at.
        counted: large files that were finished before, and are in the counts.
        asked_for: whether a person asked, who is told of folders that have gone as well.
    """
    found = Judged()
    now_ns, now_s = time.time_ns(), time.monotonic()
    for listing in group:
        if only is None:
            found.folders[listing.relative_path] = _files_in(listing)
            found.ignored_by.update(_left_out(listing))
            found.refused += refusals.of_listing(source, listing, asked_for=asked_for)
        for entry in listing.entries:
            path = entry.relative_path
            if only is not None and path not in only:
                continue
            row = known.get(key_of(listing.relative_path, entry.name))
            if (rule := ignored_by(entry.name, entry.size_bytes)) is not None:
                found.ignored_by[rule] += 1
            elif (hand := source.in_hand.get(path)) is not None:
                found.unsettled[path] = hand.lack
            elif path in counted:
                continue
            elif (unfit := refusals.of_entry(source, entry)) is not None:
                found.refused.append(unfit)
            elif row is not None and row.state == "forgotten" and path not in source.named and unchanged(row, entry):
                found.ignored_by[FORGOTTEN] += 1
            elif row is not None and row.state not in ("failed", "forgotten") and unchanged(row, entry):
                found.same.append((entry, row))
            elif source.settler.settled(path, entry, now_ns, now_s):
                found.candidates.append(entry)
                if row is not None and row.file_id is not None:
                    found.replaced[path] = row.file_id
            else:
                found.unsettled[path] = SETTLING
    if only is None:
        found.over = _failures_that_are_over(known, group, found.refused)
    return found


def _files_in(listing: DirectoryListing) -> int:
    return len(listing.entries) + sum(skipped.rule not in NOT_COUNTED for skipped in listing.skipped)


def _left_out(listing: DirectoryListing) -> list[str]:
    """The rules by which something that is no file was left out."""
    return [skipped.rule for skipped in listing.skipped if skipped.rule not in NOT_COUNTED and not skipped.is_refused]


def _failures_that_are_over(
    known: Mapping[tuple[str, str], Known], group: Sequence[DirectoryListing], refused: Sequence[Observation]
) -> list[tuple[str, str]]:
    """Failures that the ledger knows of what is not there any more, or is no obstacle any more."""
    failed = {key for key, row in known.items() if row.state == "failed"}
    if not failed:
        return []
    seen = {name for listing in group if listing.error is None for name in folders_of(listing.relative_path)}
    still = {key_of(listing.relative_path, entry.name) for listing in group for entry in listing.entries}
    still.update(item.key for item in refused)
    return sorted(key for key in failed if key[0] in seen and key not in still)
