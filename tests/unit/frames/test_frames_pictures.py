"""Pictures and videos: whole ones have no problem, and every kind of damage that the format tells is said."""

import os
import struct
from pathlib import Path

import pytest

from shared.errors import Permanent
from shared.frames import read_frame
from tests.hostile.writers import avi, picture, png, ser, tiff

SIZE = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
STRIPS = [(273, 4, 1, 200), (278, 3, 1, 8), (279, 4, 1, 64)]


def problems(path: Path, content: bytes) -> tuple[str, ...]:
    """What is wrong with a file; the words of a refusal count too."""
    path.write_bytes(content)
    try:
        return read_frame(path).problems
    except Permanent as refused:
        return (str(refused),)


@pytest.mark.parametrize("name", ["frame.fits", "frame.ser", "frame"])
@pytest.mark.parametrize(
    ("content", "size"),
    [
        (picture("JPEG"), (32, 24)),
        (picture("PNG"), (32, 24)),
        (picture("TIFF"), (32, 24)),
        (png(), (16, 8)),
        (ser(), (16, 8)),
        (ser(2, depth=12, color=101), (16, 8)),
        (ser(3) + bytes(8 * 3), (16, 8)),
        (avi(), (16, 8)),
        (tiff([*SIZE, *STRIPS], data=bytes(300)), (8, 8)),
    ],
)
def test_whole_files_are_known_by_their_bytes(tmp_path: Path, name: str, content: bytes, size: tuple[int, int]) -> None:
    """Size and format come from the content whatever the name says, and nothing is wrong."""
    path = tmp_path / name
    assert problems(path, content) == ()
    found = read_frame(path).metadata
    assert (found.width_px, found.height_px) == size


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png()[:-20], "truncated"),
        (png()[:50] + b"\x99" + png()[51:], "broken data stream"),
        (png() + b"SIMPLE  =", "9 bytes follow behind the end of the picture"),
        (picture("JPEG")[:-2], "truncated: the JPEG has no end marker"),
        (picture("JPEG") + b"PK\3\4", "4 bytes follow behind the end of the picture"),
        (tiff([*SIZE, *STRIPS], following=8, data=bytes(300)), "go round in a circle"),
        (tiff([*SIZE, (273, 4, 1, 10**6), *STRIPS[1:]], data=bytes(300)), "truncated: the TIFF's image ends"),
        (tiff([*SIZE, *STRIPS[:2], (279, 4, 1, 3)], data=bytes(300)), "needs 64 bytes, its strips have 3"),
        (ser(3, declared=2), "are not those of 2 frames"),
        (ser(3, declared=10**6), "truncated"),
        (avi(movi_size=2**31), "behind its list"),
        (avi(frames=10**9), "declares 1000000000 frames"),
        (avi() + b"PK\3\4", "belong to no RIFF list"),
        (avi()[:-1], "truncated"),
    ],
)
def test_damage_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    """Missing bytes, wrong checksums, lying counts and foreign bytes behind the end each give a sentence."""
    assert any(words in said for said in problems(tmp_path / "a.fits", content)), problems(tmp_path / "a", content)


def test_large_pictures_are_read_and_lies_about_size_are_told(tmp_path: Path) -> None:
    """A finished mosaic of a hundred million pixels is a picture; a few bytes that claim as many are not believed."""
    stored = 12_000 * 9_000
    size = [
        (256, 3, 1, 12_000),
        (257, 3, 1, 9_000),
        *SIZE[2:],
        (273, 4, 1, 200),
        (278, 3, 1, 9_000),
        (279, 4, 1, stored),
    ]
    path = tmp_path / "mosaic.tif"
    path.write_bytes(tiff(size))
    os.truncate(path, 200 + stored)
    found = read_frame(path)
    assert (found.metadata.width_px, found.metadata.height_px, found.problems) == (12_000, 9_000, ())
    jpeg = bytearray(picture("JPEG"))
    struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, 9_000, 12_000)
    (told,) = problems(tmp_path / "lie.jpg", bytes(jpeg))
    assert "not believed" in told
