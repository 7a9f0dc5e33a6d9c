"""Content that cannot be read here, brought from another destination that holds it, so that each has everything.

It goes to a temporary file, which is proven by its SHA-256 and removed again: nothing of it is placed in a library.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import asyncpg

from services.backup.archive.model import Member
from services.backup.destinations.port import Destination
from services.backup.destinations.threads import in_thread
from services.backup.restore.folder import RestoreFolder
from services.backup.restore.restore import Restore
from services.backup.restore.wanted import Wanted
from services.backup.store import proofs
from shared.db.pool import connected
from shared.errors import Away, Permanent, Transient
from shared.library.reading import shown
from shared.logging import get_logger

log = get_logger(__name__)

ID_DIGITS = 16
"""Of a file's id, in a command that is to be typed."""


class SourceAway(Away):
    """The other destination is not there now; nothing is wrong with the one that the archive goes to."""


class OutOfReach(Permanent):
    """No other destination gives the content by itself: no further try helps, and the archive goes on without it."""


class Elsewhere:
    """The other destinations, seen from the one that an archive goes to."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        ready: Callable[[str], Awaitable[Destination]],
        destination: str,
        others: Sequence[str],
    ) -> None:
        """``ready`` gives a destination that is there and ours; ``others`` are the names of those that may be read."""
        self._pool = pool
        self._ready = ready
        self._destination = destination
        self._others = others

    async def bring(self, member: Member, scratch: Path) -> Path:
        """Bring a member's file into a folder that is empty, whole and proven; its path there.

        Raises:
            SourceAway: a destination that holds it is not there now.
            OutOfReach: none gives it by itself.
        """
        async with connected(self._pool) as connection:
            copies = await proofs.copies_elsewhere(connection, member.file_id, self._destination, self._others)
        problems = [] if copies else ["no other destination holds it"]
        away: Transient | None = None
        for copy in copies:
            try:
                destination = await self._ready(copy.destination)
                stored = await destination.look(copy.key)
                if stored is not None and stored.frost is not None:
                    what = f"nightbus backup restore {copy.file_id[:ID_DIGITS]} --from {copy.destination}"
                    kind = stored.storage_class or stored.frost
                    problems.append(f"at {copy.destination} it lies in {kind}, which `{what}` thaws")
                    continue
                wanted = Wanted(copy.file_id, copy.size_bytes, copy.file_id, copies=(copy,))
                folder = await in_thread(RestoreFolder, scratch)
                restored = await Restore({copy.destination: destination}, folder).run([wanted])
                if not restored.failures:
                    log.warning(
                        "taken from another destination, since it cannot be read here", file=shown(member.path),
                        source=copy.destination, destination=self._destination,
                        remedy=f"nightbus backup restore {copy.file_id[:ID_DIGITS]} --from {copy.destination}",
                    )  # fmt: skip
                    return scratch / copy.file_id
                problems += [failure.reason for failure in restored.failures]
                await self._ready(copy.destination)  # a network that went away meanwhile says nothing of the file
            except Transient as error:
                away = error
        if away is not None:
            raise SourceAway(f"{shown(member.path)} cannot be read here, and another destination is away: {away}")
        raise OutOfReach(f"{shown(member.path)} cannot be read here, and {'; '.join(problems)}")
