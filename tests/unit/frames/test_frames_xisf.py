"""XISF headers: keywords, properties, images, and what a hostile header may not do."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.errors import Permanent
from shared.events.frame import FrameType
from shared.frames import FrameFacts, load_image, read_frame
from shared.frames.xisf_properties import MAX_HISTORY, history_of
from tests.hostile.writers import pack, xisf


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


LIGHT = (
    '<FITSKeyword name="IMAGETYP" value="\'Light\'" comment=""/><FITSKeyword name="EXPTIME" value="120" comment=""/>'
)
MOSAIC = '<ColorFilterArray pattern="RGGB" width="2" height="2" name="RGGB Bayer Filter"/>'


def facts_of(path: Path, inside: str, around: str = "{}") -> FrameFacts:
    """What is read of an XISF file with one small image that has these elements inside."""
    image = f'<Image geometry="4:3:1" sampleFormat="UInt16" location="attachment:4096:24">{inside}</Image>'
    return read_frame(write_xisf(path, around.format(image), bytes(24)))


def test_every_property_fills_its_fact(tmp_path: Path) -> None:
    """Instrument, optics, place and time of the standard's properties become facts, also outside of the image."""
    properties = {
        "Instrument:Camera:Name": "ZWO ASI2600MM Pro", "Instrument:Camera:ISOSpeed": "800",
        "Instrument:Camera:Rotation": "12.5", "Instrument:Camera:XBinning": "2", "Instrument:ExposureTime": "300",
        "Instrument:Filter:Name": "Ha 3nm", "Instrument:Sensor:Temperature": "-10.0",
        "Instrument:Sensor:TargetTemperature": "-10", "Instrument:Sensor:XPixelSize": "7.52",
        "Instrument:Telescope:Name": "Some refractor", "Instrument:Telescope:FocalLength": "0.48",
        "Instrument:Telescope:Aperture": "0.08", "Observation:Object:Name": "M 31", "Observation:Object:RA": "10.68",
        "Observation:Object:Dec": "41.27", "Observation:Location:Latitude": "48.2", "Observation:Equinox": "2000",
        "Observation:Location:Longitude": "16.4", "Observation:Time:End": "2024-03-05T21:20:02.5Z",
    }  # fmt: skip
    cards = "".join(f'<Property id="{name}" type="String" value="{value}"/>' for name, value in properties.items())
    for number, (inside, around) in enumerate(((cards, "{}"), ("", "{}<Metadata>" + cards + "</Metadata>"))):
        found = facts_of(tmp_path / f"{number}.xisf", inside, around).metadata
        assert (found.camera, found.gain, found.rotator_angle_deg, found.x_binning) == (
            "ZWO ASI2600MM Pro",
            800,
            12.5,
            2,
        )
        assert (found.exposure_s, found.filter, found.sensor_temp_c, found.set_temp_c) == (300.0, "Ha", -10.0, -10.0)
        assert (found.pixel_size_um, found.focal_length_mm, found.focal_ratio) == (7.52, 480.0, 6.0)
        assert (found.telescope, found.object_name) == ("Some refractor", "M 31")
        assert (found.ra_deg, found.dec_deg) == (10.68, 41.27)
        assert (found.site_latitude_deg, found.site_longitude_deg) == (48.2, 16.4)
        assert found.observed_at == datetime(2024, 3, 5, 21, 15, 2, 500000, UTC)


def test_the_centre_goes_before_the_object(tmp_path: Path) -> None:
    """Where the image looks is the place of the frame, and not where its object is."""
    inside = "".join(
        f'<Property id="Observation:{of}:{axis}" type="Float64" value="{value}"/>'
        for of, axis, value in (
            ("Object", "RA", 1),
            ("Object", "Dec", 2),
            ("Center", "RA", 10.5),
            ("Center", "Dec", 41),
        )
    )
    found = facts_of(tmp_path / "a.xisf", inside).metadata
    assert (found.ra_deg, found.dec_deg) == (10.5, 41.0)


def test_the_mosaic_is_structure(tmp_path: Path) -> None:
    """A ColorFilterArray is the Bayer pattern, also by reference; other mosaics are none, and a keyword goes first."""
    assert facts_of(tmp_path / "a.xisf", LIGHT + MOSAIC).metadata.bayer_pattern == "RGGB"
    elsewhere = MOSAIC.replace(" pattern", ' uid="cfa" pattern')
    referring = facts_of(tmp_path / "b.xisf", LIGHT + '<Reference ref="cfa"/>', elsewhere + "{}")
    assert referring.metadata.bayer_pattern == "RGGB"
    trans = MOSAIC.replace("RGGB", "GBGGRGRGRBGBGBGGRGGRGGBGBGBRGRGRGGBG", 1).replace('"2"', '"6"')
    assert facts_of(tmp_path / "c.xisf", LIGHT + trans).metadata.bayer_pattern is None
    keyword = '<FITSKeyword name="BAYERPAT" value="\'GRBG\'" comment=""/>'
    found = facts_of(tmp_path / "d.xisf", LIGHT + keyword + MOSAIC)
    assert found.metadata.bayer_pattern == "GRBG"
    assert found.problems == ("BAYERPAT is 'GRBG', the ColorFilterArray of the image is 'RGGB'",)


_DOCUMENT = "&lt;ProcessingHistory&gt;&lt;instance class=&quot;{}&quot; version=&quot;1&quot;&gt;{}&lt;/instance&gt;"
_TABLE = "&lt;table id=&quot;images&quot; rows=&quot;25&quot;&gt;"


@pytest.mark.parametrize(
    ("inside", "frame_type", "count"),
    [
        (_DOCUMENT.format("ImageCalibration", ""), FrameType.PROCESSED, None),
        (_DOCUMENT.format("HistogramTransformation", ""), FrameType.PROCESSED, None),
        (_DOCUMENT.format("ImageIntegration", _TABLE), FrameType.PROCESSED, 25),
        (_DOCUMENT.format("FITSHeader", ""), FrameType.LIGHT, None),
        ("", FrameType.LIGHT, None),
    ],
)
def test_pixinsights_history_is_a_property(
    tmp_path: Path, inside: str, frame_type: FrameType, count: int | None
) -> None:
    """A light that PixInsight's processes changed is PROCESSED, and an integration tells of how many frames it is."""
    history = f'<Property id="PixInsight:ProcessingHistory" type="String">{inside}</Property>'
    found = facts_of(tmp_path / "a.xisf", LIGHT + history).metadata
    assert (found.frame_type, found.stack_count) == (frame_type, count)


@pytest.mark.parametrize(
    "piece", ["<instance ", '<table id="images" ', "<instance class=", "<", "<instance" + " " * 500]
)
def test_a_hostile_history_takes_no_time(piece: str) -> None:
    """A megabyte of tags that never end is searched in one pass: nothing in it costs a reader its time."""
    text = (piece * (MAX_HISTORY // len(piece)))[:MAX_HISTORY]
    started = time.process_time()
    assert list(history_of([text], [])) == []
    assert time.process_time() - started < 5.0


def test_pixinsights_signatures_are_properties(tmp_path: Path) -> None:
    """What the calibration and the registration process sign is no raw frame."""
    for name in ("Calibration", "Registration", "Integration"):
        signature = f'<Property id="PCL:Signature:{name}" type="String" value="1"/>'
        assert facts_of(tmp_path / f"{name}.xisf", LIGHT + signature).metadata.frame_type is FrameType.PROCESSED


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


SHUFFLES = ["", "+sh"]
CODECS = ["zlib", "lz4", "lz4hc", "zstd"]


def samples(dtype: str, shape: tuple[int, ...] = (2, 40, 30)) -> NDArray[Any]:
    """Pixels that use the whole range of their type."""
    generator = np.random.default_rng(7)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return generator.normal(0.2, 0.1, shape).astype(kind)
    return generator.integers(0, np.iinfo(kind).max, shape, dtype=kind.newbyteorder("="), endpoint=True).astype(kind)


def loaded(path: Path, content: bytes) -> NDArray[Any]:
    """The pixels of a file that has nothing wrong with it."""
    path.write_bytes(content)
    found = read_frame(path)
    assert found.problems == ()
    assert found.image is not None
    return load_image(path, found.image)


def refusal(path: Path, content: bytes) -> str:
    """Why a file's pixels are not read; its header is."""
    path.write_bytes(content)
    found = read_frame(path)
    assert found.image is not None
    if not found.image.complete:
        return found.problems[0]
    with pytest.raises(Permanent) as refused:
        load_image(path, found.image)
    return str(refused.value)


@pytest.mark.parametrize("location", ["attachment", "inline", "embedded"])
@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_at_every_place(tmp_path: Path, codec: str, shuffle: str, location: str) -> None:
    """Pixels come back bit for bit from each codec, shuffled or not, behind the header or inside it, in sub-blocks."""
    data = samples("<u2")
    for subblock_bytes in (0, 1001):
        for encoding in ("base64", "hex"):
            content = xisf(
                data, codec=codec + shuffle, location=location, encoding=encoding, subblock_bytes=subblock_bytes
            )
            assert np.array_equal(loaded(tmp_path / "a.xisf", content), data)


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<u4", "<f4", "<f8", ">u2", ">f4"])
def test_every_sample_format(tmp_path: Path, dtype: str) -> None:
    """Samples keep type and value in either byte order, planes one after another or pixel by pixel, mono or colour."""
    for shape in ((5, 7), (3, 5, 7)):
        for interleaved in (False, True):
            for codec in ("", "lz4+sh"):
                data = samples(dtype, shape)
                found = loaded(tmp_path / "a.xisf", xisf(data, interleaved=interleaved, codec=codec))
                assert found.dtype == data.dtype.newbyteorder("=")
                assert np.array_equal(found, data)


@pytest.mark.parametrize("kind", ["UInt64", "Complex32", "Complex64"])
def test_formats_that_are_not_read_are_said(tmp_path: Path, kind: str) -> None:
    """Samples of a kind that no camera writes leave the header readable and say why there are no pixels."""
    path = tmp_path / "a.xisf"
    path.write_bytes(xisf(samples("<u2"), replacements=[("UInt16", kind)]))
    found = read_frame(path)
    assert found.image is None
    assert found.problems == (f"samples of the format {kind} are not read",)


@pytest.mark.parametrize("kind", ["sha1", "sha-256", "sha-512", "sha3-256"])
def test_checksums_are_verified(tmp_path: Path, kind: str) -> None:
    """Data that keep their checksum are read; with one bit changed they are not, whatever the packing."""
    path = tmp_path / "a.xisf"
    for codec in ("", "zlib"):
        content = xisf(samples("<u2"), checksum=kind, codec=codec)
        loaded(path, content)
        spoilt = bytearray(content)
        spoilt[4096 + 77] ^= 1
        assert "checksum is not the one in the header" in refusal(path, bytes(spoilt))


def test_damaged_packed_data_are_refused(tmp_path: Path) -> None:
    """A codec's own checks reach us: bits changed, ends cut, trailing data, wrong text, sizes that lie."""
    path = tmp_path / "a.xisf"
    data = samples("<u2")
    for codec in ("zlib", "zlib+sh"):
        spoilt = bytearray(xisf(data, codec=codec))
        spoilt[-1] ^= 1
        assert "the XISF data are damaged" in refusal(path, bytes(spoilt))
    text = xisf(data, location="embedded", codec="lz4", replacements=[("</Data>", "!</Data>")])
    assert "they are no base64 text" in refusal(path, text)
    assert "declares 4801" in refusal(path, xisf(data, codec="zstd", replacements=[("zstd:4800", "zstd:4801")]))
    assert "sub-blocks do not fit" in refusal(
        path, xisf(data, codec="lz4", subblock_bytes=2400, replacements=[(",2400:", ",2401:")])
    )


@pytest.mark.parametrize("codec", CODECS)
def test_what_unpacks_to_more_than_is_declared_is_bounded(tmp_path: Path, codec: str) -> None:
    """A block that holds more than its image, and a few bytes that claim to be a huge image, cost no memory."""
    path = tmp_path / "a.xisf"
    bomb = xisf(np.zeros((2, 2), "<u2"), codec=codec, stored_as=pack(codec, bytes(400_000)))
    assert "damaged" in refusal(path, bomb)
    huge = [('geometry="2:2:1"', 'geometry="9000:9000:1"'), (f"{codec}:8", f"{codec}:162000000")]
    refused = refusal(path, xisf(np.zeros((2, 2), "<u2"), codec=codec, replacements=huge))
    assert "claim to hold an image of 162000000 bytes" in refused


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("attachment:4096:", "attachment:-96:", "the image data are nowhere that can be read"),
        ("attachment:4096:", "path(/etc/passwd):", "the image data are nowhere that can be read"),
        ("attachment:4096:", "attachment:100:", "the image data are said to begin at byte 100, inside the XISF header"),
        ("attachment:4096:", "attachment:99999999:", "truncated: declares 100004799 bytes, has 8896"),
        ('geometry="30:40:2"', 'geometry="30:41:2"', "the image needs 4920 bytes, its data block declares 4800"),
        (" location", ' compression="brotli:4800" location', "the XISF compression 'brotli:4800' is not known"),
        (" location", ' byteOrder="middle" location', "byteOrder 'middle' is not known; little is assumed"),
        (" location", ' bounds="1:nan" location', "the bounds '1:nan' are no range of numbers"),
        (" location", ' checksum="crc:12" location', "the XISF checksum is of a kind that is not known: 'crc'"),
    ],
)
def test_lies_about_the_place_and_the_packing(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """A place outside the data, a size that does not fit and unknown words each give one problem that names them."""
    path = tmp_path / "a.xisf"
    path.write_bytes(xisf(samples("<u2"), replacements=[(old, new)]))
    assert any(said.startswith(problem) for said in read_frame(path).problems), read_frame(path).problems


def test_blocks_that_overlap_and_bytes_of_no_block(tmp_path: Path) -> None:
    """Two blocks at one place, and bytes behind the last one, are said; zeros there are padding."""
    path = tmp_path / "a.xisf"
    other = '<Property id="x" type="ByteArray" location="attachment:5000:100"/>'
    path.write_bytes(xisf(samples("<u2"), outside=other))
    assert read_frame(path).problems == ("the image data overlap another data block",)
    loaded(path, xisf(samples("<u2")) + bytes(500))
    path.write_bytes(xisf(samples("<u2")) + b"PK\3\4")
    assert read_frame(path).problems == ("4 bytes that belong to no data block follow after byte 8896",)


def test_the_first_image_counts_and_thumbnails_never(tmp_path: Path) -> None:
    """Of several images the first one's data and keywords are taken, not those of a thumbnail in it."""
    thumbnail = (
        '<Thumbnail geometry="1:1:1" sampleFormat="UInt8" location="embedded"><Data encoding="hex">ff</Data>'
        '<FITSKeyword name="OBJECT" value="\'wrong\'"/></Thumbnail>'
    )
    second = '<Image geometry="1:1:1" sampleFormat="UInt8" location="inline:hex">00</Image>'
    for location in ("inline", "embedded", "attachment"):
        content = xisf(samples("<u2"), location=location, keywords=KEYWORDS + thumbnail, outside=second)
        path = tmp_path / "a.xisf"
        assert np.array_equal(loaded(path, content), samples("<u2"))
        assert read_frame(path).metadata.object_name == "M 31"


def test_bounds_are_carried(tmp_path: Path) -> None:
    """The range that a writer declares for its floats is in the layout."""
    path = tmp_path / "a.xisf"
    path.write_bytes(xisf(samples("<f4"), attributes=' bounds="0:65535"'))
    found = read_frame(path).image
    assert found is not None
    assert found.bounds == (0.0, 65535.0)
