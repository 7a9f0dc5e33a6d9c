"""What the doctor says of real disks: mounted read-only, full, and unmounted."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.doctor import places
from services.cli.doctor.facts import Facts
from services.settings import load_settings
from shared.library.roots import Root, open_library
from shared.settings import Settings
from tests.disks import MIB, CannotMount, fill, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk with a library on it."""
    try:
        with small_disk(tmp_path / "disk", 64 * MIB) as mounted:
            open_library(Root("library", mounted, writable=True), first_time=True)
            yield mounted
    except CannotMount as error:
        pytest.skip(str(error))


@pytest.fixture
def of_disk(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose library is on that disk."""
    monkeypatch.setenv("NIGHTBUS_LIBRARY__PATH", str(disk))
    return load_settings()


def mount(*words: str) -> None:
    """Change how something is mounted."""
    subprocess.run(words, check=True)


def known(disk: Path) -> Facts:
    """What the database knows of a library that was open once."""
    row = {"kind": "library", "root": "library", "path": str(disk), "offline_reason": None}
    return Facts(known=True, roots=[row])


async def test_a_library_that_is_mounted_read_only(disk: Path, of_disk: Settings) -> None:
    """Its marker can be read and nothing be written: the line says that its volume is read-only, and how to mend it."""
    mount("mount", "-o", "remount,ro", str(disk))
    found = (await places.look_at_library(of_disk, None, known(disk)))[0]
    assert found.state == "wrong"
    assert "Read-only file system" in found.says
    assert "mounted read-only" in (found.fix or "")


async def test_a_library_that_is_only_read_here(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container for commands, whose library is mounted so: that is well, as long as ingest says so."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.setenv("NIGHTBUS_LIBRARY__PATH", str(here))
    mount("mount", "--bind", str(disk), str(here))
    try:
        mount("mount", "-o", "remount,bind,ro", str(here))
        found = await places.look_at_library(load_settings(), None, known(here))
        assert {one.state for one in found} == {"ok"}
        assert f"{here} has its marker, and is only read here" in [one.says for one in found]
        lost = Facts(known=True, roots=[{**known(here).roots[0], "offline_reason": "the disk is read-only"}])
        found = await places.look_at_library(load_settings(), None, lost)
        assert (found[0].state, found[0].says) == ("wrong", "the disk is read-only")
    finally:
        mount("umount", "-l", str(here))


async def test_a_disk_that_is_full(disk: Path, of_disk: Settings) -> None:
    """The library is the right one and takes no more: that is said of its disk, with what stays free."""
    assert [one.state for one in await places.look_at_library(of_disk, None, known(disk))] == ["ok", "ok"]
    fill(disk)
    library, room = await places.look_at_library(of_disk, None, known(disk))
    assert library.state == "ok"
    assert (room.about, room.state) == ("disk of library", "wrong")
    assert room.says.startswith("full: ")


async def test_a_volume_that_is_not_mounted(disk: Path, of_disk: Settings) -> None:
    """What is left is an empty folder: it is taken for no new library, since the database knows one."""
    mount("umount", "-l", str(disk))
    try:
        found = (await places.look_at_library(of_disk, None, known(disk)))[0]
    finally:
        mount("mount", "-t", "tmpfs", "nightbus-test", str(disk))
    assert found.state == "wrong"
    assert "is the volume mounted?" in found.says
