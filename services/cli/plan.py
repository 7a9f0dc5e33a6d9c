"""What an import would do: files, bytes, where to, free space, time. No server is asked, nothing is written."""

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.output import Row, counted
from services.cli.usage import WrongUsage
from shared import inert
from shared.errors import UserError
from shared.quantities import duration, size

if TYPE_CHECKING:
    from shared.library.walk import Entry, Skipped

SURPRISE_BYTES = 10 * 10**9
SURPRISE_SHARE = 0.1
"""A copy onto the system disk that is larger than this, or than this share of what is free there, is asked about."""
PROBES = 8
PROBE_BYTES = 32 * 1024**2
PROBE_S = 4.0
"""Some files are read to learn how fast the disk is: this many at the most, so much of each, for so long."""
SHOWN_RULES = 4
_PASSED_OVER = {
    "excluded": "library of Nightbus itself",
    "hidden folder": "hidden folder",
    "system folder": "system folder",
}


@dataclass(slots=True)
class Plan:
    """What lies below some paths, and where it would go."""

    captures: int = 0
    size_bytes: int = 0
    ignored_by: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    """Folders that are not looked into, by rule."""
    unreadable: list[str] = field(default_factory=list)
    probes: list[tuple[Path, int]] = field(default_factory=list)
    took_nothing: bool = False
    """Whether an import of it found nothing: then the library was passed over also where it is what was named."""
    library: Path | None = None
    free_bytes: int | None = None
    bytes_per_s: float | None = None

    @property
    def fits(self) -> bool:
        """Whether the library's disk has room for all of it, even if nothing of it is there yet."""
        return self.free_bytes is None or self.size_bytes <= self.free_bytes

    def count(self, folder: Path, entry: "Entry") -> None:
        """Count one file."""
        from shared.library.extensions import ignored_by

        if (rule := ignored_by(entry.name, entry.size_bytes)) is not None:
            self.ignored_by[rule] += 1
        else:
            self.captures += 1
            self.size_bytes += entry.size_bytes
            self._keep_probe(folder / entry.relative_path, entry.size_bytes)

    def skip(self, folder: Path, skipped: "Skipped") -> None:
        """Count what the walk leaves out, as the import does."""
        from shared.library.walk import NOT_COUNTED

        if skipped.is_refused:
            self.unreadable.append(f"{folder / skipped.relative_path}: {skipped.rule}")
        else:
            (self.passed_over if skipped.rule in NOT_COUNTED else self.ignored_by)[skipped.rule] += 1

    @property
    def nothing(self) -> str | None:
        """Why there is nothing to take; None where something is, or where something said so by itself."""
        if self.captures or self.unreadable:
            return None
        if self.ignored_by:
            return "the library of Nightbus itself is no source" if self.passed_over["excluded"] else None
        words = [f"{counted(number, _PASSED_OVER[rule])}" for rule, number in self.passed_over.items()]
        if not words:
            return "there is nothing to take: no file lies there"
        return f"there is nothing to take: only {' and '.join(words)}, which no import looks into"

    def row(self, mode: str) -> Row:
        """The plan for programs."""
        return {
            "mode": mode,
            "captures": self.captures,
            "size_bytes": self.size_bytes,
            "ignored": self.ignored_by.total(),
            "ignored_by": dict(self.ignored_by),
            "unreadable": self.unreadable,
            "nothing": self.nothing,
            "library": str(self.library) if self.library is not None else None,
            "free_bytes": self.free_bytes,
            "fits": self.fits,
            "bytes_per_s": round(self.bytes_per_s) if self.bytes_per_s else None,
            "duration_s": round(self.size_bytes / self.bytes_per_s) if self.bytes_per_s else None,
        }

    def _keep_probe(self, path: Path, size_bytes: int) -> None:
        """Keep files from all over the tree: whenever there are too many, every second one goes."""
        step = max(self.captures // PROBES, 1)
        if self.captures % step == 0:
            self.probes.append((path, size_bytes))
        if len(self.probes) > 2 * PROBES:
            self.probes = self.probes[::2]


def make_plan(
    paths: Sequence[str],
    library: Path | None,
    *,
    own: Path | None = None,
    at_most_bytes: float = float("inf"),
    took_nothing: bool = False,
) -> Plan:
    """Look at everything below some paths, as ingest would walk it.

    Args:
        paths: files and folders on this machine.
        library: where copies would go; None where files stay in place or the library is on another machine.
        own: the library, which is no source, where files stay in place.
        at_most_bytes: looking ends as soon as so much was found.
        took_nothing: an import of the paths has found nothing, and a person asks why.

    Raises:
        UserError: a path cannot be seen from here, or an import of it would fail; the sentence is the import's.
    """
    plan = Plan(
        took_nothing=took_nothing, library=library, free_bytes=free_bytes(library) if library is not None else None
    )
    for path in paths:
        for folder, entry in _files_below(Path(path), own or library, plan):
            plan.count(folder, entry)
            if plan.size_bytes > at_most_bytes:
                return plan
    return plan


def _files_below(path: Path, library: Path | None, plan: Plan) -> Iterator[tuple[Path, "Entry"]]:
    from shared.library.roots import real_path
    from shared.library.walk import walk

    if not os.path.lexists(path):
        raise UserError(f"{inert.name(path)} cannot be seen from here: plan on the machine where ingest runs")
    real = real_path(path)
    folder, only = (real, None) if real.is_dir() else (real.parent, real.name)
    exclude = [library] if library is not None and (library != folder or plan.took_nothing) else []
    for listing in walk(folder, recursive=only is None, exclude=exclude):
        if listing.error is not None and only is None:
            plan.unreadable.append(f"{folder / listing.relative_path}: {listing.error}")
        for skipped in listing.skipped if only is None else ():
            plan.skip(folder, skipped)
        yield from ((folder, entry) for entry in listing.entries if only is None or entry.name == only)


def free_bytes(folder: Path) -> int:
    """Free space where a folder is, or will be."""
    return shutil.disk_usage(_nearest(folder)).free


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def measure(plan: Plan) -> None:
    """Read some of the files to learn how fast they come; nothing is kept of them."""
    read_bytes, started = 0, time.monotonic()
    for path, size_bytes in plan.probes[:PROBES]:
        try:
            read_bytes += _read(path, min(size_bytes, PROBE_BYTES))
        except OSError as error:
            plan.unreadable.append(f"{path}: {error.strerror}")
        if time.monotonic() - started > PROBE_S:
            break
    spent_s = time.monotonic() - started
    plan.bytes_per_s = read_bytes / spent_s if read_bytes and spent_s > 0 else None


def _read(path: Path, most_bytes: int) -> int:
    from shared.library.reading import drop_cache

    done = 0
    with path.open("rb", buffering=0) as file:
        drop_cache(file.fileno())  # what memory holds of the file says nothing about the disk
        while done < most_bytes and (chunk := file.read(1024**2)):
            done += len(chunk)
    return done


def plan_text(plan: Plan, mode: str) -> str:
    """The plan for people."""
    lines = [f"{counted(plan.captures, 'capture')}, {size(plan.size_bytes)}"]
    if ignored := plan.ignored_by.total():
        shown = plan.ignored_by.most_common(SHOWN_RULES)
        rules = ", ".join(f"{inert.sentence(rule)} {number}" for rule, number in shown)
        lines.append(f"{counted(ignored, 'other file')} would be ignored ({rules})")
    if plan.nothing is not None:
        lines.append(plan.nothing)
    lines.extend(f"cannot be read: {inert.sentence(reason)}" for reason in plan.unreadable)
    if mode == "index":
        lines.append("index: the files stay where they are; nothing is written there")
    elif plan.library is None:
        lines.append(f"{mode}: into the library of the machine where ingest runs")
    else:
        lines.append(f"{mode}: into {inert.name(plan.library)}, where {size(plan.free_bytes or 0)} are free")
        lines.append("what the library holds already needs no room there")
    if mode == "move":
        lines.append("move: each file is deleted here once its copy was read back and compared")
    if plan.bytes_per_s:
        took = duration(plan.size_bytes / plan.bytes_per_s)
        lines.append(
            f"reading takes about {took}, at {size(plan.bytes_per_s)}/s as some of the files were read just now"
        )
    if mode != "index" and not plan.fits:
        lines.append(f"not everything fits: {size(plan.size_bytes - (plan.free_bytes or 0))} are missing")
    return "\n".join(lines)


def require_consent(paths: Sequence[str], mode: str, library: Path) -> None:
    """Ask before much is copied into the default library on the system disk, which nobody chose for that.

    Raises:
        WrongUsage: there is nobody to ask, or the answer was no.
    """
    if mode == "index" or not _on_system_disk(library):
        return
    free = free_bytes(library)
    limit = min(SURPRISE_BYTES, SURPRISE_SHARE * free)
    plan = make_plan(paths, library, at_most_bytes=limit)
    if plan.size_bytes <= limit:
        return
    words = (
        f"more than {size(limit)} would be copied into {inert.name(library)}, on the system disk (library.path is not "
        f"set), where {size(free)} are free"
    )
    if not sys.stdin.isatty():
        raise WrongUsage(f"{words}: repeat it with --yes, set library.path, or look with --dry-run first")
    answer = input(f"{words[0].upper()}{words[1:]}. Go on? [y/N] ")
    if answer.strip().lower() not in {"y", "yes"}:
        raise WrongUsage("nothing was imported")


def _on_system_disk(library: Path) -> bool:
    return _nearest(library).stat().st_dev == Path("/").stat().st_dev
