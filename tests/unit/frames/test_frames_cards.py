"""The FITS card parser: equal to astropy on valid headers, tolerant of what real programs write."""

import math
import warnings
from pathlib import Path

import pytest
from astropy.io import fits as astropy_fits
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.frames import cards as cards_module
from shared.frames.cards import MAX_HEADER_BYTES, Card, CardValue, parse_header

KEYWORDS = st.from_regex(r"[A-Z][A-Z0-9_-]{0,7}", fullmatch=True).filter(
    lambda name: name not in {"SIMPLE", "END", "COMMENT", "HISTORY", "CONTINUE", "HIERARCH", "XTENSION"}
)
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100)
# astropy reads 'name: 1.0' as a record-valued card, a convention of distortion papers that captures do not use.
# It also ends a text at a doubled quote before a slash, which by the standard belongs to the text.
TEXTS = PRINTABLE.filter(lambda text: ": " not in text and "&" not in text and "'/" not in text)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100)
VALUES = st.one_of(st.booleans(), st.integers(-(10**15), 10**15), FLOATS, TEXTS)
COMMENTS = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="'&"), max_size=20)


def astropy_cards(block: bytes) -> list[tuple[str, CardValue, str]]:
    """What astropy makes of a header."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cards = astropy_fits.Header.fromstring(block).cards
        found = [(card.keyword, card.value, card.comment) for card in cards]
    return [
        (key, None if isinstance(value, astropy_fits.card.Undefined) else value, text) for key, value, text in found
    ]


def trimmed(cards: list[tuple[str, CardValue, str]]) -> list[tuple[str, CardValue, str]]:
    """Without the blank cards at the end, which astropy drops."""
    while cards and cards[-1] == ("", "", ""):
        cards.pop()
    return cards


def block_of(*cards: str) -> bytes:
    """A header of these cards."""
    text = "".join(card.ljust(80) for card in ["SIMPLE  =                    T", *cards, "END"])
    return text.encode("latin-1").ljust(-(-len(text) // 2880) * 2880)


def last_card(*cards: str) -> Card:
    """The last card of a header of these cards."""
    return parse_header(block_of(*cards)).cards[-1]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(KEYWORDS, VALUES, COMMENTS), max_size=12))
def test_headers_that_astropy_writes_are_read_as_astropy_reads_them(
    entries: list[tuple[str, bool | int | float | str, str]],
) -> None:
    """Keyword, value and comment of every card equal astropy's, long texts on CONTINUE cards included."""
    header = astropy_fits.Header()
    header["SIMPLE"] = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value, comment in entries:
            header.append((keyword, value, comment), end=True)
        block = header.tostring().encode("ascii")
    parsed = parse_header(block)
    assert trimmed([(card.keyword, card.value, card.comment) for card in parsed.cards]) == trimmed(astropy_cards(block))
    assert parsed.byte_count == len(block)


@settings(max_examples=50, deadline=None)
@given(st.lists(PRINTABLE.map(lambda text: text[:60]), max_size=6))
def test_commentary_is_kept_in_order(texts: list[str]) -> None:
    """Repeated COMMENT and HISTORY cards all survive, with their text as astropy reads it."""
    block = block_of(*(f"{('COMMENT', 'HISTORY')[number % 2]} {text}" for number, text in enumerate(texts)))
    assert trimmed([(card.keyword, card.value, card.comment) for card in parse_header(block).cards]) == trimmed(
        astropy_cards(block)
    )


def test_a_card_without_a_value_indicator_is_a_remark() -> None:
    """Without "= " in columns 9 and 10 a card is kept as text and gives its keyword no value, continued or not."""
    block = block_of(
        "FILTER   ='0,0,0,0  '           / rows", "OBJECT   M 31&", "CONTINUE  'x'", "GAIN     5", "GAIN    = 7"
    )
    parsed = parse_header(block)
    assert parsed.cards[1] == ("FILTER", " ='0,0,0,0  '           / rows", "")
    assert parsed.keys() == {"SIMPLE": True, "CONTINUE": "x", "GAIN": 7}
    assert len(parsed.images) == 6
    assert sum("has no value" in problem for problem in parsed.problems) == 3


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=6000))
def test_any_bytes_give_a_header(raw: bytes) -> None:
    """Arbitrary bytes never raise, and every card image is printable text of at most 80 columns."""
    parsed = parse_header(b"SIMPLE  =                    T".ljust(80) + raw)
    assert all(len(image) <= 80 and image.isascii() and image.isprintable() for image in parsed.images)
    assert len(parsed.cards) <= len(parsed.images)


def test_the_whole_corpus_parses_as_with_astropy(corpus: Path) -> None:
    """Every primary header of the corpus gives astropy's cards, one by one."""
    compared = 0
    for path in sorted(corpus.glob("*/*")):
        raw = path.read_bytes()
        if path.parent.name == "headers" or not raw.startswith(b"SIMPLE  ="):
            continue
        parsed = parse_header(raw[:200_000])
        theirs = astropy_cards(raw[: parsed.byte_count])
        assert trimmed([(card.keyword, card.value, card.comment) for card in parsed.cards]) == trimmed(theirs), (
            path.name
        )
        compared += 1
    assert compared > 80


@pytest.mark.parametrize(
    ("card", "keyword", "value"),
    [
        ("EXPTIME = 060.00", "EXPTIME", 60.0),
        ("EXPTIME = +1.000000000000E+001 / EXPOSURE", "EXPTIME", 10.0),
        ("CRVAL1  =  1.5D2", "CRVAL1", 150.0),
        ("INSTRUME=           'ATIK-383L: fw rev 3.27' / camera", "INSTRUME", "ATIK-383L: fw rev 3.27"),
        ("CREATOR = 'JSol''Ex 5.4.1'     / program", "CREATOR", "JSol'Ex 5.4.1"),
        ("OBJECT  = 'a / b'              / slash inside", "OBJECT", "a / b"),
        ("OBJECT  =", "OBJECT", None),
        ("FLAG    =                    F", "FLAG", False),
        ("HIERARCH CAMERA-DATE-OBS = '2018-09-17T21:04:46' / x", "CAMERA-DATE-OBS", "2018-09-17T21:04:46"),
        ("HIERARCH FOCAL_LENGTH =    20. / Focal", "FOCAL_LENGTH", 20.0),
        ("COMMENT = 'text'", "COMMENT", "= 'text'"),
        ("CPLX    = (1.0, -2.5)", "CPLX", 1 - 2.5j),
    ],
)
def test_odd_but_legal_cards_are_read(card: str, keyword: str, value: CardValue) -> None:
    """Right-shifted texts, left-aligned numbers, HIERARCH and the rest give the value that was meant."""
    found = last_card(card)
    assert (found.keyword, found.value) == (keyword, value)


def test_long_texts_are_joined_and_their_card_images_kept() -> None:
    """A CONTINUE chain is one logical card, while all its 80-column images stay."""
    parsed = parse_header(block_of("LONGTEXT= 'first part &'", "CONTINUE  'second &'", "CONTINUE  'third' / why"))
    assert parsed.cards[-1] == Card("LONGTEXT", "first part second third", "why")
    assert len(parsed.images) == 4


def test_duplicates_stay_in_order() -> None:
    """A keyword that is written twice appears twice."""
    parsed = parse_header(block_of("RA      = 1.0", "RA      = 2.0"))
    assert [card.value for card in parsed.cards if card.keyword == "RA"] == [1.0, 2.0]


def test_bad_cards_are_kept_as_text_and_said() -> None:
    """A value that is not FITS stays readable, and the problem names the card."""
    parsed = parse_header(block_of("OBJECT  = M 31 unquoted / name"))
    assert parsed.cards[-1] == Card("OBJECT", "M 31 unquoted", "name")
    assert parsed.problems == ("card 2 has a value that is not FITS: 'OBJECT  = M 31 unquoted / name'",)


@pytest.mark.parametrize("word", ["inf", "-nan", "1_000", "0x10", "infinity"])
def test_words_that_only_python_calls_numbers_stay_text(word: str) -> None:
    """What Python's number parser would accept beyond FITS is not taken for a number."""
    assert last_card(f"VALUE   = {word}").value == word


@pytest.mark.parametrize(
    ("card", "value"),
    [
        (b"COMMENT 20 \xb0C", "20 °C"),
        ("OBJECT  = 'Nebulosa de Orión'".encode(), "Nebulosa de Orión"),
        ("OBJECT  = 'Nebulosa de Orión'".encode("latin-1"), "Nebulosa de Orión"),
        ("TELESCOP= 'Takahashi µ250CRS' / Öffnung 250 mm".encode(), "Takahashi µ250CRS"),
        ("OBJECT  = 'Туманность Ориона, видимая в пределах ста'".encode(), "Туманность Ориона, видимая в пределах"),
        (b"OBJECT  = 'M\x0142\x7f'", "M?42?"),
        (b"OBJECT  = 'M\xa042\x00'", "M 42"),
    ],
)
def test_characters_outside_ascii_are_read_and_said(card: bytes, value: str) -> None:
    """Text is UTF-8, else Latin-1, also cut by the card's end; what does not show is '?'; a note says so."""
    parsed = parse_header(block_of("CARD").replace(b"CARD".ljust(80), card[:80].ljust(80)))
    assert str(parsed.cards[-1].value).lstrip("'").startswith(value)
    assert parsed.problems[0] == "the header holds characters outside printable ASCII"


def test_a_missing_end_is_survived() -> None:
    """Without END the cards up to the data are read, and the file says so."""
    block = block_of("OBJECT  = 'M 31'").replace(b"END", b"   ")
    parsed = parse_header(block + bytes(range(256)) * 20)
    assert parsed.cards[1] == Card("OBJECT", "M 31", "")
    assert parsed.problems[0] == "the header has no END card"
    assert parsed.byte_count == 2880


def test_an_endless_header_is_cut() -> None:
    """A header without end is read up to two MiB and no further."""
    asked: list[int] = []

    def read(offset: int, count: int) -> bytes:
        asked.append(offset + count)
        return (b"COMMENT x".ljust(80) * (count // 80 + 1))[:count]

    from shared.frames.cards import read_header

    parsed = read_header(read, 0)
    assert max(asked) <= MAX_HEADER_BYTES
    assert math.isclose(len(parsed.images) * 80, MAX_HEADER_BYTES, rel_tol=0.01)


@pytest.mark.parametrize("text", ["GAIN    = 1E999", "GAIN    = -1D400", "HIERARCH LONG NAME = 1E999"])
def test_numbers_beyond_all_bounds_are_said(text: str) -> None:
    """A number that is infinite in double precision is a fault of its card."""
    assert any("has a number beyond all bounds" in problem for problem in parse_header(block_of(text)).problems)


def test_texts_continued_without_end_are_said() -> None:
    """A text over more than a thousand cards is joined and noted."""
    parsed = parse_header(block_of("LONG    = 'x&'", *["CONTINUE  'y&'"] * 1500))
    assert parsed.problems == ("the text of LONG is continued over 1501 cards",)
    assert len(parsed.cards) == 2


def test_zeros_behind_end_hide_no_later_end() -> None:
    """A header closed by END and zero bytes ends there, though another header's END follows soon."""
    first = block_of("OBJECT  = 'one'").replace(b"END     ", b"END\0\0\0\0\0")
    parsed = parse_header(first + block_of("OBJECT  = 'two'"))
    assert [card.value for card in parsed.cards if card.keyword == "OBJECT"] == ["one"]
    assert parsed.byte_count == 2880


def test_known_cards_stay_few() -> None:
    """Headers of ever new cards do not let the memory of cards grow without end."""
    for start in range(0, 60_000, 3000):
        parse_header(block_of(*(f"K{number:<7}= {number}" for number in range(start, start + 3000))))
    assert len(cards_module._known) <= cards_module._MOST_KNOWN + 3001
