"""Ceph's gateway, a real S3 server, in processes of its own: see deploy/s3/ceph-rgw.sh."""

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.s3_places import ACCESS_KEY, SECRET_KEY

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "s3" / "ceph-rgw.sh"
END_S = 60.0
PORTS = 10
"""Those of the gateway, of the monitor, and of the store, which takes some of the others."""
TRIES = 3


def is_installed() -> bool:
    """Whether this machine has the programs, or a gateway that runs already (`make s3`, RGW_ENDPOINT)."""
    return "RGW_ENDPOINT" in os.environ or all(shutil.which(name) for name in ("radosgw", "ceph-mon", "ceph-osd"))


@contextmanager
def ceph_rgw(folder: Path) -> Iterator[str]:
    """The address of a gateway for as long as the block lasts."""
    if (running := os.environ.get("RGW_ENDPOINT")) is not None:
        yield running
        return
    said = ""
    for _try in range(TRIES):
        port = free_ports()
        command = ["bash", str(SCRIPT), str(folder / "rgw"), str(port), ACCESS_KEY, SECRET_KEY]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                if any(line.startswith("ready") for line in server.stdout):
                    yield f"http://127.0.0.1:{port}"
                    return
            finally:
                server.terminate()
                _out, said = server.communicate(timeout=END_S)
        assert "in use" in said, f"the gateway did not start: {said}"  # somebody took a port since we looked
    raise AssertionError(f"the gateway did not start in {TRIES} tries: {said}")


def free_ports() -> int:
    """The first of so many ports in a row that nobody listens at, below those that connections come from."""
    numbers = random.SystemRandom()
    while True:
        first = numbers.randrange(20_000, 32_000)
        with ExitStack() as stack:
            try:
                for port in range(first, first + PORTS):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
