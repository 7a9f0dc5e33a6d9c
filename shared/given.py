"""What people give, judged before it is used: an answer says in a sentence what is wrong, and is empty for the rest."""

from shared import inert

LONGEST_PATH_BYTES = 4096
LONGEST_NAME_CHARS = 1000
LONGEST_REASON_CHARS = 500
LARGEST_NUMBER = 2**63 - 1
"""The largest number of a row in the database."""
MOST_PATHS = 10_000
"""Paths of one import: more than a night has files. A folder is one path, whatever it holds."""


def wrong_path(text: str) -> str:
    """What is wrong with a path that no file can have."""
    if not text:
        return "an empty path names nothing; is a variable unset?"
    if "\0" in text:
        return f"{inert.name(text)} is no path: no file name holds a NUL character"
    length = len(text.encode("utf-8", "surrogateescape"))
    return f"{inert.name(text)} is no path: it is {length} bytes long" if length > LONGEST_PATH_BYTES else ""


def wrong_stored_path(text: str) -> str:
    """What is wrong with a path that is to be kept in events and in the database, which hold UTF-8 alone."""
    if mistake := wrong_path(text):
        return mistake
    return f"{inert.name(text)} is not UTF-8, so it cannot be kept: rename it" if _has_lone_surrogates(text) else ""


def too_many_paths(count: int) -> str:
    """What is wrong with so many paths of one import."""
    if count <= MOST_PATHS:
        return ""
    return f"{count} paths are too many for one import, which takes {MOST_PATHS}: name the folders that hold them"


def wrong_name(text: str) -> str:
    """What is wrong with a name that something is looked for by, in catalogues or in the database."""
    if not text.strip():
        return "an empty name names nothing; is a variable unset?"
    if len(text) > LONGEST_NAME_CHARS:
        return f"{inert.name(text)} is no name: it is {len(text)} characters long"
    if "\0" in text or _has_lone_surrogates(text):
        return f"{inert.name(text)} is no name: it holds bytes that are no text"
    return ""


def wrong_reason(text: str) -> str:
    """What is wrong with a reason that is to be kept."""
    if not text.strip():
        return "a reason must say something"
    if len(text) > LONGEST_REASON_CHARS:
        return f"a reason has at most {LONGEST_REASON_CHARS} characters, and not {len(text)}"
    return ""


def _has_lone_surrogates(text: str) -> bool:
    """Whether text came from bytes that are no UTF-8 (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
