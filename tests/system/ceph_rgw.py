"""Ceph's gateway, a real S3 server, in processes of its own: see deploy/s3/ceph-rgw.sh."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.moto_server import free_port
from tests.s3_places import ACCESS_KEY, SECRET_KEY

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "s3" / "ceph-rgw.sh"
END_S = 60.0


def is_installed() -> bool:
    """Whether this machine has the programs, or a gateway that runs already (`make s3`, RGW_ENDPOINT)."""
    return "RGW_ENDPOINT" in os.environ or all(shutil.which(name) for name in ("radosgw", "ceph-mon", "ceph-osd"))


@contextmanager
def ceph_rgw(folder: Path) -> Iterator[str]:
    """The address of a gateway for as long as the block lasts."""
    if (running := os.environ.get("RGW_ENDPOINT")) is not None:
        yield running
        return
    port = free_port()
    command = ["bash", str(SCRIPT), str(folder / "rgw"), str(port), ACCESS_KEY, SECRET_KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            assert any(line.startswith("ready") for line in server.stdout), "the gateway did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=END_S)
