"""NATS with JetStream under the home: on loopback, a user and its rights for each service, every write synced to disk.

An earlier server of this home that still runs is stopped first: two on one store would ruin it. A store from which the
server does not start, or of which it does not serve all, is damaged: it is kept aside and made anew (``jetstream``).
"""

import asyncio
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from services.descriptions import SERVICES
from services.standalone.accounts import Account, service_account
from services.standalone.binaries import provide_binaries
from services.standalone.home import LOOPBACK, Home, kept_json, port_is_free, write_durably
from services.standalone.jetstream import (
    WHOLE_STORE,
    Part,
    Standstill,
    linked,
    not_served,
    put_back,
    set_aside,
    what_was_done,
)
from services.standalone.jetstream_move import left_behind, move_streams
from services.standalone.logfile import LogFile
from services.standalone.logins import logins, quoted, subscribers_told
from services.standalone.monitoring import Monitor
from services.standalone.process import (
    LineSink,
    ManagedProcess,
    ProcessFailed,
    end_processes,
    find_processes,
)
from services.standalone.reading import LOOK_EVERY_S, Reading
from services.standalone.room import full_disk
from shared.bus.rights import User, users_of
from shared.errors import UserError
from shared.logging import get_logger

log = get_logger(__name__)

ONE_FOR_ALL = "nats"
"""File of the password that all had in earlier versions."""
PORT_NAME, MONITOR_PORT_NAME = "nats", "nats_monitor"
MAX_PAYLOAD_BYTES = 1024 * 1024
MAX_MEMORY_STORE_BYTES = 64 * 1024 * 1024
FREE_DISK_SHARE = 0.2
MOST_FILE_STORE_BYTES = 10 * 1024**3
LEAST_FILE_STORE_BYTES = 64 * 1024**2
START_TIMEOUT_S = 30.0
"""Longest that a server may take to start without getting on."""
_NOT_RECOVERED = b"could not be recovered"
USERS = users_of(SERVICES)
FORGIVEN_S = 600.0
"""A stream that stands still is helped by starting the server again, unless that was tried this long ago or less."""
_STARTS_WITH_NEW_PORT = 3
RELOADED_WITHIN_S = 10.0
_LOOK_AGAIN_S = 0.05
_GO_RUNTIME = {"GOGC": "400", "GOMEMLIMIT": "256MiB"}
"""The heap is small: collecting it less often costs some 20 MB and saves processor time under load."""


class EmbeddedNats:
    """The message server of one home. ``port`` 0 keeps or chooses a free one; ``users`` are those who may log in.

    Output goes to log/nats.log, or to ``log_line``. As root it runs as ``account_name`` (``nobody``).
    """

    def __init__(
        self,
        home: Home,
        port: int = 0,
        *,
        users: Sequence[User] = USERS,
        max_payload_bytes: int = MAX_PAYLOAD_BYTES,
        account_name: str | None = None,
        log_line: LineSink | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self._home = home
        self._wanted_port = port
        self._users = tuple(users)
        self._max_payload_bytes = max_payload_bytes
        self._account_name = account_name
        self._output: LogFile | LineSink = log_line or LogFile(home.log / "nats.log")
        self._start_timeout_s = start_timeout_s
        self._process: ManagedProcess | None = None
        self._is_up = False  # takes clients and signals: before, the process is still that of our own launcher
        self._configuration = home.nats / "server.conf"
        self.port = port
        self.monitor_port = 0
        self.store = home.nats / "store"
        self._before = home.nats / "before-start"
        self._standstill = Standstill()
        self._still: list[Part] = []
        self._restarted_for: dict[Part, float] = {}
        self._damaged: list[Part] = []
        self._subscribers: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Start the server; returns when it takes clients and its streams are recovered.

        Raises:
            UserError: the home, the account or the port do not fit; one sentence says how.
            ProcessFailed: the server does not come up; the end of its log is in the message.
        """
        if self.running:
            raise RuntimeError("nats is running")
        if self._process is not None:
            await self._process.stop()
        account = service_account(self._account_name)
        server = (await asyncio.to_thread(provide_binaries, self._home.bin, account)).nats_server
        await self._end_earlier(account)
        self._make_store(account)
        self._standstill = Standstill()
        if self._damaged:
            damaged, self._damaged = self._damaged, []
            self._set_aside(damaged, "a stream stood still, also after a new start", account)
        if left := left_behind(self.store):
            self._set_aside(left, "an earlier version has begun anew beside it", account)
        move_streams(self.store)
        await asyncio.to_thread(linked, self.store, self._before)
        try:
            await self._launch_twice(server, account)
        except ProcessFailed as error:
            await self._start_without_store(error, server, account)
        if lost := not_served(self._before, await self._monitor.served()):
            await self.stop()
            self._set_aside(lost, "the server does not serve all of it", account)
            await self._launch_on_free_ports(server, account)
        await asyncio.to_thread(shutil.rmtree, self._before)

    async def _launch_twice(self, server: Path, account: Account | None) -> None:
        """Launch; again where the server ended by itself, since what troubled it may have been passing."""
        try:
            await self._launch_on_free_ports(server, account)
        except ProcessFailed as error:
            if error.exit_code is None or error.exit_code < 0:
                raise
            await self._launch_on_free_ports(server, account)

    async def _launch_on_free_ports(self, server: Path, account: Account | None) -> None:
        for attempt in range(_STARTS_WITH_NEW_PORT):
            self.port = self._home.port(PORT_NAME, self._wanted_port)
            self.monitor_port = self._home.port(MONITOR_PORT_NAME)
            try:
                await self._launch(server, account)
            except ProcessFailed:
                # Someone may have taken a port between the look and the start.
                both_free = port_is_free(self.port) and port_is_free(self.monitor_port)
                if both_free or attempt == _STARTS_WITH_NEW_PORT - 1:
                    raise
            else:
                return

    async def _start_without_store(self, error: ProcessFailed, server: Path, account: Account | None) -> None:
        """After a failed start: see whether the server starts on an empty store, so that its own is to blame.

        Raises:
            ProcessFailed: it does not, and the store is as it was; or the server was killed, or its disk is full, so
                that nobody can tell.
        """
        killed = error.exit_code is not None and error.exit_code < 0
        if killed or full_disk(self._home.path) or not any(self.store.iterdir()):
            raise error
        folder = set_aside(self._home.nats, self.store, self._before, [WHOLE_STORE])
        self._make_store(account)
        try:
            await self._launch_on_free_ports(server, account)
        except ProcessFailed:
            shutil.rmtree(self.store)
            put_back(folder, self.store)
            raise error from None
        self._before.rename(folder / "before")
        self._before.mkdir()
        log.error(what_was_done([WHOLE_STORE], str(error), folder))

    def _set_aside(self, parts: list[Part], reason: str, account: Account | None) -> None:
        folder = set_aside(self._home.nats, self.store, self._before, parts)
        self._make_store(account)
        log.error(what_was_done(parts, reason, folder))

    async def stop(self) -> None:
        """End the server; JetStream closes its store."""
        if self._process is not None:
            await self._process.stop((signal.SIGTERM, 15.0))
            self._process = None
        await self._end_earlier(service_account(self._account_name))
        (self._home.run / "nats.pid").unlink(missing_ok=True)

    async def wait(self) -> int:
        """Wait until the server ends, for whatever reason; its exit code. ``start`` may be called again then."""
        if self._process is None:
            raise RuntimeError("nats was not started")
        return await self._process.wait()

    async def kill(self) -> None:
        """End the server at once. A stream that stands still again is kept aside at the next start."""
        now = time.monotonic()
        self._damaged = [part for part in self._still if now - self._restarted_for.get(part, -FORGIVEN_S) < FORGIVEN_S]
        self._restarted_for.update(dict.fromkeys(self._still, now))
        self._still = []
        if self._process is not None:
            await self._process.kill()

    async def reload(self) -> bool:
        """Have the running server take who may log in now; whether that differs. Streams and other logins go on.

        A new account is reached by its imports once the server was told twice (docs/adr/0037).
        """
        if not self._is_up or not self.running:
            return False
        before, known = await self._monitor.configured_at(), self._subscribers
        if not await asyncio.to_thread(self._write_configuration, service_account(self._account_name)):
            return False
        self._hang_up()
        if self._subscribers - known:
            await self._until_configured(before)
            self._hang_up()
        return True

    def _hang_up(self) -> None:
        if (pid := self.pid) is not None and self.running:
            os.kill(pid, signal.SIGHUP)

    async def _until_configured(self, before: str | None) -> None:
        """Wait until the server has read its configuration again."""
        deadline = time.monotonic() + RELOADED_WITHIN_S
        while self.running and await self._monitor.configured_at() in (before, None):
            if time.monotonic() > deadline:
                log.warning("nats did not take who may log in now; its own lines say why")
                return
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def ailment(self) -> str | None:
        """What is wrong with the running server, as the end of a sentence; None when it works."""
        self._still = []
        health = await self._monitor.page("/healthz")
        if health is None or not await self._monitor.greets():
            return "does not answer"
        if not health[0]:
            return f"says: {json.loads(health[1]).get('error')}"
        self._still = self._standstill.look(await self._monitor.served())
        if self._still:
            return f"delivers nothing of {', '.join(map(str, self._still))}, though messages and readers wait"
        return None

    @property
    def _monitor(self) -> Monitor:
        return Monitor(self.port, self.monitor_port)

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self._process.pid if self._process else None

    def url_as(self, user: str) -> str:
        """The address for a user, with its password."""
        return f"nats://{user}:{self._home.secret(f'nats-{user}')}@{LOOPBACK}:{self.port}"

    @property
    def monitor_url(self) -> str:
        """The monitoring pages (/healthz, /jsz, /varz), readable from this machine."""
        return f"http://{LOOPBACK}:{self.monitor_port}"

    def max_file_store_bytes(self) -> int:
        """What JetStream may write: a fifth of the disk that is free at the first start, 64 MiB to 10 GiB, then kept.

        Kept, because a server whose limit fell below what its streams reserve does not recover them. Where the note
        is lost, the configuration of the last start says it.
        """
        limits = self._home.nats / "limits.json"
        for kept in (kept_json(limits).get("max_file_store_bytes"), self._last_limit()):
            if isinstance(kept, int) and LEAST_FILE_STORE_BYTES <= kept <= MOST_FILE_STORE_BYTES:
                return kept
        free_bytes = shutil.disk_usage(self._home.nats).free
        chosen = int(min(MOST_FILE_STORE_BYTES, max(LEAST_FILE_STORE_BYTES, free_bytes * FREE_DISK_SHARE)))
        write_durably(limits, json.dumps({"max_file_store_bytes": chosen}) + "\n", mode=0o600)
        return chosen

    def _last_limit(self) -> int | None:
        try:
            found = re.search(
                r"max_file_store: (\d{1,20})$", self._configuration.read_text(errors="replace"), re.MULTILINE
            )
        except FileNotFoundError:
            return None
        return int(found[1]) if found else None

    def _make_store(self, account: Account | None) -> None:
        uid = account.uid if account else os.geteuid()
        if not self.store.exists():
            self.store.mkdir(mode=0o700)
            if account is not None:
                os.chown(self.store, account.uid, account.gid)
        owner = self.store.stat().st_uid
        if owner != uid:
            name = account.name if account else "the caller"
            raise UserError(f"{self.store} belongs to the user with id {owner}, but {name} (id {uid}) runs NATS.")
        if account is not None:
            closed = account.first_denied([*reversed(self.store.parents), self.store], os.X_OK)
            if closed is not None:
                raise UserError(f"{closed} is closed to the account {account.name}, which runs NATS.")

    async def _launch(self, server: Path, account: Account | None) -> None:
        self._is_up = False
        self._write_configuration(account)
        argv: list[str | Path] = [server, "--config", self._configuration]
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", **_GO_RUNTIME}
        self._process = ManagedProcess("nats", argv, self._output, account=account, env=env, cwd=Path("/"))
        try:
            await self._process.start()
            write_durably(self._home.run / "nats.pid", f"{self._process.pid}\n", mode=0o600)
            await self._until_ready(self._process)
        except BaseException:
            await self.stop()
            raise
        self._is_up = True
        await self.reload()  # a password may have changed since the configuration was written, while it took no signals

    async def _until_ready(self, process: ManagedProcess) -> None:
        """Wait until the server takes clients, which it does once it has read its store.

        Raises:
            ProcessFailed: it ended, or does not get on.
        """
        reading = await asyncio.to_thread(Reading, self.store, self._start_timeout_s)
        while True:
            try:
                await process.wait_ready(self._is_ready, LOOK_EVERY_S)
            except ProcessFailed as error:
                if not process.running:
                    raise
                if (reason := reading.standstill(process.pid or 0)) is not None:
                    raise ProcessFailed(f"nats {reason}{process.said()}") from error
            else:
                return

    async def _is_ready(self) -> bool:
        """Whether it takes clients; streams that it could not recover are seen to afterwards."""
        health = await self._monitor.page("/healthz")
        return health is not None and (health[0] or _NOT_RECOVERED in health[1]) and await self._monitor.greets()

    async def _end_earlier(self, account: Account | None) -> None:
        uid = account.uid if account else os.geteuid()

        def servers() -> set[int]:
            return find_processes(uid, lambda words: words[1:3] == ["--config", str(self._configuration)])

        await end_processes(servers, [(signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)])

    def _write_configuration(self, account: Account | None) -> bool:
        """Write the configuration; whether it differs from the one before."""
        (self._home.secrets / ONE_FOR_ALL).unlink(missing_ok=True)
        text = f"""# Written at each start, and when a password changes.
server_name: nightbus
listen: "{LOOPBACK}:{self.port}"
http: "{LOOPBACK}:{self.monitor_port}"
max_payload: {self._max_payload_bytes}
{logins(self._home.secrets, self._users)}jetstream {{
  store_dir: {quoted(str(self.store))}
  max_memory_store: {MAX_MEMORY_STORE_BYTES}
  max_file_store: {self.max_file_store_bytes()}
  # Without it an acknowledged message waits up to two minutes for the disk.
  sync_interval: always
}}
"""
        self._subscribers = subscribers_told(text)
        differs = not self._configuration.exists() or self._configuration.read_text() != text
        owner = (account.uid, account.gid) if account else None
        write_durably(self._configuration, text, mode=0o600, owner=owner)
        return differs
