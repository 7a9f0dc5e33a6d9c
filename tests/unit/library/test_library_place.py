"""Placing files: complete, verified, never over another, and the source untouched."""

import errno
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import Permanent, Transient
from shared.library import place as place_module
from shared.library.contents import Contents
from shared.library.hashing import Digest, sha256_descriptor
from shared.library.place import Placed, copy_verified, place
from shared.library.roots import Root, resolve
from shared.library.stage import clean_temporaries, stage_file
from shared.library.template import safe_name
from tests.unit.library.conftest import OLD_NS


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _temporary(library: Root) -> list[str]:
    return [path.name for path in (library.path / ".nightbus").rglob("*") if path.parent.name == "tmp"]


def _files(library: Root) -> list[str]:
    found = (path for path in library.path.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(library.path)) for path in found if ".nightbus" not in path.parts)


def test_a_copy_is_the_source_and_the_source_is_untouched(library: Root, source: Path) -> None:
    """The copy has the content and the mtime of the source, whose own content, mtime, ctime and inode stay."""
    before, content = source.stat(), _sha256(source)
    placed = copy_verified(source, library, "seestar/M 31/a.fit")
    copy = library.path / "seestar/M 31/a.fit"
    assert (placed.relative_path, placed.already_here, placed.size_bytes) == (
        "seestar/M 31/a.fit",
        False,
        before.st_size,
    )
    assert placed.file_id == content == _sha256(copy)
    assert copy.stat().st_mtime_ns == OLD_NS
    assert copy.stat().st_nlink == 1
    after = source.stat()
    assert _sha256(source) == content
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_ino, after.st_size) == (
        before.st_mtime_ns, before.st_ctime_ns, before.st_ino, before.st_size
    )  # fmt: skip
    assert _temporary(library) == []


def test_an_empty_file_is_placed(library: Root, tmp_path: Path) -> None:
    """A file without content is a file like others."""
    (tmp_path / "empty.fit").touch()
    assert copy_verified(tmp_path / "empty.fit", library, "empty.fit").size_bytes == 0


def test_the_same_content_is_already_here(library: Root, source: Path) -> None:
    """A second copy of one content under one name is adopted and leaves the first as it is."""
    copy_verified(source, library, "a.fit")
    inode = (library.path / "a.fit").stat().st_ino
    again = copy_verified(source, library, "a.fit")
    assert again.already_here
    assert again.relative_path == "a.fit"
    assert (library.path / "a.fit").stat().st_ino == inode
    assert _files(library) == ["a.fit"]
    assert _temporary(library) == []


def test_other_content_gets_a_number(library: Root, tmp_path: Path) -> None:
    """Different files of one name all stay, numbered before the whole extension, and each is found again."""
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.fits.gz"
        path.write_bytes(b"content %d" % number)
        paths.append(path)
    names = [copy_verified(path, library, "d/a.fits.gz").relative_path for path in paths]
    assert names == ["d/a.fits.gz", "d/a-2.fits.gz", "d/a-3.fits.gz", "d/a-4.fits.gz"]
    again = [copy_verified(path, library, "d/a.fits.gz") for path in paths]
    assert [(one.relative_path, one.already_here) for one in again] == [(name, True) for name in names]
    assert (library.path / "d/a.fits.gz").read_bytes() == b"content 0"


def test_a_library_behind_a_link_and_links_inside_it(tmp_path: Path, library: Root) -> None:
    """A library that is mounted through a symbolic link takes copies, also into a folder that is a link inside it."""
    (tmp_path / "by link").symlink_to(library.path)
    (library.path / "2025").mkdir()
    (library.path / "this year").symlink_to("2025")
    source = tmp_path / "x.fit"
    source.write_bytes(b"light")
    for behind in (library, Root(library.name, tmp_path / "by link", writable=True)):
        for folder in ("M31", "this year"):
            placed = copy_verified(source, behind, f"{folder}/x.fit")
            assert placed.relative_path == f"{folder}/x.fit"
    assert sorted(path.relative_to(library.path).as_posix() for path in library.path.glob("*/x.fit")) == [
        "2025/x.fit", "M31/x.fit", "this year/x.fit"
    ]  # fmt: skip
    assert (library.path / "2025" / "x.fit").read_bytes() == b"light"


@pytest.mark.parametrize("kind", ["symlink", "dangling", "folder", "pipe"])
def test_what_is_no_file_keeps_its_name(library: Root, source: Path, tmp_path: Path, kind: str) -> None:
    """A link, a folder or a pipe under the wanted name is neither followed nor replaced."""
    name, victim = library.path / "a.fit", tmp_path / "victim"
    if kind == "symlink":
        victim.write_bytes(source.read_bytes())
        name.symlink_to(victim)
    elif kind == "dangling":
        name.symlink_to(library.path / "nothing")
    elif kind == "folder":
        name.mkdir()
    else:
        os.mkfifo(name)
    if kind == "symlink":  # it points out of the root
        with pytest.raises(Permanent, match="leaves the root"):
            copy_verified(source, library, "a.fit")
    else:
        assert copy_verified(source, library, "a.fit").relative_path == "a-2.fit"
        assert not (library.path / "nothing").exists()
    assert not name.is_file() or name.is_symlink()


@pytest.mark.parametrize(
    "target",
    ["../x.fit", "/etc/x.fit", "a/../../x.fit", "a//x.fit", "", "a\0.fit", "./x.fit", "link/x.fit", "a/\udcff.fit",
     ".nightbus/root.json", ".nightbus/tmp/x.fit"],
)  # fmt: skip
def test_nothing_is_placed_outside(library: Root, source: Path, tmp_path: Path, target: str) -> None:
    """A target that leaves the root, by steps, by a link or into our own folder, is refused and nothing is written."""
    (tmp_path / "outside").mkdir()
    (library.path / "link").symlink_to(tmp_path / "outside")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Permanent):
        copy_verified(source, library, target)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_inside_the_root_is_a_way_like_others(library: Root, source: Path) -> None:
    """A folder link that stays inside the root may be on the path."""
    (library.path / "real").mkdir()
    (library.path / "alias").symlink_to(library.path / "real")
    assert copy_verified(source, library, "alias/sub/a.fit").relative_path == "alias/sub/a.fit"
    assert (library.path / "real/sub/a.fit").is_file()


def test_a_link_swapped_in_after_the_check_is_not_followed(
    library: Root, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replacing a checked folder by a link out of the root, before the file is placed, gains nothing."""
    (tmp_path / "outside").mkdir()
    (library.path / "d").mkdir()
    staged = stage_file(source, library)
    true_resolve = resolve

    def swap(root: Root, relative_path: str) -> Path:
        path = true_resolve(root, relative_path)
        (library.path / "d").rmdir()
        (library.path / "d").symlink_to(tmp_path / "outside")
        return path

    monkeypatch.setattr(place_module, "resolve", swap)
    with pytest.raises(Permanent, match="cannot hold"):
        place(staged, library, "d/a.fit")
    assert list((tmp_path / "outside").iterdir()) == []


def _no_links(*_args: object, **_options: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_many_contents_race_for_one_name(
    library: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Threads that place different contents under one name at once all keep theirs, on every kind of file system."""
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    sources = []
    for number in range(8):
        path = tmp_path / f"{number}.fit"
        path.write_bytes(bytes([number]) * 100_000)
        sources.append(path)
    staged = [stage_file(path, library) for path in sources]
    barrier = threading.Barrier(len(sources))
    placed: dict[str, str] = {}

    def run(number: int) -> None:
        barrier.wait()
        result = place(staged[number], library, "new/deep/same.fit")
        assert not result.already_here
        placed[result.relative_path] = result.file_id

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(sources))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(placed) == len(sources)
    assert {name: _sha256(library.path / name) for name in placed} == placed
    assert set(placed.values()) == {_sha256(path) for path in sources}
    assert _files(library) == sorted(placed)
    assert _temporary(library) == []


def test_without_hard_links_everything_holds(
    library: Root, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system without hard links gives the same results: placed, already here, numbered."""
    monkeypatch.setattr(os, "link", _no_links)
    (tmp_path / "other").write_bytes(b"other")
    assert copy_verified(source, library, "a.fit").already_here is False
    assert (library.path / "a.fit").stat().st_mtime_ns == OLD_NS
    assert copy_verified(source, library, "a.fit").already_here is True
    assert copy_verified(tmp_path / "other", library, "a.fit").relative_path == "a-2.fit"
    assert _files(library) == ["a-2.fit", "a.fit"]


def test_a_stranger_who_writes_into_the_reservation_keeps_it(
    library: Root, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without hard links, bytes that another program puts under the reserved name are not replaced."""
    monkeypatch.setattr(os, "link", _no_links)
    true_open = os.open

    def opened(path: Any, flags: int, *args: Any, **options: Any) -> int:
        fd = true_open(path, flags, *args, **options)
        if path == "a.fit" and flags & os.O_CREAT:
            (library.path / "a.fit").write_bytes(b"stranger")
        return fd

    monkeypatch.setattr(os, "open", opened)
    assert copy_verified(source, library, "a.fit").relative_path == "a-2.fit"
    assert (library.path / "a.fit").read_bytes() == b"stranger"


@pytest.mark.parametrize("stranger", [True, False])
def test_a_reservation_that_comes_to_nothing_is_taken_back(
    library: Root, source: Path, monkeypatch: pytest.MonkeyPatch, stranger: bool
) -> None:
    """Where the copy cannot take its reserved name, the name is free again, unless somebody has written to it."""
    monkeypatch.setattr(os, "link", _no_links)

    def fail(*_args: object, **_options: object) -> None:
        if stranger:
            (library.path / "a.fit").write_bytes(b"stranger")
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(Transient, match="Input/output error"):
        copy_verified(source, library, "a.fit")
    assert [path.read_bytes() for path in library.path.glob("*.fit")] == ([b"stranger"] if stranger else [])


class _CrashError(BaseException):
    """Stands for the end of the process: nothing cleans up after it."""


@pytest.mark.parametrize("step", ["before the link", "after the link"])
def test_a_crash_leaves_nothing_that_harms(
    library: Root, source: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """After a crash on either side of the link the next try ends with one complete file, and leftovers go by age."""
    staged = stage_file(source, library)
    name = "sync_folder" if step == "after the link" else "claim"

    def crash(*_args: object) -> None:
        raise _CrashError

    with monkeypatch.context() as patch:
        patch.setattr(place_module, name, crash)
        with pytest.raises(_CrashError):
            place(staged, library, "a.fit")
    assert _temporary(library) == [staged.temporary_name]
    again = copy_verified(source, library, "a.fit")
    assert again.already_here is (step == "after the link")
    assert clean_temporaries(library, older_than_hours=24) == 0
    assert clean_temporaries(library, older_than_hours=0) == 1
    assert _files(library) == ["a.fit"]
    assert _sha256(library.path / "a.fit") == again.file_id


NAMES = st.one_of(
    st.sampled_from(
        ["a b.fit", "quo'te\".fit", "🌌.fit", "new\nline.fit", "x" * 251 + ".fit", "-n", "é" * 127, "\u202e"]
    ),
    st.text(max_size=80),
)


@given(name=NAMES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_can_be_placed(library: Root, tmp_path: Path, name: str) -> None:
    """Every name, made safe, is a name that the library takes and gives back as it is."""
    path = tmp_path / "named.fit"
    path.write_bytes(name.encode("utf-8", "surrogatepass"))
    placed = copy_verified(path, library, "d/" + safe_name(name))
    assert (library.path / placed.relative_path).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["a b.fit", "quo'te\".fit", "🌌.fit", "new\nline.fit", "x" * 251 + ".fit"])
def test_a_raw_name_round_trips(library: Root, tmp_path: Path, name: str) -> None:
    """A source with an awkward name is read as it is, and an unsanitised target inside the root is taken literally."""
    (tmp_path / name).write_bytes(b"x")
    assert copy_verified(tmp_path / name, library, name).relative_path == name
    assert _files(library) == [name]
    (tmp_path / name).write_bytes(b"y")
    assert copy_verified(tmp_path / name, library, name).relative_path.endswith("-2.fit")


def test_versions_of_one_size_are_read_once(library: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that is written anew again and again is compared with no version that was placed or read before.

    After a restart each is read once; what changed since is read again, and equal content is still known.
    """
    read: list[int] = []

    def counted(fd: int) -> Digest:
        read.append(fd)
        return sha256_descriptor(fd)

    monkeypatch.setattr(place_module, "sha256_descriptor", counted)
    stack = tmp_path / "stack.fit"

    def version(number: int) -> Placed:
        stack.write_bytes(b"%06d" % number)
        return copy_verified(stack, library, "m31/stack.fit")

    for number in range(1, 31):
        assert version(number).relative_path == ("m31/stack.fit" if number == 1 else f"m31/stack-{number}.fit")
    assert read == []
    monkeypatch.setattr(place_module, "_others", Contents())
    for number in (31, 32):
        assert version(number).relative_path == f"m31/stack-{number}.fit"
    assert len(read) == 30
    (library.path / "m31/stack-5.fit").write_bytes(b"000033")
    again = version(33)
    assert (again.relative_path, again.already_here, len(read)) == ("m31/stack-5.fit", True, 31)


def test_no_more_is_remembered_than_has_room(tmp_path: Path) -> None:
    """The oldest of what is known of files gives way."""
    contents = Contents(most=2)
    statuses = []
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
        statuses.append((tmp_path / name).stat())
        contents.remember(statuses[-1], name)
    assert [contents.of(status) for status in statuses] == [None, "b", "c"]
