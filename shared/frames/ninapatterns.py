r"""A N.I.N.A. user's own file pattern, compiled to a reader of the names that it makes.

The pattern is the text of N.I.N.A.'s imaging options, such as
``$$DATEMINUS12$$\$$IMAGETYPE$$\$$DATETIME$$_$$FILTER$$_$$EXPOSURETIME$$s_HFR$$HFR$$_$$FRAMENR$$``: tokens between
double dollar signs, folders apart by slashes of either kind, and an empty value wherever N.I.N.A. knows none.
"""

import re

from shared.frames.namepatterns import NamePattern

_DECIMAL = r"\d{1,6}(?:[.,]\d{1,9})?"
_SIGNED = r"-?\d{1,6}(?:[.,]\d{1,9})?"
_DAY, _CLOCK = r"\d{4}-\d\d-\d\d", r"\d\d-\d\d-\d\d"
_WORDS = r"[^/]*?"

_TOKENS: dict[str, tuple[str, str]] = {
    "TARGETNAME": ("object", _WORDS),
    "IMAGETYPE": ("type", "[A-Za-z]*"),
    "FILTER": ("filter", _WORDS),
    "EXPOSURETIME": ("exposure", _DECIMAL),
    "GAIN": ("gain", r"-?\d{1,6}"),
    "OFFSET": ("offset", r"-?\d{1,6}"),
    "DATETIME": ("stamp", f"{_DAY}_{_CLOCK}"),
    "DATE": ("day", _DAY),
    "TIME": ("clock", _CLOCK),
    "DATEMINUS12": ("night", _DAY),
    "SENSORTEMP": ("temp", _SIGNED),
    "TEMPERATURESETPOINT": ("settemp", _SIGNED),
    "BINNING": ("bin", r"\d{1,2}"),
    "HFR": ("hfr", _DECIMAL),
    "STARCOUNT": ("stars", r"\d{1,7}"),
    "RMSARCSEC": ("rms", _DECIMAL),
    "CAMERA": ("camera", _WORDS),
    "TELESCOPE": ("telescope", _WORDS),
    "READOUTMODE": ("readout", _WORDS),
}
"""Token -> the fact that it carries (a group of ``namepatterns.py``) and the form of its value; others are skipped."""

_TOKEN = re.compile(r"\$\$([A-Z0-9]+)\$\$")
MAX_PATTERN_CHARS = 500
MAX_TOKENS = 30


def compile_pattern(text: str) -> NamePattern:
    """The reader of names made by a N.I.N.A. file pattern.

    Raises ValueError, with a sentence for a person, where the text has no token or is too long to be one.
    """
    parts = [part for part in text.replace("\\", "/").split("/") if part]
    if not parts or len(text) > MAX_PATTERN_CHARS or not 1 <= len(_TOKEN.findall(text)) <= MAX_TOKENS:
        raise ValueError(f"{text[:80]!r} is no N.I.N.A. file pattern: it needs tokens such as $$TARGETNAME$$")
    seen: set[str] = set()
    pattern = "/".join(_part(part, seen) for part in parts)
    return NamePattern("N.I.N.A.", re.compile(pattern, re.IGNORECASE), folders=len(parts) - 1)


def _part(part: str, seen: set[str]) -> str:
    pieces = _TOKEN.split(part)
    found = [re.escape(pieces[0])]
    for token, literal in zip(pieces[1::2], pieces[2::2], strict=True):
        found += [_value(token, literal, seen), re.escape(literal)]
    return "".join(found)


def _value(token: str, literal: str, seen: set[str]) -> str:
    """The expression of one token, which may be empty. ``literal`` is what follows it in the pattern."""
    group, form = _TOKENS.get(token, ("", _WORDS))
    first = bool(group) and group not in seen
    seen.add(group)
    if form != _WORDS:
        tail = r"(?:x\d{1,2})?" if group == "bin" else ""
        return f"(?:(?P<{group}>{form}){tail})?" if first else f"(?:{form}{tail})?"
    if not (first and group == "object"):
        # Ending at the separator keeps a long name from being tried in endless ways; only objects may hold it.
        form = f"[^/{re.escape(literal[:1] or '_')}]*"
    return f"(?P<{group}>{form})" if first else form


def known_tokens() -> tuple[str, ...]:
    """The tokens that carry a fact, without their dollar signs."""
    return tuple(_TOKENS)
