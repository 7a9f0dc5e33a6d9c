"""Permissions of what is placed: the umask's, or those of the settings."""

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import UserError
from shared.library.access import Access
from shared.library.place import copy_verified
from shared.library.roots import Root, open_library


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A capture that only its owner may read, as some devices leave it."""
    path = tmp_path / "source.fit"
    path.write_bytes(b"SIMPLE")
    path.chmod(0o600)
    return path


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _placed(tmp_path: Path, source: Path, access: Access) -> Path:
    root = Root("library", tmp_path / "library", writable=True, access=access)
    open_library(root, first_time=True)
    copy_verified(source, root, "seestar/M 31/a.fit")
    return root.path / "seestar/M 31/a.fit"


def test_without_a_setting_the_umask_decides(tmp_path: Path, source: Path) -> None:
    """Files and folders are as any program of the user makes them, whatever the source's own permissions are."""
    placed = _placed(tmp_path, source, Access())
    assert [_mode(path) for path in (placed, placed.parent, placed.parent.parent)] == [0o644, 0o755, 0o755]
    assert _mode(source) == 0o600


@pytest.mark.parametrize(("mode", "folder"), [("0664", 0o775), ("640", 0o750), ("600", 0o700)])
def test_the_mode_of_the_settings_wins_over_the_umask(tmp_path: Path, source: Path, mode: str, folder: int) -> None:
    """Whoever may read a file may enter its folders, also the outer ones; the source keeps its own permissions."""
    placed = _placed(tmp_path, source, Access.of(mode, None))
    assert _mode(placed) == int(mode, 8)
    assert [_mode(path) for path in (placed.parent, placed.parent.parent)] == [folder, folder]
    assert _mode(source) == 0o600


def test_files_and_new_folders_belong_to_the_group(tmp_path: Path, source: Path) -> None:
    """A group may be named or numbered; every placed file and every folder made for it belongs to that group."""
    groups = [group for group in grp.getgrall() if group.gr_gid != os.getegid()]
    if os.geteuid() != 0:
        groups = [group for group in groups if group.gr_gid in os.getgroups()]
    if not groups:
        pytest.skip("this user is in one group only")
    placed = _placed(tmp_path, source, Access.of(None, groups[0].gr_name))
    assert {path.stat().st_gid for path in (placed, placed.parent, placed.parent.parent)} == {groups[0].gr_gid}
    assert Access.of(None, str(groups[0].gr_gid)) == Access.of(None, groups[0].gr_name)


def test_a_group_that_does_not_exist_is_said() -> None:
    """A misspelt group is told with its name before anything is placed."""
    with pytest.raises(UserError, match="this machine has no group 'astro-nobody-has-this'"):
        Access.of(None, "astro-nobody-has-this")
