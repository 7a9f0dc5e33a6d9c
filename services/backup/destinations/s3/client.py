"""The S3 client as the settings describe it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from services.backup.destinations.port import Refused
from services.backup.settings.destinations import S3Destination

CONNECTIONS = 10
"""Each upload has one part under way, and there are at most eight uploads."""
_SIGNATURE = "nightbus-s3v4"
_CONNECT_S = 10.0
_READ_S = 3600.0  # silence is noticed by ``asking``, which knows what it waits for


def place_of(configured: S3Destination) -> str:
    """Bucket and server as a person knows them; what an address may hold of a secret is left out."""
    if configured.endpoint is None:
        return f"{configured.bucket} at AWS"
    address = urlsplit(configured.endpoint)
    return f"{configured.bucket} at {address.hostname or configured.endpoint}" + (
        f":{address.port}" if address.port else ""
    )


@asynccontextmanager
async def opened_client(configured: S3Destination) -> AsyncIterator[Any]:
    """A client for as long as the block lasts; nothing is asked of the server yet.

    Raises:
        Refused: the file of the secret key or of the certificates cannot be read, or the address is none.
    """
    secret = await asyncio.to_thread(_secret_of, configured)
    aioboto3 = await asyncio.to_thread(import_module, "aioboto3")
    from botocore.auth import AUTH_TYPE_MAPS
    from botocore.config import Config

    from services.backup.destinations.s3.body import SignedByKnownHash

    AUTH_TYPE_MAPS[_SIGNATURE] = SignedByKnownHash
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        max_pool_connections=CONNECTIONS,
        retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation=configured.checksums,
        response_checksum_validation=configured.checksums,
        s3={"addressing_style": configured.addressing},
        tcp_keepalive=True,
        user_agent_appid="nightbus",
    )
    session = aioboto3.Session(
        aws_access_key_id=configured.access_key_id,
        aws_secret_access_key=secret,
        region_name=configured.region or (None if configured.endpoint is None else "us-east-1"),
    )
    try:
        opening = session.client(
            "s3",
            endpoint_url=configured.endpoint,
            verify=str(configured.ca_file) if configured.ca_file is not None else None,
            config=config,
            region_name=configured.region or session.region_name or "us-east-1",
        )
    except ValueError as error:  # an endpoint that is no address
        raise Refused(f"the destination {configured.name} cannot be used: {error}") from error
    async with opening as client:
        client.meta.events.register_first("choose-signer.s3", _choose_signature)
        yield client


def _choose_signature(signature_version: object = None, **_others: object) -> str | None:
    """Ours, unless nothing is signed or it is another kind of signature than that of a request."""
    return _SIGNATURE if signature_version in ("s3v4", "v4", "s3", _SIGNATURE) else None


def _secret_of(configured: S3Destination) -> str | None:
    if configured.ca_file is not None and not configured.ca_file.is_file():
        raise Refused(f"the certificates of the destination {configured.name} are not at {configured.ca_file}")
    if configured.secret_access_key_file is None:
        return configured.secret_access_key.get_secret_value() if configured.secret_access_key is not None else None
    try:
        return configured.secret_access_key_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Refused(
            f"the secret key of the destination {configured.name} cannot be read from "
            f"{configured.secret_access_key_file}: {why}"
        ) from error
