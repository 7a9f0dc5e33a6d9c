"""Rigs and filter wheels from N.I.N.A. profiles.

They are XML files called ``<id>.profile``: ``Profile`` with ``Id``, ``Name``, ``TelescopeSettings`` and
``FilterWheelSettings/FilterWheelFilters/FilterInfo``, the last with prefixed children ``_name`` and ``_position``. A
profile's name is a rig's when it has the form ``<optic>@f<ratio>+<camera>``. Parsing is bounded: no document type, no
entities, a few megabytes, a few dozen levels.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from shared.equipment.rigs import Rig
from shared.errors import UserError

MAX_PROFILE_BYTES = 8 * 1024 * 1024
MAX_PROFILES = 200
_MAX_DEPTH = 64
_MAX_TEXT = 500
_RIG_NAME = re.compile(r"(?P<optic>[^@+]+)@f(?P<ratio>\d{1,2}(?:\.\d{1,2})?)\+(?P<camera>.+)", re.IGNORECASE)
_NO_PASSBAND = ("dark", "blank")
_FILTER = ("FilterWheelSettings", "FilterWheelFilters", "FilterInfo")


@dataclass(frozen=True, slots=True)
class NinaProfile:
    """What one profile says; ``filters`` are the names of the wheel's positions, in order, without opaque ones."""

    profile_id: str
    name: str
    telescope: str | None
    focal_length_mm: float | None
    focal_ratio: float | None
    filters: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    """The state of the parser: the open elements' names, their text, and what was found."""

    path: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    single: dict[tuple[str, ...], str] = field(default_factory=dict)
    filters: list[dict[str, str]] = field(default_factory=list)

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self.path.append(name.rpartition(":")[2])
        if len(self.path) == 1 and self.path[0] != "Profile":
            raise _Refused(f"its root is {self.path[0][:40]!r}, not 'Profile'")
        if len(self.path) > _MAX_DEPTH:
            raise _Refused(f"more than {_MAX_DEPTH} levels")
        if tuple(self.path[1:]) == _FILTER:
            self.filters.append({})
        self.text.clear()

    def characters(self, data: str) -> None:
        if sum(map(len, self.text)) < _MAX_TEXT:
            self.text.append(data)

    def end(self, _name: str) -> None:
        below = tuple(self.path[1:])
        value = "".join(self.text).strip()[:_MAX_TEXT]
        if value:
            if below[:-1] == _FILTER and self.filters:
                self.filters[-1][below[-1]] = value
            elif len(below) <= 2:
                self.single.setdefault(below, value)
        self.text.clear()
        self.path.pop()


class _Refused(Exception):
    """The document is not read on, for a reason that a person can read."""


def read_profile(path: Path) -> NinaProfile:
    """Read one profile.

    Raises:
        UserError: one sentence that names the file, when it cannot be read or is no profile.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_PROFILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"the N.I.N.A. profile {path} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_PROFILE_BYTES:
        raise UserError(f"{path} is no N.I.N.A. profile: larger than {MAX_PROFILE_BYTES // 1024**2} MiB")
    try:
        return _parse(content)
    except _Refused as error:
        raise UserError(f"{path} is no N.I.N.A. profile: {error}") from error
    except expat.ExpatError as error:
        raise UserError(f"{path} is no N.I.N.A. profile: {error}") from error


def profiles_at(places: Iterable[Path]) -> Iterator[Path]:
    """The profile files that settings name: files as they are, and every ``*.profile`` of a folder, by name.

    Raises:
        UserError: a place that is not there, or a folder with more than ``MAX_PROFILES``.
    """
    for place in places:
        if place.is_dir():
            found = sorted(place.glob("*.profile"))
            if len(found) > MAX_PROFILES:
                raise UserError(f"{place} holds more than {MAX_PROFILES} N.I.N.A. profiles")
            yield from found
        elif place.is_file():
            yield place
        else:
            raise UserError(f"setting scanner.nina_profiles: {place} is not there")


def rig_of(profile: NinaProfile, file_name: str) -> Rig | None:
    """The rig that a profile stands for; None when its name has another form."""
    match = _RIG_NAME.fullmatch(profile.name)
    if match is None:
        return None
    return Rig(
        name=profile.name,
        camera=match["camera"].strip(),
        telescope=match["optic"].strip(),
        focal_length_mm=profile.focal_length_mm,
        focal_ratio=float(match["ratio"]) or profile.focal_ratio,
        wheel=profile.filters,
        origin=f"N.I.N.A. profile {file_name}",
        from_profile=True,
    )


def _parse(content: bytes) -> NinaProfile:
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.characters
    parser.StartDoctypeDeclHandler = _refuse_declaration
    parser.EntityDeclHandler = _refuse_declaration
    parser.StartElementHandler = reading.start
    parser.Parse(content, True)
    name = reading.single.get(("Name",))
    if name is None:
        raise _Refused("it has no name")
    return NinaProfile(
        profile_id=reading.single.get(("Id",), ""),
        name=name,
        telescope=reading.single.get(("TelescopeSettings", "Name")),
        focal_length_mm=_positive(reading.single.get(("TelescopeSettings", "FocalLength"))),
        focal_ratio=_positive(reading.single.get(("TelescopeSettings", "FocalRatio"))),
        filters=tuple(_wheel(reading.filters)),
    )


def _wheel(found: list[dict[str, str]]) -> Iterator[str]:
    """The names in the order of their positions."""
    order = sorted(enumerate(found), key=lambda item: (_position(item[1].get("_position")), item[0]))
    for _index, one in order:
        name = one.get("_name")
        if name is not None and not name.lower().startswith(_NO_PASSBAND):
            yield name


def _position(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 6 else 1_000_000


def _positive(text: str | None) -> float | None:
    """A number above zero; N.I.N.A. writes NaN for 'not set'."""
    try:
        found = float(text) if text is not None else 0.0
    except ValueError:
        return None
    return found if 0 < found < 1e6 else None


def _refuse_declaration(*_declaration: object) -> None:
    raise _Refused("it declares a document type or entities")
