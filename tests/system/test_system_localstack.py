"""The promises of destinations on LocalStack, which checks hashes and preconditions that other servers pass over."""

import asyncio
from collections.abc import Iterator

import pytest

from services.backup.settings.destinations import S3Destination
from tests.integration.backup import test_backup_destinations as suite
from tests.integration.backup.test_backup_destinations import *  # noqa: F403 - the whole suite, on another place
from tests.s3_places import make_bucket, settings_of
from tests.system.localstack import installed, localstack
from tests.system.pip_tools import NotInstalled


@pytest.fixture(scope="session")  # type: ignore[no-redef] # in place of that of the suite
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Destination]:
    """A bucket at LocalStack."""
    try:
        python = installed()
    except NotInstalled as reason:
        pytest.skip(str(reason))
    with localstack(python, tmp_path_factory.mktemp("localstack")) as endpoint:
        configured = settings_of(endpoint, "nights")
        asyncio.run(make_bucket(configured))
        yield configured


@pytest.fixture  # type: ignore[no-redef] # in place of that of the suite
def place(bucket: S3Destination) -> suite.Place:
    """A prefix of its own."""
    return suite.BucketPlace(bucket)
