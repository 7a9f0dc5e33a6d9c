"""The promises of destinations on a real S3 server: Ceph's gateway, which checks keys, hashes and preconditions."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.backup.settings.destinations import S3Destination
from tests.integration.backup import test_backup_destinations as suite
from tests.integration.backup.test_backup_destinations import *  # noqa: F403 - the whole suite, on another place
from tests.s3_places import make_bucket, settings_of
from tests.system.ceph_rgw import SCRIPT, ceph_rgw, free_ports, is_installed


@pytest.fixture(scope="session")  # type: ignore[no-redef] # in place of that of the suite
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Destination]:
    """A bucket at Ceph's gateway."""
    if not is_installed():
        pytest.skip("Ceph's gateway is not installed: tests/system/install.sh does that")
    with ceph_rgw(tmp_path_factory.mktemp("ceph")) as endpoint:
        configured = settings_of(endpoint, "nights")
        asyncio.run(make_bucket(configured))
        yield configured


@pytest.fixture  # type: ignore[no-redef] # in place of that of the suite
def place(bucket: S3Destination) -> suite.Place:
    """A prefix of its own."""
    return suite.BucketPlace(bucket)


@pytest.mark.parametrize(("offset", "words"), [(0, "another server listens at"), (1, "mon has ended:")])
def test_a_gateway_whose_port_is_taken_says_so(tmp_path: Path, offset: int, words: str) -> None:
    """What could not start, and why, is said at once; Ceph's own programs would wait for it for five minutes."""
    if not is_installed():
        pytest.skip("Ceph's gateway is not installed: tests/system/install.sh does that")
    port = free_ports()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port + offset))
        listener.listen()
        command = ["bash", str(SCRIPT), str(tmp_path / "rgw"), str(port), "key", "secret"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert words in ended.stderr
    assert "Address already in use" in ended.stderr
