"""The kinds of sources: which adapter reads what the settings describe."""

from collections.abc import Callable, Sequence
from pathlib import Path

from services.ingest.sources.folder import Folder
from services.ingest.sources.port import SourcePort
from shared.settings import SourceSettings


def _nothing(_folder: Path | None) -> Sequence[Path]:
    """All of a folder is part of it."""
    return ()


def port_of(configured: SourceSettings, excluded: Callable[[Path | None], Sequence[Path]] = _nothing) -> SourcePort:
    """The adapter of a source; nothing is asked of the place yet.

    ``excluded`` says what in a folder is no part of it.
    """
    return Folder(configured.path, excluded(configured.path))
