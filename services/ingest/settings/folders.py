"""Folders of sources and the library lie apart: no file is taken twice, and the library is no source of itself."""

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path


def require_apart(sources: Mapping[str, Path], library: Path | None) -> None:
    """Check the folders as they are written; links are not followed, since a folder may be away.

    Args:
        sources: folder by name of the source.
        library: the library's folder, if there is one.

    Raises:
        ValueError: one lies in another; the sentence names the remedy.
    """
    for name, folder in sources.items():
        if library is None:
            break
        if folder.is_relative_to(library):
            raise ValueError(f"the source {name!r} lies in the library {library}: nothing would be taken")
        if library.is_relative_to(folder):
            raise ValueError(
                f"the library {library} lies in the source {name!r} ({folder}): put the library elsewhere, "
                "or name the folders that captures land in as sources"
            )
    for (name, folder), (other, outer) in permutations(sources.items(), 2):
        if folder == outer:
            raise ValueError(f"the sources {name!r} and {other!r} are the same folder {folder}: remove one of them")
        if folder.is_relative_to(outer):
            raise ValueError(
                f"the source {name!r} ({folder}) lies in the source {other!r} ({outer}): its files would be taken "
                f"twice; remove one of the two, or name the other folders in {outer} one by one"
            )
