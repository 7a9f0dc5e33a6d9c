"""Header parsing: shared.frames against astropy and cfitsio, on files of the page cache."""

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.standalone.simulation import tiny_frames
from shared.frames.cards import read_header
from shared.frames.source import PlainSource
from tests.bench.table import Row, Rows, Skipped, interleaved, rate_row
from tests.bench.world import folder

_HOW = (
    "all 49 cards of small frames in the page cache; ours: open, read, parse every card; astropy: "
    "`getheader`, which leaves the values unparsed; fitsio: `read_header`, cfitsio behind Python"
)


def rows(*, quick: bool) -> Rows:
    """Files per second, one process."""
    count = 300 if quick else 1000
    with folder(in_memory=True) as place:
        paths = tiny_frames(place, count, seed=1)
        works: dict[str, Callable[[], object]] = {
            "ours": lambda: [_ours(path) for path in paths],
            "astropy": lambda: [_astropy(path) for path in paths],
        }
        fitsio = _fitsio()
        if fitsio is not None:
            works["fitsio"] = lambda: [fitsio.read_header(str(path)) for path in paths]
        seconds = interleaved(works, 3 if quick else 5)
    rate = {name: count / value for name, value in seconds.items()}
    found: Rows = [_row("FITS header, against astropy", rate["ours"], rate["astropy"], "astropy", 6.0)]
    if fitsio is None:
        found.append(Skipped("FITS header, against fitsio", "fitsio is not installed (it is no dependency)"))
    else:
        found.append(_row("FITS header, against fitsio", rate["ours"], rate["fitsio"], "fitsio", None))
    return found


def _row(name: str, ours: float, limit: float, limit_name: str, at_least: float | None) -> Row:
    return rate_row(name, ours, limit, unit="files/s", at_least=at_least, limit_name=limit_name, how=_HOW)


def _ours(path: Path) -> object:
    with PlainSource(path) as source:
        return read_header(source.read, 0)


def _astropy(path: Path) -> object:
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.getheader(path)


def _fitsio() -> Any:
    try:
        return importlib.import_module("fitsio")
    except ImportError:
        return None
