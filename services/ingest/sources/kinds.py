"""The kinds of sources: which adapter reads what the settings describe."""

from collections.abc import Callable, Sequence
from pathlib import Path

from services.ingest.settings import FolderSettings, SourceSettings
from services.ingest.sources.folder import Folder
from services.ingest.sources.port import SourcePort


def _nothing(_folder: Path | None) -> Sequence[Path]:
    """All of a folder is part of it."""
    return ()


def port_of(configured: SourceSettings, excluded: Callable[[Path | None], Sequence[Path]] = _nothing) -> SourcePort:
    """The adapter of a source; nothing is asked of the place yet.

    ``excluded`` says what in a folder is no part of it.
    """
    match configured:
        case FolderSettings():
            return Folder(configured.path, excluded(configured.path))
    raise AssertionError(f"there is no adapter for sources of the kind {configured.kind}")
