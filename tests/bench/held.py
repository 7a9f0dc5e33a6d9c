"""Processes that are held to a share of a core, by the processor controller of control groups (version 1 or 2)."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
PERIOD_US = 100_000


class CannotHold(Exception):
    """Nothing here holds a process back; one sentence."""


@contextlib.contextmanager
def share_of_a_core(share: float) -> Iterator[list[str]]:
    """Words to put before a command, so that it and all its children together get that share of one core.

    Raises:
        CannotHold: this machine has no such controller, or it is not ours to use.
    """
    quota_us = int(share * PERIOD_US)
    name = f"nightbus-bench-{secrets.token_hex(4)}"
    if (MOUNT / "cpu" / "cpu.cfs_quota_us").exists():
        group, limits = MOUNT / "cpu" / name, {"cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": quota_us}
        values = {file: str(value) for file, value in limits.items()}
    elif "cpu" in _read(MOUNT / "cgroup.subtree_control").split():
        group, values = MOUNT / name, {"cpu.max": f"{quota_us} {PERIOD_US}"}
    else:
        raise CannotHold(f"{MOUNT} has no processor controller")
    try:
        group.mkdir()
    except OSError as error:
        raise CannotHold(f"{group} cannot be made: {error.strerror}") from error
    try:
        for file, value in values.items():
            (group / file).write_text(value)
        yield ["/bin/sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh"]
    finally:
        group.rmdir()


def cores() -> int:
    """How many cores there are to share."""
    return len(os.sched_getaffinity(0))


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
