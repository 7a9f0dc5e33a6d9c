"""Pictures and videos: whole ones have no problem, and every kind of damage that the format tells is said."""

import os
import struct
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from shared.errors import Permanent
from shared.events.frame import FrameType
from shared.frames import read_frame
from shared.frames.exif import ExifFacts, read_exif
from tests.hostile.writers import avi, picture, png, ser, tiff
from tests.unit.frames.conftest import photograph

ORIGINAL, DIGITIZED, OFFSET, FRACTION = 36867, 36868, 36881, 37521
EXPOSURE, F_NUMBER, ISO, FOCAL = 33434, 33437, 34855, 37386
SIZE = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
BIG_TIFF = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 24, 0) + struct.pack("<Q", 5) + b"".join(
    struct.pack("<HHQQ", tag, 3, 1, value) for tag, value in ((256, 1), (257, 1), (258, 8), (273, 16), (279, 1))
) + bytes(8)  # fmt: skip
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
        (tiff([*SIZE, *STRIPS, (34665, 4, 1, 10_000)], data=bytes(300)), "truncated: the TIFF has a directory"),
        (tiff([*SIZE, *STRIPS, (270, 2, 5000, 250)], data=bytes(300)), "truncated: a value of the TIFF ends"),
        (BIG_TIFF[:-8] + struct.pack("<Q", 2**63 + 5), "truncated: the TIFF has a directory at byte"),
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


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_photograph_gives_its_exif(tmp_path: Path, suffix: str) -> None:
    """Camera, exposure, ISO, focal length and ratio come from EXIF, before the name's; a JPEG stays a preview."""
    path = tmp_path / f"Light_M 31_10.0s_LP_20250514-004835.{suffix}"
    tags: dict[int, object] = {271: "NIKON CORPORATION", 272: "NIKON D850"}
    inner = {ORIGINAL: "2024:08:12 23:10:05", FRACTION: "25", OFFSET: "+02:00", EXPOSURE: 30.0, ISO: 1600}
    photograph(path, tags, {**inner, FOCAL: 530.0, F_NUMBER: 5.6})
    found = read_frame(path, source_zone="America/Chicago")
    frame = found.metadata
    assert frame.frame_type is (FrameType.LIGHT if suffix == "tif" else FrameType.PREVIEW)
    assert (frame.camera, frame.exposure_s, frame.total_exposure_s, frame.gain) == ("Nikon D850", 30.0, 30.0, 1600.0)
    assert (frame.focal_length_mm, frame.focal_ratio, frame.object_name) == (530.0, 5.6, "M 31")
    assert frame.observed_at == datetime(2024, 8, 12, 21, 10, 5, 250_000, UTC)
    assert frame.night == date(2024, 8, 12)
    assert found.problems == ()


def test_the_clock_of_a_camera_needs_a_zone(tmp_path: Path) -> None:
    """Without an offset the source's zone makes DateTimeOriginal UTC; without both the night alone is known."""
    path = tmp_path / "IMG_1.jpg"
    photograph(path, {306: "2025:01:01 00:00:00"}, {ORIGINAL: "2024:08:12 23:10:05"})
    here = read_frame(path, source_zone="Europe/Berlin").metadata
    assert (here.observed_at, here.night) == (datetime(2024, 8, 12, 21, 10, 5, tzinfo=UTC), date(2024, 8, 12))
    somewhere = read_frame(path).metadata
    assert (somewhere.observed_at, somewhere.night) == (None, date(2024, 8, 12))
    photograph(path, {}, {ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: "2024:08:13 01:00:00", 36882: "-05:30"})
    assert read_frame(path).metadata.observed_at == datetime(2024, 8, 13, 6, 30, tzinfo=UTC)
    photograph(path, {}, {ORIGINAL: "2024:08:12 23:10:05", OFFSET: "+99:00"})
    assert read_frame(path).metadata.observed_at is None


def test_the_date_of_a_change_is_less_than_a_name(tmp_path: Path) -> None:
    """EXIF DateTime, when a file was last saved, counts only where the name has no time."""
    path = tmp_path / "Light_M 31_10.0s_LP_20250514-004835.jpg"
    photograph(path, {306: "2025:07:01 12:30:00"}, {})
    assert read_frame(path).metadata.night == date(2025, 5, 13)


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 6D", "Canon EOS 6D"),
        ("SONY", "ILCE-7M3", "Sony ILCE-7M3"),
        ("Hasselblad", "X9", "Hasselblad X9"),
        ("", "Own Camera", "Own Camera"),
        ("Canon", "", None),
    ],
)
def test_cameras_of_exif_have_their_usual_name(tmp_path: Path, make: str, model: str, camera: str | None) -> None:
    """Make and Model give the name of the equipment tables, else both as written, the maker not twice."""
    path = tmp_path / "x.jpg"
    photograph(path, {271: make, 272: model}, {})
    assert read_frame(path).metadata.camera == camera


def test_exif_without_sense_is_unknown(tmp_path: Path) -> None:
    """Zeros, wrong types and ratios by zero are unknown; numbers that no camera has are a problem as well."""
    path = tmp_path / "x.jpg"
    photograph(path, {}, {EXPOSURE: 0.0, F_NUMBER: IFDRational(1, 0), ISO: 65_535, 34866: 102_400, ORIGINAL: "now"})
    found = read_frame(path)
    assert found.problems == ()
    assert (found.metadata.exposure_s, found.metadata.focal_ratio, found.metadata.gain) == (None, None, 102_400.0)
    photograph(path, {}, {EXPOSURE: IFDRational(4_000_000_000, 1)})
    assert read_frame(path).problems == ("EXIF ExposureTime = 4e+09 is impossible and was not used",)
    odd = Image.Exif()
    odd.update({271: b"\xff", 272: (1, 2), 306: 7})
    odd.get_ifd(0x8769).update({EXPOSURE: "long", F_NUMBER: (1, 2), ISO: None, FOCAL: b"", ORIGINAL: 5, OFFSET: 1})
    assert read_exif(odd) == ExifFacts()
