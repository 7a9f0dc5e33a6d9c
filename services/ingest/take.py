"""Taking one file: complete, hashed, and for copies staged in the library. Runs in threads; knows no database."""

from dataclasses import dataclass
from pathlib import Path

from services.ingest.source import Source
from shared.errors import NightbusError
from shared.jobs.outcome import Stopped
from shared.library.completeness import is_complete
from shared.library.hashing import Progress, sha256_file, unwatched
from shared.library.holes import may_be_sparse, room_for
from shared.library.reading import shown
from shared.library.room import NoRoom, Room
from shared.library.roots import LibraryAway, Root
from shared.library.stage import NotWritten, Staged, stage
from shared.library.walk import Entry
from shared.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A file whose content is known. ``staged`` is its copy without a name yet; None where files stay in place."""

    entry: Entry
    file_id: str
    size_bytes: int
    staged: Staged | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A file that does not yet hold what its header declares."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class WithoutRoom:
    """A file for which the library's disk has no room."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class NotCopied:
    """A file that could not be written into the library: its own failure, or the library's. ``sentence`` says how."""

    entry: Entry
    sentence: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that cannot be taken now; ``sentence`` names it and the reason."""

    entry: Entry
    sentence: str


Outcome = Taken | Unfinished | WithoutRoom | NotCopied | Failed


def take(
    source: Source,
    entry: Entry,
    library: Root | None,
    room: Room | None = None,
    *,
    even_unfinished: bool,
    progress: Progress = unwatched,
) -> Outcome:
    """Judge, hash and (with a library) stage one file. Never raises for what a file or a disk can do.

    Raises:
        Stopped: ``progress``, which is told the bytes that are read, wants no more.
    """
    path: Path = source.path / entry.relative_path
    try:
        if library is not None and room is not None and not fits(path, entry, room):
            return WithoutRoom(entry)
        if not even_unfinished and not (judged := is_complete(path)).complete:
            return Unfinished(entry, judged.reason)
        if library is None:
            digest = sha256_file(path, progress)
            return Taken(entry, digest.file_id, digest.size_bytes)
        staged = stage(path, library, room, progress)
    except Stopped:
        raise
    except NoRoom:
        return WithoutRoom(entry)
    except (LibraryAway, NotWritten) as error:
        return NotCopied(entry, str(error))
    except NightbusError as error:
        return Failed(entry, str(error))
    except OSError as error:
        return Failed(entry, f"{shown(path)} cannot be read: {error.strerror or error}")
    except Exception as error:  # one file costs itself, whatever its bytes make us do
        log.exception("a file could not be taken", path=shown(path))
        return Failed(entry, f"{shown(path)} cannot be taken: {error or type(error).__name__}")
    return Taken(entry, staged.file_id, staged.size_bytes, staged)


def fits(path: Path, entry: Entry, room: Room) -> bool:
    """Whether there is room for a copy, which of a sparse file takes less than its size."""
    return room.fits(entry.size_bytes) or (may_be_sparse(path) and room.fits(room_for(path)))


def take_many(
    source: Source,
    entries: list[Entry],
    *,
    library: Root | None,
    room: Room | None = None,
    even_unfinished: frozenset[str] = frozenset(),
    progress: Progress = unwatched,
) -> list[Outcome]:
    """Take several files in one thread call; ``even_unfinished`` holds relative paths that were waited for enough."""
    return [
        take(source, entry, library, room, even_unfinished=entry.relative_path in even_unfinished, progress=progress)
        for entry in entries
    ]
