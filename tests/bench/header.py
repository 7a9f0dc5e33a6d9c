"""Header parsing: shared.frames against astropy and cfitsio, on files of the page cache."""

import ctypes.util
import warnings
from collections.abc import Callable
from pathlib import Path

from services.standalone.simulation import tiny_frames
from shared.frames import cards
from shared.frames.cards import read_header
from shared.frames.source import PlainSource
from tests.bench.table import Row, Rows, Skipped, interleaved, rate_row
from tests.bench.world import folder

_HOW = (
    "all 49 cards of small frames in the page cache; ours: open, read, parse every card; astropy: `getheader`, which "
    "leaves the values unparsed; cfitsio: the C library, called from Python: open, `ffhdr2str`, close, no value parsed"
)


def rows(*, quick: bool) -> Rows:
    """Files per second, one process."""
    count = 300 if quick else 1000
    with folder(in_memory=True) as place:
        paths = tiny_frames(place, count, seed=1)
        works: dict[str, Callable[[], object]] = {
            "ours": lambda: [_ours(path) for path in paths],
            "ours, unknown cards": lambda: [_cold(path) for path in paths],
            "astropy": lambda: [_astropy(path) for path in paths],
        }
        cfitsio = _cfitsio()
        if cfitsio is not None:
            works["cfitsio"] = lambda: [cfitsio(path) for path in paths]
        seconds = interleaved(works, 3 if quick else 5)
    rate = {name: count / value for name, value in seconds.items()}
    found: Rows = [
        _row("FITS header, against astropy", rate["ours"], rate["astropy"], "astropy", 6.0),
        _row("FITS header, no card seen before", rate["ours, unknown cards"], rate["astropy"], "astropy", None),
    ]
    if cfitsio is None:
        found.append(Skipped("FITS header, against cfitsio", "libcfitsio is not installed"))
    else:
        found.append(_row("FITS header, against cfitsio", rate["ours"], rate["cfitsio"], "cfitsio", 0.25))
    return found


def _row(name: str, ours: float, limit: float, limit_name: str, at_least: float | None) -> Row:
    return rate_row(name, ours, limit, unit="files/s", at_least=at_least, limit_name=limit_name, how=_HOW)


def _ours(path: Path) -> object:
    with PlainSource(path) as source:
        return read_header(source.read, 0)


def _cold(path: Path) -> object:
    cards._known.clear()
    return _ours(path)


def _astropy(path: Path) -> object:
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.getheader(path)


def _cfitsio() -> Callable[[Path], bytes] | None:
    """Reads a header through the C library: CFITSIO User's Reference Guide, sections 5.2.2 and 5.4."""
    name = ctypes.util.find_library("cfitsio")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    handle, text, cards, status = ctypes.c_void_p(), ctypes.c_char_p(), ctypes.c_int(), ctypes.c_int()

    def read(path: Path) -> bytes:
        library.ffopen(ctypes.byref(handle), str(path).encode(), 0, ctypes.byref(status))
        library.ffhdr2str(handle, 0, None, 0, ctypes.byref(text), ctypes.byref(cards), ctypes.byref(status))
        header = text.value or b""
        library.fffree(text, ctypes.byref(status))
        library.ffclos(handle, ctypes.byref(status))
        assert status.value == 0, f"cfitsio says {status.value} about {path}"
        return header

    return read
