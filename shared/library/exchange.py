"""Two names change places in one step that nobody can see half done: renameat2(2) with RENAME_EXCHANGE."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache

_RENAME_EXCHANGE = 2
_UNKNOWN = frozenset((errno.ENOSYS, errno.EINVAL, errno.ENOTSUP))


class CannotExchangeError(Exception):
    """This system or this file system knows no such step: most network shares, exFAT, everything but Linux."""


def exchange(folder: int, name: str, other_folder: int, other_name: str) -> None:
    """Let two files of one file system change names; the folders are descriptors.

    Raises:
        CannotExchangeError: there is no such step here; nothing was changed.
        OSError: as the system says, as where one of the two has gone.
    """
    call = _renameat2()
    if call is None:
        raise CannotExchangeError
    if call(folder, os.fsencode(name), other_folder, os.fsencode(other_name), _RENAME_EXCHANGE) == 0:
        return
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        raise CannotExchangeError
    raise OSError(number, os.strerror(number), name)


@cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """The C library's function, where it has one."""
    if sys.platform != "linux":
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int
    return function
