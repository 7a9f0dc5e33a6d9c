"""The order of writes, syncs and renames as the kernel saw it: what a crash at any point can leave follows from it.

A file system may write names before bytes and in any order that no fsync forbids. So each step that the next relies on
must have been synced before it. A trace shows that order; pulling the plug of a real machine was not tried.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.damage import GOOD, PATH, prepare
from tests.system.conftest import Program
from tests.system.suite import REPOSITORY

CALLS = "read,write,fsync,fdatasync,linkat,rename,renameat,renameat2,unlink,unlinkat,mkdirat,utimensat"
_LINE = re.compile(r"^(?:\d+ +)?(?P<call>\w+)\((?P<rest>.*)\) += +(?P<result>-?\d+)")
_PATHS = re.compile(r'<(/[^>]*)>(?:, "((?:[^"\\]|\\.)*)")?|"((?:/)(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Step:
    """One system call that succeeded, and the paths that it was about."""

    call: str
    paths: tuple[str, ...]
    result: int


class Trace:
    """What a process did to the files below a folder, in order."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps

    def first(self, call: str, *paths: str, after: int = -1) -> int:
        """The number of the first such call after another one, by the ends of the paths that it was about."""
        return min(self._all(call, paths, after))

    def last(self, call: str, *paths: str) -> int:
        """The number of the last such call."""
        return max(self._all(call, paths, -1))

    def read_bytes(self, path: str, *, after: int) -> int:
        """How much of a file was read after a call."""
        reads = (step for step in self.steps[after + 1 :] if step.call == "read")
        return sum(step.result for step in reads if re.search(path + "$", step.paths[0]))

    def _all(self, call: str, ends: tuple[str, ...], after: int) -> list[int]:
        found = [
            number
            for number, step in enumerate(self.steps)
            if number > after
            and step.call.startswith(call)
            and len(step.paths) >= len(ends)
            and all(re.search(end + "$", path) for end, path in zip(ends, step.paths, strict=False))
        ]
        assert found, f"no {call} of {ends} after step {after} in {self.steps}"
        return found


@pytest.fixture
def strace(program: Program) -> str:
    """strace, where this machine lets a process be traced."""
    path = program("strace", "strace")
    tried = subprocess.run([path, "-f", "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no process may be traced here: {tried.stderr.strip().splitlines()[-1]}")
    return path


def traced(strace: str, folder: Path, work: str) -> Trace:
    """Do a piece of work of tests.damage on a prepared folder, under trace."""
    prepare(folder)
    log = folder / "trace.txt"
    command = [strace, "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", "-o", str(log)]
    subprocess.run([*command, sys.executable, "-m", "tests.damage", work, str(folder)], cwd=REPOSITORY, check=True)
    steps = []
    for line in log.read_text(errors="replace").splitlines():
        if (match := _LINE.match(line)) and not match["result"].startswith("-"):
            paths = tuple(_joined(found) for found in _PATHS.finditer(match["rest"]))
            if any(path.startswith(str(folder)) for path in paths):
                steps.append(Step(match["call"], paths, int(match["result"])))
    return Trace(steps)


def _joined(found: re.Match[str]) -> str:
    folder, name, path = found.groups()
    return f"{folder}/{name}" if name else folder or path


TEMPORARY = r"/library/\.nightbus/tmp/[0-9a-f]{32}\.tmp"


def copied(trace: Trace) -> int:
    """Check that a copy was written, synced and read back before anything else; the number of the last read of it."""
    written = trace.last("write", TEMPORARY)
    synced = trace.first("fsync", TEMPORARY, after=written)
    first_read, last_read = trace.first("read", TEMPORARY, after=synced), trace.last("read", TEMPORARY)
    assert trace.last("utimensat", TEMPORARY) < synced, "the mtime is to last as well"
    read = sum(
        step.result for step in trace.steps[synced:] if step.call == "read" and re.search(TEMPORARY, step.paths[0])
    )
    assert read == len(GOOD), "the whole copy is read back"
    assert written < synced < first_read <= last_read
    return last_read


def removed(trace: Trace, stored: str, after: int) -> None:
    """Check that the source went last: after the stored copy was read and synced, with its name."""
    gone = trace.first("unlink", r"/card/a\.fit")
    read, synced = trace.first("read", stored, after=after), trace.first("fsync", stored, after=after)
    folder = trace.first("fsync", stored.rpartition("/")[0], after=synced)
    assert after < read < synced < folder < gone
    assert trace.read_bytes(stored, after=after) == len(GOOD), "the whole stored copy is read in that moment"
    changing = ("write", "link", "rename", "unlink", "mkdir")
    assert not [step for step in trace.steps[gone + 1 :] if step.call.startswith(changing)]


def test_a_copy_is_durable_before_it_has_a_name_and_named_before_its_source_goes(strace: str, tmp_path: Path) -> None:
    """move: bytes, sync, read back, folders with their syncs, name, sync of the folder; only then the source goes."""
    trace = traced(strace, tmp_path, "move")
    read_back = copied(trace)
    named = trace.first("linkat", TEMPORARY, "/library/new/night/a.fit")
    for made, parent in (("/library/new", "/library"), ("/library/new/night", "/library/new")):
        assert trace.first("mkdirat", made) < trace.first("fsync", parent) < named
    durable = trace.first("fsync", "/library/new/night", after=named)
    assert read_back < named < durable < trace.first("unlinkat", TEMPORARY)
    removed(trace, "/library/new/night/a.fit", durable)


def test_a_damaged_copy_is_replaced_in_one_durable_step(strace: str, tmp_path: Path) -> None:
    """repair: the good copy is durable under a name aside before the two change names, and both folders after it."""
    trace = traced(strace, tmp_path, "repair_and_remove")
    read_back = copied(trace)
    aside = rf"/library/\.nightbus/damaged/[0-9TZ]+/{PATH}"
    folder_aside = aside.rpartition("/")[0]
    claimed = trace.first("linkat", TEMPORARY, aside)
    safe = trace.first("fsync", folder_aside, after=claimed)
    exchanged = trace.first("renameat2", aside, f"/library/{PATH}")
    assert read_back < claimed < safe < exchanged
    after = max(
        trace.first("fsync", f"/library/{PATH.rpartition('/')[0]}", after=exchanged),
        trace.first("fsync", folder_aside, after=exchanged),
    )
    removed(trace, f"/library/{PATH}", after)


def test_without_an_exchange_the_damaged_bytes_are_durable_before_they_go(strace: str, tmp_path: Path) -> None:
    """Where names cannot change places, a synced copy of the damaged file has its name before the rename over it."""
    trace = traced(strace, tmp_path, "repair_and_remove_without_exchange")
    aside = rf"/library/\.nightbus/damaged/[0-9TZ]+(-\d+)?/{PATH}"
    claims = [trace.first("linkat", TEMPORARY, aside)]
    claims.append(trace.first("linkat", TEMPORARY, aside, after=claims[0]))
    synced = [trace.first("fsync", aside.rpartition("/")[0], after=claim) for claim in claims]
    replaced = trace.first("rename", aside, f"/library/{PATH}")
    damaged_read = trace.first("read", f"/library/{PATH}", after=synced[0])
    assert claims[0] < synced[0] < damaged_read < claims[1] < synced[1] < replaced
    removed(trace, f"/library/{PATH}", trace.first("fsync", f"/library/{PATH.rpartition('/')[0]}", after=replaced))
