"""The folder of a night: where masters are placed for the lights below it."""

import re
from datetime import date

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_PLAIN = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?!\d)")


def night_folder(folder: str) -> str:
    """The deepest folder on the way to lights that names a date, such as ``M 31/DATE_2026-01-03``; else their own.

    ``folder`` is that of the lights, below the library, with ``/`` between its parts.
    """
    parts = folder.split("/")
    for depth in range(len(parts), 0, -1):
        if names_a_date(parts[depth - 1]):
            return "/".join(parts[:depth])
    return folder


def names_a_date(name: str) -> bool:
    """Whether a folder is called by a date: ``DATE_2026-01-03``, ``2026-01-03 M 31``, ``20260103``."""
    return any(_is_day(*match.groups()) for pattern in (_ISO, _PLAIN) for match in pattern.finditer(name))


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        return 1990 <= date(int(year), int(month), int(day)).year < 2100
    except ValueError:
        return False
