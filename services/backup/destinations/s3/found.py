"""The markers in a bucket, without knowing any prefix."""

from services.backup.destinations.s3.bucket import opened_bucket
from services.backup.settings.destinations import S3Destination

_BELOW = {"Prefix": "", "Delimiter": "/"}


async def markers(configured: S3Destination) -> list[tuple[str, bytes]]:
    """Prefixes of one part below which a marker lies, and its bytes; with a prefix in the settings only that one.

    Raises:
        Transient: the bucket is away, or says no.
    """
    prefixes = [configured.prefix] if configured.prefix is not None else await _prefixes(configured)
    found = []
    for prefix in prefixes:
        async with opened_bucket(configured, prefix) as bucket:
            if (marker := await bucket.marker()) is not None:
                found.append((prefix, marker))
    return found


async def _prefixes(configured: S3Destination) -> list[str]:
    found: list[str] = []
    token: dict[str, str] = {}
    async with opened_bucket(configured, "any") as bucket:
        while True:
            page = await bucket.asking.ask("list_objects_v2", {**_BELOW, **token})
            found += [str(one["Prefix"]).rstrip("/") for one in page.get("CommonPrefixes") or ()]
            if not page.get("IsTruncated") or not page.get("NextContinuationToken"):
                return found
            token = {"ContinuationToken": page["NextContinuationToken"]}
