"""Pixels equal astropy's, in every form that is supported."""

import gzip
import struct
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Permanent
from shared.frames import load_image, read_frame
from tests.hostile.writers import LIGHT, fits


def write(path: Path, data: np.ndarray[Any, Any]) -> Path:
    """An image that astropy wrote."""
    astropy_fits.PrimaryHDU(data).writeto(path, overwrite=True)
    return path


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["u1", "i2", "u2", "i4", "u4", "f4", "f8"]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
def test_plain_and_gzipped_images_come_back(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, width: int, height: int, planes: int, seed: int
) -> None:
    """Every sample type comes back bit for bit, native, in 2-d or 3-d, plain and gzipped."""
    folder = tmp_path_factory.mktemp("pixels")
    generator = np.random.default_rng(seed)
    shape = (height, width) if planes == 1 else (planes, height, width)
    kind = np.dtype(dtype)
    data = (
        generator.normal(size=shape).astype(kind)
        if kind.kind == "f"
        else generator.integers(np.iinfo(kind).min, np.iinfo(kind).max, size=shape, dtype=kind, endpoint=True)
    )
    plain = write(folder / "a.fits", data)
    packed = folder / "a.fits.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        layout = read_frame(path).image
        assert layout is not None
        found = load_image(path, layout)
        assert found.dtype == kind
        assert found.dtype.isnative
        assert np.array_equal(found, data)


def test_scaled_integers_become_floats(tmp_path: Path) -> None:
    """BSCALE and BZERO other than the unsigned convention give floats."""
    path = tmp_path / "a.fits"
    hdu = astropy_fits.PrimaryHDU(np.array([[1, 2], [3, 4]], dtype=np.int16))
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 10.0
    hdu.writeto(path)
    raw = path.read_bytes()
    layout = read_frame(path).image
    assert layout is not None
    with astropy_fits.open(path) as hdus:
        theirs = hdus[0].data
    assert np.allclose(load_image(path, layout), theirs)
    assert path.read_bytes() == raw


def test_the_corpus_comes_back_as_astropy_reads_it(corpus: Path) -> None:
    """All FITS images of the corpus equal astropy's values, tile-compressed ones included."""
    compared = 0
    for path in sorted(corpus.glob("*/*")):
        if path.suffix.lower() not in {".fit", ".fits", ".fts", ".fz", ".gz"}:
            continue
        layout = read_frame(path).image
        if layout is None or not layout.complete:
            continue
        ours = load_image(path, layout)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with astropy_fits.open(path, memmap=False, ignore_missing_end=True) as hdus:
                theirs = np.asarray(hdus[layout.hdu_index].data)
        assert np.allclose(ours, theirs.reshape(ours.shape), equal_nan=True, rtol=1e-6), path.name
        compared += 1
    assert compared > 80


def test_undefined_pixels_become_nan(tmp_path: Path) -> None:
    """Integers equal to BLANK are NaN and the others keep their scaling; without such pixels the type stays."""
    path = tmp_path / "a.fits"
    hdu = astropy_fits.PrimaryHDU(np.array([[1, -32768], [3, 4]], dtype=np.int16))
    hdu.header["BLANK"] = -32768
    hdu.writeto(path)
    layout = read_frame(path).image
    assert layout is not None
    with astropy_fits.open(path) as hdus:
        assert np.array_equal(load_image(path, layout), hdus[0].data, equal_nan=True)
    assert load_image(path, replace(layout, blank=77)).dtype == np.int16


@pytest.mark.parametrize("card", ["BZERO   = 1E300", "BSCALE  = 0", "BSCALE  = 1E999", "BZERO   = 'x'"])
def test_scaling_of_no_camera_is_not_applied(tmp_path: Path, card: str) -> None:
    """A scaling that no camera has is said, and the stored numbers are the image."""
    path = tmp_path / "a.fits"
    path.write_bytes(fits((*LIGHT, card)))
    found = read_frame(path)
    assert any(problem.startswith("a scaling that no camera has is not applied") for problem in found.problems)
    assert found.image is not None
    assert load_image(path, found.image).dtype == np.int16


def extension(name: str, data: np.ndarray[Any, Any], **keys: object) -> astropy_fits.ImageHDU:
    """An image extension."""
    hdu = astropy_fits.ImageHDU(data, name=name)
    hdu.header.update(keys)
    return hdu


def test_the_image_among_many_units_is_found(tmp_path: Path) -> None:
    """Behind an empty primary, tables and masks the first image of the sky is taken, plain or compressed."""
    path = tmp_path / "a.fits"
    sky, mask = np.full((6, 5), 7, np.int16), np.ones((6, 5), np.uint8)
    table = astropy_fits.BinTableHDU.from_columns([astropy_fits.Column("X", "J", array=np.arange(4))])
    packed = astropy_fits.CompImageHDU(sky)
    for sky_unit in (extension("SCI", sky), packed):
        units = [astropy_fits.PrimaryHDU(), table, extension("MASK", mask), sky_unit, extension("SECOND", sky + 1)]
        astropy_fits.HDUList(units).writeto(path, overwrite=True)
        layout = read_frame(path).image
        assert layout is not None
        assert layout.hdu_index == 3
        assert np.array_equal(load_image(path, layout), sky)
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), extension("MASK", mask)]).writeto(path, overwrite=True)
    alone = read_frame(path).image
    assert alone is not None
    assert alone.hdu_index == 1, "a mask where there is nothing else"


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1"])
def test_packed_tiles_are_looked_at_before_they_are_unpacked(tmp_path: Path, method: str) -> None:
    """Every method's honest tiles come back; tiles outside the data or of another size are refused."""
    path = tmp_path / "a.fits"
    data = np.arange(40 * 36, dtype=np.int16).reshape(40, 36) % 1000
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), astropy_fits.CompImageHDU(data, compression_type=method)]).writeto(
        path
    )
    layout = read_frame(path).image
    assert layout is not None
    assert np.array_equal(load_image(path, layout), data)
    assert layout.tiles is not None
    raw = bytearray(path.read_bytes())
    at = layout.byte_offset + layout.tiles.columns[0][0]
    for count, offset, reason in ((2**31 - 1, 0, "outside"), (4, 2**30, "outside"), (-1, 0, "outside")):
        raw[at : at + 8] = struct.pack(">ii", count, offset)
        path.write_bytes(raw)
        with pytest.raises(Permanent, match=reason):
            load_image(path, layout)
    if method == "HCOMPRESS_1":
        start = layout.byte_offset + layout.tiles.heap_offset
        raw = bytearray(astropy_bytes(tmp_path, data))
        raw[start + 2 : start + 6] = struct.pack(">i", 9999)
        path.write_bytes(raw)
        with pytest.raises(Permanent, match="is not one of"):
            load_image(path, layout)


def astropy_bytes(folder: Path, data: np.ndarray[Any, Any]) -> bytes:
    """An HCOMPRESS file as astropy writes it."""
    path = folder / "fresh.fits"
    hdu = astropy_fits.CompImageHDU(data, compression_type="HCOMPRESS_1")
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), hdu]).writeto(path)
    return path.read_bytes()


def test_a_wrong_datasum_of_packed_tiles_is_damage(tmp_path: Path) -> None:
    """Packed pixels whose checksum is not that of the header are not measured."""
    path = tmp_path / "a.fits"
    hdu = astropy_fits.CompImageHDU(np.arange(600, dtype=np.int16).reshape(20, 30))
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), hdu]).writeto(path, checksum=True)
    layout = read_frame(path).image
    assert layout is not None
    load_image(path, layout)
    raw = bytearray(path.read_bytes())
    raw[layout.byte_offset + layout.stored_bytes - 3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(Permanent, match="the header's DATASUM"):
        load_image(path, layout)


def test_impossible_sizes_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    """Too many pixels, missing pixels and lying headers are refused with a sentence."""
    path = write(tmp_path / "a.fits", np.zeros((4, 4), np.uint16))
    layout = read_frame(path).image
    assert layout is not None
    with pytest.raises(Permanent, match="more than the limit"):
        load_image(path, replace(layout, width=10**9, height=10**6))
    with pytest.raises(Permanent, match="pixels are missing"):
        load_image(path, replace(layout, complete=False))
    with pytest.raises(Permanent, match="truncated"):
        load_image(path, replace(layout, width=5000))
    with pytest.raises(Permanent, match="more than the limit of 15"):
        load_image(path, layout, max_pixels=15)
