"""Three NATS servers on loopback that form a cluster, configured as in Kubernetes; any of them may be lost.

Each runs from deploy/k8s/overlays/cloud/nats.conf, with ports, folders and routes of this machine in place of those of
pods, and without TLS, whose certificates are for the names of pods.
"""

import asyncio
import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from services.standalone.binaries import installed_binaries
from shared.bus.accounts import accounts
from shared.bus.rights import User
from tests.moto_server import free_port

CONFIGURATION = Path(__file__).resolve().parents[1] / "deploy" / "k8s" / "overlays" / "cloud" / "nats.conf"
SIZE = 3
START_S = 60.0
FILE_STORE_BYTES = 2 * 1024**3
"""What Stack asks of the disk; far below what the configuration allows."""
TLS = re.compile(r"^ *tls \{[^}]*\}\n", re.MULTILINE)
_ROUTES = re.compile(r"routes: \[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one server listens."""

    client: int
    monitor: int
    cluster: int


class NatsCluster:
    """The servers nats-0, nats-1 and nats-2. To a ``Stack`` it is its NATS, which runs while any of them does."""

    def __init__(self, folder: Path, users: Sequence[User], password_of: Callable[[str], str]) -> None:
        self._folder = folder
        self._ports = [Ports(free_port(), free_port(), free_port()) for _ in range(SIZE)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        logins = accounts(users, (), lambda user: f'"{password_of(user)}"')
        for number in range(SIZE):
            place = self._place(number)
            (place / "store").mkdir(parents=True)
            (place / "nats.conf").write_text(self._configuration(number))
            (place / "nats-users.conf").write_text(logins)

    @property
    def url(self) -> str:
        """The addresses of all servers, as the setting nats.url has them."""
        return ",".join(f"nats://127.0.0.1:{ports.client}" for ports in self._ports)

    @property
    def port(self) -> int:
        """Where the first server listens."""
        return self._ports[0].client

    @property
    def running(self) -> bool:
        """Whether any server runs."""
        return bool(self._processes)

    @property
    def pid(self) -> int | None:
        """None: it is no single process."""
        return None

    def max_file_store_bytes(self) -> int:
        """What JetStream may write on each server."""
        return FILE_STORE_BYTES

    async def start(self) -> None:
        """Start all servers that do not run; returns when each is ready."""
        for number in range(SIZE):
            self.begin(number)
        await self.until_ready()

    async def stop(self) -> None:
        """End all servers in order."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            await asyncio.to_thread(process.wait, 30)
        self._processes.clear()

    def begin(self, number: int) -> None:
        """Start one server, if it does not run; it is not waited for."""
        if number in self._processes:
            return
        place = self._place(number)
        command = [str(installed_binaries().nats_server), "--config", str(place / "nats.conf")]
        with (place / "log").open("ab") as log:
            self._processes[number] = subprocess.Popen(
                command, env={**os.environ, "POD_NAME": f"nats-{number}"}, stdout=log, stderr=log
            )

    def kill(self, number: int) -> None:
        """Kill -9 one server, as a machine that loses its power would."""
        process = self._processes.pop(number)
        process.kill()
        process.wait()

    async def until_ready(self) -> None:
        """Wait until each server that runs is well: it takes clients, and its streams are as new as the others'."""
        deadline = time.monotonic() + START_S
        for number, process in list(self._processes.items()):
            while not await asyncio.to_thread(self._is_well, number):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"nats-{number} is not well: {self.tail(number)}")
                await asyncio.sleep(0.1)

    async def leader_of(self, js: JetStreamContext, stream: str) -> int:
        """The number of the server that leads a stream; waits for an election to end."""
        async with asyncio.timeout(START_S):
            while True:
                try:
                    info = await js.stream_info(stream)
                except (NatsError, JetStreamError, TimeoutError):
                    info = None
                if info is not None and info.cluster is not None and info.cluster.leader:
                    return int(info.cluster.leader.rpartition("-")[2])
                await asyncio.sleep(0.1)

    def page(self, number: int, path: str) -> bytes:
        """A monitoring page of one server.

        Raises:
            OSError: it does not answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[number].monitor, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def tail(self, number: int, lines: int = 20) -> str:
        """The end of the log of one server."""
        return "\n".join((self._place(number) / "log").read_text(errors="replace").splitlines()[-lines:])

    def _is_well(self, number: int) -> bool:
        try:
            return b'"status":"ok"' in self.page(number, "/healthz")
        except (OSError, http.client.HTTPException):
            return False

    def _place(self, number: int) -> Path:
        return self._folder / f"nats-{number}"

    def _configuration(self, number: int) -> str:
        ports, place = self._ports[number], self._place(number)
        routes = ", ".join(f'"nats://127.0.0.1:{one.cluster}"' for one in self._ports)
        text, removed = TLS.subn("", CONFIGURATION.read_text())
        assert removed == 2, "TLS for clients and for routes"
        text, replaced = _ROUTES.subn(f"routes: [ {routes} ]", text)
        assert replaced == 1
        return with_ours(
            text,
            {
                "port: 4222": f'listen: "127.0.0.1:{ports.client}"',
                "http: 8222": f'http: "127.0.0.1:{ports.monitor}"',
                "port: 6222": f'listen: "127.0.0.1:{ports.cluster}"',
                '"/var/run/nats/nats.pid"': f'"{place / "pid"}"',
                '"/data"': f'"{place / "store"}"',
            },
        )


def with_ours(text: str, ours: Mapping[str, str]) -> str:
    """A text of the manifests with ports and places of this machine, each for the one that stands there once."""
    for theirs, mine in ours.items():
        assert text.count(theirs) == 1, theirs
        text = text.replace(theirs, mine)
    return text
