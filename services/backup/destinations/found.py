"""Whose archives lie at a destination, where no database says who we are: a machine with nothing but its settings."""

import asyncio
from pathlib import Path

from services.backup.destinations.keys import MARKER
from services.backup.settings.destinations import DestinationSettings, FolderDestination, S3Destination
from shared.errors import Away
from shared.library.reading import shown

_OURS = "nightbus-"
"""What prefixes begin with that the settings do not name."""


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

            async with opened_bucket(configured, _OURS) as bucket:
                page = await bucket.asking.ask("list_objects_v2", {"Prefix": _OURS, "Delimiter": "/"})
            return sorted(str(found["Prefix"]).rstrip("/") for found in page.get("CommonPrefixes") or ())
        case _:
            raise AssertionError(f"there is no adapter for destinations of the kind {configured.kind}")


def _in_folder(configured: FolderDestination) -> list[str]:
    try:
        return sorted(folder.name for folder in configured.path.glob(f"{_OURS}*") if Path(folder, MARKER).is_file())
    except OSError as error:
        raise Away(
            f"the destination {configured.name} ({shown(configured.path)}) cannot be read: {error.strerror}"
        ) from error
