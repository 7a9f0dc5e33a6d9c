"""What a person asked an import for, as places to look at: all files that are named of a folder are one place."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.library.roots import real_path


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with all below it, or the only files to take in it, by name."""

    folder: Path
    only: frozenset[str] | None = None


def places_of(paths: Iterable[Path]) -> list[Place]:
    """Where paths lead, through all links, in the order in which folders are first named. Runs in a thread.

    A folder that is named itself is taken with all below it, whichever of its files are named too.

    Raises:
        UserError: there is nothing at a path, or it cannot be read.
    """
    named: dict[Path, set[str] | None] = {}
    for path in paths:
        real = real_path(path)
        if not real.is_file():
            named[real] = None
            continue
        names = named.setdefault(real.parent, set())
        if names is not None:
            names.add(real.name)
    return [Place(folder, None if names is None else frozenset(names)) for folder, names in named.items()]
