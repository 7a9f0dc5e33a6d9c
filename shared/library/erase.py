"""Removing a file of the library because that was asked for: the only copy that we know of may go with it.

The order, each step of which *must* precede the next:

1. the folder is entered one step at a time, and no link is followed
2. nobody has the file open for writing, nor gets it so until it is removed (``writers``)
3. it is read and hashed, and holds what it should
4. it is still where it was, and unchanged; its name is removed, and the folder is synced
"""

import math
import os

from shared.errors import UserError
from shared.library.folders import enter_folder, sync_folder
from shared.library.hashing import Digest, sha256_descriptor
from shared.library.place import place_of
from shared.library.reading import NOT_THERE, open_source, reading_error, shown
from shared.library.roots import Root, read_marker
from shared.library.writers import none_writing


def erase(library: Root, relative_path: str, content: Digest) -> bool:
    """Remove a file of the library; whether there was one to remove.

    Raises:
        UserError: it holds other bytes by now; it stays.
        TooEarly: somebody has it open for writing.
        Transient: the library is away, or the file cannot be read or removed now.
        Permanent: it is a link, a folder or a special file, or a link leads to it.
    """
    path, parts = place_of(library, relative_path)
    read_marker(library)
    try:
        with enter_folder(library.path, parts) as folder:
            try:
                os.stat(path.name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return False
            with open_source(path, folder) as opened, none_writing(opened, math.inf) as check:
                digest = sha256_descriptor(opened.fd, lambda _count: check())
                opened.require_unchanged(digest.size_bytes)
                if digest != content:
                    raise UserError(f"{shown(path)} stays: it holds other bytes by now")
                read_marker(library)
                check()
                os.unlink(path.name, dir_fd=folder)
            sync_folder(folder)
    except OSError as error:
        if error.errno in NOT_THERE:
            return False
        raise reading_error(path, error) from error
    return True
