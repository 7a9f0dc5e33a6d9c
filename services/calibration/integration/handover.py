"""The folder of the library in which masters are written before ingest places them: `.nightbus/handover/calibration`.

Files there bear the id of their build, unfinished ones its attempt too. What no open build has any use for is removed.
"""

import re
from collections.abc import Collection
from pathlib import Path
from uuid import UUID

from shared.errors import Transient
from shared.library.extensions import OWN_PREFIX
from shared.library.folders import enter_folder, open_folder, sync_folder, unlink_if_there
from shared.library.reading import shown
from shared.library.roots import Root, read_marker

PARTS = (OWN_PREFIX, "handover", "calibration")
_NAME = re.compile(r"([0-9a-f]{32})(?:-\d+)?\.fits(?:\.part)?")


def relative_path(build_id: UUID) -> str:
    """Where the finished file of a build lies, below the library."""
    return "/".join((*PARTS, f"{build_id.hex}.fits"))


def unfinished_path(library: Root, build_id: UUID, attempt: int) -> Path:
    """Where an attempt writes; the folder is made.

    Raises:
        LibraryAway: the library is not there, or another one is.
        Transient: the folder cannot be made.
    """
    read_marker(library)
    try:
        with open_folder(library.path, PARTS, library.access):
            pass
    except OSError as error:
        raise Transient(f"the folder for new masters in {library.shown} cannot be made: {error.strerror}") from error
    return library.path.joinpath(*PARTS, f"{build_id.hex}-{attempt}.fits")


def finish(library: Root, unfinished: Path, build_id: UUID) -> None:
    """Give a complete file the name by which it is handed over. Raises Transient."""
    try:
        unfinished.replace(library.path / relative_path(build_id))
        with enter_folder(library.path, PARTS) as folder:
            sync_folder(folder)
    except OSError as error:
        raise Transient(f"{shown(unfinished)} cannot be handed over: {error.strerror}") from error


def size_of(library: Root, build_id: UUID) -> int | None:
    """Bytes of the finished file of a build; None where it is not there. Raises LibraryAway."""
    read_marker(library)
    try:
        return (library.path / relative_path(build_id)).lstat().st_size
    except OSError:
        return None


def clear(library: Root, open_builds: Collection[UUID], running: Collection[tuple[UUID, int]]) -> int:
    """Remove what no build has any use for; how many files that were.

    ``running``: builds that are written here now, with their attempts.

    Raises:
        LibraryAway: the library is not there, or another one is.
        Transient: the folder cannot be read now.
    """
    read_marker(library)
    wanted = {f"{build_id.hex}.fits" for build_id in open_builds}
    for build_id, attempt in running:
        wanted |= {f"{build_id.hex}-{attempt}.fits", f"{build_id.hex}-{attempt}.fits.part"}
    removed = 0
    try:
        with enter_folder(library.path, PARTS) as folder:
            for path in library.path.joinpath(*PARTS).iterdir():
                if _NAME.fullmatch(path.name) and path.name not in wanted:
                    removed += unlink_if_there(path.name, folder)
    except FileNotFoundError:
        return removed
    except OSError as error:
        raise Transient(f"the folder for new masters in {library.shown} cannot be read: {error.strerror}") from error
    return removed
