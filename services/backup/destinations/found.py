"""Whose archives lie at a destination, where no database says who we are: a machine with nothing but its settings."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from services.backup.destinations.disk import Disk
from services.backup.destinations.keys import MARKER
from services.backup.destinations.kinds import OWN_PREFIX
from services.backup.destinations.marker import owner_of
from services.backup.settings.destinations import DestinationSettings, FolderDestination, S3Destination
from shared.errors import Away
from shared.library.reading import shown


@dataclass(frozen=True, slots=True)
class Found:
    """An installation at a destination."""

    installation_id: str
    prefix: str


async def prefixes(configured: DestinationSettings) -> list[str]:
    """The prefixes below which installations keep their archives there: the one of the settings, or all that are found.

    Raises:
        Away: the destination is not there.
        Transient: it cannot be asked now.
    """
    if configured.prefix is not None:
        return [configured.prefix]
    match configured:
        case FolderDestination():
            return await asyncio.to_thread(_in_folder, configured)
        case S3Destination():
            from services.backup.destinations.s3.bucket import opened_bucket  # loads a client of 60 MB

            async with opened_bucket(configured, OWN_PREFIX) as bucket:
                page = await bucket.asking.ask("list_objects_v2", {"Prefix": OWN_PREFIX, "Delimiter": "/"})
            return sorted(str(found["Prefix"]).rstrip("/") for found in page.get("CommonPrefixes") or ())
        case _:
            raise AssertionError(f"there is no adapter for destinations of the kind {configured.kind}")


async def installations(configured: DestinationSettings) -> list[Found]:
    """The installations that keep their archives there, by their markers.

    Raises:
        UserError: a marker is damaged.
        Transient: the destination is away, or says no.
    """
    markers = [(prefix, await _marker(configured, prefix)) for prefix in await prefixes(configured)]
    return [Found(owner_of(data, prefix), prefix) for prefix, data in markers if data is not None]


async def _marker(configured: DestinationSettings, prefix: str) -> bytes | None:
    match configured:
        case FolderDestination():
            return await asyncio.to_thread(Disk(configured.path, prefix, configured.name, "").marker)
        case S3Destination():
            from services.backup.destinations.s3.bucket import opened_bucket  # loads a client of 60 MB

            async with opened_bucket(configured, prefix) as bucket:
                return await bucket.marker()
        case _:
            raise AssertionError(f"there is no adapter for destinations of the kind {configured.kind}")


def _in_folder(configured: FolderDestination) -> list[str]:
    try:
        return sorted(
            folder.name for folder in configured.path.glob(f"{OWN_PREFIX}*") if Path(folder, MARKER).is_file()
        )
    except OSError as error:
        raise Away(
            f"the destination {configured.name} ({shown(configured.path)}) cannot be read: {error.strerror}"
        ) from error
