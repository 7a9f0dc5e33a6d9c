"""When a file that somebody else writes has come to rest."""

from dataclasses import dataclass

from shared.library.walk import Entry

_CLOCK_STEP_S = 1.0


def already_quiet(entry: Entry, now_ns: int, quiet_s: float) -> bool:
    """Whether one look is enough: the file's ctime and mtime are both older than ``quiet_s`` on our own clock.

    Valid on a local file system alone. There the kernel that answers us also stamped the file with the clock that we
    read: every write, truncation and rename moves the ctime to now, and no tool can set it back (``touch``, ``cp -p``
    and ``rsync -t`` set mtime only). The mtime is asked as well because a device whose clock runs ahead tells nothing.
    On a network share both stamps come from the server's clock and from a cache, so two looks are always needed.
    ``now_ns`` is ``time.time_ns()``.
    """
    newest_ns = max(entry.changed_ns, entry.mtime_ns)
    return now_ns - newest_ns > quiet_s * 1e9


@dataclass(slots=True)
class _Seen:
    size_bytes: int
    mtime_ns: int
    since_s: float


class Settler:
    """Remembers the files that were seen to change, until they rest.

    A file rests after two equal observations of size and mtime at least ``quiet_s`` apart on our own monotonic clock;
    the file's own times are only compared with each other, so a wrong clock on the device does no harm.
    """

    def __init__(self, quiet_s: float, network: bool) -> None:
        self.quiet_s = quiet_s
        self.network = network
        self._seen: dict[str, _Seen] = {}
        self._clock_offset_s: float | None = None
        self._clock_trusted_from_s = 0.0

    def __len__(self) -> int:
        return len(self._seen)

    def observe(self, key: str, size_bytes: int, mtime_ns: int, now_monotonic_s: float) -> bool:
        """Note one look at a file; True once it was found unchanged for ``quiet_s``."""
        seen = self._seen.get(key)
        if seen is None or seen.size_bytes != size_bytes or seen.mtime_ns != mtime_ns:
            self._seen[key] = _Seen(size_bytes, mtime_ns, now_monotonic_s)
            return False
        return now_monotonic_s - seen.since_s >= self.quiet_s

    def settled(self, key: str, entry: Entry, now_ns: int, now_monotonic_s: float) -> bool:
        """Whether a file rests, by one look where that is safe (see ``already_quiet``) and by two looks elsewhere.

        After the wall clock was stepped (a Raspberry Pi finds the time minutes after it started) a file that is being
        written can look old, so one look is not trusted again until ``quiet_s`` have passed.
        """
        one_look = not self.network and self._clock_is_steady(now_ns, now_monotonic_s)
        if one_look and already_quiet(entry, now_ns, self.quiet_s):
            return True
        return self.observe(key, entry.size_bytes, entry.mtime_ns, now_monotonic_s)

    def forget(self, key: str) -> None:
        """Stop remembering a file that was taken in or has gone."""
        self._seen.pop(key, None)

    def retain(self, keys: set[str]) -> None:
        """Forget every file that is not in ``keys``: after a full walk the others no longer exist."""
        self._seen = {key: seen for key, seen in self._seen.items() if key in keys}

    def _clock_is_steady(self, now_ns: int, now_monotonic_s: float) -> bool:
        offset_s = now_ns / 1e9 - now_monotonic_s
        if self._clock_offset_s is not None and abs(offset_s - self._clock_offset_s) > _CLOCK_STEP_S:
            self._clock_trusted_from_s = now_monotonic_s + self.quiet_s
        self._clock_offset_s = offset_s
        return now_monotonic_s >= self._clock_trusted_from_s
