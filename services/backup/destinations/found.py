"""Whose objects lie at a destination: found by the markers, without knowing any prefix."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from services.backup.destinations.disk import Disk
from services.backup.destinations.marker import owner_of
from services.backup.settings.destinations import DestinationSettings, FolderDestination, S3Destination
from shared.errors import Away


@dataclass(frozen=True, slots=True)
class Found:
    """An installation at a destination."""

    installation_id: str
    prefix: str


async def installations(configured: DestinationSettings) -> list[Found]:
    """The installations below a destination's folder or bucket, or below its prefix where it has one.

    Raises:
        UserError: a marker is damaged.
        Transient: the destination is away, or says no.
    """
    match configured:
        case FolderDestination():
            return await asyncio.to_thread(_in_folder, configured)
        case S3Destination():
            from services.backup.destinations.s3.found import markers  # loads a client of 60 MB

            return [Found(owner_of(data, prefix), prefix) for prefix, data in await markers(configured)]
        case _:
            raise AssertionError(f"there is no adapter for destinations of the kind {configured.kind}")


def _in_folder(configured: FolderDestination) -> list[Found]:
    prefixes = [configured.prefix] if configured.prefix is not None else _folders(configured.path)
    found = []
    for prefix in prefixes:
        marker = Disk(configured.path, prefix, configured.name, "").marker()
        if marker is not None:
            found.append(Found(owner_of(marker, str(configured.path / prefix)), prefix))
    return found


def _folders(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.is_symlink())
    except OSError as error:
        raise Away(f"the folder {path} cannot be read: {error.strerror}") from error
