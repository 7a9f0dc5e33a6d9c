"""FITS header blocks to cards: our own parser, since a general library spends most of a small file's time on them.

Follows the FITS Standard 4.0, section 4, with the HIERARCH and CONTINUE conventions; on valid headers the result is
astropy's. What real programs get wrong is read as far as it makes sense and said in ``problems``.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from shared.frames.texts import decoded

CARD_BYTES = 80
BLOCK_BYTES = 2880
MAX_HEADER_BYTES = 2 << 20
_FIRST_READ_BYTES = 4 * BLOCK_BYTES
_MAX_PROBLEMS = 20
_MOST_CONTINUATIONS = 1000

CardValue = str | int | float | bool | complex | None

Reader = Callable[[int, int], bytes]
"""``read(offset, count)``: at most ``count`` bytes from there, fewer at the end of the file."""


class Card(NamedTuple):
    """One header card. ``value`` is None where the header leaves it undefined; commentary cards hold their text."""

    keyword: str
    value: CardValue
    comment: str = ""


class Remark(Card):
    """A card under any keyword without the value indicator "= " in columns 9 and 10: commentary by the standard.

    FITS Standard 4.0, section 4.1.2.2. Its text is kept like a comment's and is no value of the keyword.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header: logical cards (CONTINUE joined), images of 80 bytes, its length in the file and its faults."""

    cards: tuple[Card, ...]
    images: tuple[str, ...]
    byte_count: int
    problems: tuple[str, ...]

    def keys(self) -> dict[str, CardValue]:
        """The value of each keyword, the first of several; remarks are none."""
        cards = self.cards
        if self.problems:  # every remark is one
            cards = tuple([card for card in cards if not isinstance(card, Remark)])
        found: dict[str, CardValue] = {}
        for card in reversed(cards):
            found[card[0]] = card[1]
        return found


# Where END is looked for, what a header may not hold is '?'; zero bytes become the blanks that they stand for.
_REPAIR = bytes(32 if byte == 0 else byte if 32 <= byte < 127 else 63 for byte in range(256))
_FORBIDDEN = bytes(byte for byte in range(256) if byte != 0 and not 32 <= byte < 127)
_END = b"END     "
_END_TAIL = _END[3:]
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

_PLAIN = re.compile(r" *(?:([+-]?\d+)|'([^']*)'|([+-]?(?:\d+\.\d*|\.\d+|\d+(?=E))(?:E[+-]?\d+)?)|([TF])) *(?:/ *|$)")
_PLAIN_INTEGER, _PLAIN_TEXT, _PLAIN_LOGICAL = 1, 2, 4
_KEYWORD = re.compile(r" *[A-Z0-9_-]*")
_BEYOND = "has a number beyond all bounds"

_known: dict[str, Card] = {}
"""Sound cards by their image: frames of one night repeat most of their cards byte for byte. A few MB at most."""
_MOST_KNOWN = 8192


def parse_header(block: bytes) -> Header:
    """Parse header bytes that begin at a card; stops at END, or at the last card that looks like text."""
    return read_header(lambda offset, count: block[offset : offset + count], 0)


def read_header(read: Reader, offset: int) -> Header:
    """Read and parse the header at ``offset``, at most 2 MiB of it.

    Without an END card the header ends with the last card of printable text, rounded up to a block.
    """
    raw = read(offset, _FIRST_READ_BYTES)
    problems: list[str] = []
    end = _plain_end(raw)
    ended = end >= 0
    if ended:
        head = raw[:end]
        clean = head.translate(_REPAIR)
    else:
        raw, clean, end = _read_on(read, offset, raw)
        ended = end >= 0
        if not ended:
            end = _last_text_card(raw)
            problems.append("the header has no END card")
        head, clean = raw[:end], clean[:end]
    text = clean.decode("ascii")
    images = [text[at : at + CARD_BYTES] for at in range(0, end, CARD_BYTES)]
    if head != clean:
        if head.translate(None, _FORBIDDEN) != head:
            problems.append("the header holds characters outside printable ASCII")
            images = [decoded(head[at : at + CARD_BYTES]) for at in range(0, end, CARD_BYTES)]
        if b"\x00" in head:
            problems.append("the header is padded with zero bytes instead of blanks")
    parsed, faults = _parse_cards(images)
    _note(faults, images, problems)
    cards = _join_cards(parsed, problems) if "CONTINUE" in text else tuple(parsed)
    used = end + CARD_BYTES if ended else end
    byte_count = -(-used // BLOCK_BYTES) * BLOCK_BYTES
    return Header(cards, tuple([image.rstrip() for image in images]), byte_count, tuple(problems))


def _read_on(read: Reader, offset: int, raw: bytes) -> tuple[bytes, bytes, int]:
    """Read a header that is longer, or not closed by a plain END: its bytes, the repaired ones, and where END is."""
    want = _FIRST_READ_BYTES
    searched = 0
    while True:
        clean = raw.translate(_REPAIR)
        end = _find_end(clean, searched)
        if end >= 0 or len(raw) < want or want >= MAX_HEADER_BYTES:
            return raw, clean, end
        searched = len(raw) - len(raw) % CARD_BYTES
        step = min(want * 3, MAX_HEADER_BYTES - want)
        raw += read(offset + want, step)
        want += step


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


def _plain_end(raw: bytes) -> int:
    """Where the END card is, if it is closed by blanks; -1 where there is none, or one that has to be repaired.

    The short needle is found ten times as quickly as one with five blanks, of which headers are full.
    """
    at = raw.find(b"END")
    while at >= 0:
        if at % CARD_BYTES == 0:
            tail = raw[at + 3 : at + 8]
            if tail == _END_TAIL:
                return at
            if not tail.strip(b"\0 "):
                return -1
        at = raw.find(b"END", at + 1)
    return -1


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


def _note(faults: dict[int, str], images: list[str], problems: list[str]) -> None:
    """Say of the first faulty cards what is wrong with them."""
    for count, (index, fault) in enumerate(faults.items()):
        if count == _MAX_PROBLEMS:
            problems.append(f"{len(faults) - count} more cards are malformed")
            break
        problems.append(f"card {index + 1} {fault}: {images[index].strip()[:60]!r}")


def _join_cards(parsed: list[Card], problems: list[str]) -> tuple[Card, ...]:
    """Logical cards: texts continued over several cards become one."""
    cards: list[Card] = []
    parts: list[str] = []
    comments: list[str] = []
    for card in (*parsed, Card("", None)):
        if card[0] == "CONTINUE":
            previous = cards[-1] if cards else None
            if (
                previous
                and isinstance(previous.value, str)
                and previous.keyword not in _COMMENTARY
                and not isinstance(previous, Remark)
            ):
                if not parts:
                    parts = [previous.value.removesuffix("&")]
                    comments = [previous.comment] if previous.comment else []
                value = card.value if isinstance(card.value, str) else ""
                parts.append(value.rstrip().removesuffix("&"))
                if card.comment:
                    comments.append(card.comment)
                continue
        if parts:
            if len(parts) > _MOST_CONTINUATIONS:
                problems.append(f"the text of {cards[-1].keyword} is continued over {len(parts)} cards")
            cards[-1] = Card(cards[-1].keyword, "".join(parts).rstrip(), " ".join(comments))
            parts = []
        cards.append(card)
    return tuple(cards[:-1])


def _parse_cards(images: list[str]) -> tuple[list[Card], dict[int, str]]:
    """A card for each 80-column image, and what is wrong with some of them, by index.

    This loop is most of the time that a small file takes, so the common forms are parsed without leaving it: one
    regular expression for a number, a logical value or a text without quotes in it. Whatever it does not match is left
    to ``_parse_card``.
    """
    cards: list[Card] = []
    faults: dict[int, str] = {}
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    known, keep, add, plain, commentary, new = (
        _known.get,
        _known,
        cards.append,
        _PLAIN.match,
        _COMMENTARY,
        tuple.__new__,
    )
    for index, image in enumerate(images):
        if (card := known(image)) is not None:
            add(card)
            continue
        keyword = image[:8].strip().upper()
        if keyword in commentary:
            card = new(Card, (keyword, image[8:].rstrip(), ""))
        elif image[8:10] == "= " and (match := plain(image, 10)):
            written, comment = match[kind := match.lastindex or 0], image[match.end() :].rstrip()
            if kind == _PLAIN_TEXT:
                card = new(Card, (keyword, written.rstrip(), comment))
            elif kind == _PLAIN_INTEGER:
                card = new(Card, (keyword, int(written), comment))
            elif kind == _PLAIN_LOGICAL:
                card = new(Card, (keyword, written == "T", comment))
            else:
                number = float(written)
                card = new(Card, (keyword, number, comment))
                if number - number:  # not zero, but NaN, of what is infinite
                    faults[index] = _BEYOND
        else:
            card, fault = _parse_card(image, keyword)
            if fault is not None:
                faults[index] = fault
        add(card)
        if index not in faults:
            keep[image] = card
    return cards, faults


def _parse_card(image: str, keyword: str) -> tuple[Card, str | None]:
    """One 80-column image of an uncommon form as a card, and what is wrong with it."""
    if image[8:9] == "=":
        parsed = parse_value(image[9:]) if _KEYWORD.fullmatch(keyword) else None
        if parsed is not None:
            return Card(keyword.strip(), *parsed), None if _is_bounded(parsed[0]) else _BEYOND
        return _unparsable(keyword, image[9:])
    if keyword == "CONTINUE":
        parsed = parse_value(image[8:])
        if parsed is not None and (parsed[0] is None or isinstance(parsed[0], str)):
            return Card(keyword, *parsed), None
        return Card(keyword, image[8:].strip()), "continues nothing readable"
    if keyword == "HIERARCH" and "=" in image:
        name, _, rest = image[9:].partition("=")
        parsed = parse_value(rest) if name.strip() else None
        if parsed is not None:
            return Card(name.strip(), *parsed), None if _is_bounded(parsed[0]) else _BEYOND
        return _unparsable(name.strip(), rest)
    at = image.find("= ")
    if 0 < at < 8 and (parsed := parse_value(image[at + 2 :])) is not None:
        return Card(image[:at].strip().upper(), *parsed), "has its '=' in the wrong column"
    return Remark(keyword.strip(), image[8:].rstrip()), "has no value"


def _is_bounded(value: CardValue) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


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
