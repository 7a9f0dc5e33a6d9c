"""Small disks for tests that fill them: real ones where root may mount, and numbers as a disk would give them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 1024**2


class CannotMount(Exception):
    """Nothing can be mounted here; the message says why."""


@contextmanager
def small_disk(place: Path, size_bytes: int, *, files: int | None = None) -> Iterator[Path]:
    """A file system of its own (tmpfs) of ``size_bytes`` at ``place``, for ``files`` inodes at most; root mounts it.

    Raises:
        CannotMount: not root, or in a container that may not mount.
    """
    place.mkdir(parents=True, exist_ok=True)
    options = f"size={size_bytes},mode=0755" + (f",nr_inodes={files}" if files else "")
    command = ["mount", "-t", "tmpfs", "-o", options, "nightbus-test", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        raise CannotMount(mounted.stderr.strip() or "mount refuses")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def more_files(disk: Path, files: int) -> None:
    """Give a small disk more inodes."""
    subprocess.run(["mount", "-o", f"remount,nr_inodes={files}", str(disk)], check=True)


def fill(folder: Path, *, leave_bytes: int = 0) -> Path:
    """Fill the disk under a folder with one file but for ``leave_bytes``; remove the file to make room again."""
    ballast = folder / f"ballast-{os.urandom(4).hex()}"
    with ballast.open("wb") as file:
        disk = os.fstatvfs(file.fileno())
        os.posix_fallocate(file.fileno(), 0, max(1, disk.f_bavail * disk.f_frsize - leave_bytes))
    return ballast


def free_bytes(folder: Path) -> int:
    """What anybody may still write to the disk under a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def disk_of(
    size_bytes: int, free_bytes: int, *, files: int = 10_000, free_files: int = 9_000, block_bytes: int = 4096
) -> os.statvfs_result:
    """What ``statvfs`` answers for a disk of this size."""
    blocks, free = size_bytes // block_bytes, free_bytes // block_bytes
    return os.statvfs_result((block_bytes, block_bytes, blocks, free, free, files, free_files, free_files, 0, 255))
