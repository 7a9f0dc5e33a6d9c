"""Where everything comes from: a destination, the installation that lies there, and the dump that is taken."""

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from services.backup.database.layout import DATABASE, Note, is_dump, note_key, read_note
from services.backup.destinations.found import Found, installations
from services.backup.destinations.keys import MARKER
from services.backup.destinations.port import Destination
from services.backup.settings import DestinationSettings, FolderDestination
from services.backup.settings.destinations import Destinations
from shared.errors import UserError
from shared.library.reading import shown

SECTION = "destinations"
_DESTINATIONS: TypeAdapter[tuple[DestinationSettings, ...]] = TypeAdapter(Destinations)


@dataclass(frozen=True, slots=True)
class Source:
    """A destination and the installation below it."""

    configured: DestinationSettings
    installation_id: str


def read_source(place: Path, name: str | None) -> DestinationSettings:
    """The destination that a person means: a folder itself, or a TOML file with a section [[destinations]].

    Args:
        place: the folder or file.
        name: which of several sections.

    Raises:
        UserError: there is nothing, the file says something else, or several and none is named.
    """
    if os.path.isdir(place):  # noqa: PTH112 - a Path raises for a name that is too long
        return FolderDestination(name="destination", path=_folder_of_installations(place.absolute()))
    try:
        table = tomllib.loads(place.read_text(encoding="utf-8"))
        found = _DESTINATIONS.validate_python(table.get(SECTION, []))
    except OSError as error:
        raise UserError(f"{shown(place)} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{shown(place)} is neither a folder nor a settings file: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{shown(place)}: [[{SECTION}]] {key}: {first['msg'].removeprefix('Value error, ')}") from error
    chosen = [one for one in found if name is None or one.name == name]
    if len(chosen) != 1:
        names = ", ".join(one.name for one in found) or "none"
        raise UserError(f"{shown(place)} names these destinations: {names}; say which one with --destination")
    return chosen[0]


def _folder_of_installations(place: Path) -> Path:
    """The destination's folder, where a person names what lies around it or in it: the disk, or an installation.

    Where it is not plain which one is meant, the folder stays as it was named.
    """
    if any(place.glob(f"*/{MARKER}")):
        return place
    if (place / MARKER).is_file():
        return place.parent
    below = {marker.parent.parent for marker in place.glob(f"*/*/{MARKER}")}
    return below.pop() if len(below) == 1 else place


async def find_installation(configured: DestinationSettings, wanted: str | None) -> Source:
    """The one installation at a destination, or the one with an id.

    Raises:
        UserError: there is none, none of that id, or several and none is wanted.
        Transient: the destination cannot be read now.
    """
    found = await installations(configured)
    chosen = [one for one in found if wanted in (None, one.installation_id)]
    if len(chosen) == 1:
        return Source(configured.model_copy(update={"prefix": chosen[0].prefix}), chosen[0].installation_id)
    if not found:
        raise UserError(
            "no Nightbus has ever written to this destination: no installation.json lies there; name what `path` or "
            "`bucket` of [[destinations]] named, the place that holds nightbus-<id>"
        )
    listed = ", ".join(f"{one.installation_id} ({one.prefix})" for one in found)
    if not chosen:
        raise UserError(f"there is no installation {wanted} at this destination; there are: {listed}")
    raise UserError(f"several installations lie at this destination: {listed}; choose one with --installation")


async def good_dumps(destination: Destination) -> list[Note]:
    """The dumps at a destination that were proven, and still have their size; the latest first."""
    sizes = {stored.key: stored.size_bytes async for stored in destination.list(DATABASE)}
    found = []
    for key, size_bytes in sizes.items():
        if not is_dump(key) or note_key(key) not in sizes:
            continue
        data = b"".join([piece async for piece in destination.read(note_key(key))])
        note = read_note(data)
        if note is not None and (note.key, note.size_bytes) == (key, size_bytes):
            found.append(note)
    return sorted(found, key=lambda note: note.dumped_at, reverse=True)


def choose_dump(dumps: Sequence[Note], wanted: str | None) -> Note:
    """The latest dump, or the one whose key, or the end of it, is wanted.

    Raises:
        UserError: there is none.
    """
    chosen = [note for note in dumps if wanted is None or note.key.endswith(wanted)]
    if chosen:
        return chosen[0]
    if not dumps:
        raise UserError(
            "no good dump of the database lies at this destination; its files come back without one by "
            "`nightbus backup restore`, or with plain tools (docs/howto/restore-without-nightbus.md)"
        )
    listed = ", ".join(note.key.removeprefix(DATABASE) for note in dumps[:3])
    raise UserError(f"there is no good dump {wanted}; the latest are {listed}")


__all__ = ["SECTION", "Found", "Source", "choose_dump", "find_installation", "good_dumps", "read_source"]
