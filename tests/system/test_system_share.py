"""Ingest from a telescope's share over real SMB: patience, completeness, and a device that goes away."""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from services.standalone.simulation import SMALL, simulate
from shared.library.mounts import is_network_filesystem
from tests.e2e.running import Up, up
from tests.stack import open_folder
from tests.system.conftest import Program
from tests.system.share import CannotMount, Share, mounted, serving

BYTES_PER_S = 250_000
"""A telescope's wireless link, slow enough that it can be cut in the middle of a file."""


@dataclass(frozen=True)
class Telescope:
    """A simulated Seestar whose night is served by smbd and mounted here."""

    share: Share
    mount: Path
    kind: str

    def show_night(self, most_folders: int = 100) -> None:
        """The night's folders, or some of them, appear on the device at once."""
        for folder in sorted((self.share.folder / "night" / "MyWorks").iterdir())[:most_folders]:
            folder.rename(self.share.content / "MyWorks" / folder.name)

    def captures(self) -> list[Path]:
        """The files on the device that ingest should take."""
        found = (path for path in (self.share.content / "MyWorks").rglob("*") if path.is_file())
        return sorted(path for path in found if path.suffix in {".fit", ".jpg"})


@pytest.fixture
def telescope(program: Program, root: None) -> Iterator[Telescope]:
    """A mounted share, and a night of the SMALL profile, hours old, that ``show_night`` puts on it."""
    program("smbd", "samba")
    program("mount.cifs", "cifs-utils")
    program("rclone", "rclone")
    program("fusermount3", "fuse3")
    with open_folder() as folder, serving(folder) as share:
        (share.content / "MyWorks").mkdir()
        simulate(folder / "night", nights=1, seed=11, profile=SMALL)
        for path in (folder / "night").rglob("*"):
            os.utime(path, (time.time() - 7200, time.time() - 7200))
        try:
            with mounted(share, folder / "mount", bytes_per_s=BYTES_PER_S) as kind:
                yield Telescope(share, folder / "mount", kind)
        except CannotMount as reason:
            pytest.skip(f"the share cannot be mounted: {reason}")


def settings_of(telescope: Telescope, incomplete_wait_s: float) -> dict[str, str]:
    """A source on the mounted share, with short times."""
    source = {
        "name": "seestar", "path": str(telescope.mount / "MyWorks"), "mode": "copy", "time_zone": "America/Denver",
        "walk_interval_s": 3,
    }  # fmt: skip
    return {
        "NIGHTBUS_SOURCES": json.dumps([source]),
        "NIGHTBUS_INGEST__SETTLE_S": "0.1",
        "NIGHTBUS_INGEST__NETWORK_SETTLE_S": "2",
        "NIGHTBUS_INGEST__INCOMPLETE_WAIT_S": str(incomplete_wait_s),
    }


def contents(paths: list[Path]) -> dict[str, list[Path]]:
    """Files by the hash of their content."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(path)
    return found


def in_library(stack: Up) -> list[Path]:
    """Files that have their names in the library."""
    return [path for path in (stack.home / "library" / "seestar").rglob("*") if path.is_file()]


def until(condition: Callable[[], bool], stack: Up, within_s: float) -> None:
    """Wait for a condition; fails with the end of the log."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, stack.log.read_text()[-4000:]
        time.sleep(0.05)


def passes(stack: Up) -> list[dict[str, int]]:
    """The counts of every full walk of the source, from the log."""
    said = [json.loads(line) for line in stack.log.read_text().splitlines()]
    walks = [line for line in said if line["event"] == "source walked"]
    return [{name: fact for name, fact in line.items() if isinstance(fact, int)} for line in walks]


def ingest_process(stack: Up) -> int:
    """The process id of ingest."""
    children = psutil.Process(stack.process.pid).children()
    return next(child.pid for child in children if child.cmdline()[-2:] == ["services.cli.serving", "ingest"])


def test_a_night_comes_home_from_the_share(telescope: Telescope) -> None:
    """A mounted share is a network file system: old files too need two looks, then all arrive and none changes."""
    assert is_network_filesystem(telescope.mount / "MyWorks")
    telescope.show_night()
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in telescope.captures()}
    expected = set(contents(list(before)))
    with up(telescope.share.folder / "home", **settings_of(telescope, 1.0)) as stack:
        until(lambda: set(contents(in_library(stack))) == expected, stack, 90)
        until(lambda: stack.json("status")["counts"]["waiting"] == 0, stack, 60)
        counts = stack.json("status")["counts"]
        first = passes(stack)[0]
        assert (first["arrived"], first["unsettled"]) == (0, len(before)), "one look is not enough on a share"
        assert counts["arrived"] == counts["scanned"] + counts["quarantined"] == len(expected)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in telescope.captures()} == before
    print(f"{len(expected)} files over {telescope.kind}")


def test_a_share_that_goes_away_changes_nothing_and_resumes(telescope: Telescope) -> None:
    """The device loses power while files are copied and one is unfinished: no half file gets a name, ingest runs on.

    Nothing is forgotten meanwhile, and when it is back the rest arrives once.
    """
    with up(telescope.share.folder / "home", **settings_of(telescope, 12.0)) as stack:
        ingest = ingest_process(stack)
        telescope.show_night(2)
        until(lambda: len(in_library(stack)) >= 3, stack, 60)
        early = set(contents(in_library(stack)))
        telescope.show_night()
        captures = telescope.captures()
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in captures}
        expected = set(contents(captures))
        staged = telescope.share.folder / "home" / "library" / ".nightbus"
        until(lambda: any(path.suffix != ".json" for path in staged.rglob("*") if path.is_file()), stack, 60)
        telescope.share.kill()
        time.sleep(8)
        whole = set(contents(in_library(stack)))
        assert early <= whole < expected, "what has a name is whole and stays, and the cut came before the end"
        listed = {row["file_id"] for row in stack.json("files", "--limit", "1000")}
        assert listed <= expected
        assert listed == whole
        time.sleep(4)
        assert {row["file_id"] for row in stack.json("files", "--limit", "1000")} == listed
        assert ingest_process(stack) == ingest, "a lost share is no reason to end:\n" + stack.log.read_text()[-3000:]
        telescope.share.start()
        until(lambda: set(contents(in_library(stack))) == expected, stack, 120)
        until(lambda: stack.json("status")["counts"]["waiting"] == 0, stack, 60)
        assert all(len(paths) == 1 for paths in contents(in_library(stack)).values()), "nothing arrives twice"
        assert stack.json("status")["counts"]["arrived"] == len(expected)
        assert ingest_process(stack) == ingest
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in captures} == before
    print(f"cut after {len(whole)} of {len(expected)} files over {telescope.kind}")


def test_the_kernel_can_mount_it(telescope: Telescope) -> None:
    """With cifs in the kernel its own mount was used; elsewhere this says why the FUSE mount was."""
    if telescope.kind != "cifs":
        tried = subprocess.run(
            ["mount.cifs", "//127.0.0.1/x", str(telescope.share.folder), "-o", f"guest,port={telescope.share.port}"],
            capture_output=True,
            text=True,
            check=False,
        )
        pytest.skip(
            f"this kernel cannot mount SMB ({tried.stderr.splitlines()[0]}); the other tests used rclone's mount"
        )
    assert is_network_filesystem(telescope.mount)
