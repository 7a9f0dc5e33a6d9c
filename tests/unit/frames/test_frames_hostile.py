"""Damaged and malicious files: read_frame answers, or refuses with Permanent; nothing else ever comes out."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import Permanent
from shared.frames import FrameFacts, load_image, read_frame

HEADS = [
    b"SIMPLE  =                    T".ljust(80),
    b"XISF0100\x40\0\0\0\0\0\0\0<xisf>",
    b"LUCAM-RECORDER",
    b"RIFF\0\0\0\0AVI LIST\0\0\0\0hdrlavih",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
    b"\xff\xd8\xff\xe1",
    b"II*\x00\x08\x00\x00\x00",
]


def attempt(path: Path) -> FrameFacts | str:
    """Facts, or the sentence of refusal; any error but the promised one comes through."""
    try:
        found = read_frame(path)
        if found.image is not None:
            load_image(path, found.image, max_pixels=1_000_000)
    except Permanent as refused:
        return str(refused)
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(HEADS), st.binary(max_size=3000), st.booleans())
def test_random_bytes_behind_a_signature(tmp_path: Path, head: bytes, tail: bytes, packed: bool) -> None:
    """Any bytes behind any signature are read or refused."""
    path = tmp_path / "x.fits"
    path.write_bytes(gzip.compress(head + tail) if packed else head + tail)
    assert attempt(path) != ""


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_real_headers(corpus: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Real captures with a few bytes changed and the end cut off are read or refused."""
    sources = [
        corpus / "ekos_indi_capture_re_saved_by_pixinsight" / "ngc4535-autofocus1.fits",
        corpus / "professional_mef" / "science-mef.fits",
        corpus / "nom_tam_fits_astroimagej_tests" / "m13_hcomp.fits",
        corpus / "seestar_s50" / "02.fit",
        corpus / "xisf_pixinsight" / "test_lz4.xisf",
        corpus / "side_file_tiff" / "mono_16bit.tiff",
        corpus / "professional_mef" / "fermi_counts.fits.gz",
    ]
    source = data.draw(st.sampled_from(sources))
    raw = bytearray(source.read_bytes()[:60_000])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(raw), 6000) - 1))
        raw[at] = data.draw(st.sampled_from([0, 9, 32, 39, 45, 48, 57, 61, 69, 127, 255]))
    path = tmp_path / source.name
    path.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    assert attempt(path) != ""


CARDS = {
    "petabytes": ["NAXIS   = 2", "NAXIS1  = 999999999999", "NAXIS2  = 999999999999"],
    "negative axis": ["NAXIS   = 2", "NAXIS1  = -5", "NAXIS2  = 5"],
    "text as axis": ["NAXIS   = 2", "NAXIS1  = 'wide'", "NAXIS2  = 5"],
    "no axes": ["NAXIS   = 0"],
    "a thousand axes": ["NAXIS   = 1000"],
    "999 axes of one": ["NAXIS   = 999", *(f"NAXIS{number:<3}= 1" for number in range(1, 1000))],
    "infinite scale": ["NAXIS   = 2", "NAXIS1  = 2", "NAXIS2  = 2", "BSCALE  = 1E999", "FOCALLEN= 1E-300"],
    "huge group": ["NAXIS   = 2", "NAXIS1  = 2", "NAXIS2  = 2", "PCOUNT  = 99999999999999", "GCOUNT  = 999999999"],
    "absurd values": [
        "NAXIS   = 2", "NAXIS1  = 2", "NAXIS2  = 2", "EXPTIME = -1E300", "XBINNING= -3", "STACKCNT= 1E300",
        "RA      = 1E200", "DEC     = 1E200", "SITELAT = 999", "SITELONG= -999", "CCD-TEMP= 1E9", "FOCALLEN= -1",
        "APTDIA  = 1E-300", "XPIXSZ  = 1E300", "DATE-OBS= '9999-99-99T99:99:99'", "MJD-OBS = 1E300", "JD      = -1E300",
        "EQUINOX = 1E300", "TOTALEXP= 1E300", "SUBEXP  = 1E-300", "STARS   = 1E300", "BITPIX  = 16",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("bitpix", ["16", "7", "'x'", "-64", "999999999999999999999999"])
def test_lying_cards(tmp_path: Path, name: str, bitpix: str) -> None:
    """Axes, counts and values that cannot be are read or refused without memory or time."""
    cards = ["SIMPLE  =                    T", f"BITPIX  = {bitpix}", *CARDS[name], "END"]
    block = "".join(card.ljust(80) for card in cards).encode()
    path = tmp_path / "x.fits"
    path.write_bytes(block.ljust(-(-len(block) // 2880) * 2880) + bytes(2880))
    assert attempt(path) != ""


def test_ten_thousand_hdus_end(tmp_path: Path) -> None:
    """A chain of empty extensions is cut at a limit that is said."""
    primary = b"".join(card.ljust(80) for card in [b"SIMPLE  = T", b"BITPIX  = 8", b"NAXIS   = 0", b"END"])
    extension = b"".join(card.ljust(80) for card in [b"XTENSION= 'IMAGE'", b"BITPIX  = 8", b"NAXIS   = 0", b"END"])
    path = tmp_path / "x.fits"
    path.write_bytes(primary.ljust(2880) + extension.ljust(2880) * 3000)
    found = read_frame(path)
    assert "more than 2048 HDUs; the rest was not read" in found.problems


def test_a_gzip_bomb_costs_no_memory(tmp_path: Path) -> None:
    """A small gzip file that declares a huge image is read to its end in small pieces and found truncated."""
    cards = [b"SIMPLE  = T", b"BITPIX  = 8", b"NAXIS   = 2", b"NAXIS1  = 900000", b"NAXIS2  = 900000", b"END"]
    path = tmp_path / "x.fits.gz"
    path.write_bytes(gzip.compress(b"".join(card.ljust(80) for card in cards).ljust(2880) + bytes(50_000_000)))
    found = read_frame(path)
    assert found.problems[0].startswith("truncated: declares 810000002880 bytes, has 50002880")


def test_continue_loops_end(tmp_path: Path) -> None:
    """A header of nothing but continuations is one long text, cut where people stop reading."""
    cards = [
        b"SIMPLE  = T",
        b"BITPIX  = 8",
        b"NAXIS   = 0",
        b"OBJECT  = 'x&'",
        *[b"CONTINUE  'yyyyyyyyyy&'"] * 20_000,
        b"END",
    ]
    block = b"".join(card.ljust(80) for card in cards)
    path = tmp_path / "x.fits"
    path.write_bytes(block.ljust(-(-len(block) // 2880) * 2880))
    name = read_frame(path).metadata.object_name
    assert name is not None
    assert len(name) == 200
