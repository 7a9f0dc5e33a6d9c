"""Names of masters: their properties in the name, as ``KEY_value``, in the folder of their camera and optic.

``_Dark Library/ZWO ASI2600MM Pro/masterDark_EXPTIME_300.00_SETTEMP_-10.00_GAIN_100_OFFSET_50.xisf``: the order and the
keys are those of the NINA process (data contracts 1.2), and the scanner reads them back, so that a value that a header
lost stays with the file. What is not known is left out.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from services.calibration.properties import Properties
from services.calibration.settings import CalibrationSettings
from shared.events.frame import FrameType
from shared.library.extensions import split_extension
from shared.library.template import safe_name, safe_path

WORDS: Mapping[FrameType, str] = MappingProxyType(
    {
        FrameType.MASTER_BIAS: "masterBias",
        FrameType.MASTER_DARK: "masterDark",
        FrameType.MASTER_FLAT: "masterFlat",
        FrameType.MASTER_DARKFLAT: "masterDarkFlat",
    }
)
"""How a name begins."""
_FLATS = (FrameType.MASTER_FLAT, FrameType.MASTER_DARKFLAT)
_EXACT = 0.001
"""An exposure has more than two decimals where these would change it by more than this share of it."""


def folder_of(master_type: FrameType, settings: CalibrationSettings) -> str:
    """The folder of the library for masters of a type."""
    if master_type is FrameType.MASTER_BIAS:
        return settings.bias_folder
    return settings.flat_folder if master_type in _FLATS else settings.dark_folder


def is_in_folder(path: str, master_type: FrameType, settings: CalibrationSettings) -> bool:
    """Whether a path of the library is in the folder for masters of a type, at any depth."""
    return path.startswith(safe_path(folder_of(master_type, settings)) + "/")


def library_path(
    master_type: FrameType,
    known: Properties,
    focal_length_mm: float | None,
    name: str,
    settings: CalibrationSettings,
) -> str | None:
    """Where a master belongs, as a path below the library; None where its camera is not known. ``name``: as it is."""
    if known.camera is None:
        return None
    folders = [folder_of(master_type, settings), _part(known.camera)]
    if master_type in _FLATS and known.telescope is not None:
        folders.append(_part(known.telescope))
    return safe_path("/".join([*folders, master_name(master_type, known, focal_length_mm, name)]))


def master_name(master_type: FrameType, known: Properties, focal_length_mm: float | None, name: str) -> str:
    """The name of a master, with the extension of ``name``, which it has by now."""
    words = [WORDS[master_type]]
    for key, value in _values(master_type, known, focal_length_mm):
        words += [key, value]
    return safe_name("_".join(words) + split_extension(name)[1])


def _values(master_type: FrameType, known: Properties, focal_length_mm: float | None) -> Iterator[tuple[str, str]]:
    is_flat = master_type is FrameType.MASTER_FLAT
    if is_flat and known.night is not None:
        yield "DATE", known.night.isoformat()
    if is_flat and known.filter is not None:
        yield "FILTER", _word(known.filter)
    if not is_flat and known.exposure_s is not None:
        yield "EXPTIME", _exposure(known.exposure_s)
    if known.set_temp_c is not None:
        yield "SETTEMP", f"{known.set_temp_c + 0.0:.2f}"
    if known.gain is not None:
        yield "GAIN", f"{known.gain:g}"
    if known.offset is not None:
        yield "OFFSET", f"{known.offset:g}"
    if is_flat and focal_length_mm is not None:
        yield "FOCALLEN", f"{focal_length_mm:g}"
    if known.readout_mode is not None:
        yield "READOUTM", _word(known.readout_mode)
    if known.x_binning is not None and known.x_binning > 1:
        yield "BIN", str(known.x_binning)


def _exposure(seconds: float) -> str:
    text = f"{seconds:.2f}"
    return text if abs(float(text) - seconds) <= _EXACT * seconds else f"{seconds:.6f}".rstrip("0")


def _word(text: str) -> str:
    """A value without the character that parts keys from values."""
    return text.replace("_", "-").replace("/", "-")


def _part(text: str) -> str:
    return text.replace("/", "-")
