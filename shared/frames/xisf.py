"""XISF files: the XML header, and from it the image's place and the FITS keywords.

XISF 1.0 specification, sections 8 to 11. The parser holds no tree and knows no entities, so that neither a huge
header nor an entity bomb costs anything; elements are matched by local name, since some writers give no namespace.
"""

import math
import re
from dataclasses import dataclass, field, replace
from typing import TypeVar
from xml.parsers import expat

from shared.errors import Permanent
from shared.frames.cards import Card, CardValue, parse_value
from shared.frames.format import FileFormat
from shared.frames.layout import ImageLayout
from shared.frames.source import PlainSource
from shared.frames.values import number
from shared.frames.xisf_blocks import DataBlock, describe_block, size_fault
from shared.frames.xisf_properties import HISTORIES, MAX_HISTORY, PROPERTIES, SIGNATURE, cards_of, history_of, mosaic_of

_T = TypeVar("_T")

MAX_XML_BYTES = 16 << 20
_PREAMBLE_BYTES = 16
_MAX_KEYWORDS = 20_000
_MAX_TEXT = 4096
_DEEPEST = 200

_SAMPLES: dict[str, tuple[int, str, float]] = {
    "UInt8": (8, "|u1", 0.0),
    "UInt16": (16, "<u2", 0.0),
    "UInt32": (32, "<u4", 0.0),
    "Float32": (-32, "<f4", 0.0),
    "Float64": (-64, "<f8", 0.0),
}
_GEOMETRY = re.compile(r"(\d{1,9}):(\d{1,9})(?::(\d{1,9}))?")
_ATTACHMENT = re.compile(r"attachment:(\d{1,18}):(\d{1,18})")
_BOUNDS = re.compile(r"([^:]{1,40}):([^:]{1,40})")
_OTHER_SAMPLES = frozenset({"UInt64", "Complex32", "Complex64"})
_STORAGES = {"Planar": False, "Normal": True}
_BYTE_ORDERS = {"little": "<", "big": ">"}
_MOST_BLOCKS = 10_000


@dataclass(frozen=True, slots=True)
class XisfFacts:
    """An XISF file's keywords as cards, and its image."""

    cards: tuple[Card, ...]
    card_images: tuple[str, ...]
    keys: dict[str, CardValue]
    image: ImageLayout | None
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Collector:
    """What the XML says, gathered element by element. Only the first Image counts, and nothing inside a Thumbnail.

    ``mosaics`` are the patterns of ColorFilterArray elements by their uid, since an image may refer to one.
    """

    images: int = 0
    image: dict[str, str] = field(default_factory=dict)
    image_data: dict[str, str] = field(default_factory=dict)
    cards: list[Card] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    histories: list[str] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    mosaics: dict[str, str | None] = field(default_factory=dict)
    mosaic: str | None = None
    attachments: list[tuple[int, int]] = field(default_factory=list)
    block_text: list[str] = field(default_factory=list)
    _path: list[str] = field(default_factory=list)
    _in_thumbnail: int = 0
    _in_other: int = 0
    _open_property: str | None = None
    _text: list[str] = field(default_factory=list)
    _text_length: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= _DEEPEST:
            raise Permanent("the XISF header nests its elements without end")
        name = tag.rpartition(":")[2]
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if name == "Image":
            self.images += 1
        if self._in_thumbnail or name == "Thumbnail":
            self._in_thumbnail += 1
            return
        if (found := _ATTACHMENT.fullmatch(attributes.get("location", ""))) and len(self.attachments) < _MOST_BLOCKS:
            self.attachments.append((int(found[1]), int(found[2])))
        if self._in_other or (name == "Image" and self.images > 1):
            self._in_other += 1
        elif name == "Image":
            self.image = attributes
        elif name == "Data" and parent == "Image":
            self.image_data = attributes
        elif name == "FITSKeyword":
            self._keyword(attributes)
        elif name == "Property":
            self._property(attributes)
        elif name == "ColorFilterArray":
            pattern = mosaic_of(attributes)
            if parent == "Image":
                self.mosaic = pattern
            elif len(self.mosaics) < _MOST_BLOCKS:
                self.mosaics[attributes.get("uid", "")] = pattern
        elif name == "Reference" and parent == "Image" and attributes.get("ref") in self.mosaics:
            self.mosaic = self.mosaics[attributes["ref"]]

    def _property(self, attributes: dict[str, str]) -> None:
        identifier = attributes.get("id", "")
        if identifier.startswith(SIGNATURE):
            self.signatures.append(identifier.removeprefix(SIGNATURE)[:80])
        elif identifier in PROPERTIES or identifier in HISTORIES:
            if "value" in attributes:
                self._keep(identifier, attributes["value"])
            else:
                self._open_property, self._text, self._text_length = identifier, [], 0

    def _keep(self, identifier: str, text: str) -> None:
        if identifier in HISTORIES:
            self.histories.append(text[:MAX_HISTORY])
        else:
            self.properties[identifier] = text[:_MAX_TEXT].strip()

    def data(self, text: str) -> None:
        if self._open_property is not None:
            if self._text_length < MAX_HISTORY:
                self._text.append(text)
                self._text_length += len(text)
        elif self.images == 1 and not self._in_thumbnail and not self._in_other and self._holds_image():
            self.block_text.append(text)

    def end(self, _tag: str) -> None:
        self._path.pop()
        if self._in_thumbnail:
            self._in_thumbnail -= 1
        elif self._in_other:
            self._in_other -= 1
        elif self._open_property is not None:
            self._keep(self._open_property, "".join(self._text))
            self._open_property = None

    def _holds_image(self) -> bool:
        """Whether the text of the element that is open is the first image's data."""
        location = self.image.get("location", "")
        if location.startswith("inline"):
            return self._path[-1] == "Image"
        return location == "embedded" and self._path[-2:] == ["Image", "Data"]

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
    found.cards += cards_of(found.properties, known)
    found.cards += history_of(found.histories, found.signatures)
    if found.mosaic is not None:
        _add_mosaic(found, found.mosaic)
    if "imageType" in found.image and "IMAGETYP" not in known:
        found.cards.append(Card("IMAGETYP", found.image["imageType"][:68], "XISF imageType"))
    layout = None
    declared = _PREAMBLE_BYTES + length
    if found.image:
        layout = _layout(found, problems)
    else:
        problems.append("the XISF file holds no image")
    if layout is not None and layout.block is not None and not layout.block.encoding:
        fault = _misplaced(layout.block, declared, found.attachments)
        declared = max(declared, layout.byte_offset + layout.stored_bytes)
        if source.size is not None and source.size < declared:
            fault = f"truncated: declares {declared} bytes, has {source.size}"
        if fault:
            problems.insert(0, fault)
            layout = replace(layout, complete=False)
    _look_behind(source, max([declared, *(start + size for start, size in found.attachments)]), problems)
    keys = {card.keyword: card.value for card in reversed(found.cards)}
    return XisfFacts(
        tuple(found.cards), tuple(_card_image(card) for card in found.cards), keys, layout, tuple(problems)
    )


def _add_mosaic(found: _Collector, pattern: str) -> None:
    written = next((card.value for card in found.cards if card.keyword == "BAYERPAT"), None)
    if written is None:
        found.cards.append(Card("BAYERPAT", pattern, "XISF ColorFilterArray"))
    elif isinstance(written, str) and written.strip().upper() != pattern:
        found.problems.append(f"BAYERPAT is {written.strip()[:20]!r}, the ColorFilterArray of the image is {pattern!r}")


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
    parser.buffer_text = True
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise Permanent(f"the XISF header is not well-formed XML: {error}") from error
    return found


def _layout(found: _Collector, problems: list[str]) -> ImageLayout | None:
    image = found.image
    geometry = _GEOMETRY.fullmatch(image.get("geometry", ""))
    if geometry is None:
        problems.append(f"the image geometry {image.get('geometry', '')[:40]!r} is not width:height:channels")
        return None
    width, height, planes = int(geometry[1]), int(geometry[2]), int(geometry[3] or 1)
    sample = image.get("sampleFormat", "")
    if sample in _OTHER_SAMPLES:
        problems.append(f"samples of the format {sample} are not read")
        return None
    if min(width, height, planes) < 1 or sample not in _SAMPLES:
        problems.append(f"the sample format {sample[:40]!r} is not one that holds an image")
        return None
    bitpix, dtype, zero = _SAMPLES[sample]
    order = _chosen(_BYTE_ORDERS, image, "byteOrder", "little", problems)
    interleaved = _chosen(_STORAGES, image, "pixelStorage", "Planar", problems)
    block = describe_block(image, found.image_data, "".join(found.block_text), problems)
    size = width * height * planes * abs(bitpix) // 8
    complete = block is not None
    if block is not None and (fault := size_fault(block, size)):
        problems.append(fault)
        complete = False
    packing = "" if block is None else block.codec + ("+sh" if block.item_bytes else "")
    return ImageLayout(
        format=FileFormat.XISF,
        hdu_index=0,
        byte_offset=block.offset if block else 0,
        bitpix=bitpix,
        width=width,
        height=height,
        planes=planes,
        bzero=zero,
        bscale=1.0,
        sample=dtype.replace("<", order),
        compression=packing or None,
        stored_bytes=block.stored_bytes if block else 0,
        interleaved=interleaved,
        complete=complete,
        block=block,
        bounds=_bounds(image.get("bounds", ""), problems),
    )


def _chosen(known: dict[str, _T], image: dict[str, str], name: str, default: str, problems: list[str]) -> _T:
    """The meaning of an attribute that has few values; an unknown one counts as the default, with a problem."""
    written = image.get(name, default)
    if written not in known:
        problems.append(f"{name} {written[:20]!r} is not known; {default} is assumed")
    return known.get(written, known[default])


def _bounds(written: str, problems: list[str]) -> tuple[float, float] | None:
    """The range of the samples that the writer declares."""
    if not written:
        return None
    found = _BOUNDS.fullmatch(written)
    lower, upper = (number(found[1]), number(found[2])) if found else (None, None)
    if lower is None or upper is None or not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
        problems.append(f"the bounds {written[:40]!r} are no range of numbers")
        return None
    return lower, upper


def _misplaced(block: DataBlock, header_end: int, attachments: list[tuple[int, int]]) -> str:
    """What is wrong with the place of the image's data: inside the header, or where another block is; else empty."""
    if block.offset < header_end:
        return f"the image data are said to begin at byte {block.offset}, inside the XISF header"
    end = block.offset + block.stored_bytes
    others = list(attachments)
    if (block.offset, block.stored_bytes) in others:
        others.remove((block.offset, block.stored_bytes))
    if any(start < end and block.offset < start + size for start, size in others):
        return "the image data overlap another data block"
    return ""


def _look_behind(source: PlainSource, end: int, problems: list[str]) -> None:
    """Note what follows the last block: zeros are padding, anything else belongs to no one."""
    size = source.size
    if size is not None and size > end and source.read(end, 4096).strip(b"\x00"):
        problems.append(f"{size - end} bytes that belong to no data block follow after byte {end}")


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
    return "".join(char if char.isprintable() else "?" for char in image)[:80].rstrip()
