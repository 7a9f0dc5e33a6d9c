"""doctor where a disk hangs: it ends all the same, says which one, and looks at the rest.

A file system in user space whose process is stopped stands in for the disk: whoever asks it waits for ever.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.standalone.home import Home, write_durably
from shared.library.roots import Root, open_library
from tests.system.conftest import Program
from tests.system.containers import ROOT, until

pytestmark = pytest.mark.usefixtures("root")
LIMIT_S = 170.0
"""Longer than all looks of the doctor may take."""


@contextmanager
def hanging(folder: Path, mounted: Path, rclone: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A folder mounted elsewhere by a process that can be stopped."""
    mounted.mkdir()
    command = [
        rclone,
        "mount",
        str(folder),
        str(mounted),
        "--config",
        "",
        "--attr-timeout",
        "0s",
        "--dir-cache-time",
        "0s",
    ]
    with (folder.parent / "rclone.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HOME": str(folder.parent)})
    try:
        until(lambda: os.path.ismount(mounted) or process.poll() is not None, "it is not mounted", 30)
        if process.poll() is not None:
            pytest.skip("no file system in user space can be mounted here")
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)
        subprocess.run(["umount", "-l", str(mounted)], check=False, capture_output=True)


def doctor(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it; it fails where it does not end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
    return subprocess.run(
        [sys.executable, "-m", "services.cli.main", "doctor", *words], capture_output=True, text=True, check=False,
        timeout=LIMIT_S, env={**clean, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


@pytest.fixture
def mount(program: Program, tmp_path: Path) -> Iterator[tuple[Path, "subprocess.Popen[bytes]"]]:
    """A home of `nightbus up` that was started once and a library, on a disk that can be made to hang."""
    rclone = program("rclone", "rclone")
    program("fusermount3", "fuse3")
    disk = tmp_path / "disk"
    (disk / "library").mkdir(parents=True)
    with Home.open(disk / "home") as home:
        write_durably(home.run / "ports.json", '{"nats": 20001, "postgres": 20002}\n', mode=0o600)
    open_library(Root("library", disk / "library", writable=True), first_time=True)
    with hanging(disk, tmp_path / "mounted", rclone) as process:
        yield tmp_path / "mounted", process


@pytest.mark.timeout(400)
def test_a_home_whose_disk_hangs_is_named(mount: tuple[Path, "subprocess.Popen[bytes]"], tmp_path: Path) -> None:
    """Doctor ends within its limits and says that the folder does not answer; what lies elsewhere is looked at."""
    mounted, process = mount
    elsewhere = tmp_path / "elsewhere"
    open_library(Root("library", elsewhere, writable=True), first_time=True)
    words = ("--home", str(mounted / "home"))
    well = doctor(*words, NIGHTBUS_LIBRARY__PATH=str(elsewhere))
    assert f"is not running in {mounted}/home" in well.stdout, well.stdout + well.stderr
    process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    done = doctor(*words, NIGHTBUS_LIBRARY__PATH=str(elsewhere))
    print(f"ended after {time.monotonic() - began:.1f} s:\n{done.stdout}")
    assert done.returncode == 1
    assert "wrong   the home of `nightbus up`: its folder does not answer" in done.stdout
    assert f"ok      library: {elsewhere} has its marker" in done.stdout


@pytest.mark.timeout(400)
def test_a_library_whose_disk_hangs_is_named(mount: tuple[Path, "subprocess.Popen[bytes]"], tmp_path: Path) -> None:
    """So does one whose library hangs: the servers, whose home is on another disk, are looked at."""
    mounted, process = mount
    with Home.open(tmp_path / "home") as home:
        write_durably(home.run / "ports.json", '{"nats": 20001, "postgres": 20002}\n', mode=0o600)
    process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    done = doctor("--home", str(tmp_path / "home"), NIGHTBUS_LIBRARY__PATH=str(mounted / "library"))
    print(f"ended after {time.monotonic() - began:.1f} s:\n{done.stdout}")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith(f"wrong   library: {mounted}/library does not answer within") for line in lines), lines
    assert any(line.startswith("wrong   nightbus up: is not running") for line in lines), lines
