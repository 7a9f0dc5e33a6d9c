"""Renames that rename(2) does not know, by renameat2(2): nobody can see either of them half done.

Two names change places; or a file gets a name only if that is free.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache

_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_UNKNOWN = frozenset((errno.ENOSYS, errno.EINVAL, errno.ENOTSUP))


class CannotExchangeError(Exception):
    """This system or this file system knows no such step: many network shares, everything but Linux."""


def exchange(folder: int, name: str, other_folder: int, other_name: str) -> None:
    """Let two files of one file system change names; the folders are descriptors.

    Raises:
        CannotExchangeError: there is no such step here (nor is there on exFAT); nothing was changed.
        OSError: as the system says, as where one of the two has gone.
    """
    _rename(folder, name, other_folder, other_name, _RENAME_EXCHANGE)


def rename_if_free(folder: int, name: str, to_folder: int, to_name: str) -> None:
    """Give a file another name, on its file system, unless something has that; the folders are descriptors.

    Raises:
        CannotExchangeError: there is no such step here; nothing was changed.
        FileExistsError: the name is taken.
        OSError: as the system says.
    """
    _rename(folder, name, to_folder, to_name, _RENAME_NOREPLACE)


def _rename(folder: int, name: str, to_folder: int, to_name: str, flags: int) -> None:
    call = _renameat2()
    if call is None:
        raise CannotExchangeError
    if call(folder, os.fsencode(name), to_folder, os.fsencode(to_name), flags) == 0:
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
