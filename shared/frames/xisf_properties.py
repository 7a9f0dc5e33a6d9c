"""XISF properties and structure that stand for FITS keywords: instrument, optics, place, times, mosaic, processing.

XISF 1.0 specification, sections 11.5.3 (reserved properties) and 11.10 (ColorFilterArray); PixInsight's own history of
processing is an XML document in the text of a property.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from shared.frames.cards import Card, CardValue
from shared.frames.layout import BAYER_PATTERNS
from shared.frames.values import number

PROPERTIES: dict[str, tuple[str, float]] = {
    "Instrument:Camera:Name": ("INSTRUME", 0),
    "Instrument:Camera:Gain": ("EGAIN", 1),
    "Instrument:Camera:ISOSpeed": ("ISOSPEED", 1),
    "Instrument:Camera:Rotation": ("ROTATANG", 1),
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
    "Observation:Time:End": ("DATE-END", 0),
    "Observation:Center:RA": ("RA", 1),
    "Observation:Center:Dec": ("DEC", 1),
    "Observation:Object:RA": ("RA", 1),
    "Observation:Object:Dec": ("DEC", 1),
    "Observation:Equinox": ("EQUINOX", 1),
    "Observation:CelestialReferenceSystem": ("RADESYS", 0),
    "Observation:Location:Latitude": ("SITELAT", 1),
    "Observation:Location:Longitude": ("SITELONG", 1),
    "XISF:CreatorApplication": ("SWCREATE", 0),
}
"""XISF property -> FITS keyword and the factor between their units (0 for text); lengths in XISF are metres."""
HISTORIES = frozenset({"PixInsight:ProcessingHistory", "Processing:History"})
SIGNATURE = "PCL:Signature:"
MAX_HISTORY = 1 << 20

_SIGNED = {"Calibration": "ImageCalibration", "Registration": "StarAlignment", "Integration": "ImageIntegration"}
_TAG = re.compile(r"<(instance|table)\b([^<>]{1,400})")
"""A tag's name and attributes: bounded, and without another tag in it, so that no text takes long to be searched."""
_CLASS = re.compile(r"\bclass=[\"'](\w{1,80})[\"']")
_ROWS = re.compile(r"\brows=[\"'](\d{1,6})[\"']")
_OF_IMAGES = re.compile(r"\bid=[\"']images[\"']")
_HARMLESS = frozenset({"FITSHeader", "ImageIdentifier", "SampleFormatConversion", "ScreenTransferFunction", "NewImage"})
"""Processes that leave the samples' values as they were."""
_PROCESS = "PixInsight process "
"""What the history of processing is told by; the names behind it are PixInsight's."""


def cards_of(properties: Mapping[str, str], known: Iterable[str]) -> Iterator[Card]:
    """Cards for the properties whose keywords a file has not; of two properties for one keyword the better one."""
    taken = set(known)
    for identifier, (keyword, factor) in PROPERTIES.items():
        if identifier not in properties or keyword in taken:
            continue
        text = properties[identifier]
        value: CardValue = text
        if factor:
            measured = number(text)
            value = None if measured is None else measured * factor
        if value not in (None, ""):
            taken.add(keyword)
            yield Card(keyword, value, f"XISF {identifier}")


def history_of(texts: Iterable[str], signatures: Iterable[str]) -> Iterator[Card]:
    """A HISTORY card for each process that changed the image, as PixInsight's documents and signatures tell."""
    names: dict[str, None] = {}
    for text in texts:
        images = None
        for tag, attributes in _TAG.findall(text):
            if tag == "instance" and (named := _CLASS.search(attributes)) is not None:
                names[named[1]] = None
            elif tag == "table" and _OF_IMAGES.search(attributes) and (rows := _ROWS.search(attributes)) is not None:
                images = rows[1]
        if images is not None:
            yield Card("HISTORY", f"ImageIntegration.numberOfImages: {images}", "XISF property")
    names |= {_SIGNED[name]: None for name in signatures if name in _SIGNED}
    for name in names:
        if name not in _HARMLESS:
            yield Card("HISTORY", _PROCESS + name, "XISF property")


def mosaic_of(attributes: Mapping[str, str]) -> str | None:
    """The Bayer pattern of a ColorFilterArray element; None for mosaics of other sizes or colours."""
    pattern = attributes.get("pattern", "").strip().upper()
    is_two = (attributes.get("width", "").strip(), attributes.get("height", "").strip()) == ("2", "2")
    return pattern if is_two and pattern in BAYER_PATTERNS else None
