"""Declared length: a file that is still being copied is recognised, an unusual one is not made to wait."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shared.library.completeness import Completeness, is_complete

CORPUS = Path(__file__).resolve().parents[3].parent / "shared" / "corpus"


def _fits(*units: tuple[tuple[str, ...], int]) -> bytes:
    """A FITS file from units of cards and data length."""
    parts = []
    for cards, data_bytes in units:
        header = "".join(card.ljust(80) for card in (*cards, "END"))
        parts.append(header.encode().ljust(-(-len(header) // 2880) * 2880))
        parts.append(bytes([7]) * data_bytes + bytes(-data_bytes % 2880))
    return b"".join(parts)


IMAGE = (("SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2",
          "NAXIS1  =                  100", "NAXIS2  =                   30 / rows"), 6000)  # fmt: skip
TABLE = (("XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
          "NAXIS1  =                    8", "NAXIS2  =                   10", "PCOUNT  =                 5000",
          "GCOUNT  =                    1"), 5080)  # fmt: skip
EMPTY = (("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"), 0)
GROUPS = (("SIMPLE  =                    T", "BITPIX  =                  -32", "NAXIS   =                    3",
           "NAXIS1  =                    0", "NAXIS2  =                    4", "NAXIS3  =                    5",
           "GROUPS  =                    T", "PCOUNT  =                    6", "GCOUNT  =                   10"),
          1040)  # fmt: skip


def _judge(folder: Path, content: bytes) -> Completeness:
    path = folder / "file.fit"
    path.write_bytes(content)
    return is_complete(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files under judgement."""
    return tmp_path_factory.mktemp("completeness")


@pytest.mark.parametrize(
    ("units", "too_short", "enough"),
    [
        ((IMAGE,), (1, 79, 80, 2879, 2880, 2881, 8879), (8880, 8881, 11519, 11520)),
        ((EMPTY,), (1, 80, 240, 242), (243, 320, 2879, 2880)),
        ((EMPTY, TABLE), (242, 2888, 5000, 5760, 10839), (2880, 10840, 11520)),
        ((IMAGE, TABLE, TABLE), (8879, 11528, 14400, 19479, 20168, 28119), (11520, 20160, 28120, 28800)),
        ((GROUPS,), (2880, 3919), (3920, 5760)),
    ],
    ids=["image", "no data", "table", "three units", "random groups"],
)
def test_fits_at_every_length(
    folder: Path, units: tuple[tuple[tuple[str, ...], int], ...], too_short: tuple[int, ...], enough: tuple[int, ...]
) -> None:
    """A FITS file is complete once the last byte of a unit's data is there, padded or not, and at no length before."""
    content = _fits(*units)
    assert [length for length in too_short if _judge(folder, content[:length]).complete] == []
    assert [length for length in enough if not _judge(folder, content[:length]).complete] == []
    assert _judge(folder, content + b"trailing rubbish").complete


def test_fits_declares_its_length(folder: Path) -> None:
    """The declared length counts headers, data and the heap of tables, without the last padding."""
    assert _judge(folder, _fits(IMAGE)) == Completeness(True, 2880 + 6000, 2880 + 8640, "")
    assert _judge(folder, _fits(EMPTY, TABLE)).declared_bytes == 2 * 2880 + 80 + 5000
    cut = _judge(folder, _fits(IMAGE)[:5000])
    assert (cut.complete, cut.declared_bytes, cut.actual_bytes) == (False, 8880, 5000)
    assert cut.reason == "the header declares 8880 bytes, the file has 5000"


T, BYTES, ONE_AXIS = (
    "SIMPLE  =                    T",
    "BITPIX  =                    8",
    "NAXIS   =                    1",
)


@pytest.mark.parametrize(
    "content",
    [
        b"just a text called .fit",
        b"\xac\xed\x00\x05sr",
        b"PK\x03\x04",
        b"II*\x00" + bytes(40),
        b"RIFF" + bytes(4) + b"WAVE" + bytes(20),
        _fits(((T,), 0)),
        _fits(((T, "BITPIX  =                   17", ONE_AXIS), 0)),
        _fits(((T, BYTES, ONE_AXIS, "NAXIS1  =                   -5"), 0)),
        _fits(((T, BYTES, ONE_AXIS, "NAXIS1  =                  1E9"), 0)),
        T.encode().ljust(80) + b" " * 3_000_000,
    ],
)
def test_what_is_not_understood_is_complete(folder: Path, content: bytes) -> None:
    """Text, other formats and headers that make no sense do not wait: the scanner judges them."""
    assert _judge(folder, content).complete


@pytest.mark.parametrize("content", [b"", bytes(100), bytes(10_000)])
def test_nothing_written_yet(folder: Path, content: bytes) -> None:
    """An empty file, and one of reserved zeros, are not complete."""
    assert not _judge(folder, content).complete


def test_a_petabyte_is_declared_not_read(folder: Path) -> None:
    """A header that claims an absurd size is simply too short a file."""
    huge = tuple(card.replace("  100", "999999999999") if "NAXIS1" in card else card for card in IMAGE[0])
    result = _judge(folder, _fits((huge, 0)))
    assert not result.complete
    assert result.declared_bytes is not None
    assert result.declared_bytes > 10**13


@given(st.binary(max_size=6000).map(lambda tail: b"SIMPLE  =                    T".ljust(80) + tail))
@settings(deadline=None)
def test_any_bytes_have_an_answer(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No content makes the judgement fail."""
    result = _judge(tmp_path_factory.getbasetemp(), content)
    assert result.complete is (result.reason == "")


def test_gzip_at_every_end(folder: Path) -> None:
    """A gzip file is complete with its trailer and not before, in one member or several, of any length."""
    noise = np.random.default_rng(1).integers(0, 256, 2880 * 3, dtype=np.uint8).tobytes()
    whole = gzip.compress(noise)
    odd = gzip.compress(b"odd length")
    for content in (whole, odd, whole + odd, odd + whole, whole + bytes(100)):
        assert _judge(folder, content).complete
    for length in (5, 20, 1000, len(whole) - 9, len(whole) - 1):
        assert not _judge(folder, whole[:length]).complete
    assert not _judge(folder, odd + odd[:15]).complete


def _xisf(xml: str, size_bytes: int) -> bytes:
    header = xml.encode()
    return (b"XISF0100" + struct.pack("<II", len(header), 0) + header).ljust(size_bytes, b"\1")


def test_xisf_attachments(folder: Path) -> None:
    """XISF is complete with its last attachment; a thumbnail that was never written does not count."""
    xml = '<?xml version="1.0"?><xisf><Image geometry="9:9:1" location="attachment:4096:1000"><X/></Image>{}</xisf>'
    thumbnail = '<Thumbnail location="attachment:9000:500"/>'
    assert _judge(folder, _xisf(xml.format(""), 5096)).declared_bytes == 5096
    assert _judge(folder, _xisf(xml.format(thumbnail), 5096)).complete
    for length in (10, 16, 100, 5095):
        assert not _judge(folder, _xisf(xml.format(thumbnail), 5096)[:length]).complete


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pictures_end_with_their_marker(folder: Path, kind: str) -> None:
    """JPEG and PNG are complete with their end marker, also when something follows it."""
    buffer = io.BytesIO()
    Image.fromarray(np.arange(10_000, dtype=np.uint8).reshape(100, 100)).save(buffer, kind)
    content = buffer.getvalue()
    assert _judge(folder, content).complete
    assert _judge(folder, content + bytes(500)).complete
    for length in (3, len(content) // 2, len(content) - 5):
        assert not _judge(folder, content[:length]).complete


def test_ser_counts_its_frames(folder: Path) -> None:
    """A SER film is complete with its last frame, times behind it are optional; without a count it is waited for."""

    def ser(color: int, depth: int, frames: int) -> bytes:
        return (b"LUCAM-RECORDER" + struct.pack("<7i", 0, color, 0, 20, 10, depth, frames)).ljust(178, b" ")

    for color, depth, frame_bytes in ((0, 8, 200), (8, 12, 400), (100, 16, 1200)):
        assert _judge(folder, ser(color, depth, 3) + bytes(3 * frame_bytes)).complete
        assert _judge(folder, ser(color, depth, 3) + bytes(3 * frame_bytes + 24)).complete
        assert not _judge(folder, ser(color, depth, 3) + bytes(3 * frame_bytes - 1)).complete
    assert "how many frames" in _judge(folder, ser(0, 8, 0) + bytes(10)).reason
    assert _judge(folder, ser(0, 99, 0) + bytes(10)).complete
    assert not _judge(folder, ser(0, 8, 3)[:100]).complete


def test_avi_counts_its_chunks(folder: Path) -> None:
    """An AVI film is complete with its last RIFF chunk; one whose size is not written yet is waited for."""

    def riff(kind: bytes, size: int) -> bytes:
        return b"RIFF" + struct.pack("<I", size) + kind + bytes(size - 4)

    film = riff(b"AVI ", 1000) + riff(b"AVIX", 501) + b"\0"
    assert _judge(folder, film).complete
    assert _judge(folder, film[:-1]).complete
    assert not _judge(folder, film[:-2]).complete
    assert not _judge(folder, film[:700]).complete
    assert "its length yet" in _judge(folder, b"RIFF" + bytes(4) + b"AVI " + bytes(90)).reason


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of real captures")
def test_real_captures_are_complete() -> None:
    """Every real capture counts as complete, however unusual its header is, but films that never got their count."""
    endings = (".fit", ".fits", ".fts", ".gz", ".fz", ".xisf", ".tif", ".tiff", ".ser", ".jpg", ".png", ".avi")
    captures = [path for path in CORPUS.rglob("*") if path.is_file() and path.name.lower().endswith(endings)]
    assert captures
    assert [(path.name, is_complete(path).reason) for path in captures if _lacks_something(path)] == []


def _lacks_something(path: Path) -> bool:
    judged = is_complete(path)
    return not judged.complete and "does not say" not in judged.reason
