"""Renaming and erasing files of a library: two names until it counts, nothing overwritten, no last name lost."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Permanent, UserError
from shared.library.erase import erase
from shared.library.hashing import Digest, sha256_file
from shared.library.remove import NotStoredError
from shared.library.rename import Renaming, add_name, check_name, drop_name, take_name_back
from shared.library.roots import LibraryAway, Root, open_library

LINK = os.link


@pytest.fixture
def library(tmp_path: Path) -> Root:
    """A library with two files."""
    root = Root("library", tmp_path / "library", writable=True)
    open_library(root, first_time=True)
    (root.path / "night").mkdir()
    (root.path / "night/a.fit").write_bytes(b"a")
    (root.path / "night/b.fit").write_bytes(b"b")
    return root


@pytest.fixture(params=["links", "no links"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test twice: where a file can have two names, and where it cannot."""
    if request.param == "no links":

        def link(source: str | Path, target: str, **options: Any) -> None:
            if not str(source).endswith(".tmp"):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            LINK(source, target, **options)

        monkeypatch.setattr(os, "link", link)


def wanted(library: Root, to_path: str = "M31/L/a.fit") -> Renaming:
    """The first file is to have another name."""
    return Renaming(sha256_file(library.path / "night/a.fit"), "night/a.fit", to_path)


def names(library: Root) -> dict[str, bytes]:
    """What lies in the library."""
    files = (path for path in library.path.rglob("*") if path.is_file() and ".nightbus" not in path.parts)
    return {path.relative_to(library.path).as_posix(): path.read_bytes() for path in files}


@pytest.mark.usefixtures("both_ways")
def test_a_file_has_both_names_until_the_old_one_goes(library: Root) -> None:
    """The new name comes first and the old one goes last; each step may be repeated, and the mtime stays."""
    renaming, before = wanted(library), (library.path / "night/a.fit").stat().st_mtime_ns
    assert [add_name(library, renaming) for _ in range(2)] == [before] * 2
    assert names(library) == {"night/a.fit": b"a", "night/b.fit": b"b", "M31/L/a.fit": b"a"}
    assert [drop_name(library, renaming) for _ in range(2)] == [True, False]
    assert names(library) == {"night/b.fit": b"b", "M31/L/a.fit": b"a"}


@pytest.mark.usefixtures("both_ways")
def test_a_new_name_can_be_taken_back(library: Root) -> None:
    """Until the old name has gone everything can be as it was."""
    renaming = wanted(library)
    add_name(library, renaming)
    assert [take_name_back(library, renaming) for _ in range(2)] == [True, False]
    assert names(library) == {"night/a.fit": b"a", "night/b.fit": b"b"}


@pytest.mark.usefixtures("both_ways")
def test_no_name_goes_unless_the_other_one_is_there(library: Root) -> None:
    """Where somebody took one of the two away, or put another file there, the other one stays."""
    renaming = wanted(library)
    add_name(library, renaming)
    (library.path / "M31/L/a.fit").unlink()
    with pytest.raises(UserError, match="is not there"):
        drop_name(library, renaming)
    (library.path / "M31/L/a.fit").write_bytes(b"other")
    with pytest.raises((UserError, NotStoredError), match=r"stays|kept"):
        drop_name(library, renaming)
    assert names(library) == {"night/a.fit": b"a", "night/b.fit": b"b", "M31/L/a.fit": b"other"}


@pytest.mark.usefixtures("both_ways")
def test_nothing_is_overwritten(library: Root) -> None:
    """A name that is taken is refused, before and at the moment of renaming."""
    with pytest.raises(UserError, match="nothing is overwritten"):
        check_name(library, "night/b.fit")
    with pytest.raises(UserError, match="nothing is overwritten"):
        add_name(library, wanted(library, "night/b.fit"))
    assert names(library) == {"night/a.fit": b"a", "night/b.fit": b"b"}


def test_one_name_in_two_spellings_is_kept(library: Root) -> None:
    """Where two paths lead to one name, as where case does not count, the file keeps it."""
    (library.path / "mirror").symlink_to(library.path / "night")
    renaming = Renaming(Digest("0" * 64, 1), "night/a.fit", "mirror/a.fit")
    with pytest.raises(UserError, match="it is the same name"):
        drop_name(library, renaming)
    assert names(library)["night/a.fit"] == b"a"


@pytest.mark.parametrize("path", ["../a.fit", ".nightbus/a.fit", "a//b.fit", "/a.fit"])
def test_no_name_leaves_the_library(library: Root, path: str) -> None:
    """A path that leads out of the library, or into what is ours, is refused."""
    with pytest.raises(Permanent):
        check_name(library, path)


def test_a_copy_that_read_differently_gets_no_name(library: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file must be copied, other bytes than expected end it, and nothing is left behind."""
    monkeypatch.setattr(os, "link", _no_link)
    renaming = Renaming(Digest("0" * 64, 1), "night/a.fit", "new/a.fit")
    with pytest.raises(UserError, match="other bytes"):
        add_name(library, renaming)
    assert names(library) == {"night/a.fit": b"a", "night/b.fit": b"b"}
    assert list((library.own_folder / "tmp").iterdir()) == []


def _no_link(*_args: object, **_options: object) -> None:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def test_a_library_that_is_away_is_not_touched(library: Root) -> None:
    """Without the marker nothing is renamed and nothing is erased."""
    renaming = wanted(library)
    library.marker_path.unlink()
    with pytest.raises(LibraryAway):
        add_name(library, renaming)
    with pytest.raises(LibraryAway):
        drop_name(library, renaming)
    with pytest.raises(LibraryAway):
        erase(library, "night/a.fit", renaming.content)
    assert names(library) == {"night/a.fit": b"a", "night/b.fit": b"b"}


def test_only_what_was_named_is_erased(library: Root) -> None:
    """A file with other bytes stays; one that has gone is no error; a link is never followed."""
    content = sha256_file(library.path / "night/a.fit")
    with pytest.raises(UserError, match="it holds other bytes by now"):
        erase(library, "night/b.fit", content)
    (library.path / "night/link.fit").symlink_to(library.path / "night/a.fit")
    with pytest.raises(Permanent):
        erase(library, "night/link.fit", content)
    assert [erase(library, "night/a.fit", content) for _ in range(2)] == [True, False]
    assert erase(library, "nowhere/a.fit", content) is False
    assert names(library)["night/b.fit"] == b"b"
