"""The kinds of destinations: from settings to destinations that are open."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from services.backup.destinations.folder import FolderOfArchives
from services.backup.destinations.port import Destination
from services.backup.settings.destinations import DestinationSettings, FolderDestination, S3Destination

OWN_PREFIX = "nightbus-"
"""What prefixes begin with that no settings give; the installation's id follows."""


def prefix_of(configured: DestinationSettings, installation_id: str) -> str:
    """What every key at a destination begins with, without a slash at its end."""
    return configured.prefix or f"{OWN_PREFIX}{installation_id}"


@asynccontextmanager
async def opened(configured: DestinationSettings, installation_id: str) -> AsyncIterator[Destination]:
    """A destination for as long as the block lasts. Nothing is asked of it yet: ``check`` does."""
    prefix = prefix_of(configured, installation_id)
    match configured:
        case FolderDestination():
            yield FolderOfArchives(configured.name, configured.path, prefix, installation_id)
        case S3Destination():
            from services.backup.destinations.s3.bucket import opened_bucket  # loads a client of 60 MB

            async with opened_bucket(configured, prefix) as bucket:
                yield bucket
        case _:
            raise AssertionError(f"there is no adapter for destinations of the kind {configured.kind}")


@asynccontextmanager
async def all_opened(
    configured: Iterable[DestinationSettings], installation_id: str
) -> AsyncIterator[Mapping[str, Destination]]:
    """All destinations by name, in the order of the settings, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        yield {one.name: await stack.enter_async_context(opened(one, installation_id)) for one in configured}
