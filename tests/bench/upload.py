"""Uploading finished bytes to S3: CPU time of ours with all checks, of aioboto3 alone, and of awscli.

``python -m tests.bench.upload KIND ENDPOINT BUCKET KEY FILE`` is one upload and prints the CPU seconds that it took,
without those of starting up; KIND is one of ``_KINDS``. What starting awscli costs
falls out of the difference of two sizes.
"""

import asyncio
import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from services.backup.destinations.port import Label, SentPart
from services.backup.destinations.s3.bucket import opened_bucket
from shared.runtime import event_loop
from tests.bench.table import Row, Rows, Skipped, ceiling_row
from tests.bench.world import folder
from tests.moto_server import moto_server
from tests.s3_places import ACCESS_KEY, SECRET_KEY, make_bucket, settings_of, with_client
from tests.system.ceph_rgw import ceph_rgw, is_installed

MIB = 1024 * 1024
PART_BYTES = 16 * MIB
_SMALL, _LARGE = 2, 10
"""Parts of the two files: what starting up costs is in both, and falls out of the difference."""
_AWS = "NIGHTBUS_BENCH_AWS"


def rows(*, quick: bool) -> Rows:
    """CPU milliseconds per megabyte, at one server on the loopback interface."""
    aws = os.environ.get(_AWS) or shutil.which("aws")
    with folder(in_memory=True) as files, _server() as (endpoint, server):
        configured = settings_of(endpoint, "bench")
        asyncio.run(make_bucket(configured))
        paths = {count: _file(files / f"{count}.bin", count * PART_BYTES) for count in (_SMALL, _LARGE)}
        commands: dict[str, list[str]] = {
            kind: [sys.executable, "-m", "tests.bench.upload", kind, endpoint, "bench"] for kind in _KINDS
        }
        if aws is not None:
            commands["aws"] = [aws, "s3", "cp", "--quiet", "--endpoint-url", endpoint]
        measured: dict[str, list[float]] = {kind: [] for kind in commands}
        memory: dict[str, float] = {}
        for turn in range(3 if quick else 5):
            for kind in list(commands) if turn % 2 == 0 else list(commands)[::-1]:
                used = {}
                for count, path in paths.items():
                    tail = [str(path), "s3://bench/object"] if kind == "aws" else ["object", str(path)]
                    used[count], memory[kind] = _run([*commands[kind], *tail])
                megabytes = (_LARGE - _SMALL) * PART_BYTES / 1e6
                measured[kind].append((used[_LARGE] - used[_SMALL]) * 1000 / megabytes)
    cpu = {kind: median(values) for kind, values in measured.items()}
    how = (
        f"{(_LARGE - _SMALL) * PART_BYTES // MIB} MiB in parts of {PART_BYTES // MIB} MiB to {server} over HTTP on "
        "loopback, CPU of the client's process, start-up subtracted; MD5 and SHA-256 of the parts are known to ours: "
        f"with them it is {cpu['ours']:.2f} ms/MB"
    )
    found: list[Row | Skipped] = [
        ceiling_row(
            "S3 upload, CPU per MB, all checks",
            cpu["sent"],
            2.0,
            unit="ms/MB",
            how=how,
            limit=f"bare {cpu['bare']:.2f}",
        )
    ]
    sha256 = cpu["sha256"] - cpu["read"]
    if aws is None:
        name = "S3 upload, CPU against awscli"
        return [*found, Skipped(name, f"there is no aws here: install awscli into a venv and set {_AWS}")]
    return [
        *found,
        ceiling_row(
            "S3 upload, CPU against awscli",
            cpu["ours"] / (cpu["aws"] + cpu["hashes"]),
            0.5,
            unit="x",
            how=f"as above, with MD5 and SHA-256 of the bytes on both sides, which alone are {cpu['hashes']:.2f} ms/MB "
            f"with reading ({cpu['read']:.2f}), {cpu['hashes'] - cpu['sha256']:.2f} of it MD5 for the ETags; "
            f"without them on either side it is {cpu['sent'] / cpu['aws']:.2f} x, with SHA-256 alone "
            f"{(cpu['sent'] + sha256) / (cpu['aws'] + cpu['sha256']):.2f} x. `aws s3 cp` used {cpu['aws']:.2f} "
            f"ms/MB and {memory['aws']:.0f} MB of memory, ours {memory['ours']:.0f} MB",
            limit=f"awscli {cpu['aws']:.2f} ms/MB, hashes {cpu['hashes']:.2f}",
        ),
    ]


@contextmanager
def _server() -> Iterator[tuple[str, str]]:
    """A server and its name."""
    if is_installed():
        with folder() as place, ceph_rgw(place) as endpoint:
            yield endpoint, "Ceph's gateway"
    else:
        with moto_server() as endpoint:
            yield endpoint, "moto"


def _file(path: Path, size_bytes: int) -> Path:
    with path.open("wb") as file:
        for _ in range(size_bytes // MIB):
            file.write(os.urandom(MIB))
    return path


def _run(command: list[str]) -> tuple[float, float]:
    """CPU seconds, those that it tells or else all, and peak memory in MB of a process."""
    environment = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.read().split()
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    return float(told[-1]) if told else usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


async def _parts(path: Path) -> AsyncIterator[bytes]:
    """The parts of a file, each in the memory of the one before, which whoever asks for the next one has let go.

    New memory for each would cost as much as sending, or nothing, as the allocator's mood is.
    """
    memory = io.BytesIO(bytes(PART_BYTES))
    with path.open("rb", buffering=0) as file:
        while True:
            with memory.getbuffer() as view:
                if not await asyncio.to_thread(file.readinto, view):
                    return
            yield memory.getvalue()  # the very bytes, and no copy, since nobody else has a hold of them


async def _sent(endpoint: str, bucket: str, key: str, path: Path) -> None:
    """As the archiver sends parts whose hashes it knows, since it needs them for itself."""
    await _ours(endpoint, bucket, key, path, hashes_counted=False)


async def _ours(endpoint: str, bucket: str, key: str, path: Path, *, hashes_counted: bool = True) -> None:
    """As the archiver sends its parts, hashed here."""
    hashing_s = 0.0
    async with opened_bucket(settings_of(endpoint, bucket), "kept") as destination:
        await destination.delete(key)
        began_s = time.process_time()
        upload = await destination.begin(key, Label(), PART_BYTES)
        sent: list[SentPart] = []
        async for part in _parts(path):
            hash_began_s = time.process_time()
            md5, sha256 = await asyncio.to_thread(_hashes, part)
            hashing_s += time.process_time() - hash_began_s
            etag = await destination.put_part(upload, len(sent) + 1, part, md5, sha256)
            sent.append(SentPart(len(sent) + 1, len(part), md5, sha256, etag))
            del part
        await destination.complete(upload, sent, Label())
        print(time.process_time() - began_s - (0.0 if hashes_counted else hashing_s))


async def _read(_endpoint: str, _bucket: str, _key: str, path: Path) -> None:
    """What reading the file costs."""
    began_s = time.process_time()
    async for part in _parts(path):
        del part
    print(time.process_time() - began_s)


async def _sha256(_endpoint: str, _bucket: str, _key: str, path: Path) -> None:
    """Reading and SHA-256 alone."""
    began_s = time.process_time()
    async for part in _parts(path):
        hashlib.sha256(part).digest()
        del part
    print(time.process_time() - began_s)


async def _hashed(_endpoint: str, _bucket: str, _key: str, path: Path) -> None:
    """What a person computes beside `aws s3 cp` to have the same proof."""
    began_s = time.process_time()
    async for part in _parts(path):
        _hashes(part)
        del part
    print(time.process_time() - began_s)


def _hashes(part: bytes) -> tuple[bytes, bytes]:
    return hashlib.md5(part, usedforsecurity=False).digest(), hashlib.sha256(part).digest()


@asynccontextmanager
async def _aborted_on_failure(client: Any, bucket: str, key: str) -> AsyncIterator[str]:
    begun = await client.create_multipart_upload(Bucket=bucket, Key=key)
    try:
        yield begun["UploadId"]
    except BaseException:
        await client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=begun["UploadId"])
        raise


async def _bare(endpoint: str, bucket: str, key: str, path: Path) -> None:
    """As the library does it that ours is built on, with its own signature and without a check of ours."""

    async def use(client: Any) -> None:
        await client.delete_object(Bucket=bucket, Key=key)
        began_s = time.process_time()
        async with _aborted_on_failure(client, bucket, key) as upload_id:
            sent: list[dict[str, Any]] = []
            async for part in _parts(path):
                number = len(sent) + 1
                answer = await client.upload_part(
                    Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=io.BytesIO(part)
                )
                sent.append({"PartNumber": number, "ETag": answer["ETag"]})
                del part
            await client.complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": sent}
            )
        print(time.process_time() - began_s)

    await with_client(settings_of(endpoint, bucket), use)


_KINDS = {"ours": _ours, "sent": _sent, "bare": _bare, "hashes": _hashed, "sha256": _sha256, "read": _read}

if __name__ == "__main__":
    _kind, _endpoint, _bucket, _key, _path = sys.argv[1:]
    with asyncio.Runner(loop_factory=event_loop()) as _runner:
        _runner.run(_KINDS[_kind](_endpoint, _bucket, _key, Path(_path)))
