"""Opening the files that go into an archive: where they were planned from, else wherever they lie by now."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.backup.archive.model import Member
from services.backup.priority import give_way
from services.backup.store.members import Place
from shared.errors import Away, Gone, Permanent, Transient
from shared.library.reading import shown
from shared.library.roots import Root, is_away, resolve
from shared.library.stream import Stream, open_stream

_thread = threading.local()

PlacesOf = Callable[[str], Awaitable[Sequence[Place]]]
"""Where a content lies by now."""


class RootAway(Away):
    """The root of a file that goes into an archive is not there; nothing is wrong with the archive's destination."""

    def __init__(self, root: Root, what: str) -> None:
        super().__init__(f"the root {root.name} at {shown(root.path)} is away, and {shown(what)} with it")
        self.root = root


class Reading:
    """Opens members in threads."""

    def __init__(self, planned: Mapping[int, Place], places_of: PlacesOf) -> None:
        self._planned = planned
        self._places_of = places_of
        self._loop = asyncio.get_running_loop()

    @contextmanager
    def open(self, member: Member) -> Iterator[Stream]:
        """Open a member's file; to be called in a thread.

        Raises:
            RootAway: the root of every place that it may lie at is away.
            Gone: it is at none of its places.
            Transient: it cannot be read now.
            Permanent: what has its name is no regular file.
        """
        if not getattr(_thread, "gives_way", False):
            give_way()
            _thread.gives_way = True
        with ExitStack() as stack:
            yield self._open(member, stack)

    def _open(self, member: Member, stack: ExitStack) -> Stream:
        planned = self._planned[member.position]
        try:
            return stack.enter_context(_opened(planned))
        except (Transient, Permanent) as error:
            first = error
        for place in asyncio.run_coroutine_threadsafe(self._find(member.file_id), self._loop).result():
            if place == planned:
                continue
            try:
                return stack.enter_context(_opened(place))
            except RootAway as error:
                first = error
            except (Transient, Permanent):
                continue  # what is said is of the place that it was planned from
        raise first

    async def _find(self, file_id: str) -> Sequence[Place]:
        return await self._places_of(file_id)


@contextmanager
def _opened(place: Place) -> Iterator[Stream]:
    root = Root(place.root, Path(place.root_path))
    path = resolve(root, place.path)
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open_stream(path))
        except Transient as error:
            if is_away(root.path):
                raise RootAway(root, place.path) from error
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                raise Gone(f"{shown(place.path)} is not in {shown(place.root_path)} any more") from error
            raise
        yield stream
