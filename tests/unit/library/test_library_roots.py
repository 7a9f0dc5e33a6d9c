"""Roots and hashing: the right volume, the right place, the right file."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from shared.errors import Permanent, Transient, UserError
from shared.library.hashing import Digest, sha256_file
from shared.library.roots import Root, open_library, resolve


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "ä", "a/b", "_a", "a\n"])
def test_a_root_has_a_plain_name(tmp_path: Path, name: str) -> None:
    """Names that would be unclear in a path, a setting or a subject are refused."""
    with pytest.raises(UserError, match="root name"):
        Root(name, tmp_path)


def test_a_root_has_an_absolute_path() -> None:
    """A relative path would mean another folder in each process."""
    with pytest.raises(UserError, match="absolute"):
        Root("main", Path("library"))


def test_a_new_library_gets_a_marker_once(tmp_path: Path) -> None:
    """The first use makes folder and marker; later uses verify it, and a repeated first use keeps the id."""
    root = Root("main", tmp_path / "new" / "library", writable=True)
    marker = open_library(root, first_time=True)
    assert marker.name == "main"
    assert len(marker.id) == 32
    assert open_library(root) == open_library(root, first_time=True, expected_id=marker.id) == marker
    assert [path.name for path in root.own_folder.iterdir()] == ["root.json"]


def test_a_missing_marker_means_not_mounted(tmp_path: Path) -> None:
    """An empty mount point, a missing folder and a file in its place are Transient, and stay as they are."""
    for path in (tmp_path / "empty", tmp_path / "missing", tmp_path / "file"):
        if path.name == "empty":
            path.mkdir()
        if path.name == "file":
            path.touch()
        with pytest.raises(Transient, match=f"the library root main at {path} has no marker: is the volume mounted"):
            open_library(Root("main", path, writable=True))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "file"]


def test_another_library_is_refused(tmp_path: Path) -> None:
    """A marker with another name or id, or without both, is an error of the user's settings."""
    root = Root("main", tmp_path, writable=True)
    open_library(root, first_time=True)
    with pytest.raises(UserError, match="is the library root 'main', not 'other'"):
        open_library(Root("other", tmp_path, writable=True))
    with pytest.raises(UserError, match="another library of that name"):
        open_library(root, expected_id="0" * 32)
    for damage in ("", "{", "[]", json.dumps({"name": "main"}), "\udcff"):
        root.marker_path.write_text(damage, errors="surrogateescape")
        with pytest.raises(UserError, match="damaged marker"):
            open_library(root)


def test_a_first_use_needs_an_empty_folder(tmp_path: Path) -> None:
    """A folder with files of its own is not taken over; what systems put into a fresh volume does not count."""
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "@eaDir").mkdir()
    open_library(Root("main", tmp_path, writable=True), first_time=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.fit").touch()
    with pytest.raises(UserError, match="not empty"):
        open_library(Root("other", tmp_path / "other", writable=True), first_time=True)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["a.fit"]


def test_a_read_only_root_is_no_library(tmp_path: Path) -> None:
    """Roots are read-only unless their settings say otherwise."""
    with pytest.raises(UserError, match="read-only"):
        open_library(Root("index", tmp_path), first_time=True)
    assert list(tmp_path.iterdir()) == []


def test_resolving_stays_inside(tmp_path: Path) -> None:
    """Plain paths resolve, also through links that stay inside; everything that leads out is refused."""
    root = Root("main", tmp_path / "root")
    (tmp_path / "root" / "in").mkdir(parents=True)
    (tmp_path / "root2").mkdir()
    (tmp_path / "root" / "alias").symlink_to(tmp_path / "root" / "in")
    (tmp_path / "root" / "out").symlink_to(tmp_path / "root2")
    (tmp_path / "root" / "file").symlink_to("/etc/passwd")
    assert resolve(root, "in/a b\n🌌.fit") == tmp_path / "root/in/a b\n🌌.fit"
    assert resolve(root, "alias/a.fit") == tmp_path / "root/in/a.fit"
    assert resolve(root, "not/yet/there.fit") == tmp_path / "root/not/yet/there.fit"
    for path in (
        "out/a.fit",
        "out",
        "file",
        "..",
        "../root2/a",
        "in/../../x",
        "/etc/passwd",
        "",
        "in//a",
        "a\0",
        "\udcff",
    ):
        with pytest.raises(Permanent):
            resolve(root, path)


def test_hash_and_size_of_a_file(tmp_path: Path) -> None:
    """The identity is the SHA-256 of the whole content, also of an empty file and one beyond the buffer."""
    for content in (b"", b"abc", os.urandom(2_500_000)):
        (tmp_path / "a").write_bytes(content)
        assert sha256_file(tmp_path / "a") == Digest(hashlib.sha256(content).hexdigest(), len(content))


def test_sentences_call_the_library_by_its_name_once(tmp_path: Path) -> None:
    """There is one library in most houses; one of another name is told by it."""
    assert Root("library", tmp_path).shown == f"the library at {tmp_path}"
    assert Root("main", tmp_path).shown == f"the library root main at {tmp_path}"
