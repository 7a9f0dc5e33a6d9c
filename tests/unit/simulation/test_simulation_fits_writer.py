"""The card writer: every card is what astropy reads back, and what cannot be written is refused."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from services.standalone.simulation.fits_writer import (
    BLOCK_BYTES,
    CARD_BYTES,
    Card,
    Literal,
    cfitsio_real,
    encode_pixels,
    format_card,
    format_header,
    write_fits,
)

_printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.rstrip)
_values = st.one_of(
    st.booleans(),
    st.integers(min_value=-(10**18), max_value=10**18),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    _printable,
)


@given(value=_values, comment=_printable.map(str.strip))
def test_astropy_reads_back_what_was_written(value: bool | float | str, comment: str) -> None:
    """A card of any value is 80 bytes, valid, and gives astropy the same value."""
    image = format_card(Card("KEYWORD", value, comment))

    assert len(image) == CARD_BYTES
    read = fits.Card.fromstring(image)
    read.verify("exception")
    assert read.value == value
    assert comment.startswith(read.comment.strip())


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (Card("EXPTIME", cfitsio_real(10.0), "Exposure time"), "EXPTIME =                  10. / Exposure time"),
        (Card("FILTER", "LP", "Filter"), "FILTER  = 'LP      '           / Filter"),
        (Card("IMAGETYP", "LIGHT", "Type", pad=0), "IMAGETYP= 'LIGHT'              / Type"),
        (Card("EXPOSURE", 30.0, "[s]"), "EXPOSURE=                 30.0 / [s]"),
        (Card("EXTEND", True), "EXTEND  =                    T"),
        (Card("OBJECT", "Barnard's"), "OBJECT  = 'Barnard''s'"),
        (Card("COMMENT", "  two blanks first"), "COMMENT   two blanks first"),
        (Card("A_0_2", Literal("-1.87764686825E-07")), "A_0_2   =   -1.87764686825E-07"),
    ],
)
def test_cards_look_as_the_programs_write_them(card: Card, expected: str) -> None:
    """Numbers are right-aligned to column 30, strings are padded only where the program pads them."""
    assert format_card(card).decode().rstrip() == expected


@pytest.mark.parametrize(
    "card",
    [
        Card("lower", 1),
        Card("NINELETTERS", 1),
        Card("OBJECT", "x" * 69),
        Card("COMMENT", "x" * 73),
        Card("OBJECT", "caf\u00e9"),
        Card("OBJECT", "two\nlines"),
        Card("GAIN", float("nan")),
    ],
)
def test_what_no_card_can_hold_is_refused(card: Card) -> None:
    """Bad keywords, long strings, characters outside ASCII and numbers that are none raise ValueError."""
    with pytest.raises(ValueError, match=card.keyword):
        format_card(card)


@given(count=st.integers(min_value=0, max_value=80))
def test_headers_fill_whole_blocks(count: int) -> None:
    """Any number of cards ends with END and blanks at a block's end."""
    header = format_header([Card("GAIN", 1)] * count)

    assert len(header) % BLOCK_BYTES == 0
    assert header[count * CARD_BYTES :].rstrip() == b"END"


def test_pixels_keep_their_full_range(tmp_path: Path) -> None:
    """The unsigned 16-bit values 0, 32767, 32768 and 65535 come back unchanged."""
    pixels = np.array([[0, 32767], [32768, 65535]], np.uint16)
    path = tmp_path / "range.fits"
    cards = [
        Card("SIMPLE", True),
        Card("BITPIX", 16),
        Card("NAXIS", 2),
        Card("NAXIS1", 2),
        Card("NAXIS2", 2),
        Card("BZERO", 32768),
    ]
    write_fits(path, cards, pixels)

    assert path.stat().st_size == 2 * BLOCK_BYTES
    with fits.open(path, memmap=False) as file:
        file.verify("exception")
        assert file[0].data.tolist() == pixels.tolist()
    assert len(encode_pixels(pixels)) == pixels.nbytes
