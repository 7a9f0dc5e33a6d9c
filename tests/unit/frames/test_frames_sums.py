"""CHECKSUM and DATASUM: what vouches for a header and its data is compared, and a difference is said."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as astropy_fits

from services.scanner.knowledge import built_in
from services.scanner.scan import scan_file
from shared.frames import load_image, read_frame

ALTERED = "the header was changed after its CHECKSUM was written"


def signed(path: Path, *, packed: bool = False, in_extension: bool = False) -> Path:
    """A light frame of noise whose sums are right."""
    data = np.random.default_rng(3).integers(0, 60_000, (48, 64)).astype(np.uint16)
    hdu = astropy_fits.ImageHDU(data) if in_extension else astropy_fits.PrimaryHDU(data)
    for keyword, value in (("IMAGETYP", "LIGHT"), ("EXPTIME", 60.0), ("OBJECT", "M 31")):
        hdu.header[keyword] = value
    hdus = [astropy_fits.PrimaryHDU(), hdu] if in_extension else [hdu]
    astropy_fits.HDUList(hdus).writeto(path, checksum=True)
    if packed:
        content = path.read_bytes()
        path.unlink()
        path = path.with_suffix(".fits.gz")
        path.write_bytes(gzip.compress(content))
    return path


def changed(path: Path, old: bytes, new: bytes) -> Path:
    """The file with some bytes replaced by others of the same length."""
    opened = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert opened.count(old) >= 1
    content = opened.replace(old, new, 1)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("in_extension", [False, True])
def test_a_header_that_was_changed_later_is_said(tmp_path: Path, packed: bool, in_extension: bool) -> None:
    """A signed file has no problem; one whose object was edited later has one, in any HDU and packing."""
    path = signed(tmp_path / "a.fits", packed=packed, in_extension=in_extension)
    assert read_frame(path).problems == ()
    found = read_frame(changed(path, b"'M 31    '", b"'M 33    '"))
    assert found.problems == ((f"HDU 1: {ALTERED}" if in_extension else ALTERED),)
    assert found.metadata.object_name == "M 33"


def test_a_program_that_removes_the_sums_is_believed(tmp_path: Path) -> None:
    """Empty sums, and a CHECKSUM without a DATASUM, vouch for nothing and are no problem."""
    for keyword in (b"DATASUM ", b"CHECKSUM"):
        path = changed(signed(tmp_path / f"{keyword[:4].decode()}.fits"), keyword, b"REMOVED ")
        assert read_frame(path).problems == ()


def test_pixels_that_are_not_those_of_the_sum_are_said(tmp_path: Path) -> None:
    """Plain pixels are read and measured whatever DATASUM says, and the problem names both sums."""
    path = signed(tmp_path / "a.fits")
    layout = read_frame(path).image
    assert layout is not None
    problems: list[str] = []
    before = load_image(path, layout, problems=problems).copy()
    assert problems == []
    content = bytearray(path.read_bytes())
    content[layout.byte_offset + 101] ^= 1
    path.write_bytes(content)
    after = load_image(path, layout, problems=problems)
    assert (before != after).sum() == 1
    assert len(problems) == 1
    assert problems[0].startswith("the data were damaged, or changed by a program that did not renew their sum")
    scanned = scan_file(path, known=built_in(), measure_stars=True)
    assert problems[0] in scanned.problems
    assert scanned.quality is not None
