"""read_frame over FITS structure, side files and files that are none of ours."""

import gzip
import random
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PIL import Image

from shared.errors import Permanent
from shared.events.frame import FrameType
from shared.frames import FileFormat, read_frame, sniff
from tests.unit.frames.conftest import header_block

FitsMaker = Callable[..., Path]


def test_a_small_frame_gives_its_layout(make_fits: FitsMaker) -> None:
    """Shape, offset, scaling and the card images of a plain frame are as written."""
    found = read_frame(make_fits(["BZERO   = 32768", "OBJECT  = 'M 31    '"], width=5, height=7))
    assert found.format is FileFormat.FITS
    assert found.image is not None
    layout = found.image
    assert (layout.width, layout.height, layout.planes, layout.bitpix, layout.byte_offset) == (5, 7, 1, 16, 2880)
    assert (layout.bzero, layout.bscale, layout.complete) == (32768.0, 1.0, True)
    assert found.header_cards[-1] == "OBJECT  = 'M 31    '"
    assert found.problems == ()


def test_the_smallest_truncation_is_said(make_fits: FitsMaker) -> None:
    """Missing pixels are a problem with both lengths; missing padding is only noted."""
    path = make_fits([], width=100, height=100)
    whole = path.read_bytes()
    end = 2880 + 20_000
    path.write_bytes(whole[:end])
    padding = read_frame(path)
    assert padding.image is not None
    assert padding.image.complete
    assert padding.problems == ("the final padding is missing: 160 of 2880 bytes",)
    path.write_bytes(whole[: end - 1])
    short = read_frame(path)
    assert short.image is not None
    assert not short.image.complete
    assert short.problems == (f"truncated: declares {end} bytes, has {end - 1}",)


def test_a_header_that_is_still_arriving_is_not_whole(make_fits: FitsMaker) -> None:
    """While END has not been written, the frame is called truncated and its image is not read."""
    path = make_fits([f"KEY{number:<5}= {number}" for number in range(60)])
    path.write_bytes(path.read_bytes()[:2880])
    found = read_frame(path)
    assert found.problems[0].startswith("truncated")
    assert "the header has no END card" in found.problems
    assert found.image is not None
    assert not found.image.complete


def test_trailing_junk_is_noted(make_fits: FitsMaker) -> None:
    """Bytes that belong to no HDU are a note, not a failure."""
    path = make_fits([])
    path.write_bytes(path.read_bytes() + b"junk" * 5000)
    assert read_frame(path).problems == ("data that belong to no HDU follow after byte 5760",)


def test_gzip_is_read_and_its_damage_found(make_fits: FitsMaker, tmp_path: Path) -> None:
    """A gzipped frame equals the plain one, and a cut stream is truncated with a reason."""
    plain = make_fits(["OBJECT  = 'M 31'"], width=300, height=300)
    raw = bytearray(plain.read_bytes())
    raw[2880:] = random.Random(5).randbytes(len(raw) - 2880)
    packed = tmp_path / "frame.fits.gz"
    packed.write_bytes(gzip.compress(bytes(raw)))
    found = read_frame(packed)
    assert found.format is FileFormat.FITS_GZ
    assert found.metadata == read_frame(plain).metadata
    assert found.image is not None
    assert found.image.complete
    assert found.problems == ()
    packed.write_bytes(packed.read_bytes()[:-300])
    cut = read_frame(packed)
    assert cut.image is not None
    assert not cut.image.complete or "gzip stream" in cut.problems[-1]
    assert any("gzip stream is cut off" in problem for problem in cut.problems)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.fit", b"", "not a capture file: the file is empty"),
        ("a.fit", b"hello, world\nmore", "not a capture file: it is text that begins with 'hello, world'"),
        (
            "a.fit",
            b"\x0e\x10\x43\x08\x28\x06\x00\x00.FIT\x00\x00",
            "not a capture file: it is an activity file of a Garmin device",
        ),
        ("a.ser", b"\xac\xed\x00\x05sr\x00", "not a capture file: it is Java serialized objects"),
        ("a.fits", bytes(5000), "not a capture file: it begins with zero bytes"),
        (
            "a.fits",
            b"\x93\xff\x01\x02\x03\x04\x05\x06",
            "not a capture file: it begins with the bytes 93 ff 01 02 03 04 05 06",
        ),
        (
            "a.fits",
            b"SIMPLE  = T / x\nBITPIX  = 16\n",
            "begins like FITS, but has no header: fewer than 3 80-column cards with a value",
        ),
        ("a.gz", gzip.compress(b"text", mtime=0), "not a capture file: it is gzip data that hold no FITS file"),
        ("a.xisf", b"XISF0100\xff\xff\xff\xff\0\0\0\0", "the XISF header has an impossible length of 4294967295 bytes"),
        ("a.ser", b"LUCAM-RECORDER", "truncated: a SER header has 178 bytes, 14 are there"),
        ("a.avi", b"RIFF\x04\0\0\0AVI ", "the AVI file has no main header"),
    ],
)
def test_strangers_are_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    """What is no capture file is refused with what it begins with, and without its path."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Permanent) as refused:
        read_frame(path)
    assert str(refused.value) == reason


_WHOLE = [
    "SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2",
    "NAXIS1  =                   32", "NAXIS2  =                   24", "IMAGETYP= 'LIGHT'", "OBJECT  = 'M 31'",
    "EXPTIME =                 60.0", "DATE-OBS= '2025-10-20T20:00:00'", "FILTER  = 'Ha'",
]  # fmt: skip


@pytest.mark.parametrize(
    ("keyword", "card", "problem", "width"),
    [
        ("NAXIS1", "NAXIS1  =                   -5", "NAXIS1 = -5 is negative", None),
        ("NAXIS1", "NAXIS1  = 'wide'", "NAXIS1 = 'wide' is no length", None),
        ("NAXIS2", "", "the header has no NAXIS2", None),
        ("BITPIX", "BITPIX  =                    7", "BITPIX = 7 is none of 8, 16, 32, 64, -32, -64", 32),
        ("BITPIX", "BITPIX  = 'sixteen'", "BITPIX = 'sixteen' is none of 8, 16, 32, 64, -32, -64", 32),
        ("BITPIX", "BITPIX  =", "BITPIX = (nothing) is none of 8, 16, 32, 64, -32, -64", 32),
        ("BITPIX", "", "the header has no BITPIX", 32),
        ("NAXIS", "", "the header has no NAXIS", None),
        ("NAXIS", "NAXIS   =                 2000", "NAXIS = 2000 is no number of axes", None),
        ("FILTER", "PCOUNT  =                   -1", "PCOUNT = -1 is negative", 32),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_header_whose_image_cannot_be_found_gives_its_facts(
    tmp_path: Path, keyword: str, card: str, problem: str, width: int | None, packed: bool
) -> None:
    """Of a header with one bad mandatory card everything else is read, and the problem names the card."""
    cards = [card if whole[:8].strip() == keyword else whole for whole in _WHOLE]
    content = header_block([card for card in cards if card]) + bytes(2880)
    path = tmp_path / "x.fits"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_frame(path)
    assert found.problems == (problem,)
    assert found.image is None
    assert (found.metadata.frame_type, found.metadata.object_name) == (FrameType.LIGHT, "M 31")
    assert (found.metadata.exposure_s, found.metadata.width_px) == (60.0, width)
    assert found.metadata.observed_at == datetime(2025, 10, 20, 20, tzinfo=UTC)
    assert len(found.header_cards) >= 9


def test_an_extension_with_a_bad_card_costs_only_itself(tmp_path: Path) -> None:
    """The image before a damaged extension is read, and the problem says what is wrong with the extension."""
    extension = ["XTENSION= 'IMAGE'", "BITPIX  = 16", "NAXIS   = 1", "NAXIS1  = -1"]
    path = tmp_path / "x.fits"
    path.write_bytes(header_block(_WHOLE) + bytes(2880) + header_block(extension))
    found = read_frame(path)
    assert found.problems == ("the extension at byte 5760 has no readable header: NAXIS1 = -1 is negative",)
    assert found.image is not None


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    """A file that went away is the operating system's word, since it may come back."""
    with pytest.raises(FileNotFoundError):
        read_frame(tmp_path / "gone.fits")


@pytest.mark.parametrize(
    ("suffix", "file_format"), [("jpg", FileFormat.JPEG), ("png", FileFormat.PNG), ("tif", FileFormat.TIFF)]
)
def test_pictures_of_a_seestar_keep_what_their_name_says(tmp_path: Path, suffix: str, file_format: FileFormat) -> None:
    """Object, exposure, filter and night come from a stack's name; the size from the picture."""
    path = tmp_path / f"Stacked_187_NGC 6027A_10.0s_IRCUT_20250514-004835.{suffix}"
    Image.new("RGB", (8, 6)).save(path)
    found = read_frame(path, source_zone="Europe/Brussels")
    assert found.format is file_format
    assert found.metadata.frame_type is (FrameType.STACK if suffix == "tif" else FrameType.PREVIEW)
    assert (found.metadata.object_name, found.metadata.stack_count) == ("NGC 6027A", 187)
    assert (found.metadata.exposure_s, found.metadata.total_exposure_s) == (10.0, 1870.0)
    assert (found.metadata.width_px, found.metadata.height_px) == (8, 6)
    assert found.metadata.night == date(2025, 5, 13)
    assert found.metadata.observed_at == datetime(2025, 5, 13, 22, 48, 35, tzinfo=UTC)


def test_a_photograph_keeps_its_exif_date(tmp_path: Path) -> None:
    """A JPEG's EXIF date decides the night where the name says nothing."""
    path = tmp_path / "IMG_1.jpg"
    exif = Image.Exif()
    exif[306] = "2024:08:12 23:10:05"
    Image.new("L", (4, 4)).save(path, exif=exif)
    found = read_frame(path)
    assert (found.metadata.frame_type, found.metadata.night) == (FrameType.PREVIEW, date(2024, 8, 12))
    assert found.metadata.observed_at is None


def test_a_damaged_picture_is_refused(tmp_path: Path) -> None:
    """A PNG that ends in its header is refused with a sentence."""
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
    with pytest.raises(Permanent, match="the picture cannot be read"):
        read_frame(path)


def test_a_video_gives_its_size_and_its_truncation(tmp_path: Path) -> None:
    """An AVI's main header gives the size, and a RIFF longer than the file is truncated."""
    avih = struct.pack("<10I", 40_000, 0, 0, 0, 25, 0, 1, 0, 640, 480) + bytes(16)
    body = b"AVI LIST" + struct.pack("<I", 68) + b"hdrlavih" + struct.pack("<I", len(avih)) + avih
    path = tmp_path / "moon.avi"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 100) + body)
    found = read_frame(path)
    assert (found.metadata.frame_type, found.metadata.width_px, found.metadata.height_px) == (FrameType.OTHER, 640, 480)
    assert found.problems[0].startswith("truncated: declares")


def test_sniffing_goes_by_content(tmp_path: Path) -> None:
    """The same bytes are what they are under any name; only .fz tells packed FITS apart."""
    head = b"SIMPLE  =                    T"
    assert sniff(head, "x.jpg") is FileFormat.FITS
    assert sniff(head, "x.fits.fz") is FileFormat.FITS_FZ
    assert sniff(b"RIFF\0\0\0\0WAVE", "x.avi") is None
    assert sniff(b"", "x.fits") is None
