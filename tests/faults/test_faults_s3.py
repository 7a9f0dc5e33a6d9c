"""10,000 requests to S3, of which a tenth fails in every way."""

from pathlib import Path
from uuid import uuid4

import pytest

from services.backup.destinations.s3.asking import Patience
from services.backup.destinations.s3.bucket import opened_bucket
from tests.faults.s3_load import require_all_right, send_until
from tests.faults.s3_proxy import fault_proxy
from tests.moto_server import moto_server
from tests.s3_places import make_bucket, settings_of
from tests.system.ceph_rgw import ceph_rgw, is_installed

REQUESTS = 10_000
PATIENCE = Patience(tries=4, first_pause_s=0.005, longest_pause_s=0.05, silence_s=3.0)


@pytest.mark.parametrize("seed", [1, 2])
async def test_archives_come_through_ten_thousand_requests(tmp_path: Path, seed: int) -> None:
    """Every archive is there once, byte for byte, and no part of an upload is left; on Ceph's gateway where that is."""
    with ceph_rgw(tmp_path) if is_installed() else moto_server() as endpoint:
        configured = settings_of(endpoint, f"nights-{uuid4().hex[:8]}")
        await make_bucket(configured)
        async with fault_proxy(endpoint, seed=seed) as proxy:
            through = configured.model_copy(update={"endpoint": proxy.address})
            async with opened_bucket(through, "kept", PATIENCE) as destination:
                sent = await send_until(destination, proxy, REQUESTS, seed)
                proxy.share = 0.0
                await require_all_right(destination, sent)
        assert sum(proxy.faults.values()) > REQUESTS // 20
        print(f"seed {seed}: {len(sent.objects)} objects, {proxy.requests} requests, faults {dict(proxy.faults)}")
