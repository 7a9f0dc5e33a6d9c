"""Taking one file: complete, hashed, and for copies staged in the library. Runs in threads; knows no database."""

from dataclasses import dataclass

from services.ingest.source import Source
from services.ingest.sources.port import SourcePort
from shared.errors import Away, NightbusError, Transient
from shared.events.file import Hints
from shared.jobs.outcome import Stopped
from shared.library.completeness import completeness_of, is_complete
from shared.library.hashing import Progress, unwatched
from shared.library.reading import shown
from shared.library.room import NoRoom, Room
from shared.library.roots import LibraryAway, Root
from shared.library.stage import NotWritten, Staged, discard, stage, staged_path
from shared.library.stream import Stream, sha256_stream
from shared.library.walk import Entry
from shared.logging import get_logger

log = get_logger(__name__)


_NOTHING = Hints()


@dataclass(frozen=True, slots=True)
class Taken:
    """A file whose content is known, and what the source knows of it beside that.

    ``staged`` is its copy without a name yet; None where files stay in place.
    """

    entry: Entry
    file_id: str
    size_bytes: int
    staged: Staged | None = None
    facts: Hints = _NOTHING


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


@dataclass(frozen=True, slots=True)
class NotReached:
    """A file whose source is not there any more; ``sentence`` says so of the source. Nothing is wrong with the file."""

    entry: Entry
    sentence: str


Outcome = Taken | Unfinished | WithoutRoom | NotCopied | Failed | NotReached


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
    path = entry.relative_path
    try:
        if library is not None and room is not None and not fits(source.port, entry, room):
            return WithoutRoom(entry)
        facts = source.facts_of(entry)
        with source.port.open(path) as stream:
            if not even_unfinished and stream.places is not None:
                judged = completeness_of(stream.places)
                if not judged.complete:
                    return Unfinished(entry, judged.reason)
            if library is None:
                digest = sha256_stream(stream, progress)
                return Taken(entry, digest.file_id, digest.size_bytes, facts=facts)
            staged = stage(stream, library, room, progress)
            if not even_unfinished and (lack := _lack_of_copy(stream, staged, library)) is not None:
                return Unfinished(entry, lack)
        return Taken(entry, staged.file_id, staged.size_bytes, staged, facts)
    except Stopped:
        raise
    except NoRoom:
        return WithoutRoom(entry)
    except (LibraryAway, NotWritten) as error:
        return NotCopied(entry, str(error))
    except Transient as error:
        return _missed(source, entry, error)
    except NightbusError as error:
        return Failed(entry, str(error))
    except OSError as error:
        return _missed(source, entry, Transient(f"{_shown(source, path)} cannot be read: {error.strerror or error}"))
    except Exception as error:  # one file costs itself, whatever its bytes make us do
        log.exception("a file could not be taken", path=_shown(source, path))
        return Failed(entry, f"{_shown(source, path)} cannot be taken: {error or type(error).__name__}")


def _lack_of_copy(stream: Stream, staged: Staged, library: Root) -> str | None:
    """What the staged copy of a stream lacks that could not be judged before; the copy is then thrown away."""
    if stream.places is not None:
        return None
    judged = is_complete(staged_path(staged, library))
    if judged.complete:
        return None
    discard(staged, library)
    return judged.reason


def _missed(source: Source, entry: Entry, error: NightbusError) -> Outcome:
    """Tell the failure of a file from that of its source."""
    reason = source.lost()
    if reason is None and isinstance(error, Away) and source.reached is not None:
        reason = str(error)  # it is back already
    return Failed(entry, str(error)) if reason is None else NotReached(entry, reason)


def _shown(source: Source, path: str) -> str:
    return shown(source.port.named(path))


def fits(port: SourcePort, entry: Entry, room: Room) -> bool:
    """Whether there is room for a copy, which of a sparse file takes less than its size."""
    if room.fits(entry.size_bytes):
        return True
    needed_bytes = port.room_for(entry)
    return needed_bytes < entry.size_bytes and room.fits(needed_bytes)


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
