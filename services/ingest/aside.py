"""Damaged copies that lie aside without a row: everything ended between their replacement and the commit of it."""

import asyncio
import math

import asyncpg

from services.ingest.mend import Mended, Place, look
from services.ingest.shelf import Shelf
from services.ingest.store import damage, locations, looks
from services.ingest.store.roots import LIBRARY
from shared.db.bisect import REFUSALS
from shared.db.pool import connected, transaction
from shared.errors import NightbusError, Unavailable
from shared.library.hashing import Digest, sha256_file
from shared.library.mend import Kept, finish_replacement, kept_aside
from shared.library.reading import shown
from shared.library.remove import remove_verified
from shared.library.roots import Root, resolve
from shared.library.stored import Condition
from shared.logging import get_logger

log = get_logger(__name__)


async def recover_kept(pool: asyncpg.Pool, shelf: Shelf) -> None:
    """Write down what lies aside, and finish replacements that were cut short. What is odd there costs itself alone.

    Raises:
        Transient: the library is away.
    """
    odd: list[str] = []
    kept = {one.kept_as: one for one in await asyncio.to_thread(lambda: list(kept_aside(shelf.library, odd)))}
    async with connected(pool) as connection:
        unrecorded = await damage.unrecorded(connection, list(kept))
    for kept_as in unrecorded:
        try:
            async with shelf.mending:
                await _recover(pool, shelf.library, kept[kept_as])
        except Unavailable:
            raise
        except NightbusError as error:
            log.warning("a copy that lies aside is looked at later", kept_as=kept_as, reason=str(error))
        except REFUSALS as error:
            odd.append(f"{shown(kept_as)} cannot be recorded: {shown(str(error))}")
    if odd:
        log.warning("some of what lies aside in the library is not told of", files=len(odd), such_as=odd[0])


async def _recover(pool: asyncpg.Pool, library: Root, kept: Kept) -> None:
    async with connected(pool) as connection:
        content, whole_at_ns = await locations.content_at(connection, LIBRARY, kept.path) or (None, None)
    if content is not None and await asyncio.to_thread(_holds, library, kept, content):
        mended = await asyncio.to_thread(_finish, library, kept, content, whole_at_ns)
        if mended is not None:
            async with transaction(pool) as connection:
                await looks.save(connection, [mended])
        return
    async with connected(pool) as connection:
        await damage.add_kept(connection, kept, content)
    log.warning("a damaged copy lies aside that no row told of", path=kept.path, kept_as=kept.kept_as)


def _holds(library: Root, kept: Kept, content: Digest) -> bool:
    """Whether what lies aside is a good copy: it had not changed places with the damaged one yet."""
    return sha256_file(library.path / kept.kept_as) == content


def _finish(library: Root, kept: Kept, content: Digest, whole_at_ns: int | None) -> Mended | None:
    """Let a good copy change places with the damaged one; where the place is whole by now, it is not needed."""
    looked = look(library, content, [Place(kept.path, whole_at_ns)], hashing=True)
    aside = library.path / kept.kept_as
    if looked.condition is Condition.SOUND:
        stored_at = resolve(library, kept.path)
        remove_verified(
            aside, content, stored_at=stored_at, library=library, root=library.path, rested_s=math.inf
        )  # nobody but us writes there
    elif looked.condition is Condition.DAMAGED:
        damaged = looked.best[1]
        replaced = finish_replacement(library, kept.path, kept.kept_as, damaged)
        log.warning("a replacement that was cut short is finished", path=kept.path, kept_as=replaced.kept_as)
        kept_bytes = damaged.digest.size_bytes if damaged.digest is not None else kept.size_bytes
        return Mended(
            "repaired", content, kept.path, replaced.mtime_ns, kept_as=replaced.kept_as, kept_bytes=kept_bytes
        )
    return None
