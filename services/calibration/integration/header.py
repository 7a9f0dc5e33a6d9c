"""The header of a master: all that tells which lights it fits, and all that it was made of.

FITS Standard 4.0, section 4. What the camera, the optics and the site are is copied from the first frame; what counts
for matching is written as Nightbus knows it, whoever said so: header, path or person.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from services.calibration.integration.made import Made
from shared.events.frame import FrameType
from shared.frames.cards import BLOCK_BYTES, CARD_BYTES, CardValue
from shared.frames.nights import night_of
from shared.frames.values import number

IMAGE_TYPES = {
    FrameType.MASTER_BIAS: "MASTER BIAS",
    FrameType.MASTER_DARK: "MASTER DARK",
    FrameType.MASTER_DARKFLAT: "MASTER DARKFLAT",
    FrameType.MASTER_FLAT: "MASTER FLAT",
}
COPIED = (
    "FOCALLEN", "FOCRATIO", "APTDIA", "APERTURE", "XPIXSZ", "YPIXSZ", "PIXSIZE1", "PIXSIZE2", "EGAIN", "BAYERPAT",
    "XBAYROFF", "YBAYROFF", "COLORTYP", "ROWORDER", "SITELAT", "SITELONG", "SITEELEV", "CREATOR",
)  # fmt: skip
"""Keywords that are copied from the first frame as they are."""
_HISTORY_CHARACTERS = 72
_TEXT_CHARACTERS = 68
_ALIGNED = 20


class Counts(NamedTuple):
    """What the combination came to."""

    samples: int
    rejected: int
    empty: int
    sigmas: float
    datasum: int = 0


def header_of(made: Made, width: int, height: int, first: Mapping[str, CardValue], counts: Counts) -> bytes:
    """The header, padded to blocks; as long for whatever counts."""
    cards = [*_cards(made, width, height, first, counts), "END".ljust(CARD_BYTES)]
    text = "".join(cards).encode("ascii")
    return text.ljust(-(-len(text) // BLOCK_BYTES) * BLOCK_BYTES)


def _cards(made: Made, width: int, height: int, first: Mapping[str, CardValue], counts: Counts) -> Iterator[str]:
    yield card("SIMPLE", True, "FITS standard 4.0")
    yield card("BITPIX", -32, "32-bit floating point")
    yield card("NAXIS", 2)
    yield card("NAXIS1", width)
    yield card("NAXIS2", height)
    yield card("DATASUM", str(counts.datasum).rjust(10, "0"), "sum of the data")
    yield card("BUNIT", "adu")
    yield card("IMAGETYP", IMAGE_TYPES[made.master_type], "type of frame")
    yield from _of_set(made, first)
    yield from (card(name, first[name]) for name in COPIED if first.get(name) is not None)
    yield card("SWCREATE", "Nightbus", "program that made this file")
    yield card("DATE", _moment(made.made_at), "when it was made, UTC")
    yield card("NCOMBINE", len(made.inputs), "frames that were combined")
    yield card("NLEFTOUT", len(made.left_out), "frames of the set that stayed out")
    yield card("COMBINE", "mean", "of the samples that were kept")
    yield card("REJECT", "median MAD", "how outliers are found")
    yield card("SIGMAS", counts.sigmas, "farthest from the median, standard deviations")
    yield card("NSAMPLES", counts.samples, "pixels of all frames")
    yield card("NREJECT", counts.rejected, "of these, rejected as outliers")
    yield card("NEMPTY", counts.empty, "pixels without any sample, NaN")
    if made.level_adu is not None:
        yield card("FLATLEV", round(made.level_adu, 3), "[adu] level that all flats were scaled to")
    if made.subtracted is not None:
        yield card("SUBTRACT", made.subtracted[0], "what was subtracted from each frame")
    yield from history(_story(made))


def _of_set(made: Made, first: Mapping[str, CardValue]) -> Iterator[str]:
    """What lights are matched by."""
    known = made.properties
    told: tuple[tuple[str, CardValue, str], ...] = (
        ("INSTRUME", known.camera, "camera"),
        ("TELESCOP", known.telescope or _text(first.get("TELESCOP")), "telescope"),
        ("EXPTIME", known.exposure_s, "[s] exposure of one frame"),
        ("GAIN", known.gain, "gain setting"),
        ("OFFSET", known.offset, "offset setting"),
        ("SET-TEMP", known.set_temp_c, "[degC] set point of the cooler"),
        ("CCD-TEMP", _rounded(made.sensor_temp_c), "[degC] median temperature of the sensor"),
        ("FILTER", known.filter, "filter"),
        ("XBINNING", known.x_binning, "binning"),
        ("YBINNING", known.x_binning, "binning"),
        ("READOUTM", known.readout_mode, "readout mode"),
        ("ROTATANG", known.rotator_angle_deg, "[deg] angle of the rotator"),
        ("DATE-OBS", _begun(made, first), "beginning of the first frame, UTC"),
    )
    for name, value, comment in told:
        if value is not None:
            yield card(name, value, comment)


def _story(made: Made) -> Iterator[str]:
    yield f"Nightbus: {IMAGE_TYPES[made.master_type].lower()} of {len(made.inputs)} frames"
    if made.subtracted is not None:
        kind, file_id = made.subtracted
        yield f"subtracted from each frame: {kind}"
        yield f"sub {file_id}"
    if made.level_adu is not None:
        yield f"each frame was scaled to a level of {made.level_adu:.1f} adu"
    yield "inputs by SHA-256 of the file:"
    yield from (f"in  {file_id}" for file_id in made.inputs)
    for file_id, reason in made.left_out:
        yield f"out {file_id}"
        yield f"    {reason}"


def _begun(made: Made, first: Mapping[str, CardValue]) -> str | None:
    """A time within the night of the set, also for those who know of no longitude and count nights in UTC."""
    at, night = made.observed_at, made.properties.night
    longitude = number(first.get("SITELONG"))
    if at is not None and (night is None or night_of(at, longitude, None) == night):
        return _moment(at)
    if night is None:
        return None
    middle = datetime.combine(night + timedelta(days=1), time(), UTC)
    return _moment(middle - timedelta(hours=(longitude or 0.0) / 15))


def card(name: str, value: CardValue | date, comment: str = "") -> str:
    """One card of 80 characters; what a text holds beyond ASCII, or beyond its room, is left out."""
    if isinstance(value, bool):
        written = ("T" if value else "F").rjust(_ALIGNED)
    elif isinstance(value, int):
        written = str(value).rjust(_ALIGNED)
    elif isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        written = (f"{value:.1f}" if whole else repr(value).upper()).rjust(_ALIGNED)
    else:
        text = _ascii(str(value)).replace("'", "''")[:_TEXT_CHARACTERS].rstrip()
        if text.count("'") % 2:
            text = text[:-1]
        written = f"'{text:8}'".ljust(_ALIGNED)
    line = f"{name:8}= {written}"
    return (f"{line} / {comment}" if comment else line)[:CARD_BYTES].ljust(CARD_BYTES)


def history(lines: Iterable[str]) -> Iterator[str]:
    """HISTORY cards; long lines go on in the next."""
    for line in lines:
        text = _ascii(line)
        for start in range(0, max(len(text), 1), _HISTORY_CHARACTERS):
            yield f"HISTORY {text[start : start + _HISTORY_CHARACTERS]}".ljust(CARD_BYTES)


def _ascii(text: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def _text(value: CardValue) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
