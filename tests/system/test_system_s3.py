"""The promises of destinations on a real S3 server: Ceph's gateway, which checks keys, hashes and preconditions."""

import asyncio
from collections.abc import Iterator

import pytest

from services.backup.settings.destinations import S3Destination
from tests.integration.backup import test_backup_destinations as suite
from tests.integration.backup.test_backup_destinations import *  # noqa: F403 - the whole suite, on another place
from tests.s3_places import make_bucket, settings_of
from tests.system.ceph_rgw import ceph_rgw, is_installed


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
