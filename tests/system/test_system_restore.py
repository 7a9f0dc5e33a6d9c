"""Restoring without Nightbus by the real tools: zstd, rclone, and aws where it is installed."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.archives import PLAIN, ZSTD
from tests.restoring import PREFIX, SCRIPT, SESSION, Archived, archived, commands, found_below
from tests.system.conftest import Program

BUCKET = "nightbus-test"
FIRST = {
    "M 31/Light_0001.fit": hashlib.shake_256(b"1").digest(6_000_000),
    "Größe \\xff\n.fit": bytes(9_000_000),
    "empty.fit": b"",
}
SECOND = {"M 31/Light_0002.fit": hashlib.shake_256(b"2").digest(300_000)}


@pytest.fixture
def destination(tmp_path: Path) -> Archived:
    """A session with two archives, in the folder of a bucket."""
    return archived(tmp_path / BUCKET, [FIRST, SECOND], replace(ZSTD, level=19))


def restore(source: str, folder: Path, **environment: str) -> None:
    """Run the script; it must say that all is right."""
    run = subprocess.run(
        ["sh", SCRIPT, source, SESSION, folder],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_zstd_itself_reads_archives(program: Program, destination: Archived, tmp_path: Path) -> None:
    """It finds them sound, lists their frames, and finds a flipped bit by their checksums."""
    zstd = program("zstd", "zstd")
    path = destination.path(destination.files[0].archive)
    subprocess.run([zstd, "-tq", path], check=True)
    listed = subprocess.run([zstd, "-lv", path], check=True, capture_output=True, text=True).stdout
    assert "Check: XXH64" in listed
    restore(str(destination.prefix), tmp_path / "restored")
    assert found_below(tmp_path / "restored") == destination.contents
    data = bytearray(path.read_bytes())
    data[1_000_000] ^= 1  # of a block that could not be packed, which zstd takes as it is
    path.write_bytes(data)
    assert subprocess.run([zstd, "-tq", path], check=False, capture_output=True).returncode != 0


def test_other_tars_read_archives(program: Program, tmp_path: Path) -> None:
    """The tar of BSD, which is that of macOS and Windows."""
    bsdtar = program("bsdtar", "libarchive-tools")
    destination = archived(tmp_path / BUCKET, [FIRST], PLAIN)
    folder = tmp_path / "restored"
    folder.mkdir()
    archive = destination.path(destination.files[0].archive)
    subprocess.run([bsdtar, "-xkf", archive, "-C", folder], check=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
    assert found_below(folder) == destination.contents


def test_rclone_restores(program: Program, destination: Archived, tmp_path: Path) -> None:
    """By the script, and one file by its range, as the page has it."""
    program("rclone", "rclone")
    program("zstd", "zstd")
    environment = {"RCLONE_CONFIG_REMOTE_TYPE": "alias", "RCLONE_CONFIG_REMOTE_REMOTE": str(tmp_path)}
    restore(f"remote:{BUCKET}/{PREFIX}", tmp_path / "restored", **environment)
    assert found_below(tmp_path / "restored") == destination.contents
    _one_file(destination, "rclone range", tmp_path, environment)


@pytest.fixture
def s3(program: Program, destination: Archived) -> Iterator[dict[str, str]]:
    """A server that has the bucket; the environment in which aws finds it."""
    from moto.server import ThreadedMotoServer

    aws = program("aws", "awscli")
    told = subprocess.run([aws, "--version"], check=True, capture_output=True, text=True).stdout
    version = re.search(r"aws-cli/(\d+)\.(\d+)", told)
    assert version
    if (int(version[1]), int(version[2])) < {"1": (1, 29), "2": (2, 13)}[version[1]]:
        pytest.skip(f"this aws ({version[1]}.{version[2]}) knows no AWS_ENDPOINT_URL")
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    environment = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", **keys}
    try:
        for words in (["mb", f"s3://{BUCKET}"], ["cp", "--recursive", str(destination.folder), f"s3://{BUCKET}/"]):
            subprocess.run([aws, "s3", *words], env=os.environ | environment, check=True, capture_output=True)
        yield environment
    finally:
        server.stop()


def test_aws_restores(program: Program, destination: Archived, s3: dict[str, str], tmp_path: Path) -> None:
    """By the script, and one file by its range, as the page has it."""
    program("zstd", "zstd")
    restore(f"s3://{BUCKET}/{PREFIX}", tmp_path / "restored", **s3)
    assert found_below(tmp_path / "restored") == destination.contents
    _one_file(destination, "aws range", tmp_path, s3)


def _one_file(destination: Archived, block: str, tmp_path: Path, environment: dict[str, str]) -> None:
    """Run a block of the page for one file."""
    file = destination.files[0]
    given = f"SESSION={SESSION} OFFSET={file.stored_offset} BYTES={file.stored_bytes}; mkdir -p restored\n"
    folder = tmp_path / "one"
    folder.mkdir()
    lines = (
        commands(block).replace("remote:bucket/", f"remote:{BUCKET}/").replace("--bucket bucket", f"--bucket {BUCKET}")
    )
    subprocess.run(["sh", "-euc", given + lines], cwd=folder, env=os.environ | environment, check=True)
    assert found_below(folder / "restored") == {file.member: destination.contents[file.member]}
