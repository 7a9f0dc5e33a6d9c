"""The one folder that holds the state of `nightbus up`, and the lock that makes it one supervisor's.

::

    home/            0711: entered by others and never listed, so that they may be given the library
      library/       where no other is set; who may read it follows the umask, or library.mode and library.group
      nightbus.lock  0600; held while `up` runs; its text is the holder's process id
      postgres/      data/ (0700) and the configuration written at each start
      nats/          store/ (0700) and the configuration written at each start
      log/ secrets/  one random password per file, 0600, made once
      run/           process ids, ports.json, the socket folder
      bin/           copies of the servers' binaries, where their account cannot read the installed ones
      previews/ dead-letters/

All of it but the library is closed to others: folders are 0700. As root those of the servers are 0711, since the
unprivileged account of Postgres passes through them, and the files in them are 0600.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Any, Self

from shared.errors import UserError

LOCK_FILE = "nightbus.lock"
_LOCK_CHARS = 20
LOOPBACK = "127.0.0.1"
# Below the range from which Linux takes the ports of outgoing connections (32768), so that a kept port stays free.
PORT_RANGE = range(20_000, 32_768)
_SECRET_NAME = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)*")
_SECRET_BYTES = 24
_PASSED_BY_OTHERS = ("postgres", "nats", "run", "bin")  # entered, never listed, by the unprivileged account
_CLOSED = ("log", "secrets", "previews", "dead-letters")
_OPEN_MODE, _CLOSED_MODE = 0o711, 0o700
_BELONGS_TO_THE_FILE_SYSTEM = {"lost+found"}


class Home:
    """A prepared home folder, from ``Home.open`` (locked, for `up`) or ``Home.attach`` (to read ports and secrets)."""

    def __init__(self, path: Path, lock_fd: int | None = None) -> None:
        self.path = path
        self.postgres = path / "postgres"
        self.nats = path / "nats"
        self.log = path / "log"
        self.run = path / "run"
        self.secrets = path / "secrets"
        self.bin = path / "bin"
        self._lock_fd = lock_fd

    @staticmethod
    def resolve(path: Path | str | None = None) -> Path:
        """``path``, else NIGHTBUS_HOME, else /var/lib/nightbus for root, else the platform's data folder.

        Raises:
            UserError: this user has no home folder.
        """
        chosen = str(path) if path else os.environ.get("NIGHTBUS_HOME")
        return Path(chosen).expanduser().resolve() if chosen else Home.default()

    @staticmethod
    def default() -> Path:
        """/var/lib/nightbus for root, else the platform's data folder.

        Raises:
            UserError: this user has no home folder.
        """
        if os.geteuid() == 0:
            return Path("/var/lib/nightbus")
        data_home = os.environ.get("XDG_DATA_HOME", "")
        # A relative XDG_DATA_HOME is to be ignored (XDG Base Directory Specification, 0.8).
        if data_home.startswith("/") and sys.platform != "darwin":
            return Path(data_home) / "nightbus"
        try:
            own = Path.home()
        except RuntimeError:  # no HOME, and no entry in the system's list of users
            raise UserError("This user has no home folder: name a folder for Nightbus with --home.") from None
        if sys.platform == "darwin":
            return own / "Library" / "Application Support" / "nightbus"
        return own / ".local" / "share" / "nightbus"

    @staticmethod
    def words(path: Path) -> tuple[str, ...]:
        """What a command needs to find the home: ``--home`` and its folder, or nothing where it is the default one."""
        try:
            found_without = not os.environ.get("NIGHTBUS_HOME") and path == Home.default()
        except UserError:  # there is no default
            found_without = False
        return () if found_without else ("--home", str(path))

    @classmethod
    def open(cls, path: Path | str | None = None) -> Self:
        """Create or continue a home and lock it for this process.

        Raises:
            UserError: it belongs to someone else, holds other files, cannot be made, or another `up` uses it.
        """
        folder = cls.resolve(path)
        servers_mode = _OPEN_MODE if os.geteuid() == 0 else _CLOSED_MODE
        try:
            folder.mkdir(mode=_OPEN_MODE, parents=True, exist_ok=True)
            _take_over(folder)
            home = cls(folder, _lock(folder))
            with home._released_on_error():
                for name in _PASSED_BY_OTHERS:
                    _own_folder(folder / name, servers_mode)
                for name in _CLOSED:
                    _own_folder(folder / name, _CLOSED_MODE)
                folder.chmod(_OPEN_MODE)  # last: what it holds is closed by now
        except OSError as error:
            raise UserError(f"The home {folder} cannot be used: {error.strerror} ({error.filename}).") from error
        return home

    @classmethod
    def attach(cls, path: Path | str | None = None) -> Self:
        """An existing home without its lock, for commands beside a running `up`.

        Raises:
            UserError: there is none.
        """
        folder = cls.resolve(path)
        if not os.path.exists(folder / LOCK_FILE):  # noqa: PTH110 - a Path raises for a name that is too long
            raise UserError(f"There is no Nightbus home in {folder}: `nightbus up` makes one, --home names another.")
        return cls(folder)

    def close(self) -> None:
        """Give the lock back; the folder can be opened again."""
        if self._lock_fd is not None:
            _sign(self._lock_fd, "")
            os.close(self._lock_fd)
            self._lock_fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def holder(self) -> int | None:
        """The process id of the `up` that runs here; None where none does."""
        try:
            pid = int((self.path / LOCK_FILE).read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):  # no lock, an emptied one, or one whose holder was killed
            return None
        return pid

    def secret(self, name: str) -> str:
        """The random password of ``name`` (a role, a user), made once: 32 characters of A-Z a-z 0-9 - _."""
        return password_in(self.secrets, name)

    def ports(self) -> dict[str, int]:
        """The ports of the servers by name, as last chosen; empty before the first start."""
        kept = kept_json(self.run / "ports.json")
        return {name: port for name, port in kept.items() if isinstance(port, int) and 0 < port < 2**16}

    def port(self, name: str, wanted: int = 0) -> int:
        """A loopback port for ``name`` that is free now: ``wanted``, else the one kept from before, else a new one.

        Raises:
            UserError: ``wanted`` is taken.
        """
        kept = self.ports()
        if wanted and not port_is_free(wanted):
            raise UserError(f"Port {wanted} for {name} is in use by another program: choose another, or none.")
        port = wanted or kept.get(name, 0)
        others = {number for other, number in kept.items() if other != name}
        if not port or port in others or not port_is_free(port):
            free = (p for p in _candidates() if p not in others and port_is_free(p))
            port = next(free)
        if kept.get(name) != port:
            write_durably(self.run / "ports.json", json.dumps(kept | {name: port}, indent=1) + "\n", mode=0o600)
        return port

    @contextlib.contextmanager
    def _released_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


def password_in(folder: Path, name: str) -> str:
    """The password that a folder keeps under a name, made once: 32 characters of A-Z a-z 0-9 - _.

    Raises:
        UserError: its file is empty.
    """
    if not _SECRET_NAME.fullmatch(name):
        raise ValueError(f"not a name for a secret: {name!r}")
    file = folder / name
    if not file.exists():
        return new_password_in(folder, name)
    password = file.read_text().strip()
    if not password:
        raise UserError(f"{file} is empty: restore it from a copy of the home.")
    return password


def new_password_in(folder: Path, name: str) -> str:
    """Make a password under a name, in place of the one that is there; who reads the file finds the one or the other.

    A folder that is made for it, and the file, are closed to others.
    """
    folder.mkdir(mode=_CLOSED_MODE, parents=True, exist_ok=True)
    password = secrets.token_urlsafe(_SECRET_BYTES)
    write_durably(folder / name, password + "\n", mode=0o600)
    return password


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def write_durably(file: Path, text: str, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Replace ``file`` by ``text`` so that a crash leaves the old or the new one; ``owner`` is (uid, gid), for root."""
    fd, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(fd, "w") as handle:
            handle.write(text)
            if owner is not None:
                os.fchown(handle.fileno(), *owner)
            os.fchmod(handle.fileno(), mode)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def kept_json(file: Path) -> dict[str, Any]:
    """What a small file of ours holds; nothing where it is missing, empty or damaged: then it is made anew."""
    try:
        kept = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        from shared.logging import get_logger  # the command line reads ports here, and needs no log for that

        get_logger(__name__).warning("a file of the home is damaged and made anew", file=str(file), reason=str(error))
        return {}
    return kept if isinstance(kept, dict) else {}


def sync_folder(folder: Path) -> None:
    """Make renames within ``folder`` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _candidates() -> Iterator[int]:
    draw = SystemRandom()
    for _ in range(1_000):
        yield draw.choice(PORT_RANGE)
    raise UserError(f"No free port was found on {LOOPBACK} between {PORT_RANGE.start} and {PORT_RANGE.stop - 1}.")


def closed_above(folder: Path) -> Path | None:
    """The folder above this one that others may not enter, if there is one: then they reach nothing in it either."""
    return next((above for above in folder.parents if not above.stat().st_mode & stat.S_IXOTH), None)


def _take_over(folder: Path) -> None:
    """Check that ``folder`` is ours and holds nothing else."""
    if not folder.is_dir():
        raise UserError(f"The home {folder} is not a folder.")
    facts = folder.stat()
    if facts.st_uid != os.geteuid():
        raise UserError(
            f"The home {folder} belongs to the user with id {facts.st_uid}: run as that user, or choose another --home."
        )
    foreign = {entry.name for entry in folder.iterdir()} - _BELONGS_TO_THE_FILE_SYSTEM
    if foreign and LOCK_FILE not in foreign:
        raise UserError(f"{folder} holds other files ({min(foreign)}): give --home a folder of its own.")


def _own_folder(folder: Path, mode: int) -> None:
    folder.mkdir(mode=mode, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise UserError(f"{folder} is not a plain folder of this user; Nightbus does not change it.")
    if folder.stat().st_mode & 0o777 != mode:
        folder.chmod(mode)


def _lock(folder: Path) -> int:
    fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        raise UserError(
            f"The home {folder} is in use by another `nightbus up`, process {holder}: "
            "stop that one, or choose another --home."
        ) from None
    os.fchmod(fd, 0o600)
    _sign(fd, str(os.getpid()))
    return fd


def _sign(fd: int, holder: str) -> None:
    """Write who holds the lock. Always over the same bytes, which takes no room on a full disk but the first time."""
    try:
        os.pwrite(fd, f"{holder:<{_LOCK_CHARS}}\n".encode(), 0)
    except OSError as error:
        from shared.library.room import NO_SPACE

        if error.errno not in NO_SPACE:  # the lock itself needs no room
            raise
