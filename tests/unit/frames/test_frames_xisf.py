"""XISF headers: keywords, properties, images, and what a hostile header may not do."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from shared.errors import Permanent
from shared.events.frame import FrameType
from shared.frames import load_image, read_frame


def write_xisf(path: Path, inner: str, data: bytes = b"", *, xmlns: str = "") -> Path:
    """An XISF file with its data behind a header of 4096 bytes."""
    xml = f'<?xml version="1.0" encoding="utf8"?><xisf version="1.0"{xmlns}>{inner}</xisf>'.encode()
    assert len(xml) <= 4080
    path.write_bytes(b"XISF0100" + (4080).to_bytes(4, "little") + bytes(4) + xml.ljust(4080, b"\0") + data)
    return path


KEYWORDS = (
    '<FITSKeyword name="IMAGETYP" value="\'LIGHT\'" comment="Type of exposure"/>'
    '<FITSKeyword name="EXPTIME" value="300." comment=""/>'
    '<FITSKeyword name="FILTER" value="\'Ha      \'" comment=""/>'
    '<FITSKeyword name="ROWORDER" value="\'TOP-DOWN\'" comment=""/>'
    '<FITSKeyword name="SWCREATE" value="\'N.I.N.A. 3.1\'" comment=""/>'
    '<FITSKeyword name="OBJECT" value="M 31" comment="no quotes"/>'
)


@pytest.mark.parametrize("xmlns", ["", ' xmlns="http://www.pixinsight.com/xisf"'])
def test_keywords_and_pixels(tmp_path: Path, xmlns: str) -> None:
    """Keywords lose their quotes, with or without a namespace, and the attachment is the image."""
    pixels = np.arange(12, dtype="<u2").reshape(3, 4)
    image = f'<Image geometry="4:3:1" sampleFormat="UInt16" location="attachment:4096:24">{KEYWORDS}</Image>'
    path = write_xisf(tmp_path / "a.xisf", image, pixels.tobytes(), xmlns=xmlns)
    found = read_frame(path)
    assert found.problems == ()
    assert (found.metadata.frame_type, found.metadata.filter) == (FrameType.LIGHT, "Ha")
    assert (found.metadata.object_name, found.metadata.software) == ("M 31", "N.I.N.A. 3.1")
    assert found.metadata.exposure_s == 300.0
    assert found.header_cards[0] == "IMAGETYP= 'LIGHT' / Type of exposure"
    assert found.image is not None
    assert np.array_equal(load_image(path, found.image), pixels)


def test_properties_fill_what_keywords_leave_out(tmp_path: Path) -> None:
    """XISF properties become cards, metres become millimetres."""
    inner = (
        '<Image geometry="4:3:1" sampleFormat="UInt16" location="attachment:4096:24" imageType="MasterDark">'
        '<Property id="Instrument:Telescope:FocalLength" type="Float32" value="0.53"/>'
        '<Property id="Instrument:Camera:Name" type="String">ASI2600MM</Property>'
        '<Property id="Observation:Time:Start" type="TimePoint" value="2024-05-01T22:00:00Z"/></Image>'
    )
    found = read_frame(write_xisf(tmp_path / "a.xisf", inner, bytes(24)))
    assert found.metadata.frame_type is FrameType.MASTER_DARK
    assert (found.metadata.focal_length_mm, found.metadata.camera) == (530.0, "ASI2600MM")
    assert found.metadata.observed_at == datetime(2024, 5, 1, 22, tzinfo=UTC)


def test_truncation_and_a_thumbnail_past_the_end(tmp_path: Path) -> None:
    """A cut attachment is truncated; a thumbnail that lies outside is no one's loss."""
    image = '<Image geometry="4:3:1" sampleFormat="UInt16" location="attachment:4096:24">{}</Image>'
    thumbnail = '<Thumbnail geometry="4:3:1" sampleFormat="UInt8" location="attachment:9999999:12"/>'
    whole = read_frame(write_xisf(tmp_path / "a.xisf", image.format(thumbnail), bytes(24)))
    assert whole.problems == ()
    cut = read_frame(write_xisf(tmp_path / "b.xisf", image.format(""), bytes(20)))
    assert cut.problems == ("truncated: declares 4120 bytes, has 4116",)
    assert cut.image is not None
    assert not cut.image.complete


def test_an_empty_sample_format_has_no_pixels(tmp_path: Path) -> None:
    """An image without a sample format keeps its metadata and loses its pixels, with a note."""
    inner = f'<Image geometry="4:3:1" sampleFormat="" location="attachment:4096:24">{KEYWORDS}</Image>'
    found = read_frame(write_xisf(tmp_path / "a.xisf", inner, bytes(24)))
    assert found.image is None
    assert found.problems == ("the sample format '' is not one that holds an image",)
    assert found.metadata.object_name == "M 31"


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ("<Image", "not well-formed"),
        ("<a>" * 500, "nests its elements"),
        ("", "holds no image"),
    ],
)
def test_broken_headers(tmp_path: Path, inner: str, reason: str) -> None:
    """Broken XML is refused; a header without an image is a note."""
    path = write_xisf(tmp_path / "a.xisf", inner)
    if reason == "holds no image":
        assert read_frame(path).problems == ("the XISF file holds no image",)
        return
    with pytest.raises(Permanent, match=reason):
        read_frame(path)


def test_an_entity_bomb_is_refused_at_its_declaration(tmp_path: Path) -> None:
    """A document type is refused before any entity can be expanded."""
    xml = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><xisf>&b;</xisf>'
    path = tmp_path / "a.xisf"
    path.write_bytes(b"XISF0100" + len(xml).to_bytes(4, "little") + bytes(4) + xml)
    with pytest.raises(Permanent, match="document type"):
        read_frame(path)
