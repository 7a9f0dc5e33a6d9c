"""Restoring without Nightbus: the script, and the commands of docs/howto/restore-without-nightbus.md."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from services.backup.archive import keys
from services.backup.archive.model import Packing
from tests.archives import PLAIN, ZSTD
from tests.restoring import MISSING, PREFIX, SCRIPT, SESSION, YEAR, Archived, archived, commands, found_below, programs

FIRST = {
    "M 31/Light_0001.fit": hashlib.shake_256(b"1").digest(300_000),
    "M 31/empty.fit": b"",
    "back\\slash\\xff.fit": b"bytes",
    "Größe ☾/line\nend.fit": b"name",
    "long/" * 50 + "n" * 100 + ".fit": b"long",
}
SECOND = {"M 31/Light_0002.fit": bytes(10_000_000), "$HOME `x` 'y'.fit": b"words of a shell"}
PACKINGS = pytest.mark.parametrize("packing", [PLAIN, ZSTD], ids=["plain", "zstd"])

# What the two programs do, on a folder that stands for the bucket.
AWS = """#!/bin/sh
bucket={bucket}
case "$1 $2" in
    "s3 ls") for name in "$bucket/${{3#s3://bucket/}}"*; do echo "2024-01-02 03:04:05     123456 ${{name##*/}}"; done ;;
    "s3api get-object")
        range=${{8#bytes=}}
        first=${{range%-*}} last=${{range#*-}}
        tail -c "+$((first + 1))" "$bucket/$6" | head -c "$((last + 1 - first))" >"$9" ;;
    "s3 cp") [ "$3" = --only-show-errors ] && shift; cat "$bucket/${{3#s3://bucket/}}" ;;
    *) exit 9 ;;
esac
"""
RCLONE = """#!/bin/sh
bucket={bucket}
case $1 in
    lsf) ls "$bucket/${{2#remote:bucket/}}" ;;
    cat)
        if [ "$2" = --offset ]; then
            tail -c "+$(($3 + 1))" "$bucket/${{6#remote:bucket/}}" | head -c "$5"
        else
            cat "$bucket/${{2#remote:bucket/}}"
        fi ;;
    *) exit 9 ;;
esac
"""


@pytest.fixture(autouse=True)
def _tools() -> None:
    """Skip where the plain tools are absent."""
    for name in ("sh", "tar", "sha256sum"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not here")


@pytest.fixture
def destination(tmp_path: Path) -> Archived:
    """A session with two archives."""
    return archived(tmp_path / "bucket", [FIRST, SECOND])


def restore(
    tmp_path: Path, source: str, *, session: str = SESSION, bucket: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the script; a stand-in for aws or rclone reads the bucket."""
    tools = tmp_path / "tools"
    shutil.rmtree(tools, ignore_errors=True)
    environment = programs(tools, aws=AWS.format(bucket=bucket), rclone=RCLONE.format(bucket=bucket))
    return subprocess.run(
        ["sh", SCRIPT, source, session, tmp_path / "restored"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@PACKINGS
def test_the_script_brings_a_session_back(tmp_path: Path, packing: Packing) -> None:
    """All its archives, every file byte for byte whatever its name; what was never archived is named."""
    destination = archived(tmp_path / "bucket", [FIRST, SECOND], packing)
    run = restore(tmp_path, str(destination.prefix))
    assert run.returncode == 0, run.stderr
    assert found_below(tmp_path / "restored") == destination.contents
    assert run.stdout.splitlines()[-1].endswith(f"{len(destination.contents)} files, all of them right")
    assert run.stderr == f"never archived: {MISSING} (never read.fit is gone)\n"


@pytest.mark.parametrize("source", [f"s3://bucket/{PREFIX}", f"remote:bucket/{PREFIX}/"])
def test_the_script_reads_buckets(tmp_path: Path, destination: Archived, source: str) -> None:
    """By aws and by rclone."""
    run = restore(tmp_path, source, bucket=destination.folder)
    assert run.returncode == 0, run.stderr
    assert found_below(tmp_path / "restored") == destination.contents


def test_the_script_unpacks_archives_of_merged_sessions(tmp_path: Path, destination: Archived) -> None:
    """Files that lie in an archive of another session, also of another year, come back with the session."""
    ours, theirs = keys.archive_key(YEAR, SESSION, 2, "zstd"), keys.archive_key(2023, "20231231_FFFFFFFF", 1, "zstd")
    destination.path(theirs).parent.mkdir()
    destination.path(ours).rename(destination.path(theirs))
    manifest = destination.path(keys.manifest_key(YEAR, SESSION, 2))
    manifest.write_text(manifest.read_text().replace(f'"archive": "{ours}"', f'"archive": "{theirs}"'))
    run = restore(tmp_path, str(destination.prefix))
    assert run.returncode == 0, run.stderr
    assert found_below(tmp_path / "restored") == destination.contents


def test_a_session_without_an_archive_comes_back_by_its_manifest(tmp_path: Path, destination: Archived) -> None:
    """All of its files lie in archives of others, which the manifest names; without one the script says what lacks."""
    manifest = destination.path(keys.manifest_key(YEAR, SESSION, 2))
    text = manifest.read_text()
    for number in (1, 2):
        ours = keys.archive_key(YEAR, SESSION, number, "zstd")
        theirs = keys.archive_key(YEAR, "20240102_FFFFFFFF", number, "zstd")
        destination.path(ours).rename(destination.path(theirs))
        text = text.replace(f'"archive": "{ours}"', f'"archive": "{theirs}"')
    manifest.write_text(text)
    run = restore(tmp_path, str(destination.prefix))
    assert run.returncode == 0, run.stderr
    assert found_below(tmp_path / "restored") == destination.contents
    manifest.write_text("")
    run = restore(tmp_path, str(destination.prefix))
    assert (run.returncode, "and its manifest names none of others" in run.stderr) == (2, True)


def test_the_script_goes_on_and_overwrites_nothing(tmp_path: Path, destination: Archived) -> None:
    """A second run is harmless; a file of somebody else stays, and is a difference."""
    assert restore(tmp_path, str(destination.prefix)).returncode == 0
    lost, changed = (tmp_path / "restored" / name for name in list(destination.contents)[:2])
    lost.unlink()
    os.utime(changed, (1, 1))
    assert restore(tmp_path, str(destination.prefix)).returncode == 0
    assert lost.exists()
    assert changed.stat().st_mtime == 1
    changed.write_bytes(b"mine")
    run = restore(tmp_path, str(destination.prefix))
    assert run.returncode == 1
    assert changed.read_bytes() == b"mine"
    assert f"{SESSION}/library/M 31/empty.fit: FAILED" in run.stderr


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_the_script_finds_damage(tmp_path: Path, destination: Archived, damage: str) -> None:
    """A flipped bit, a short archive, one that is gone: it says which files are not right, and the rest is there."""
    path = destination.path(destination.files[0].archive)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[5000] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[:100_000])
    else:
        path.unlink()
    run = restore(tmp_path, str(destination.prefix))
    assert run.returncode == 1
    assert f"{SESSION} is not whole in" in run.stderr
    assert "Light_0001.fit" in run.stderr
    found = found_below(tmp_path / "restored")
    assert all(found[f"{SESSION}/library/{path}"] == content for path, content in SECOND.items())


def test_the_script_begins_nothing_that_it_cannot_do(tmp_path: Path, destination: Archived) -> None:
    """No such session, no such place, no session's name: one sentence, and nothing is written."""
    for source, session, words in (
        (destination.prefix, "20240102_FFFFFFFF", "has no archive of 20240102_FFFFFFFF"),
        (destination.prefix, "20250102_0123ABCD", "cannot be listed"),
        (destination.prefix, "2024*", "is no session"),
        (tmp_path / "nowhere", SESSION, "cannot be listed"),
    ):
        run = restore(tmp_path, str(source), session=session)
        assert run.returncode == 2
        assert words in run.stderr.splitlines()[-1]
        assert not (tmp_path / "restored").exists()


def by_hand(tmp_path: Path, destination: Archived, *blocks: str, place: int = 0) -> dict[str, bytes]:
    """Run commands of the page, for the file at a place of the manifest, and see what they restored."""
    file = destination.files[place]
    lines = commands("names", *blocks)
    for words, ours in (
        ("DEST=/media/usb/nightbus/nightbus-0123abcd", f"DEST='{destination.prefix}'"),
        ("OFFSET=1234", f"OFFSET={file.stored_offset}"),
        ("BYTES=567890", f"BYTES={file.stored_bytes}"),
    ):
        assert words in commands("names", "place")
        lines = lines.replace(words, ours)
    environment = programs(
        tmp_path / "tools", aws=AWS.format(bucket=destination.folder), rclone=RCLONE.format(bucket=destination.folder)
    )
    subprocess.run(["sh", "-euc", lines], cwd=tmp_path, env=environment, capture_output=True, check=True)
    return found_below(tmp_path / "restored")


def test_the_plain_commands_bring_a_session_back(tmp_path: Path, destination: Archived) -> None:
    """As the page has them, for a folder; the manifest names the file that is looked for."""
    assert by_hand(tmp_path, destination, "session", "find") == destination.contents


@pytest.mark.parametrize("program", ["aws", "rclone"])
def test_the_plain_commands_read_buckets(tmp_path: Path, destination: Archived, program: str) -> None:
    """The first archive, as the page fetches it."""
    found = by_hand(tmp_path, destination, program)
    assert found == {f"{SESSION}/library/{path}": content for path, content in FIRST.items()}


@pytest.mark.parametrize("block", ["range", "aws range", "rclone range"])
@pytest.mark.parametrize("place", range(len(FIRST)))
def test_the_plain_commands_bring_one_file_back(tmp_path: Path, destination: Archived, block: str, place: int) -> None:
    """By the place that the manifest tells, without the rest of the archive."""
    file = destination.files[place]
    found = by_hand(tmp_path, destination, "place", block, place=place)
    assert found == {file.member: destination.contents[file.member]}


def test_what_lies_behind_damage_comes_back_by_its_range(tmp_path: Path, destination: Archived) -> None:
    """Each member is packed for itself, so that damage costs one file."""
    path = destination.path(destination.files[0].archive)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    file = destination.files[3]
    assert by_hand(tmp_path, destination, "place", "range", place=3) == {file.member: destination.contents[file.member]}
