"""XISF files: the XML header, and from it the image's place and the FITS keywords.

XISF 1.0 specification, sections 8 to 11. The parser holds no tree and knows no entities, so that neither a huge
header nor an entity bomb costs anything; elements are matched by local name, since some writers give no namespace.
"""

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from shared.errors import Permanent
from shared.frames.cards import Card, CardValue, parse_value
from shared.frames.format import FileFormat
from shared.frames.layout import ImageLayout
from shared.frames.source import PlainSource
from shared.frames.values import number

MAX_XML_BYTES = 16 << 20
_PREAMBLE_BYTES = 16
_MAX_KEYWORDS = 20_000
_MAX_TEXT = 4096

_SAMPLES: dict[str, tuple[int, str, float]] = {
    "UInt8": (8, "|u1", 0.0),
    "UInt16": (16, "<u2", 0.0),
    "UInt32": (32, "<u4", 0.0),
    "Float32": (-32, "<f4", 0.0),
    "Float64": (-64, "<f8", 0.0),
}
_GEOMETRY = re.compile(r"(\d{1,9}):(\d{1,9})(?::(\d{1,9}))?")
_ATTACHMENT = re.compile(r"attachment:(\d{1,15}):(\d{1,15})")

_PROPERTIES: dict[str, tuple[str, float]] = {
    "Instrument:Camera:Name": ("INSTRUME", 0),
    "Instrument:Camera:Gain": ("EGAIN", 1),
    "Instrument:Camera:XBinning": ("XBINNING", 1),
    "Instrument:Camera:YBinning": ("YBINNING", 1),
    "Instrument:ExposureTime": ("EXPTIME", 1),
    "Instrument:Filter:Name": ("FILTER", 0),
    "Instrument:Sensor:Temperature": ("CCD-TEMP", 1),
    "Instrument:Sensor:TargetTemperature": ("SET-TEMP", 1),
    "Instrument:Sensor:XPixelSize": ("XPIXSZ", 1),
    "Instrument:Telescope:Name": ("TELESCOP", 0),
    "Instrument:Telescope:FocalLength": ("FOCALLEN", 1000),
    "Instrument:Telescope:Aperture": ("APTDIA", 1000),
    "Observation:Object:Name": ("OBJECT", 0),
    "Observation:Time:Start": ("DATE-OBS", 0),
    "Observation:Center:RA": ("RA", 1),
    "Observation:Center:Dec": ("DEC", 1),
    "Observation:Location:Latitude": ("SITELAT", 1),
    "Observation:Location:Longitude": ("SITELONG", 1),
    "XISF:CreatorApplication": ("SWCREATE", 0),
}
"""XISF property -> FITS keyword and the factor between their units (0 for text); lengths in XISF are metres."""


@dataclass(frozen=True, slots=True)
class XisfFacts:
    """An XISF file's keywords as cards, and its image."""

    cards: tuple[Card, ...]
    card_images: tuple[str, ...]
    keys: dict[str, CardValue]
    image: ImageLayout | None
    declared_bytes: int
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Collector:
    """What the XML says, gathered element by element. Only the first Image counts; thumbnails are skipped."""

    images: int = 0
    thumbnail_depth: int = 0
    depth: int = 0
    image: dict[str, str] = field(default_factory=dict)
    cards: list[Card] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    _open_property: str | None = None
    _text: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > 200:
            raise Permanent("the XISF header nests its elements without end")
        name = tag.rpartition(":")[2]
        if name == "Image":
            self.images += 1
            if self.images == 1:
                self.image = attributes
        elif name == "Data" and self.images == 1 and "compression" in attributes:
            self.image.setdefault("compression", attributes["compression"])
        elif name == "FITSKeyword" and self.images <= 1:
            self._keyword(attributes)
        elif name == "Property" and self.images <= 1 and attributes.get("id") in _PROPERTIES:
            identifier = attributes["id"]
            if "value" in attributes:
                self.properties[identifier] = attributes["value"][:_MAX_TEXT]
            else:
                self._open_property, self._text = identifier, []

    def data(self, text: str) -> None:
        if self._open_property is not None and len(self._text) < 64:
            self._text.append(text[:_MAX_TEXT])

    def end(self, _tag: str) -> None:
        self.depth -= 1
        if self._open_property is not None:
            self.properties[self._open_property] = "".join(self._text)[:_MAX_TEXT].strip()
            self._open_property = None

    def _keyword(self, attributes: dict[str, str]) -> None:
        if len(self.cards) >= _MAX_KEYWORDS:
            raise Permanent(f"the XISF header has more than {_MAX_KEYWORDS} keywords")
        keyword = attributes.get("name", "").strip().upper()[:68]
        raw = attributes.get("value", "")[:_MAX_TEXT]
        comment = attributes.get("comment", "")[:_MAX_TEXT].strip()
        if keyword in ("COMMENT", "HISTORY", ""):
            self.cards.append(Card(keyword, (raw or comment).strip()))
            return
        # The value is FITS text with its quotes; writers that drop the quotes mean the text itself.
        parsed = parse_value(raw) if raw.lstrip()[:1] == "'" or "/" not in raw else None
        value: CardValue = raw.strip() if parsed is None else parsed[0]
        self.cards.append(Card(keyword, value, comment))


def read_xisf(source: PlainSource) -> XisfFacts:
    """Read the header of an open XISF file. Raises Permanent for a header that is not XISF's XML."""
    preamble = source.read(0, _PREAMBLE_BYTES)
    length = int.from_bytes(preamble[8:12], "little")
    if len(preamble) < _PREAMBLE_BYTES or not 0 < length <= MAX_XML_BYTES:
        raise Permanent(f"the XISF header has an impossible length of {length} bytes")
    xml = source.read(_PREAMBLE_BYTES, length)
    if len(xml) < length:
        raise Permanent(f"truncated: the XISF header has {length} bytes, {len(xml)} are there")
    found = _parse(xml.rstrip(b"\x00 "))
    problems = found.problems
    known = {card.keyword for card in found.cards}
    for identifier, text in found.properties.items():
        keyword, factor = _PROPERTIES[identifier]
        value: CardValue = text
        if factor:
            measured = number(text)
            value = None if measured is None else measured * factor
        if keyword not in known and value not in (None, ""):
            found.cards.append(Card(keyword, value, f"XISF {identifier}"))
    if "imageType" in found.image and "IMAGETYP" not in known:
        found.cards.append(Card("IMAGETYP", found.image["imageType"][:68], "XISF imageType"))
    layout = _layout(found.image, problems) if found.image else None
    if not found.image:
        problems.append("the XISF file holds no image")
    declared = _PREAMBLE_BYTES + length
    if layout is not None and layout.byte_offset:
        declared = max(declared, layout.byte_offset + layout.stored_bytes)
        if source.size is not None and source.size < declared:
            problems.insert(0, f"truncated: declares {declared} bytes, has {source.size}")
            layout = _layout(found.image, [], complete=False)
    keys = {card.keyword: card.value for card in reversed(found.cards)}
    return XisfFacts(
        tuple(found.cards), tuple(_card_image(card) for card in found.cards), keys, layout, declared, tuple(problems)
    )


def _parse(xml: bytes) -> _Collector:
    # The standard demands UTF-8; some writers declare it under a name that the parser does not know.
    parser = expat.ParserCreate("UTF-8")
    found = _Collector()

    def refuse(*_declaration: object) -> None:
        raise Permanent("the XISF header declares a document type, which XISF does not allow")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.data
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise Permanent(f"the XISF header is not well-formed XML: {error}") from error
    return found


def _layout(image: dict[str, str], problems: list[str], *, complete: bool = True) -> ImageLayout | None:
    geometry = _GEOMETRY.fullmatch(image.get("geometry", ""))
    if geometry is None:
        problems.append(f"the image geometry {image.get('geometry', '')[:40]!r} is not width:height:channels")
        return None
    width, height, planes = int(geometry[1]), int(geometry[2]), int(geometry[3] or 1)
    sample = image.get("sampleFormat", "")
    if min(width, height, planes) < 1 or sample not in _SAMPLES:
        problems.append(f"the sample format {sample[:40]!r} is not one that holds an image")
        return None
    bitpix, dtype, zero = _SAMPLES[sample]
    if image.get("byteOrder") == "big":
        dtype = dtype.replace("<", ">")
    attachment = _ATTACHMENT.fullmatch(image.get("location", ""))
    if attachment is None:
        problems.append("the image data are inside the XML header")
    compression = image.get("compression", "")[:80] or None
    return ImageLayout(
        format=FileFormat.XISF,
        hdu_index=0,
        byte_offset=int(attachment[1]) if attachment else 0,
        bitpix=bitpix,
        width=width,
        height=height,
        planes=planes,
        bzero=zero,
        bscale=1.0,
        sample=dtype,
        compression=compression,
        stored_bytes=int(attachment[2]) if attachment else 0,
        interleaved=image.get("pixelStorage", "Planar") == "Normal",
        complete=complete,
    )


def _card_image(card: Card) -> str:
    """The keyword as an 80-column card, for people; long values are cut."""
    if card.keyword in ("COMMENT", "HISTORY", ""):
        image = f"{card.keyword:<8}{card.value}"
    else:
        value = card.value
        if isinstance(value, bool):
            written = f"{'T' if value else 'F':>20}"
        elif isinstance(value, str):
            written = "'" + value.replace("'", "''") + "'"
        else:
            written = f"{'' if value is None else value:>20}"
        name = f"{card.keyword:<8}=" if len(card.keyword) <= 8 else f"HIERARCH {card.keyword} ="
        image = f"{name} {written}" + (f" / {card.comment}" if card.comment else "")
    return "".join(char if " " <= char <= "~" else "?" for char in image)[:80].rstrip()
