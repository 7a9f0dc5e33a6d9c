"""Text of people, files and headers made inert: no terminal obeys it, and no line grows without end.

Names and values are kept as they are; what is *shown* or *said* of them (on a terminal, in a log, in a reason that is
stored) goes through here. Nothing here raises, whatever the text holds.
"""

import re

SENTENCE_CHARS = 1000
"""The longest sentence: room for two long paths and a reason."""
DETAIL_CHARS = 2000
"""The longest technical detail beside a sentence."""
NAME_CHARS = 300
"""The longest name within a sentence: what is said of it must still have room."""

# Control characters of both sets, marks and overrides of the writing direction, separators of lines, halves of pairs.
_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
    "\ud800-\udfff]"
)


def printable(text: object, most: int | None = None) -> str:
    """Text whose characters that cannot be printed are written as escapes, of at most ``most`` characters."""
    shown = shortened(str(text), most)
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else _escape(char) for char in shown)
        shown = shortened(shown, most)
    return shown


def sentence(text: object) -> str:
    """What is said to a person: printable, on one line, at most ``SENTENCE_CHARS``."""
    return printable(text, SENTENCE_CHARS)


def name(text: object) -> str:
    """A name or path as it stands in a sentence: printable, at most ``NAME_CHARS``."""
    return printable(text, NAME_CHARS)


def paragraph(text: str, most: int) -> str:
    """Text of several lines, such as a traceback: each line printable, at most ``most`` characters in all."""
    shown = "\n".join(map(printable, shortened(text, most).split("\n")))
    return shortened(shown, most)


def shortened(text: str, most: int | None) -> str:
    """Text of at most ``most`` characters (at least 60): where it is longer its beginning, its length and its end."""
    if most is None or len(text) <= most:
        return text
    note = f" … ({len(text)} characters) … "
    tail = most // 3
    return text[: most - tail - len(note)] + note + text[-tail:]


def json_escaped(text: str) -> str:
    r"""A finished JSON text, in which characters that a terminal obeys are ``\u`` escapes: it parses to the same."""
    return text if text.isprintable() else _OBEYED.sub(lambda match: _json_escape(match[0]), text)


def visible(text: str) -> str:
    """Text whose characters that a terminal obeys are written as escapes; all others, also odd ones, stay."""
    return text if text.isprintable() else _OBEYED.sub(lambda match: _escape(match[0]), text)


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte that was no UTF-8 (PEP 383)
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape", "backslashreplace").decode()


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
