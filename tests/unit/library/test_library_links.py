"""Links in a library: made of files that hold what they should, over nothing, and removed without what they lead to."""

import errno
import fcntl
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Permanent, UserError
from shared.library import stage as staging
from shared.library.clone import clone
from shared.library.hashing import Digest, sha256_file
from shared.library.links import drop_link, hard_link, require_link, symbolic_link
from shared.library.place import place
from shared.library.roots import LibraryAway, Root
from shared.library.stage import stage_file

MASTER, LINK = "_Dark Library/C/master.xisf", "M31/DATE_2026-01-03/master.xisf"


@pytest.fixture
def content(library: Root) -> Digest:
    """A master of the library, which its owner may write to."""
    path = library.path / MASTER
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a master")
    return sha256_file(path)


def writable(path: Path) -> bool:
    """Whether anybody may write to a file."""
    return bool(path.stat().st_mode & 0o222)


def beside(library: Root) -> list[str]:
    """The names in the folder of the link."""
    return sorted(path.name for path in (library.path / LINK).parent.iterdir())


def test_a_hard_link_makes_its_file_read_only(library: Root, content: Digest) -> None:
    """It is a further name of one file, which nobody may write to from then on; the same again changes nothing."""
    placed = hard_link(library, MASTER, LINK, content)
    assert (placed.relative_path, placed.already_here) == (LINK, False)
    assert (library.path / LINK).samefile(library.path / MASTER)
    assert not writable(library.path / MASTER)
    assert hard_link(library, MASTER, LINK, content).already_here
    assert beside(library) == ["master.xisf"]


def test_a_symbolic_link_says_where_its_file_is(library: Root, content: Digest, tmp_path: Path) -> None:
    """Within the library it is relative, so that it holds wherever that is mounted; else it is absolute."""
    made = symbolic_link(library, MASTER, library, LINK, content)
    assert (made.placed.relative_path, made.links_to) == (LINK, "../../_Dark Library/C/master.xisf")
    assert (library.path / LINK).read_bytes() == b"a master"
    assert writable(library.path / MASTER)
    assert symbolic_link(library, MASTER, library, LINK, content).placed.already_here
    indexed = Root("nas", tmp_path / "nas")
    indexed.path.mkdir()
    (indexed.path / "m.xisf").write_bytes(b"a master")
    other = symbolic_link(indexed, "m.xisf", library, "M31/m.xisf", content)
    assert other.links_to == str(indexed.path / "m.xisf")
    assert symbolic_link(indexed, "m.xisf", library, "M31/m.xisf", content).placed.already_here
    require_link(library, "M31/m.xisf", other.links_to)
    assert drop_link(library, "M31/m.xisf", other.links_to)
    assert (indexed.path / "m.xisf").read_bytes() == b"a master"
    assert beside(library) == ["master.xisf"]


@pytest.mark.parametrize("how", ["hardlink", "symlink"])
def test_a_link_is_made_over_nothing(library: Root, content: Digest, how: str) -> None:
    """Another file keeps the name, and the link gets a suffix; a copy of the same content is as good as the link."""

    def make() -> str:
        if how == "hardlink":
            return hard_link(library, MASTER, LINK, content).relative_path
        return symbolic_link(library, MASTER, library, LINK, content).placed.relative_path

    path = library.path / LINK
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another one")
    assert make() == "M31/DATE_2026-01-03/master-2.xisf"
    assert path.read_bytes() == b"another one"
    path.write_bytes(b"a master")
    assert make() == LINK
    assert beside(library) == ["master-2.xisf", "master.xisf"]
    assert not path.is_symlink()


@pytest.mark.parametrize("how", ["hardlink", "symlink"])
def test_a_file_that_changed_gets_no_link(library: Root, content: Digest, how: str) -> None:
    """What a link would lead to is read, and must hold what is expected."""
    (library.path / MASTER).write_bytes(b"A MASTER")
    with pytest.raises(UserError, match=r"master\.xisf does not hold what is to be linked"):
        if how == "hardlink":
            hard_link(library, MASTER, LINK, content)
        else:
            symbolic_link(library, MASTER, library, LINK, content)
    assert not os.path.lexists(library.path / LINK)


def test_a_file_system_without_links_is_told(library: Root, content: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names what to choose instead; a file that cannot be made read-only gets no hard link either."""

    def refused(*_args: object, **_more: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fchmod", refused)
        with pytest.raises(UserError, match=r"cannot be made read-only .* choose copy or reflink"):
            hard_link(library, MASTER, LINK, content)
    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(os, "symlink", refused)
    with pytest.raises(UserError, match=r"takes no hard link .* choose copy or reflink"):
        hard_link(library, MASTER, LINK, content)
    with pytest.raises(UserError, match=r"takes no symbolic link .* choose copy or reflink"):
        symbolic_link(library, MASTER, library, LINK, content)


def test_a_link_leaves_no_root(library: Root, content: Digest) -> None:
    """Neither side of a link may lie outside the library or in the folder that Nightbus keeps for itself."""
    for path in ("../x.xisf", ".nightbus/x.xisf"):
        with pytest.raises(Permanent):
            hard_link(library, MASTER, path, content)
        with pytest.raises(Permanent):
            symbolic_link(library, MASTER, library, path, content)


def test_removing_a_link_leaves_its_file(library: Root, content: Digest) -> None:
    """The link goes, once; the master stays."""
    says = symbolic_link(library, MASTER, library, LINK, content).links_to
    assert says is not None
    require_link(library, LINK, says)
    assert drop_link(library, LINK, says)
    assert not drop_link(library, LINK, says)
    require_link(library, LINK, says)
    assert (library.path / MASTER).read_bytes() == b"a master"


@pytest.mark.parametrize("what", ["file", "link"])
def test_what_somebody_put_in_the_place_of_a_link_stays(library: Root, content: Digest, what: str) -> None:
    """A file, or a link to elsewhere, is no link of ours."""
    says = symbolic_link(library, MASTER, library, LINK, content).links_to
    path = library.path / LINK
    path.unlink()
    if what == "file":
        path.write_bytes(b"edited")
    else:
        path.symlink_to("elsewhere")
    for refuse in (require_link, drop_link):
        with pytest.raises(UserError, match=r"stays: it is no link to .* any more"):
            refuse(library, LINK, says or "")
    assert os.path.lexists(path)


def test_a_library_that_is_away_loses_no_link(library: Root, content: Digest) -> None:
    """Without its marker nothing is removed."""
    says = symbolic_link(library, MASTER, library, LINK, content).links_to
    (library.path / ".nightbus/root.json").rename(library.path / ".nightbus/away")
    with pytest.raises(LibraryAway):
        drop_link(library, LINK, says or "")
    assert (library.path / LINK).is_symlink()


def test_a_copy_shares_blocks_where_it_can(library: Root, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reflink is read back as any copy is; where the file system knows none, the bytes are copied."""
    asked = []

    def shared(fd: int, _request: int, of: int) -> int:
        asked.append(of)
        os.write(fd, os.pread(of, os.fstat(of).st_size, 0))  # what the kernel does by blocks
        return 0

    def unknown(_fd: int, _request: int, _of: int) -> int:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    known, transfer = sha256_file(source), staging._transfer
    for number, (call, copied) in enumerate([(shared, False), (unknown, True)]):
        transfers: list[int] = []

        def transferred(*args: Any, told: list[int] = transfers) -> Digest:
            told.append(1)
            return transfer(*args)

        monkeypatch.setattr(fcntl, "ioctl", call)
        monkeypatch.setattr(staging, "_transfer", transferred)
        staged = stage_file(source, library, sharing=True)
        assert (staged.file_id, staged.size_bytes) == (known.file_id, known.size_bytes)
        assert bool(transfers) is copied
        placed = place(staged, library, f"{number}.fit")
        assert (library.path / placed.relative_path).stat().st_mtime_ns == source.stat().st_mtime_ns
    assert len(asked) == 1
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not clone(0, 1)
