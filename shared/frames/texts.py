"""Bytes that no header may hold, read as what their writer meant: UTF-8, else Latin-1, before any '?'.

FITS allows printable ASCII alone (Standard 4.0, section 4.2.1.1), and people have names for places and telescopes.
"""

_TAIL_BYTES = 3
"""At most so many bytes of one character of UTF-8 are left where a field ends within it."""


def decoded(raw: bytes, hidden: str = "?") -> str:
    """The text of some bytes: zero bytes and hard blanks as blanks, other characters that do not show as ``hidden``."""
    return "".join(" " if char in "\0\xa0" else char if char.isprintable() else hidden for char in _characters(raw))


def _characters(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.start >= len(raw) - _TAIL_BYTES:
            return raw[: error.start].decode("utf-8")
        return raw.decode("latin-1")
