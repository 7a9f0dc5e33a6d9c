"""Archives that lie at a destination and that the database does not know: made after the dump that it came back from.

What they hold is not sent again, and comes back with the rest. Their manifests tell all that is to be known.
"""

from services.backup.archive.keys import parse_raw, raw_prefix
from services.backup.archive.manifest import Manifest, from_json
from services.backup.destinations.port import Destination
from services.backup.store import adopted
from shared.bus.transaction import Connection
from shared.errors import Permanent
from shared.logging import get_logger

log = get_logger(__name__)


async def adopt_archives(connection: Connection, destination: Destination, called: str) -> int:
    """Know of all archives whose manifests lie at a destination; how many were not known.

    Args:
        connection: of a role that may write the schema.
        destination: where they lie.
        called: the destination's name in the database.

    Raises:
        Transient: the destination failed, or is away.
    """
    known = await adopted.known_manifests(connection, called)
    count = 0
    keys = [stored.key async for stored in destination.list(raw_prefix())]
    for key in keys:
        parsed = parse_raw(key)
        if parsed is None or parsed.kind != "manifest" or key in known:
            continue
        manifest = await _read(destination, key)
        if manifest is None or manifest.key is None:
            continue  # what lists archives of others alone is none
        stored = await destination.look(manifest.key)
        if stored is None or stored.size_bytes != manifest.stored_bytes:
            log.warning("an archive is not what its manifest says", key=manifest.key)
            continue
        async with connection.transaction():
            await adopted.adopt(connection, called, key, manifest, stored)
        count += 1
    return count


async def _read(destination: Destination, key: str) -> Manifest | None:
    try:
        return from_json(b"".join([piece async for piece in destination.read(key)]), key)
    except Permanent as error:
        log.warning("a manifest is passed over", reason=str(error))
        return None
