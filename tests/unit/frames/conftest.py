"""Builders of small capture files for the tests of shared.frames."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from shared.events.frame import FrameMetadata
from shared.frames import FrameFacts, read_frame

CORPUS = Path(__file__).resolve().parents[3].parent / "shared" / "corpus"
BLOCK = 2880

FitsMaker = Callable[..., Path]


def header_block(cards: list[str]) -> bytes:
    """Card texts as a padded header with END."""
    text = "".join(card.ljust(80)[:80] for card in [*cards, "END"])
    return text.encode("latin-1").ljust(-(-len(text) // BLOCK) * BLOCK)


def image_cards(width: int = 4, height: int = 3, planes: int = 0, bitpix: int = 16) -> list[str]:
    """The mandatory cards of a primary image."""
    axes = [width, height, planes] if planes else [width, height]
    return [
        f"SIMPLE  = {'T':>20}",
        f"BITPIX  = {bitpix:>20}",
        f"NAXIS   = {len(axes):>20}",
        *(f"NAXIS{number}  = {axis:>20}" for number, axis in enumerate(axes, 1)),
    ]


@pytest.fixture
def corpus() -> Path:
    """The folder of real captures; tests that need it are skipped where it is absent."""
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real captures is not here")
    return CORPUS


@pytest.fixture
def make_fits(tmp_path: Path) -> FitsMaker:
    """A maker of small FITS files: extra cards, a name (with folders), and a shape."""

    def make(
        extra: list[str],
        name: str = "frame.fits",
        *,
        width: int = 4,
        height: int = 3,
        planes: int = 0,
        bitpix: int = 16,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = width * height * max(planes, 1) * abs(bitpix) // 8
        data = bytes(-(-size // BLOCK) * BLOCK)
        path.write_bytes(header_block(image_cards(width, height, planes, bitpix) + extra) + data)
        return path

    return make


@pytest.fixture
def read_facts(make_fits: FitsMaker, tmp_path: Path) -> Callable[..., FrameFacts]:
    """All facts of a file with these cards, under this name (with folders)."""

    def read(cards: list[str], name: str = "frame.fits", zone: str | None = None, **shape: int) -> FrameFacts:
        path = make_fits(cards, name, **shape)
        return read_frame(path, relative_path=str(path.relative_to(tmp_path)), source_zone=zone)

    return read


@pytest.fixture
def read(read_facts: Callable[..., FrameFacts]) -> Callable[..., FrameMetadata]:
    """Metadata of a file with these cards, under this name (with folders)."""

    def read(cards: list[str], name: str = "frame.fits", zone: str | None = None, **shape: int) -> FrameMetadata:
        return read_facts(cards, name, zone, **shape).metadata

    return read


@pytest.fixture
def from_dump(corpus: Path, tmp_path: Path) -> FitsMaker:
    """A maker of FITS files from the corpus' header dumps; the image is as declared, written as a hole."""

    def make(dump: str, name: str) -> Path:
        lines = (corpus / "headers" / dump).read_bytes().decode("latin-1").splitlines()
        cards = [line for line in lines if line.strip() and not line.startswith("#") and line.strip() != "END"]
        sizes = {card[:8].strip(): card[10:30].strip() for card in cards if card.startswith(("NAXIS", "BITPIX"))}
        pixels = 1
        for axis in range(1, int(sizes["NAXIS"]) + 1):
            pixels *= int(sizes[f"NAXIS{axis}"])
        header = header_block(cards)
        length = len(header) + -(-pixels * abs(int(sizes["BITPIX"])) // 8 // BLOCK) * BLOCK
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.write(header)
            stream.truncate(length)
        return path

    return make


def photograph(path: Path, tags: dict[int, object], inner: dict[int, object]) -> None:
    """A small picture with EXIF: ``tags`` of the picture, ``inner`` of the capture (the Exif IFD)."""
    exif = Image.Exif()
    exif.update(tags)
    exif.get_ifd(0x8769).update(inner)
    Image.new("L", (8, 6)).save(path, exif=exif.tobytes())  # bytes, since Pillow leaves the inner tags out of TIFF
