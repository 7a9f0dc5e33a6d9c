"""What one frame adds to the totals, and sums of such differences.

All numbers are integers: files, bytes, exposures, milliseconds. Adding and taking away the same frame leaves nothing.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.stats.sessions import LIGHT, Session, is_sky

NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Entry:
    """A frame as the totals see it: its facts, and where and whether they are counted."""

    file_id: str
    scan_revision: int
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
    session: Session
    counted: bool
    location_revision: int = 0
    """Of the path that the stem is of."""


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


@dataclass(slots=True)
class Totals:
    """Sums of differences; zeros may be left in."""

    sessions: dict[Session, SessionDelta] = field(default_factory=dict)
    cameras: dict[tuple[Session, str], list[int]] = field(default_factory=dict)
    """(session, camera) -> [files, sky files]."""
    types: dict[tuple[str, str], int] = field(default_factory=dict)
    """(session id, frame type) -> files."""
    targets: dict[TargetKey, list[int]] = field(default_factory=dict)
    """(session id, catalogue id, filter) -> [exposures, milliseconds]."""
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
        if entry.counted and entry.frame_type == LIGHT:
            delta.exposures += sign
            delta.integration_ms += sign * entry.exposure_ms
            target = self.targets.setdefault((session_id, entry.catalog_id, entry.filter), [0, 0])
            target[0] += sign
            target[1] += sign * entry.exposure_ms

    def changed_sessions(self) -> set[str]:
        """Ids of the sessions with any difference; a frame exchanged for an equal one makes none."""
        changed = {
            session.session_id
            for session, delta in self.sessions.items()
            if delta.files or delta.sky_files or delta.size_bytes or delta.exposures or delta.integration_ms
        }
        changed.update(session_id for (session_id, _), files in self.types.items() if files)
        changed.update(session.session_id for (session, _), counts in self.cameras.items() if any(counts))
        changed.update(session_id for (session_id, _, _), sums in self.targets.items() if any(sums))
        return changed

    def target_sessions(self) -> dict[tuple[str, str], int]:
        """(catalogue id, session id) -> exposures, without zeros."""
        sums: dict[tuple[str, str], int] = {}
        for (session_id, catalog_id, _), (exposures, _) in self.targets.items():
            if catalog_id:
                sums[catalog_id, session_id] = sums.get((catalog_id, session_id), 0) + exposures
        return {key: value for key, value in sums.items() if value}

    def target_filters(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(catalogue id, filter) -> (exposures, milliseconds), without zeros."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for (_, catalog_id, name), (exposures, milliseconds) in self.targets.items():
            if catalog_id:
                before = sums.get((catalog_id, name), (0, 0))
                sums[catalog_id, name] = (before[0] + exposures, before[1] + milliseconds)
        return {key: value for key, value in sums.items() if any(value)}
