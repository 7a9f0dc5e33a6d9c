"""Path templates: from facts about a file to a relative path that every system can hold and that leaves no root."""

import difflib
import hashlib
import re
import string
import unicodedata
from collections.abc import Iterable, Mapping

from shared.errors import Permanent, UserError
from shared.library.extensions import is_system_folder, split_extension

NAME_BYTES = 255
"""Longest name in bytes of UTF-8, as Linux file systems allow."""
PATH_CHARACTERS = 240
"""Longest relative path in characters, which leaves room for a drive and a share within the 260 of Windows."""
UNKNOWN = "Unknown"
"""Stands for a fact that is missing."""

_MOST_PARTS = 10
_FORBIDDEN = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
)
_EDGES = re.compile(r"^\s+|[\s.]+$")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE)

HEADER_FIELDS = frozenset({"object", "frame_type", "filter", "camera", "night"})
LIBRARY_FIELDS = HEADER_FIELDS | {"source", "folder", "name", "year", "month", "day", "date"}
"""What the template of the library may name, besides stem and extension, the two halves of name."""

Field = str | int | float | None
"""A value of a template field; None is a fact that is missing."""


class PathTemplate:
    """A template such as ``{source}/{folder}/{name}``, checked when it is made.

    ``known`` are the names it may use. ``folder`` may hold several parts (``2024/M 31``) or none; every other value is
    one part of the path or less. Where ``name`` is known, ``{stem}`` and ``{extension}`` are its two halves. A template
    must end with ``{name}`` or ``{extension}``, so that no file loses its kind. Numbers take a format, as in
    ``{exposure_s:g}``.

    Raises:
        UserError: the template is not well formed, leaves its root, or names an unknown field; the message names the
            nearest known one.
    """

    def __init__(self, text: str, known: Iterable[str]) -> None:
        self.text = text
        names = frozenset(known)
        self.known = names | {"stem", "extension"} if "name" in names else names
        try:
            self._pieces = [
                (literal, field, spec or "", conversion)
                for literal, field, spec, conversion in string.Formatter().parse(text)
            ]
        except ValueError as error:
            raise UserError(f"the path template '{text}' is not well formed: {error}") from error
        if text.startswith("/") or not {".", ".."}.isdisjoint(text.split("/")):
            raise UserError(f"the path template '{text}' must stay below its root: no '..', and no '/' in front")
        for _, field, spec, conversion in self._pieces:
            if field is not None:
                self._check(field, spec, conversion)
        if not self._pieces or self._pieces[-1][1] not in ("name", "extension"):
            raise UserError(f"the path template '{text}' must end with {{name}} or {{extension}}")

    def render(self, fields: Mapping[str, Field]) -> str:
        """The relative path for these values: safe on Linux, macOS and Windows, NFC, never empty, ``/`` between parts.

        Missing values become ``Unknown``; the same fields give the same path always.

        Raises:
            UserError: a value does not take its format.
        """
        values = dict(fields)
        if "name" in self.known:
            values["stem"], values["extension"] = split_extension(str(fields.get("name") or UNKNOWN))
        text = ""
        for literal, field, spec, _ in self._pieces:
            text += literal
            if field is not None:
                text += self._value(field, spec, values.get(field))
        return safe_path(text)

    def _check(self, field: str, spec: str, conversion: str | None) -> None:
        if field not in self.known:
            near = difflib.get_close_matches(field, sorted(self.known), n=1, cutoff=0.0)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise UserError(f"the path template '{self.text}' uses the unknown field '{field}'{hint}")
        if conversion is not None or "{" in spec or len(spec) > 8:
            raise UserError(f"the path template '{self.text}' may give '{field}' a short number format and no more")

    def _value(self, field: str, spec: str, value: Field) -> str:
        if value is None or value == "":
            return "" if field in ("folder", "extension") else UNKNOWN
        try:
            text = format(value, spec)
        except ValueError as error:
            raise UserError(f"the path template '{self.text}' cannot write '{field}' as '{spec}': {error}") from error
        return text if field == "folder" else text.replace("/", "_")


def safe_path(text: str) -> str:
    """Make a relative path safe: every part by ``safe_name``, empty parts dropped, at most 240 characters in all.

    Raises:
        Permanent: the result would leave its root, which no input is known to reach.
    """
    parts = [safe_name(part) for part in text.split("/") if part] or [UNKNOWN]
    path = "/".join(_shorten(parts))
    if path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
        raise Permanent("a path template gave a path that is not inside its root")
    return path


def safe_name(text: str) -> str:
    """One part of a path: no separators, control or direction characters, nothing that Windows reserves, 255 bytes.

    What is replaced becomes ``_``. A leading dot is replaced as well: a hidden file would never be found again, and
    ``.nightbus`` is ours. Applying it twice changes nothing more.
    """
    name = _EDGES.sub("", _FORBIDDEN.sub("_", unicodedata.normalize("NFC", text)))
    if name.startswith("."):
        name = "_" + name[1:]
    if not name:
        return UNKNOWN
    if _RESERVED.fullmatch(name) or is_system_folder(name):
        name = "_" + name
    return cut_name(name)


def cut_name(name: str, *, characters: int = PATH_CHARACTERS, size_bytes: int = NAME_BYTES) -> str:
    """Shorten a name to both limits, keeping its extension whole and adding 8 digits of its hash where it was cut.

    The hash keeps two long names that differ at their ends apart. Cuts fall between characters.
    """
    if len(name) <= characters and len(name.encode()) <= size_bytes:
        return name
    stem, extension = split_extension(name)
    tail = "-" + hashlib.sha256(name.encode()).hexdigest()[:8] + extension
    room_bytes = size_bytes - len(tail.encode())
    head = stem[: max(characters - len(tail), 0)].encode()[:room_bytes].decode(errors="ignore")
    return (head.rstrip(". ") or "_") + tail


def numbered(name: str, number: int, *, characters: int = PATH_CHARACTERS) -> str:
    """The name that a second, third, ... content gets: ``M31.fits.gz`` becomes ``M31-2.fits.gz``, within the limits."""
    stem, extension = split_extension(name)
    tail = f"-{number}{extension}"
    return cut_name(stem, characters=characters - len(tail), size_bytes=NAME_BYTES - len(tail)) + tail


def _shorten(parts: list[str]) -> list[str]:
    """Bring a path to its limit: fold the middle of a very deep one into its hash, then cut the longest parts."""
    if len("/".join(parts)) <= PATH_CHARACTERS:
        return parts
    if len(parts) > _MOST_PARTS:
        middle = "/".join(parts[4 : 5 - _MOST_PARTS])
        parts = [*parts[:4], "deep-" + hashlib.sha256(middle.encode()).hexdigest()[:8], *parts[5 - _MOST_PARTS :]]
    limit = max(len(part) for part in parts)
    shortened = parts
    while len("/".join(shortened)) > PATH_CHARACTERS:
        limit -= 1
        shortened = [cut_name(part, characters=limit) for part in parts]
    return shortened
