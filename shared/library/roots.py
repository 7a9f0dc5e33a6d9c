"""Roots: named folders, the marker that proves a library is the one it should be, and paths that stay inside."""

import errno
import json
import os
import re
import secrets
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import Away, Permanent, UserError
from shared.library.access import AS_UMASK, Access
from shared.library.extensions import OWN_PREFIX, is_system_folder
from shared.library.folders import open_folder, sync_folder
from shared.library.reading import as_utf8, shown


class AnotherLibraryError(UserError):
    """A library is there, and not the one that is known."""


_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class LibraryAway(Away):
    """The library is not there: its volume is not mounted, another one is, or it cannot be written to."""


@dataclass(slots=True)
class Identity:
    """The id of a library, from the moment on at which it was opened."""

    id: str | None = None


@dataclass(frozen=True, slots=True)
class Root:
    """A named folder. Files are known by root name and relative path, so a host may mount it anywhere.

    Raises:
        UserError: the name does not match ``[a-z0-9][a-z0-9_-]*`` or the path is not absolute.
    """

    name: str
    path: Path
    writable: bool = False
    access: Access = AS_UMASK
    identity: Identity = field(default_factory=Identity, compare=False, repr=False)
    """What every look at a library that is open is held against: another disk may be mounted there at any time."""

    def __post_init__(self) -> None:
        """Refuse what could not be told apart later."""
        if not _NAME.fullmatch(self.name):
            raise UserError(
                f"the root name '{shown(self.name)}' must be of lower-case letters, digits, '-' and '_', "
                "and begin with a letter or digit"
            )
        if not self.path.is_absolute():
            raise UserError(f"the path of root '{self.name}' must be absolute, not '{shown(self.path)}'")

    @property
    def shown(self) -> str:
        """What sentences call it: ``the library at /data/library``, with its name where it has another."""
        name = "the library" if self.name == "library" else f"the library root {self.name}"
        return f"{name} at {shown(self.path)}"

    @property
    def own_folder(self) -> Path:
        """Where Nightbus keeps its own things inside a writable root."""
        return self.path / OWN_PREFIX

    @property
    def marker_path(self) -> Path:
        """The file that tells this root from an empty mount point."""
        return self.own_folder / "root.json"


@dataclass(frozen=True, slots=True)
class Marker:
    """What ``.nightbus/root.json`` says: the root's name and the id that it got when it was made."""

    name: str
    id: str


def open_library(root: Root, *, first_time: bool = False, expected_id: str | None = None) -> Marker:
    """Make sure that a writable root is the library it should be; call it before writing.

    With ``first_time`` a missing folder is made and an empty one gets its marker; where a marker is already there it is
    verified like at any other time, so a first start that was cut short can be repeated. ``expected_id`` is the id that
    was stored when the library was made.

    Raises:
        LibraryAway: there is no marker, or it cannot be read now: the volume may not be mounted.
        UserError: the marker belongs to another library or is damaged, the root is not writable by its settings, or a
            first use meets a folder that is not empty.
    """
    if not root.writable:
        raise UserError(f"the root '{root.name}' is read-only by its settings and cannot be a library")
    if first_time and not root.marker_path.exists():
        _create(root)
    return read_marker(root, expected_id=expected_id)


def read_marker(root: Root, *, expected_id: str | None = None) -> Marker:
    """Read and verify the marker; raises as ``open_library`` does.

    Once the root is known by its ``identity``, a marker of another library or a damaged one is ``LibraryAway``: the
    right one is expected back.
    """
    if root.identity.id is None:
        return _marker(root, expected_id)
    try:
        return _marker(root, root.identity.id)
    except UserError as error:
        raise LibraryAway(str(error)) from error


def _marker(root: Root, expected_id: str | None) -> Marker:
    where = root.shown
    try:
        text = root.marker_path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LibraryAway(f"{where} has no marker: is the volume mounted?") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{where} has a damaged marker: {shown(root.marker_path)} is not UTF-8") from error
    except OSError as error:
        raise LibraryAway(f"{where} cannot be read: {error.strerror}") from error
    try:
        fields = json.loads(text)
        marker = Marker(name=str(fields["name"]), id=uuid.UUID(str(fields["id"])).hex)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{where} has a damaged marker: {shown(root.marker_path)} holds no name and id") from error
    if marker.name != root.name:
        raise UserError(f"{shown(root.path)} is the library root '{shown(marker.name)}', not '{root.name}'")
    if expected_id is not None and marker.id != expected_id:
        raise AnotherLibraryError(
            f"{where} is another library of that name: its id is {shown(marker.id)}, not {expected_id}"
        )
    return marker


def is_away(path: Path) -> bool:
    """Whether a root's folder is missing, fails to answer, or is empty, as a mount point without its volume is."""
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except PermissionError:
        return False  # it is there, and who may read it does not change by itself
    except OSError:
        return True


def real_path(path: Path) -> Path:
    """Where a path that a person gave leads, through all links.

    Raises:
        UserError: there is nothing, it cannot be read, it leads in a circle or to a name that is not UTF-8.
    """
    try:
        real = path.resolve(strict=True)
    except RuntimeError as error:  # Python 3.11 and 3.12 say so of links that lead in a circle
        raise UserError(f"{shown(path)} cannot be read: its links lead in a circle") from error
    except OSError as error:
        circle = error.errno == errno.ELOOP
        why = "its links lead in a circle" if circle else error.strerror
        raise UserError(f"{shown(path)} cannot be read: {why}") from error
    except ValueError as error:
        raise UserError(f"{shown(path)} cannot be read: {error}") from error
    if as_utf8(str(real)) != str(real):
        raise UserError(f"{shown(path)} leads to {shown(as_utf8(str(real)))}: that name is not UTF-8; rename it")
    if not real.is_dir() and not real.is_file():
        raise UserError(f"{shown(path)} is neither a file nor a folder")
    return real


def resolve(root: Root, relative_path: str) -> Path:
    """The place of a relative path on this host, with symbolic links inside the root resolved.

    The file itself need not exist. Open what comes back without following links (``reading.open_source``).

    Raises:
        Permanent: the path is absolute, empty, holds ``..``, ``.``, an empty part, a NUL or bytes that are not UTF-8,
            or a symbolic link on the way leads out of the root.
    """
    parts = relative_path.split("/")
    if "\0" in relative_path or any(part in ("", ".", "..") for part in parts):
        raise Permanent(f"the path '{shown(relative_path)}' does not stay inside the root '{root.name}'")
    try:
        relative_path.encode()
    except UnicodeEncodeError as error:
        raise Permanent(f"the path '{shown(relative_path)}' in root '{root.name}' is not UTF-8") from error
    folder = str(root.path).rstrip(os.sep)
    for part in parts[:-1]:
        folder = f"{folder}{os.sep}{part}"
        if os.path.islink(folder):  # noqa: PTH114 - for each file that is read; a Path takes four times as long
            return _resolve_links(root, parts)
    path = f"{folder}{os.sep}{parts[-1]}"
    return _resolve_links(root, parts) if os.path.islink(path) else Path(path)  # noqa: PTH114 - as above


def _resolve_links(root: Root, parts: list[str]) -> Path:
    """The place of a path with symbolic links on its way; ``resolve`` says what it raises."""
    base = os.path.realpath(root.path)
    place = os.path.realpath(os.path.join(base, *parts[:-1]))  # noqa: PTH118 - realpath
    inside = base.rstrip(os.sep) + os.sep
    if place != base and not place.startswith(inside):
        raise Permanent(f"the path '{shown('/'.join(parts))}' leaves the root '{root.name}' through a symbolic link")
    path = Path(place, parts[-1])
    if path.is_symlink() and not os.path.realpath(path).startswith(inside):
        raise Permanent(f"'{shown('/'.join(parts))}' in root '{root.name}' is a symbolic link that leaves the root")
    return path


def restore_marker(root: Root, marker_id: str) -> Marker:
    """Give a folder whose files came back from a backup the marker that the library had; one that is there is verified.

    Raises:
        UserError: it has the marker of another library, or cannot be written to.
    """
    if not root.marker_path.exists():
        try:
            _write_marker(root, marker_id)
        except OSError as error:
            raise UserError(f"the marker of {shown(root.path)} cannot be written: {error.strerror}") from error
    return read_marker(root, expected_id=marker_id)


def _create(root: Root) -> None:
    """Write the marker of a new library: complete or not at all, and never over another."""
    try:
        root.path.mkdir(parents=True, exist_ok=True)
        names = sorted(path.name for path in root.path.iterdir())
        strangers = [name for name in names if name != OWN_PREFIX and not is_system_folder(name)]
        if strangers:
            raise UserError(
                f"{shown(root.path)} cannot become the library root '{root.name}': it is not empty "
                f"(it holds '{shown(strangers[0])}'); choose an empty folder, or index this one where it is"
            )
        _write_marker(root, uuid.uuid4().hex)
    except OSError as error:
        raise UserError(
            f"the library root '{root.name}' cannot be made at {shown(root.path)}: {error.strerror}"
        ) from error


def _write_marker(root: Root, marker_id: str) -> None:
    root.path.mkdir(parents=True, exist_ok=True)
    root.own_folder.mkdir(exist_ok=True)
    unfinished = root.own_folder / f"root.{secrets.token_hex(8)}.tmp"
    with unfinished.open("x", encoding="utf-8") as file:
        json.dump({"name": root.name, "id": marker_id}, file)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        _publish(unfinished, root.marker_path)
    finally:
        unfinished.unlink(missing_ok=True)
    for folder in (root.own_folder, root.path, root.path.parent):
        with open_folder(folder) as fd:
            sync_folder(fd)


def _publish(unfinished: Path, marker: Path) -> None:
    """Give the marker its name unless another process was faster; then its marker holds."""
    try:
        os.link(unfinished, marker)
    except FileExistsError:
        return
    except OSError:
        # No hard links here (exFAT, some shares). Two first starts at one moment are then told apart by the loser's
        # stored id, which will not match.
        if not marker.exists():
            unfinished.rename(marker)
