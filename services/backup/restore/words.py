"""What a person calls what is to be brought back: a session, a file, a target."""

import re
from typing import Literal

Kind = Literal["session", "file_id", "path", "target"]

_SESSION = re.compile(r"(\d{8}_[0-9A-Fa-f]{8}|arrived_\d{8}(_\d+)?|UNKNOWN\w*)")
_DAY = re.compile(r"arrived_\d{8}")
_FILE_ID = re.compile(r"[0-9a-f]{8,64}")
_EXTENSION = re.compile(r".+\.[A-Za-z][A-Za-z0-9]{0,7}")


def kind_of(word: str) -> Kind:
    """What a word means by its form: ``20260110_4C1F9A3E``, the beginning of a file's id, a path, or a target."""
    if _SESSION.fullmatch(word):
        return "session"
    if _FILE_ID.fullmatch(word):
        return "file_id"
    return "path" if "/" in word or _EXTENSION.fullmatch(word) else "target"


def is_collection_of(word: str, collection_id: str) -> bool:
    """Whether a collection is the one that a word names, or another one of the day of arrivals that it names."""
    return word == collection_id or (_DAY.fullmatch(word) is not None and collection_id.startswith(f"{word}_"))


def is_path_of(word: str, root: str, path: str, member: str) -> bool:
    """Whether a word is the path of a file: that below its root, with the root, its name in the archive, or its end."""
    return word in (path, f"{root}/{path}", member) or f"/{path}".endswith(f"/{word.lstrip('/')}")
