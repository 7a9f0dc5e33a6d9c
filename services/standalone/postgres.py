"""PostgreSQL 18 under the home: made once, started on loopback, stopped in order, continued after any crash.

Access: one superuser with a random password, scram-sha-256 on TCP and on the socket, and no other rule; the rules
(pg_hba.conf) and the settings are written anew at each start, outside the data folder.

An earlier postmaster of this data folder that still runs (only its supervisor was killed) is not adopted but stopped:
its supervisor's death has already asked it for a fast shutdown. Backends whose postmaster was killed end by themselves;
they are waited for, and only then are the lock files removed, since PostgreSQL would refuse to start when their
process id has meanwhile gone to another program (common in containers).
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg

from services.standalone.accounts import Account, service_account
from services.standalone.binaries import POSTGRES_MAJOR, Binaries, provide_binaries
from services.standalone.home import LOOPBACK, Home, port_is_free, sync_folder, write_durably
from services.standalone.process import (
    ANSWER_TIMEOUT_S,
    LineSink,
    LogFile,
    ManagedProcess,
    ProcessFailed,
    end_processes,
    find_processes,
)
from shared.errors import UserError

SUPERUSER = "nightbus_admin"
PORT_NAME = "postgres"
# For a machine that also serves files: small, durable, and few writes. Sizes are for up to some millions of frames.
NAS_SETTINGS: Mapping[str, str] = {
    "max_connections": "80",
    "reserved_connections": "45",  # for services; the limits of those who read (shared/db/roles.py) fit into the rest
    "shared_buffers": "128MB",
    "huge_pages": "off",
    "io_method": "worker",  # io_uring is refused by the system call filter of common containers
    "io_workers": "2",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "autovacuum": "on",
    "max_logical_replication_workers": "0",  # nothing replicates: one process less
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
START_TIMEOUT_S = 60.0
LONGEST_START_S = 900.0
"""A server that says that it recovers is waited for: it replays at most max_wal_size."""
_INITDB_TIMEOUT_S = 120.0
# sun_path holds 108 bytes (unix(7)); the name of the socket and of its lock take up to 21.
_LONGEST_SOCKET_FOLDER = 85
_STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_STARTS_WITH_NEW_PORT = 3
_LENT_NAME = ("LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP")
"""By which nss_wrapper answers who a user is."""


class EmbeddedPostgres:
    """The database server of one home. ``port`` 0 keeps or chooses a free one; ``settings`` go over NAS_SETTINGS.

    Output goes to log/postgres.log, or to ``log_line``. As root it runs as ``account_name`` (``nobody``).
    """

    def __init__(
        self,
        home: Home,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        *,
        account_name: str | None = None,
        log_line: LineSink | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self._home = home
        self._wanted_port = port
        self._settings = {**NAS_SETTINGS, **(settings or {})}
        self._account_name = account_name
        self._output: LogFile | LineSink = log_line or LogFile(home.log / "postgres.log")
        self._start_timeout_s = start_timeout_s
        self._process: ManagedProcess | None = None
        self._recovers = False
        self.port = port
        self.data = home.postgres / "data"
        self.socket_folder = home.run / "pg"
        # Part of the title of every backend, by which those of this home are told from others.
        self._cluster = f"nightbus-{hashlib.sha256(os.fsencode(self.data)).hexdigest()[:8]}"

    async def start(self) -> None:
        """Start the server, making the cluster at the first time; returns when it answers a query.

        Raises:
            UserError: the home, the account or the data do not fit; one sentence says how.
            ProcessFailed: the server does not come up; the end of its log is in the message.
        """
        if self.running:
            raise RuntimeError("postgres is running")
        if self._process is not None:
            await self._process.stop()
        account = service_account(self._account_name)
        binaries = await asyncio.to_thread(self._prepare, account)
        await self._end_earlier(account)
        if not self.data.exists():
            await self._initdb(binaries, account)
        self._check_data(account)
        for attempt in range(_STARTS_WITH_NEW_PORT):
            self.port = self._home.port(PORT_NAME, self._wanted_port)
            try:
                await self._launch(binaries, account)
            except ProcessFailed:
                # Someone may have taken the port between the look and the start.
                if self._wanted_port or port_is_free(self.port) or attempt == _STARTS_WITH_NEW_PORT - 1:
                    raise
            else:
                return

    async def stop(self, mode: str = "fast") -> None:
        """End the server: ``fast`` rolls back what is open, ``smart`` waits for clients, ``immediate`` is a crash."""
        steps = [(_STOP_SIGNALS[mode], 30.0), (signal.SIGQUIT, 5.0)]
        if self._process is not None:
            await self._process.stop(*steps)
            self._process = None
        await self._end_earlier(service_account(self._account_name))
        self._remove_socket_folder()
        (self._home.run / "postgres.pid").unlink(missing_ok=True)

    async def wait(self) -> int:
        """Wait until the server ends, for whatever reason; its exit code. ``start`` may be called again then."""
        if self._process is None:
            raise RuntimeError("postgres was not started")
        return await self._process.wait()

    async def kill(self) -> None:
        """End the postmaster at once; its backends notice and end too."""
        if self._process is not None:
            await self._process.kill()

    async def ailment(self) -> str | None:
        """What is wrong with the running server, as the end of a sentence; None when it answers, whatever it says."""
        try:
            return None if await self._answers() or self._recovers else "does not answer"
        except (asyncpg.PostgresError, UserError):  # that it has no connection left, for instance, is an answer
            return None

    @property
    def running(self) -> bool:
        """Whether the postmaster runs."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int | None:
        """The postmaster's process id."""
        return self._process.pid if self._process else None

    @property
    def admin_dsn(self) -> str:
        """The superuser's address, database ``postgres``, over TCP."""
        return self.dsn(SUPERUSER, "postgres")

    def dsn(self, role: str, database: str) -> str:
        """The address for ``role`` with its password from the home's secrets, over TCP on loopback."""
        password = quote(self._home.secret(role), safe="")
        return f"postgresql://{quote(role, safe='')}:{password}@{LOOPBACK}:{self.port}/{quote(database, safe='')}"

    def _prepare(self, account: Account | None) -> Binaries:
        """In a thread: it may copy the binaries."""
        if account is not None:
            closed = account.first_denied([*reversed(self.data.parent.parents), self.data.parent], os.X_OK)
            if closed is not None:
                raise UserError(
                    f"{closed} is closed to the account {account.name}, which runs PostgreSQL: choose a --home outside "
                    "it, for instance /var/lib/nightbus."
                )
        return provide_binaries(self._home.bin, account)

    def _check_data(self, account: Account | None) -> None:
        owner = self.data.stat().st_uid
        expected = account.uid if account else os.geteuid()
        if owner != expected:
            name = account.name if account else "the caller"
            raise UserError(
                f"{self.data} belongs to the user with id {owner}, but {name} (id {expected}) runs PostgreSQL."
            )
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != str(POSTGRES_MAJOR):
            raise UserError(f"{self.data} was made by PostgreSQL {version}, and {POSTGRES_MAJOR} is installed.")

    async def _initdb(self, binaries: Binaries, account: Account | None) -> None:
        """Make the cluster in a folder that gets its name when complete: a crash in between leaves none."""
        for unfinished in self._home.postgres.glob("initdb-*"):
            shutil.rmtree(unfinished)
        staging = Path(tempfile.mkdtemp(dir=self._home.postgres, prefix="initdb-"))
        data, password = staging / "data", staging / "password"
        data.mkdir(mode=0o700)
        owner = (account.uid, account.gid) if account else None
        write_durably(password, self._home.secret(SUPERUSER) + "\n", mode=0o600, owner=owner)
        if owner is not None:
            os.chown(data, *owner)
            staging.chmod(0o711)
        argv: list[str | Path] = [
            binaries.postgres_bin / "initdb",
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
        ]
        log = LogFile(self._home.log / "initdb.log")
        process = ManagedProcess(
            "initdb", argv, log, account=account, env=_clean_environment(), cwd=Path("/"), death_signal=signal.SIGKILL
        )
        await process.start()
        try:
            async with asyncio.timeout(_INITDB_TIMEOUT_S):
                code = await process.wait()
            if code != 0:
                raise ProcessFailed(f"initdb ended with code {code}: {' | '.join(log.tail())}")
            data.replace(self.data)
            sync_folder(self._home.postgres)
        finally:
            await process.stop()
            shutil.rmtree(staging)

    async def _launch(self, binaries: Binaries, account: Account | None) -> None:
        self._make_socket_folder(account)
        configuration = self._write_configuration(binaries, account)
        argv: list[str | Path] = [
            binaries.postgres_bin / "postgres",
            "-D",
            self.data,
            "-c",
            f"config_file={configuration}",
        ]
        # A fast shutdown is also what the supervisor's own death asks for.
        self._process = ManagedProcess(
            "postgres",
            argv,
            self._output,
            account=account,
            env=_clean_environment(),
            cwd=Path("/"),
            death_signal=signal.SIGINT,
        )
        try:
            await self._process.start()
            write_durably(self._home.run / "postgres.pid", f"{self._process.pid}\n", mode=0o600)
            await self._until_ready(self._process)
        except BaseException:
            await self.stop("immediate")
            raise

    async def _until_ready(self, process: ManagedProcess) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LONGEST_START_S
        while True:
            try:
                await process.wait_ready(self._answers, self._start_timeout_s)
            except ProcessFailed:
                if not (process.running and self._recovers and loop.time() < deadline):
                    raise
            else:
                return

    async def _answers(self) -> bool:
        """Whether the server answers a query on its socket, which cannot be someone else's as a port can."""
        self._recovers = False
        try:
            connection = await asyncpg.connect(
                host=str(self.socket_folder),
                port=self.port,
                user=SUPERUSER,
                password=self._home.secret(SUPERUSER),
                database="postgres",
                timeout=ANSWER_TIMEOUT_S,
            )
        except asyncpg.CannotConnectNowError:
            self._recovers = True
            return False
        except (OSError, TimeoutError, asyncpg.PostgresConnectionError):
            return False
        except asyncpg.InvalidPasswordError as error:
            raise UserError(
                f"The password in {self._home.secrets / SUPERUSER} does not open {self.data}: "
                "the two come from different homes."
            ) from error
        try:
            return bool(await connection.fetchval("SELECT NOT pg_is_in_recovery()", timeout=ANSWER_TIMEOUT_S))
        except TimeoutError:
            return False
        finally:
            with contextlib.suppress(TimeoutError):
                await connection.close(timeout=ANSWER_TIMEOUT_S)

    async def _end_earlier(self, account: Account | None) -> None:
        """See the module's docstring. Afterwards no process uses the data folder, and no lock file is left."""
        uid = account.uid if account else os.geteuid()

        def postmasters() -> set[int]:
            return find_processes(uid, lambda words: words[1:3] == ["-D", str(self.data)])

        def all_of_them() -> set[int]:
            title = f"postgres: {self._cluster}: "
            return postmasters() | find_processes(uid, lambda words: words[0].startswith(title))

        await end_processes(postmasters, [(signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)])
        await end_processes(all_of_them, [(0, 2.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)])
        if Path("/proc/self").exists():
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            for leftover in self.socket_folder.glob(".s.PGSQL.*"):
                leftover.unlink()

    def _make_socket_folder(self, account: Account | None) -> None:
        note = self._home.run / "socket_folder"
        if len(os.fsencode(self._home.run / "pg")) <= _LONGEST_SOCKET_FOLDER:
            self.socket_folder = self._home.run / "pg"
            self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        else:
            self._remove_socket_folder()
            self.socket_folder = Path(tempfile.mkdtemp(prefix="nightbus-"))
            write_durably(note, f"{self.socket_folder}\n", mode=0o600)
        if account is not None:
            os.chown(self.socket_folder, account.uid, account.gid, follow_symlinks=False)

    def _remove_socket_folder(self) -> None:
        """Remove the temporary folder of a home with a long path; the name was noted by this or an earlier start."""
        note = self._home.run / "socket_folder"
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(note.read_text().strip())
        note.unlink(missing_ok=True)

    def _write_configuration(self, binaries: Binaries, account: Account | None) -> Path:
        rules, configuration = self._home.postgres / "pg_hba.conf", self._home.postgres / "nightbus.conf"
        owner = (account.uid, account.gid) if account else None
        write_durably(
            rules,
            "# Written at each start. Every login needs its password.\n"
            "local all all scram-sha-256\n"
            f"host all all {LOOPBACK}/32 scram-sha-256\n",
            mode=0o600,
            owner=owner,
        )
        fixed = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "hba_file": str(rules),
            "cluster_name": self._cluster,
            # Not pglz: 100 us a page, and pages of an index of hashes hardly shrink. Among a million files it
            # was half of what a new one cost, for a twentieth less to write.
            "wal_compression": "lz4" if _has_lz4(binaries) else "off",
        }
        lines = [f"include {_quoted(str(self.data / 'postgresql.conf'))}  # what initdb found out about this machine"]
        lines += [f"{name} = {_quoted(value)}" for name, value in {**fixed, **self._settings}.items()]
        text = "# Written at each start; ALTER SYSTEM is kept and wins.\n" + "\n".join(lines) + "\n"
        write_durably(configuration, text, mode=0o600, owner=owner)
        return configuration


def _has_lz4(binaries: Binaries) -> bool:
    command = [str(binaries.postgres_bin / "pg_config"), "--configure"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=_clean_environment())  # noqa: S603
    return "--with-lz4" in done.stdout


def _quoted(value: str) -> str:
    """A value for postgresql.conf ("Setting Parameters" in the PostgreSQL manual)."""
    if "\n" in value:
        raise UserError(f"a setting of PostgreSQL cannot hold a line break: {value!r}")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _clean_environment() -> dict[str, str]:
    """Nothing of the caller's PG* variables, library paths or locale reaches the server.

    But where a container lends its user a name (deploy/docker/entrypoint.sh): initdb works for no user without one.
    """
    names = {name: os.environ[name] for name in _LENT_NAME if name in os.environ}
    lent = names if len(names) == len(_LENT_NAME) else {}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **lent}
