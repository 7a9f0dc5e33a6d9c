"""Opening the files that go into an archive: where they were planned from, else wherever they lie by now.

Those that cannot be read here any more come from another destination.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from services.backup.archive.model import Member
from services.backup.priority import give_way
from shared.errors import Away, Gone, Permanent, Transient
from shared.library.reading import shown
from shared.library.roots import Root, is_away, resolve
from shared.library.stream import Stream, open_stream

_thread = threading.local()


class Place(NamedTuple):
    """Where a content lies."""

    root: str
    path: str
    root_path: str


PlacesOf = Callable[[str], Coroutine[object, object, Sequence[Place]]]
"""Where a content lies by now."""
Bring = Callable[[Member, Path], Coroutine[object, object, Path]]
"""Brings a content from another destination into a folder that is empty; its path there."""
T = TypeVar("T")


class RootAway(Away):
    """The root of a file that goes into an archive is not there; nothing is wrong with the archive's destination."""

    def __init__(self, root: Root, what: str) -> None:
        super().__init__(f"the root {root.name} at {shown(root.path)} is away, and {shown(what)} with it")
        self.root = root


class Reading:
    """Opens members in threads."""

    def __init__(
        self, planned: Mapping[int, Place], places_of: PlacesOf, bring: Bring, elsewhere: Collection[int] = ()
    ) -> None:
        """``planned`` and ``elsewhere`` are by position; the latter come from another destination."""
        self._planned = planned
        self._places_of = places_of
        self._bring = bring
        self._elsewhere = frozenset(elsewhere)
        self._loop = asyncio.get_running_loop()
        self._asked: concurrent.futures.Future[Any] | None = None
        self._is_ended = False
        self._asking = threading.Lock()

    def end(self) -> None:
        """Wait no longer for what is brought from elsewhere: whoever does hears that it was cancelled."""
        with self._asking:
            self._is_ended = True
            if self._asked is not None:
                self._asked.cancel()

    @contextmanager
    def open(self, member: Member) -> Iterator[Stream]:
        """Open a member's file; to be called in a thread.

        Raises:
            RootAway: the root of every place that it may lie at is away.
            Gone: it is at none of its places.
            SourceAway: the destination that it comes from is not there now.
            Transient: it cannot be read now.
            Permanent: what has its name is no regular file, or no destination gives it.
        """
        if not getattr(_thread, "gives_way", False):
            give_way()
            _thread.gives_way = True
        with ExitStack() as stack:
            yield self._open(member, stack)

    def _open(self, member: Member, stack: ExitStack) -> Stream:
        if member.position in self._elsewhere:
            scratch = TemporaryDirectory(prefix="nightbus-elsewhere-", ignore_cleanup_errors=True)
            return stack.enter_context(open_stream(self._wait(self._bring(member, Path(stack.enter_context(scratch))))))
        planned = self._planned[member.position]
        try:
            return stack.enter_context(opened_here(planned))
        except (Transient, Permanent) as error:
            first = error
        for place in self._wait(self._places_of(member.file_id)):
            if place == planned:
                continue
            try:
                return stack.enter_context(opened_here(place))
            except RootAway as error:
                first = error
            except (Transient, Permanent):
                continue  # what is said is of the place that it was planned from
        raise first

    def _wait(self, awaited: Coroutine[object, object, T]) -> T:
        """Wait in this thread for what the loop does, unless the reading has ended."""
        with self._asking:
            asked = asyncio.run_coroutine_threadsafe(awaited, self._loop)
            self._asked = asked
            if self._is_ended:
                asked.cancel()
        return asked.result()


@contextmanager
def opened_here(place: Place) -> Iterator[Stream]:
    """The file at a place.

    Raises:
        RootAway: its root is not there.
        Gone: it is not at its place.
        Transient: it cannot be read now.
        Permanent: what has its name is no regular file.
    """
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
