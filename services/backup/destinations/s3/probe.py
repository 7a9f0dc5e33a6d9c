"""What a server takes and what it checks, found out by asking for it: wrong hashes are sent on purpose."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import md5, sha256
from typing import Any

from services.backup.destinations.keys import MARKER
from services.backup.destinations.s3.asking import Asking, Patience
from services.backup.destinations.s3.body import Body
from services.backup.destinations.s3.client import opened_client
from services.backup.destinations.s3.refusals import Said
from services.backup.settings.destinations import S3Destination
from shared.errors import NightbusError

_DATA = b"made by Nightbus for a moment, to see what this server takes\n"
_ONCE = Patience(tries=1)
_NO_RULES = "NoSuchLifecycleConfiguration"


async def probed(configured: S3Destination, prefix: str) -> Mapping[str, bool]:
    """Facts by name; what the key may not ask is left out."""
    async with opened_client(configured) as client:
        probe = _Probe(Asking(client, configured, _ONCE), f"{prefix}/test/probe.bin")
        facts = {
            "checks_md5": await probe.refuses(
                ContentMD5=b64encode(md5(b"other", usedforsecurity=False).digest()).decode()
            ),
            "checks_sha256": await probe.refuses(ChecksumSHA256=b64encode(sha256(b"other").digest()).decode()),
            "checks_signed_hash": await probe.refuses_other_bytes(),
            "tags": await probe.keeps_tags(),
            "preconditions": await probe.honours_preconditions(),
            "lifecycle": await probe.has_lifecycle(),
            "versions": await probe.keeps_versions(),
        }
    return {name: found for name, found in facts.items() if found is not None}


async def delete_marker(configured: S3Destination) -> None:
    """Take away the marker of a trial; raises Refused where the key may not delete."""
    async with opened_client(configured) as client:
        asking = Asking(client, configured, Patience())
        await asking.ask("delete_object", {"Key": f"{configured.prefix}/{MARKER}"})


class _Probe:
    """Questions to a server about one key."""

    def __init__(self, asking: Asking, key: str) -> None:
        self._asking = asking
        self._key = key

    async def refuses(self, **wrong: Any) -> bool:
        """Whether an object is refused that comes with a wrong hash."""
        return not await self._done("put_object", Key=self._key, Body=_body(), **wrong)

    async def refuses_other_bytes(self) -> bool:
        """Whether an object is refused whose bytes are not those that were signed."""
        return not await self._done("put_object", Key=self._key, Body=Body(_DATA, sha256(b"other").digest()))

    async def keeps_tags(self) -> bool | None:
        """Whether the tags of an object are those that it was put with."""
        if not await self._done("put_object", Key=self._key, Body=_body(), Tagging="archive_policy=fast"):
            return False
        try:
            found = await self._asking.ask("get_object_tagging", {"Key": self._key})
        except NightbusError:
            return None
        return found.get("TagSet") == [{"Key": "archive_policy", "Value": "fast"}]

    async def honours_preconditions(self) -> bool:
        """Whether an object is refused that is to be new and is not."""
        await self._done("put_object", Key=self._key, Body=_body())
        return not await self._done("put_object", Key=self._key, Body=_body(), IfNoneMatch="*")

    async def has_lifecycle(self) -> bool | None:
        """Whether the bucket has rules, or could have."""
        try:
            await self._asking.ask("get_bucket_lifecycle_configuration", {}, expects={_NO_RULES, "AccessDenied", "403"})
        except Said as said:
            return True if said.code == _NO_RULES else None
        except NightbusError:
            return False
        return True

    async def keeps_versions(self) -> bool | None:
        """Whether what is overwritten or deleted stays as an old version."""
        try:
            found = await self._asking.ask("get_bucket_versioning", {})
        except NightbusError:
            return None
        return found.get("Status") == "Enabled"

    async def _done(self, operation: str, **parameters: Any) -> bool:
        try:
            await self._asking.ask(operation, parameters, expects={"PreconditionFailed", "412"})
        except (NightbusError, Said):
            return False
        return True


def _body() -> Body:
    return Body(_DATA, sha256(_DATA).digest())
