"""Buckets for tests: made by a plain client, filled and looked at beside the code under test."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import SecretStr

from services.backup.destinations.s3.asking import Patience
from services.backup.destinations.s3.client import opened_client
from services.backup.settings.destinations import S3Destination

T = TypeVar("T")
HASTE = Patience(tries=6, first_pause_s=0.01, longest_pause_s=0.05, silence_s=20.0)
"""For tests: a server on this machine answers at once or not at all."""
ACCESS_KEY, SECRET_KEY = "AKIANIGHTBUSTESTS000", "not-a-secret-of-anybody-but-these-tests"


def settings_of(endpoint: str, bucket: str, **others: Any) -> S3Destination:
    """Settings of a bucket at a server of a test."""
    given = {"access_key_id": ACCESS_KEY, "secret_access_key": SecretStr(SECRET_KEY), "addressing": "path"} | others
    return S3Destination(name="cloud", endpoint=endpoint, bucket=bucket, region="us-east-1", **given)


async def with_client(configured: S3Destination, use: Callable[[Any], Awaitable[T]]) -> T:
    """What somebody else does with the bucket."""
    async with opened_client(configured) as client:
        return await use(client)


async def make_bucket(configured: S3Destination) -> None:
    """Make the bucket of a test."""
    await with_client(configured, lambda client: client.create_bucket(Bucket=configured.bucket))
