"""Placing: which session each touched frame goes to and which frame stands for its exposure.

A ``Change`` holds the frames that a batch brings and the known frames that they touch, before and after. Reading the
frames that a step needs is the caller's; the steps are: ``bring``, ``place_calibration``, ``place_previews``,
``count_exposures``, ``differences``.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import date

from services.stats.sessions import CALIBRATION, LIGHT, PREVIEW, SkySessions, is_sky, stem_of
from services.stats.totals import Entry, Totals


def rename(entry: Entry, revision: int, root: str, path: str) -> bool:
    """Give a frame the stem of the path that it was moved to, unless it knows a later one; whether it got it."""
    if revision <= entry.location_revision:
        return False
    entry.location_revision = revision
    entry.stem, entry.stem_key = stem_of(root, path)
    return True


class Change:
    """The frames around one batch, by file id."""

    def __init__(self) -> None:
        self.before: dict[str, Entry] = {}
        """Frames as they were; those that are new are missing."""
        self.after: dict[str, Entry] = {}
        self.fresh: dict[str, Entry] = {}
        """Frames that the batch brings, a part of ``after``."""
        self.gone: dict[str, Entry] = {}
        """Frames that the batch takes away, a part of ``before``."""

    def load(self, known: Iterable[Entry]) -> None:
        """Take in known frames; those that are here already stay as they are."""
        for entry in known:
            if entry.file_id not in self.before:
                self.before[entry.file_id] = entry
                self.after.setdefault(entry.file_id, copy(entry))

    def bring(self, entries: Iterable[Entry]) -> list[Entry]:
        """Put in the entries with a higher scan revision than the known one.

        Returns:
            The known frames that they replace.
        """
        replaced = []
        for entry in entries:
            known = self.before.get(entry.file_id)
            if known is not None:
                if known.scan_revision >= entry.scan_revision:
                    continue
                replaced.append(known)
            self.after[entry.file_id] = self.fresh[entry.file_id] = entry
        return replaced

    def take_away(self, file_ids: Iterable[str]) -> None:
        """Take known frames away for good."""
        for file_id in file_ids:
            self.gone[file_id] = self.before[file_id]
            del self.after[file_id]

    def rename(self, paths: Mapping[str, tuple[int, str, str]]) -> list[Entry]:
        """Give frames the stems of the paths that they were moved to: location revision, root and path by file id.

        Returns:
            The frames as they are now, of which the known path was an older one.
        """
        renamed = []
        for file_id, (revision, root, path) in paths.items():
            entry = self.after.get(file_id)
            if entry is not None and rename(entry, revision, root, path):
                renamed.append(entry)
        return renamed

    def count_sky(self, sky: SkySessions) -> set[date]:
        """Bring ``sky`` up to date; the nights whose calibration frames may have to move."""
        nights = set()
        for known in self.gone.values():
            if is_sky(known.frame_type) and sky.count(known.camera, known.own, -1):
                nights.add(known.own.night)
        for file_id, entry in self.fresh.items():
            before = self.before.get(file_id)
            if before is not None and is_sky(before.frame_type) and sky.count(before.camera, before.own, -1):
                nights.add(before.own.night)
            if is_sky(entry.frame_type) and sky.count(entry.camera, entry.own, 1):
                nights.add(entry.own.night)
        return nights

    def place_calibration(self, sky: SkySessions, nights: set[date]) -> list[Entry]:
        """Place the calibration frames of these nights and of the batch.

        Returns:
            Known frames, calibration or not, whose session is no longer the one it was.
        """
        for entry in self.after.values():
            if entry.frame_type in CALIBRATION and (entry.own.night in nights or entry.file_id in self.fresh):
                entry.session = sky.joined_by(entry.own, entry.camera)
        return [
            entry
            for file_id, entry in self.after.items()
            if entry.frame_type != PREVIEW
            and (known := self.before.get(file_id)) is not None
            and known.session != entry.session
        ]

    def place_previews(self, stem_keys: set[int]) -> None:
        """Place previews with the frame of the same stem, of several with the one of the smallest id.

        ``stem_keys``: the stems of which all frames have been loaded.
        """
        previews = [
            entry for entry in self.after.values() if entry.frame_type == PREVIEW and entry.stem_key in stem_keys
        ]
        if not previews:
            return
        stems = {entry.stem for entry in previews}
        leaders: dict[str, Entry] = {}
        for entry in self.after.values():
            if entry.frame_type != PREVIEW and entry.stem in stems:
                leader = leaders.get(entry.stem)
                if leader is None or entry.file_id < leader.file_id:
                    leaders[entry.stem] = entry
        for entry in previews:
            leader = leaders.get(entry.stem)
            entry.session = entry.own if leader is None else leader.session

    def count_exposures(self, exposure_keys: set[str]) -> None:
        """Of the LIGHT frames of one exposure count the one with the smallest id; without a key, each.

        ``exposure_keys``: the exposures of which all frames have been loaded.
        """
        first: dict[str, Entry] = {}
        for entry in self.after.values():
            if entry.frame_type != LIGHT:
                continue
            key = entry.exposure_key
            if key is None:
                entry.counted = True
            elif key in exposure_keys:
                other = first.setdefault(key, entry)
                entry.counted = other is entry
                if entry.file_id < other.file_id:
                    first[key] = entry
                    entry.counted, other.counted = True, False

    def differences(self) -> tuple[Totals, list[Entry]]:
        """What the batch changes in the totals, and the known frames that only move or change their part."""
        totals = Totals()
        moved = []
        for known in self.gone.values():
            totals.subtract(known)
        for file_id, entry in self.after.items():
            before = self.before.get(file_id)
            if before is None:
                totals.add(entry)
            elif file_id in self.fresh:
                totals.subtract(before)
                totals.add(entry)
            elif before.session != entry.session or before.counted != entry.counted:
                totals.subtract(before)
                totals.add(entry)
                moved.append(entry)
        return totals, moved
