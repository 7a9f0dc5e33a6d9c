"""What one frame adds to the totals, and sums of such differences.

All numbers are integers: files, bytes, exposures, milliseconds. Adding and taking away the same frame leaves nothing.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from services.stats.bests import Bests
from services.stats.sessions import LIGHT, Session, is_sky
from services.stats.sums import NOT_MEASURED, Millionths, Sums
from shared.events.file import Reading

NEVER = datetime(1, 1, 1, tzinfo=UTC)
UNDATED = date.min
"""Stands for no night; the database has -infinity for it."""


@dataclass(slots=True)
class Entry:
    """A frame as the totals see it: its facts, and where and whether they are counted.

    Names are empty where none is known.
    """

    file_id: str
    reading: Reading
    frame_type: str
    own: Session
    night_ends_at: datetime
    arrived_at: datetime
    camera: str
    stem: str
    stem_key: int
    exposure_key: str | None
    exposure_ms: int
    size_bytes: int
    catalog_id: str
    filter: str
    night: date
    rig: str
    object_name: str
    observed_at: datetime | None
    fwhm_arcsec: float | None
    star_count: int | None
    uncertain: bool
    session: Session
    counted: bool
    location_revision: int = 0
    """Of the path that the stem is of."""
    measured: Millionths = NOT_MEASURED


@dataclass(slots=True)
class SessionDelta:
    """Change of a session's own columns."""

    ends_at: datetime = NEVER
    last_arrived_at: datetime = NEVER
    sky_files: int = 0
    files: int = 0
    size_bytes: int = 0
    exposures: int = 0
    integration_ms: int = 0


TargetKey = tuple[str, str, str]
"""Session id, catalogue id (empty where unknown), filter (empty where unknown)."""
NightKey = tuple[date, str, str, str, str]
"""Night (``UNDATED`` where it has none), rig, camera, filter (empty where unknown), frame type."""


@dataclass(slots=True)
class TargetDelta:
    """Change of what was exposed on a target in a filter. ``came``: of the exposures that were added.

    ``measured`` is kept of sessions alone.
    """

    exposures: int = 0
    integration_ms: int = 0
    uncertain: int = 0
    came: Bests = field(default_factory=Bests)
    measured: Sums = field(default_factory=Sums)

    @property
    def counts(self) -> bool:
        """Whether it changes any total, as a frame that is exchanged for an equal one does not."""
        return bool(self.exposures or self.integration_ms)


@dataclass(slots=True)
class Totals:
    """Sums of differences; zeros may be left in."""

    sessions: dict[Session, SessionDelta] = field(default_factory=dict)
    cameras: dict[tuple[Session, str], list[int]] = field(default_factory=dict)
    """(session, camera) -> [files, sky files]."""
    types: dict[tuple[str, str], int] = field(default_factory=dict)
    """(session id, frame type) -> files."""
    targets: dict[TargetKey, TargetDelta] = field(default_factory=dict)
    went: dict[TargetKey, Bests] = field(default_factory=dict)
    """Bests of the exposures that were taken away: where they were the best of all, these are looked for anew."""
    nights: dict[NightKey, int] = field(default_factory=dict)
    """Files."""
    objects: dict[tuple[str, str], int] = field(default_factory=dict)
    """(catalogue id, OBJECT) -> files."""
    left: set[str] = field(default_factory=set)
    """Sessions that a frame was taken from."""

    def add(self, entry: Entry) -> None:
        """Count a frame where it says it is counted."""
        self._apply(entry, 1)

    def subtract(self, entry: Entry) -> None:
        """Take a frame away again."""
        self.left.add(entry.session.session_id)
        self._apply(entry, -1)

    def _apply(self, entry: Entry, sign: int) -> None:
        session = entry.session
        session_id = session.session_id
        delta = self.sessions.get(session)
        if delta is None:
            delta = self.sessions[session] = SessionDelta()
        delta.last_arrived_at = max(delta.last_arrived_at, entry.arrived_at)
        # A file that joined may be of another night, as a preview without a date is: it cannot say when this one ends.
        if entry.night_ends_at > delta.ends_at and entry.own == session:
            delta.ends_at = entry.night_ends_at
        sky = sign if is_sky(entry.frame_type) else 0
        delta.files += sign
        delta.sky_files += sky
        delta.size_bytes += sign * entry.size_bytes
        key = (session_id, entry.frame_type)
        self.types[key] = self.types.get(key, 0) + sign
        camera = self.cameras.setdefault((session, entry.camera), [0, 0])
        camera[0] += sign
        camera[1] += sky
        night = (entry.night, entry.rig, entry.camera, entry.filter, entry.frame_type)
        self.nights[night] = self.nights.get(night, 0) + sign
        called = (entry.catalog_id, entry.object_name)
        self.objects[called] = self.objects.get(called, 0) + sign
        if entry.counted and entry.frame_type == LIGHT:
            delta.exposures += sign
            delta.integration_ms += sign * entry.exposure_ms
            self._apply_exposure(entry, sign)

    def _apply_exposure(self, entry: Entry, sign: int) -> None:
        key = (entry.session.session_id, entry.catalog_id, entry.filter)
        target = self.targets.get(key)
        if target is None:
            target = self.targets[key] = TargetDelta()
        target.exposures += sign
        target.integration_ms += sign * entry.exposure_ms
        target.uncertain += sign if entry.uncertain else 0
        target.measured.take(entry.measured, sign)
        bests = target.came if sign > 0 else self.went.setdefault(key, Bests())
        bests.take(entry.observed_at, entry.observed_at, entry.fwhm_arcsec, entry.star_count)

    def changed_sessions(self) -> set[str]:
        """Ids of the sessions with any difference; a frame exchanged for an equal one makes none."""
        changed = {
            session.session_id
            for session, delta in self.sessions.items()
            if delta.files or delta.sky_files or delta.size_bytes or delta.exposures or delta.integration_ms
        }
        changed.update(session_id for (session_id, _), files in self.types.items() if files)
        changed.update(session.session_id for (session, _), counts in self.cameras.items() if any(counts))
        changed.update(session_id for (session_id, _, _), delta in self.targets.items() if delta.counts)
        return changed

    def target_sessions(self) -> dict[tuple[str, str], int]:
        """(catalogue id, session id) -> exposures, without zeros."""
        sums: dict[tuple[str, str], int] = {}
        for (session_id, catalog_id, _), delta in self.targets.items():
            if catalog_id:
                sums[catalog_id, session_id] = sums.get((catalog_id, session_id), 0) + delta.exposures
        return {key: value for key, value in sums.items() if value}

    def target_filters(self) -> dict[tuple[str, str], TargetDelta]:
        """(catalogue id, filter) -> change over all sessions; zeros may be left in."""
        sums: dict[tuple[str, str], TargetDelta] = {}
        for (_, catalog_id, name), delta in self.targets.items():
            if catalog_id:
                whole = sums.setdefault((catalog_id, name), TargetDelta())
                whole.exposures += delta.exposures
                whole.integration_ms += delta.integration_ms
                whole.uncertain += delta.uncertain
                whole.came.take(*delta.came.values)
        return sums

    def gone_of_filters(self) -> dict[tuple[str, str], Bests]:
        """(catalogue id, filter) -> bests of the exposures that were taken away, over all sessions."""
        gone: dict[tuple[str, str], Bests] = {}
        for (_, catalog_id, name), bests in self.went.items():
            if catalog_id:
                gone.setdefault((catalog_id, name), Bests()).take(*bests.values)
        return gone
