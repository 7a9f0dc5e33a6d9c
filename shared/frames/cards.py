"""FITS header blocks to cards: our own parser, since a general library spends most of a small file's time on them.

Follows the FITS Standard 4.0, section 4, with the HIERARCH and CONTINUE conventions; on valid headers the result is
astropy's. What real programs get wrong is read as far as it makes sense and said in ``problems``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

CARD_BYTES = 80
BLOCK_BYTES = 2880
MAX_HEADER_BYTES = 2 << 20
_FIRST_READ_BYTES = 4 * BLOCK_BYTES
_MAX_PROBLEMS = 20

CardValue = str | int | float | bool | complex | None

Reader = Callable[[int, int], bytes]
"""``read(offset, count)``: at most ``count`` bytes from there, fewer at the end of the file."""


class Card(NamedTuple):
    """One header card. ``value`` is None where the header leaves it undefined; commentary cards hold their text."""

    keyword: str
    value: CardValue
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header: logical cards (CONTINUE joined), the 80-column images, its length in the file and its faults."""

    cards: tuple[Card, ...]
    images: tuple[str, ...]
    byte_count: int
    problems: tuple[str, ...]


# Everything that a header may not hold becomes '?'; zero bytes become the blanks that they stand for.
_REPAIR = bytes(32 if byte == 0 else byte if 32 <= byte < 127 else 63 for byte in range(256))
_FORBIDDEN = bytes(byte for byte in range(256) if byte != 0 and not 32 <= byte < 127)
_END = b"END     "
_COMMENTARY = frozenset({"COMMENT", "HISTORY", ""})

_NUMBER = r"[+-]? *(?:\.\d+|\d+(?:\.\d*)?)(?: *[eEdD] *[+-]? *\d+)?"
_VALUE = re.compile(
    r" *(?:'(?P<text>(?:[^']|'')*)'(?=$|[/ ])"
    r"|(?P<bool>[TF])(?=$|[/ ])"
    rf"|(?P<number>{_NUMBER})(?=$|[/ ])"
    rf"|\( *(?P<real>{_NUMBER}) *, *(?P<imag>{_NUMBER}) *\))?"
    r" *(?:/ *(?P<comment>.*))?$"
)
_TEXT, _BOOL, _NUM, _REAL = (_VALUE.groupindex[name] for name in ("text", "bool", "number", "real"))
_COMMENT = _VALUE.groupindex["comment"]


def parse_header(block: bytes) -> Header:
    """Parse header bytes that begin at a card; stops at END, or at the last card that looks like text."""
    return read_header(lambda offset, count: block[offset : offset + count], 0)


def read_header(read: Reader, offset: int) -> Header:
    """Read and parse the header at ``offset``, at most 2 MiB of it.

    Without an END card the header ends with the last card of printable text, rounded up to a block.
    """
    raw = read(offset, _FIRST_READ_BYTES)
    want = _FIRST_READ_BYTES
    searched = 0
    while True:
        clean = raw.translate(_REPAIR)
        end = _find_end(clean, searched)
        if end >= 0 or len(raw) < want or want >= MAX_HEADER_BYTES:
            break
        searched = len(raw) - len(raw) % CARD_BYTES
        step = min(want * 3, MAX_HEADER_BYTES - want)
        raw += read(offset + want, step)
        want += step
    problems: list[str] = []
    ended = end >= 0
    if not ended:
        end = _last_text_card(raw)
        problems.append("the header has no END card")
    head = raw[:end]
    if head != clean[:end]:
        if head.translate(None, _FORBIDDEN) != head:
            problems.append("the header holds characters outside printable ASCII")
        if b"\x00" in head:
            problems.append("the header is padded with zero bytes instead of blanks")
    text = clean[:end].decode("ascii")
    images = [text[at : at + CARD_BYTES] for at in range(0, end, CARD_BYTES)]
    parsed = list(map(_parse_card, images))
    if "CONTINUE" in text or any(fault for _, fault in parsed):
        cards = _join_cards(images, parsed, problems)
    else:
        cards = tuple([card for card, _ in parsed])
    used = end + CARD_BYTES if ended else end
    byte_count = -(-used // BLOCK_BYTES) * BLOCK_BYTES
    return Header(cards, tuple([image.rstrip() for image in images]), byte_count, tuple(problems))


def parse_value(text: str) -> tuple[CardValue, str] | None:
    """Value and comment of the part behind ``=``; None when it follows no rule of the standard."""
    match = _VALUE.match(text)
    if match is None:
        return None
    groups = match.groups()
    comment = (groups[_COMMENT - 1] or "").rstrip()
    string = groups[_TEXT - 1]
    if string is not None:
        return string.rstrip().replace("''", "'"), comment
    number = groups[_NUM - 1]
    if number is not None:
        return _number(number), comment
    if groups[_BOOL - 1]:
        return groups[_BOOL - 1] == "T", comment
    if groups[_REAL - 1]:
        return complex(_number(groups[_REAL - 1]), _number(groups[_REAL])), comment
    return None, comment


def _find_end(clean: bytes, start: int) -> int:
    at = clean.find(_END, start)
    while at >= 0 and at % CARD_BYTES:
        at = clean.find(_END, at + 1)
    if at < 0 and clean.endswith(b"END") and len(clean) % CARD_BYTES == 3:
        return len(clean) - 3
    return at


def _last_text_card(raw: bytes) -> int:
    """Where the leading run of printable cards ends; a missing END leaves nothing better to go by."""
    for at in range(0, len(raw) - len(raw) % CARD_BYTES, CARD_BYTES):
        card = raw[at : at + CARD_BYTES]
        if card.translate(None, _FORBIDDEN + b"\x00") != card:
            return at
    return len(raw) - len(raw) % CARD_BYTES


def _join_cards(images: list[str], parsed: list[tuple[Card, str | None]], problems: list[str]) -> tuple[Card, ...]:
    """Logical cards: texts continued over several cards become one; faults are noted."""
    cards: list[Card] = []
    parts: list[str] = []
    comments: list[str] = []
    for number, (image, (card, fault)) in enumerate(zip(images, parsed, strict=True), 1):
        if fault:
            if len(problems) < _MAX_PROBLEMS:
                problems.append(f"card {number} {fault}: {image.strip()[:60]!r}")
            elif len(problems) == _MAX_PROBLEMS:
                problems.append("more cards are malformed")
        if card[0] == "CONTINUE":
            previous = cards[-1] if cards else None
            if previous and isinstance(previous.value, str) and previous.keyword not in _COMMENTARY:
                if not parts:
                    parts = [previous.value.removesuffix("&")]
                    comments = [previous.comment] if previous.comment else []
                value = card.value if isinstance(card.value, str) else ""
                parts.append(value.rstrip().removesuffix("&"))
                if card.comment:
                    comments.append(card.comment)
                continue
        if parts:
            cards[-1] = Card(cards[-1].keyword, "".join(parts).rstrip(), " ".join(comments))
            parts = []
        cards.append(card)
    if parts:
        cards[-1] = Card(cards[-1].keyword, "".join(parts).rstrip(), " ".join(comments))
    return tuple(cards)


# Frames of one night repeat most of their cards byte for byte; the memory is bounded at about 4 MB.
@lru_cache(maxsize=8192)
def _parse_card(image: str) -> tuple[Card, str | None]:
    """One 80-column image as a card, and what is wrong with it."""
    keyword = image[:8].rstrip().upper()
    if keyword in _COMMENTARY:
        return Card(keyword, image[8:].rstrip()), None
    if image[8:10] == "= " and (quick := _parse_plain(keyword, image)) is not None:
        return quick, None
    if image[8:9] == "=":
        parsed = parse_value(image[9:])
        if parsed is not None:
            return Card(keyword.strip(), *parsed), None
        return _unparsable(keyword, image[9:])
    if keyword == "CONTINUE":
        parsed = parse_value(image[8:])
        if parsed is not None and (parsed[0] is None or isinstance(parsed[0], str)):
            return Card(keyword, *parsed), None
        return Card(keyword, image[8:].strip()), "continues nothing readable"
    if keyword == "HIERARCH" and "=" in image:
        name, _, rest = image[9:].partition("=")
        parsed = parse_value(rest)
        if parsed is not None:
            return Card(name.strip(), *parsed), None
        return _unparsable(name.strip(), rest)
    at = image.find("= ")
    if 0 < at < 8 and (parsed := parse_value(image[at + 2 :])) is not None:
        return Card(image[:at].strip().upper(), *parsed), "has its '=' in the wrong column"
    return Card(keyword.strip(), image[8:].rstrip()), "has no value"


def _parse_plain(keyword: str, image: str) -> Card | None:
    """The common forms without a regular expression: a quoted text without quotes in it, a number; else None."""
    if image[10] == "'":
        end = image.find("'", 11)
        rest = image[end + 1 :].lstrip(" ")
        if end < 0 or (rest and (rest[0] != "/" or image[end + 1] == "'")):
            return None
        return Card(keyword.lstrip(), image[11:end].rstrip(), rest[1:].strip(" "))
    field, _, comment = image[10:].partition("/")
    field = field.strip(" ")
    # The last character keeps out what Python would read as well: inf, nan, 1_000.
    if not field or field[-1] not in "0123456789." or "_" in field:
        return None
    try:
        return Card(keyword.lstrip(), int(field), comment.strip(" "))
    except ValueError:
        pass
    try:
        return Card(keyword.lstrip(), float(field), comment.strip(" "))
    except ValueError:
        return None


def _unparsable(keyword: str, text: str) -> tuple[Card, str]:
    """Keep a value that is no FITS value as text, up to the first slash."""
    value, _, comment = text.partition("/")
    return Card(keyword, value.strip(), comment.strip()), "has a value that is not FITS"


def _number(text: str) -> int | float:
    """An integer where the text is one, else a float; Fortran's D exponents and inner blanks are accepted."""
    if " " in text:
        text = text.replace(" ", "")
    try:
        return int(text)
    except ValueError:
        return float(text.replace("D", "E").replace("d", "e"))
