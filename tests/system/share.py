"""A telescope's share: a real smbd on loopback that serves a guest share, and a mount of it.

The kernel's cifs mounts it where the kernel has cifs; elsewhere rclone does, through FUSE. Either way ingest meets a
network file system over real SMB: files that appear late, times of another clock, errors in the middle of a read.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.standalone.home import port_is_free

NAME = "EMMC Images"
"""As Seestar and ASIAIR call theirs."""
LIMIT_S = 20.0
_PORTS = range(19_445, 19_545)


class CannotMount(Exception):
    """The share cannot be mounted on this machine; the message says why."""


@dataclass
class Share:
    """A folder under ``folder/share``, served by an smbd that tests may kill and start again."""

    folder: Path
    port: int = field(default_factory=lambda: next(port for port in _PORTS if port_is_free(port)))
    _server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        """Write the configuration: nothing outside ``folder`` is used."""
        self.content.mkdir()
        state = self.folder / "state"
        state.mkdir()
        places = ("private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir")
        lines = [
            "[global]",
            "server role = standalone",
            "map to guest = Bad User",
            "guest account = nobody",
            f"smb ports = {self.port}",
            "interfaces = 127.0.0.1",
            "bind interfaces only = yes",
            "disable netbios = yes",
            "load printers = no",
            f"log file = {state}/log",
            *(f"{place} = {state}" for place in places),
            f"[{NAME}]",
            f"path = {self.content}",
            "guest ok = yes",
            "guest only = yes",
            "read only = yes",
        ]
        (self.folder / "smb.conf").write_text("\n".join(lines) + "\n")

    @property
    def content(self) -> Path:
        """What the device sees of it."""
        return self.folder / "share"

    def start(self) -> None:
        """Start smbd; returns when it takes connections."""
        command = ["smbd", "-s", str(self.folder / "smb.conf"), "--foreground", "--no-process-group"]
        with (self.folder / "smbd.out").open("ab") as output:
            # A session of its own: smbd signals its whole process group when it ends.
            self._server = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < deadline, (self.folder / "smbd.out").read_text()
                time.sleep(0.1)
            else:
                return

    def kill(self) -> None:
        """The device loses power: the server and the processes of its sessions end at once, without a word."""
        if self._server is not None:
            os.killpg(self._server.pid, 9)
            self._server.wait()
            self._server = None


@contextmanager
def serving(folder: Path) -> Iterator[Share]:
    """A share while the context lasts."""
    share = Share(folder)
    try:
        share.start()
        yield share
    finally:
        share.kill()


@contextmanager
def mounted(share: Share, place: Path, *, bytes_per_s: int) -> Iterator[str]:
    """The share mounted read-only at ``place``; yields how. ``bytes_per_s`` limits reading where FUSE mounts it.

    Raises:
        CannotMount: neither the kernel nor rclone can.
    """
    place.mkdir()
    options = f"guest,ro,port={share.port},vers=3.0,soft"
    kernel = subprocess.run(
        ["mount.cifs", f"//127.0.0.1/{NAME}", str(place), "-o", options], capture_output=True, text=True, check=False
    )
    if kernel.returncode == 0:
        try:
            yield "cifs"
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)
        return
    reason = kernel.stderr.strip().splitlines()[0]
    if not Path("/dev/fuse").exists():
        raise CannotMount(f"{reason}; and there is no /dev/fuse")
    log = share.folder / "mount.log"
    remote = f":smb,host=127.0.0.1,port={share.port},user=guest:{NAME}"
    command = ["rclone", "mount", remote, str(place), "--read-only", "--allow-other", "--config", os.devnull]
    command += ["--dir-cache-time", "1s", "--attr-timeout", "0s", "--buffer-size", "0", "--low-level-retries", "1"]
    command += ["--contimeout", "2s", "--timeout", "5s", "--bwlimit", f"{bytes_per_s}B"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + LIMIT_S
        while not place.is_mount():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotMount(f"{reason}; and rclone: {log.read_text().strip()[-300:]}")
            time.sleep(0.1)
        yield "fuse.rclone"
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(place)], capture_output=True, check=False)
        process.terminate()
        process.wait(LIMIT_S)
