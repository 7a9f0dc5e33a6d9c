"""Who may read what Nightbus places: by default the umask decides, as for any program of the user's."""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from shared.errors import UserError

_KNOWS_NO_MODES = frozenset((errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL))


@dataclass(frozen=True, slots=True)
class Access:
    """Permissions of placed files and of the folders made for them; None leaves a part to the umask and the system."""

    mode: int | None = None
    """Permissions of a file, such as 0o664; a folder may also be entered by whoever may read."""
    group: int | None = None
    """Id of the group that files and folders belong to."""

    @classmethod
    def of(cls, mode: str | None, group: str | None) -> "Access":
        """From the settings: ``mode`` as octal digits, ``group`` as a name or an id.

        Raises:
            UserError: this machine has no such group, or this process may not give files to it.
        """
        return cls(int(mode, 8) if mode is not None else None, _group_id(group) if group is not None else None)

    def give_file(self, fd: int) -> None:
        """Set mode and group of an open file. Raises OSError, but not where the file system knows no such thing."""
        self._give(fd, self.mode)

    def give_folder(self, fd: int) -> None:
        """Set mode and group of an open folder; raises as ``give_file`` does."""
        self._give(fd, None if self.mode is None else self.mode | (self.mode & 0o444) >> 2)

    def _give(self, fd: int, mode: int | None) -> None:
        if self.group is not None:
            with _where_known():
                os.fchown(fd, -1, self.group)
        if mode is not None:  # after the group, since a change of the group may take bits away (chown(2))
            with _where_known():
                os.fchmod(fd, mode)


AS_UMASK = Access()


@contextlib.contextmanager
def _where_known() -> Iterator[None]:
    """Shares and exFAT have permissions of their mount alone: there the copy counts, and not its mode."""
    try:
        yield
    except OSError as error:
        if error.errno not in _KNOWS_NO_MODES:
            raise


def _group_id(group: str) -> int:
    import grp

    try:
        entry = grp.getgrgid(int(group)) if group.isascii() and group.isdigit() else grp.getgrnam(group)
    except KeyError:
        raise UserError(f"library.group: this machine has no group {group!r}") from None
    if os.geteuid() != 0 and entry.gr_gid not in {os.getegid(), *os.getgroups()}:
        raise UserError(f"library.group: this user is no member of the group {group!r} and cannot give files to it")
    return entry.gr_gid
