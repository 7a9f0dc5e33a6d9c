"""A network and a server that fail one request in ten, in every way: archives come through them."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest

from services.backup.destinations.s3.asking import Patience
from services.backup.destinations.s3.bucket import opened_bucket
from services.backup.settings.destinations import S3Destination
from tests.faults.s3_load import require_all_right, send_until
from tests.faults.s3_proxy import ALL, ANSWERS, ON_THE_WAY, fault_proxy
from tests.moto_server import moto_server
from tests.s3_places import make_bucket, settings_of

IMPATIENT = Patience(tries=4, first_pause_s=0.005, longest_pause_s=0.02, silence_s=1.0)


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Destination]:
    """A bucket for these tests."""
    with moto_server() as address:
        configured = settings_of(address, "nights")
        asyncio.run(make_bucket(configured))
        yield configured


async def test_archives_come_through_a_network_that_fails(bucket: S3Destination) -> None:
    """A tenth of the requests fail: every archive is there once, byte for byte, and no part of an upload is left."""
    assert bucket.endpoint is not None
    async with fault_proxy(bucket.endpoint, seed=20261130) as proxy:
        through = bucket.model_copy(update={"endpoint": proxy.address})
        async with opened_bucket(through, f"kept/{uuid4().hex}", IMPATIENT) as destination:
            sent = await send_until(destination, proxy, requests=400, seed=7)
            proxy.share = 0.0
            await require_all_right(destination, sent)
    assert sum(proxy.faults.values()) >= 25


@pytest.mark.parametrize("kind", ALL)
async def test_archives_come_through_each_fault(bucket: S3Destination, kind: str) -> None:
    """Half of the requests fail in one way: the archives come through that as well."""
    assert bucket.endpoint is not None
    async with fault_proxy(bucket.endpoint, seed=1, share=0.4, kinds=(kind,)) as proxy:
        through = bucket.model_copy(update={"endpoint": proxy.address})
        async with opened_bucket(through, f"kept/{uuid4().hex}", IMPATIENT) as destination:
            sent = await send_until(destination, proxy, requests=40, seed=7)
            proxy.share = 0.0
            await require_all_right(destination, sent)
    assert proxy.faults[kind] > 0


def test_every_fault_is_tried() -> None:
    """The ways of failing are those that reliability asks for."""
    assert {"408", "409", "412", "429", "500", "503", "expired"} == ANSWERS.keys()
    assert {"timeout", "reset request", "reset answer", "slow", "changed request", "lost answer"} == set(ON_THE_WAY)
