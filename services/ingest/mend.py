"""Known content arrives again: is its copy in the library there and whole, and what is done where it is not.

Knows files and no database; what it did is written down by ``store.looks``.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import Transient
from shared.library.hashing import Digest
from shared.library.mend import replace_damaged
from shared.library.place import place
from shared.library.reading import shown
from shared.library.roots import Root
from shared.library.stage import Staged
from shared.library.stored import Condition, Examined, examine


class NotAtRestError(Transient):
    """A file of the library that somebody may still be writing to."""


How = Literal["brought_back", "repaired", "set_beside"]

_WORTH = (Condition.SOUND, Condition.DAMAGED, Condition.CHANGED, Condition.GONE)
"""Of several places of one content the first of these is what counts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a content is known to lie below the library, and the mtime at which it was whole there, if known."""

    path: str
    whole_at_ns: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A place as it was found: whole at an mtime, or (None) gone."""

    path: str
    whole_at_ns: int | None


@dataclass(frozen=True, slots=True)
class Mended:
    """A content whose copy was placed anew.

    ``path`` and ``mtime_ns`` are of the good copy, ``gone`` the places at which nothing was any more. Of a repaired one
    ``kept_as`` is where its damaged copy lies, of one set beside ``changed`` is what the place ``changed_path`` holds.
    """

    how: How
    content: Digest
    path: str
    mtime_ns: int
    gone: tuple[str, ...] = ()
    kept_as: str | None = None
    kept_bytes: int = 0
    changed_path: str | None = None
    changed: Digest | None = None
    changed_mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found at the places of a content, up to the first that is sound."""

    content: Digest
    found: tuple[tuple[Place, Examined], ...]

    @property
    def best(self) -> tuple[Place, Examined]:
        """The place that counts."""
        return min(self.found, key=lambda pair: _WORTH.index(pair[1].condition))

    @property
    def condition(self) -> Condition:
        """What became of the content: gone where no place holds anything of it."""
        return self.best[1].condition if self.found else Condition.GONE

    @property
    def gone(self) -> tuple[str, ...]:
        """The places at which nothing is any more."""
        return tuple(place.path for place, found in self.found if found.condition is Condition.GONE)

    @property
    def seen(self) -> list[Seen]:
        """What is worth noting of a content that needs nothing, or may not be brought back."""
        gone = [Seen(path, None) for path in self.gone]
        if not self.found:
            return []
        place, found = self.best
        hashed = found.condition is Condition.SOUND and found.digest is not None
        return [*gone, Seen(place.path, found.mtime_ns)] if hashed and found.mtime_ns != place.whole_at_ns else gone


def look(library: Root, content: Digest, places: Sequence[Place], *, hashing: bool) -> Looked:
    """Look at the places of a content, one after the other until one is sound; raises as ``stored.examine`` does."""
    found = []
    for one in places:
        examined = examine(library, one.path, content, whole_at_ns=one.whole_at_ns, hashing=hashing)
        found.append((one, examined))
        if examined.condition is Condition.SOUND:
            break
    return Looked(content, tuple(found))


def mend(library: Root, staged: Staged, looked: Looked, wanted: Callable[[], str], *, quiet_s: float) -> Mended:
    """Place a good copy of a content of which none is sound: over rot, beside a changed file, or anew as ``wanted``.

    Raises:
        Transient: the library cannot be written to, or the file is another one than was looked at.
        NotAtRestError: it was changed within the last ``quiet_s`` seconds.
        Permanent: the copy cannot have a name there.
    """
    if looked.condition is Condition.DAMAGED:
        where, damaged = looked.best
        replaced = replace_damaged(staged, library, where.path, damaged)
        assert damaged.digest is not None
        return Mended(
            "repaired", looked.content, where.path, replaced.mtime_ns, looked.gone,
            kept_as=replaced.kept_as, kept_bytes=damaged.digest.size_bytes,
        )  # fmt: skip
    if looked.condition is Condition.CHANGED:
        where, changed = looked.best
        if 0 <= time.time() - changed.mtime_ns / 1e9 < quiet_s:
            raise NotAtRestError(f"its copy {shown(library.path / where.path)} was changed a moment ago")
        placed = place(staged, library, where.path)
        return Mended(
            "set_beside", looked.content, placed.relative_path, placed.mtime_ns, looked.gone,
            changed_path=where.path, changed=changed.digest, changed_mtime_ns=changed.mtime_ns,
        )  # fmt: skip
    placed = place(staged, library, wanted())
    return Mended("brought_back", looked.content, placed.relative_path, placed.mtime_ns, looked.gone)
