"""Archives sent through a fault proxy, and what must be true of the bucket afterwards."""

import hashlib
import random
from dataclasses import dataclass, field

from services.backup.destinations.port import Destination, Label, Refused, SentPart, UploadGone
from shared.errors import Transient
from tests.faults.s3_proxy import FaultProxy

PART_BYTES = 5 * 1024 * 1024
_TRIES = 60
_ONE_IS_LARGE_OF = 8


@dataclass
class Sent:
    """What was written, and what the writer had to bear."""

    objects: dict[str, bytes] = field(default_factory=dict)
    begun_anew: int = 0
    refused: int = 0


async def archive(destination: Destination, key: str, data: bytes, sent: Sent) -> None:
    """Send an archive and its manifest as the service does: what fails is tried again, parts that are there stay."""
    upload, parts = None, dict[int, SentPart]()
    for _try in range(_TRIES):
        try:
            if upload is None:
                upload = await destination.begin(key, Label(metadata={"session-id": "s"}), PART_BYTES)
            for number, start in enumerate(range(0, len(data), PART_BYTES), 1):
                if number not in parts:
                    part = data[start : start + PART_BYTES]
                    md5, sha256 = hashlib.md5(part, usedforsecurity=False).digest(), hashlib.sha256(part).digest()
                    etag = await destination.put_part(upload, number, part, md5, sha256)
                    parts[number] = SentPart(number, len(part), md5, sha256, etag)
            await destination.complete(upload, [parts[number] for number in sorted(parts)], Label())
            manifest = hashlib.sha256(data).hexdigest().encode()
            await destination.put(f"{key}.sha256", manifest, Label("text/plain"))
        except UploadGone:
            upload, parts = None, {}
            sent.begun_anew += 1
        except Transient as error:
            sent.refused += isinstance(error, Refused)
        else:
            sent.objects |= {key: data, f"{key}.sha256": manifest}
            return
    raise AssertionError(f"{key} was not sent in {_TRIES} tries")


async def send_until(destination: Destination, proxy: FaultProxy, requests: int, seed: int) -> Sent:
    """Send archives until the proxy has seen so many requests: each eighth is of two parts, the others of a small one.

    All of two parts would be more bytes than the servers of these tests hold in memory.
    """
    sent, numbers = Sent(), random.Random(seed)
    while proxy.requests < requests:
        ending = numbers.randbytes(numbers.randrange(1, 40_000))
        is_large = len(sent.objects) % (2 * _ONE_IS_LARGE_OF) == 0
        data = numbers.randbytes(4096) * (PART_BYTES // 4096) + ending if is_large else ending
        await archive(destination, f"backups/raw/2026/{len(sent.objects):06d}.tar", data, sent)
    return sent


async def require_all_right(destination: Destination, sent: Sent) -> None:
    """Each archive is there once, byte for byte, and nothing else is: no other object and no part of an upload."""
    assert [found.key async for found in destination.list("")] == sorted(sent.objects)
    assert [upload async for upload in destination.uploads("")] == []
    for key, data in sent.objects.items():
        found = await destination.look(key)
        assert found is not None
        assert found.size_bytes == len(data)
        assert b"".join([piece async for piece in destination.read(key)]) == data, key
