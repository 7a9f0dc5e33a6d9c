"""Pixels equal astropy's, in every form that is supported."""

import gzip
import warnings
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Permanent
from shared.frames import FileFormat, ImageLayout, load_image, read_frame


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


def test_shuffled_zlib_xisf_is_unpacked(tmp_path: Path) -> None:
    """Deflate with byte shuffle gives back the samples; lz4 says that it is not supported yet."""
    data = np.arange(6, dtype="<u2").reshape(2, 3)
    shuffled = np.frombuffer(data.tobytes(), np.uint8).reshape(6, 2).T.tobytes()
    packed = zlib.compress(shuffled)
    path = tmp_path / "a.xisf"
    path.write_bytes(bytes(64) + packed)
    layout = ImageLayout(
        format=FileFormat.XISF, hdu_index=0, byte_offset=64, bitpix=16, width=3, height=2, planes=1, bzero=0.0,
        bscale=1.0, sample="<u2", compression="zlib+sh:12:2", stored_bytes=len(packed), interleaved=False,
        complete=True,
    )  # fmt: skip
    assert np.array_equal(load_image(path, layout), data)
    with pytest.raises(Permanent, match="'lz4' is not supported yet"):
        load_image(path, replace(layout, compression="lz4:12"))


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
