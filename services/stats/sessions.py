"""Which session a file belongs to: its own night and label, or one that it joins.

Sky files (neither calibration frames nor previews) belong to the session of their own night and label. Calibration
frames join sky files, previews follow the frame of their name. Every rule looks at sets alone, never at the order in
which files became known.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32
from zoneinfo import ZoneInfo

from services.stats.sunrise import sunrise_after
from shared.events.frame import FrameType
from shared.library.extensions import split_extension
from shared.zones import find_zone

UNKNOWN = "unknown"
NIGHT_ENDS = time(9)
"""Local time at which a night ends where the site is unknown."""
THUMBNAIL = "_thn"
"""What smart telescopes append to the name of a thumbnail."""

LIGHT = FrameType.LIGHT.value
PREVIEW = FrameType.PREVIEW.value
CALIBRATION = frozenset(kind.value for kind in FrameType if kind.is_calibration)


def is_sky(frame_type: str) -> bool:
    """Whether files of this type make a session one that calibration frames join."""
    return frame_type != PREVIEW and frame_type not in CALIBRATION


def label_of(rig: str | None, camera: str | None) -> str:
    """What tells the sessions of one night apart."""
    return rig or camera or UNKNOWN


class Session(NamedTuple):
    """One night of one rig."""

    session_id: str
    night: date
    rig: str


@lru_cache(maxsize=8192)
def session_of(night: date, label: str) -> Session:
    """The session of a night and a label. Its id is the same on every machine: ``YYYYMMDD_`` and eight hex digits."""
    digest = hashlib.sha256(f"{night}|{label}".encode()).hexdigest()[:8].upper()
    return Session(f"{night.isoformat().replace('-', '')}_{digest}", night, label)


def session_night(night: date | None, arrived_at: datetime) -> date:
    """The night, else the UTC date of arrival."""
    return arrived_at.astimezone(UTC).date() if night is None else night


@lru_cache(maxsize=256)
def zone_of(name: str | None, otherwise: ZoneInfo) -> ZoneInfo:
    """The zone of that name; ``otherwise`` where there is none."""
    return find_zone(name) or otherwise


@lru_cache(maxsize=8192)
def night_end(night: date, latitude_deg: float | None, longitude_deg: float | None, zone: ZoneInfo) -> datetime:
    """When a night is over: sunrise at the site, else 09:00 in ``zone``, on the day after; UTC."""
    if latitude_deg is not None and longitude_deg is not None:
        return sunrise_after(night, latitude_deg, longitude_deg)
    return datetime.combine(night + timedelta(days=1), NIGHT_ENDS, zone).astimezone(UTC)


def stem_of(root: str, path: str) -> tuple[str, int]:
    """The name that a frame and its previews share, and its key.

    Returns:
        ``root:path`` without extension and thumbnail suffix; CRC-32 of the folder and CRC-32 of the name as one signed
        64-bit number, so that the files of a folder are neighbours in an index. The key is not unique.
    """
    folder, slash, name = path.rpartition("/")
    name = split_extension(name)[0].removesuffix(THUMBNAIL)
    folder = f"{root}:{folder}{slash}"
    return folder + name, _stem_key(folder, name)


def stem_key(stem: str) -> int:
    """The key that goes with a stem, as ``stem_of`` gives both."""
    before, parting, name = stem.rpartition("/") if "/" in stem else stem.partition(":")
    return _stem_key(before + parting, name)


def _stem_key(folder: str, name: str) -> int:
    return (_folder_key(folder) << 32 | crc32(name.encode())) - (1 << 63)


@lru_cache(maxsize=4096)
def _folder_key(folder: str) -> int:
    return crc32(folder.encode())


def exposure_key(
    frame_type: str, observed_at: datetime | None, camera: str | None, exposure_ms: int | None, filter_name: str | None
) -> str | None:
    """What several files of one LIGHT exposure have in common; None where it cannot be told.

    The start comes first, so that an index on the key grows at its end.
    """
    if frame_type != LIGHT or observed_at is None or not camera or exposure_ms is None:
        return None
    start = observed_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{start}|{camera}|{exposure_ms}|{filter_name or ''}"


class SkySessions:
    """How many sky files the sessions of some nights have, by camera."""

    def __init__(self, rows: Iterable[tuple[str, Session, int]] = ()) -> None:
        """``rows``: camera (empty where unknown), session, number of its sky files."""
        self._by_camera: dict[tuple[date, str], dict[Session, int]] = {}
        self._files: dict[Session, int] = {}
        for camera, session, files in rows:
            self.count(camera, session, files)

    def count(self, camera: str, session: Session, files: int) -> bool:
        """Add sky files (negative: take away); whether this may change where calibration frames of the night go."""
        sessions = self._by_camera.setdefault((session.night, camera), {})
        before = sessions.get(session, 0)
        sessions[session] = before + files
        self._files[session] = self._files.get(session, 0) + files
        return (before > 0) != (before + files > 0)

    def joined_by(self, own: Session, camera: str) -> Session:
        """The session of a calibration frame.

        Its own where that has sky files, else of the sessions of its night and camera with sky files the one with the
        smallest rig label (of two with one label, of which one is spoilt, the one with more), else its own.
        """
        if self._files.get(own, 0) > 0 or not camera:
            return own
        sessions = self._by_camera.get((own.night, camera), {})
        with_sky = ((session.rig, -files, session) for session, files in sessions.items() if files > 0)
        return min(with_sky, default=(own.rig, 0, own))[-1]
