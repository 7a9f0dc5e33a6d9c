"""Walking a tree: everything in it is listed or accounted for, nothing outside is looked at."""

import os
import socket
from pathlib import Path

import pytest

from shared.library.walk import DirectoryListing, Skipped, fingerprint_of, walk


def _flat(listings: list[DirectoryListing]) -> tuple[list[str], list[Skipped]]:
    return (
        [entry.relative_path for listing in listings for entry in listing.entries],
        [skipped for listing in listings for skipped in listing.skipped],
    )


def test_a_tree_is_listed_in_order_with_its_facts(tmp_path: Path) -> None:
    """Files come folder by folder, sorted, with size, times and a fingerprint as the file system says."""
    for name in ("b/2.fit", "b/1.fit", "a/x y'\"\n🌌.fit", "z.fit"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    listings = list(walk(tmp_path))
    assert [listing.relative_path for listing in listings] == ["", "a", "b"]
    assert _flat(listings) == (["z.fit", "a/x y'\"\n🌌.fit", "b/1.fit", "b/2.fit"], [])
    entry, status = listings[0].entries[0], (tmp_path / "z.fit").stat()
    assert (entry.name, entry.size_bytes, entry.mtime_ns, entry.changed_ns, entry.fingerprint) == (
        "z.fit", 5, status.st_mtime_ns, status.st_ctime_ns, fingerprint_of(status.st_ino, status.st_ctime_ns)
    )  # fmt: skip


@pytest.mark.parametrize("ctime_ns", [0, 1, -(10**9), 2**63 - 1, 2**70, -(2**70)])
@pytest.mark.parametrize("inode", [0, 7, 2**63, 2**64 - 1])
def test_every_inode_and_time_has_a_fingerprint(inode: int, ctime_ns: int) -> None:
    """Sixteen bytes, whatever a file system says, as a ledger of version 0.1 is converted to them."""
    nearest_ns = min(max(ctime_ns, -(2**63)), 2**63 - 1)
    lowest = inode & (2**63 - 1)
    assert fingerprint_of(inode, ctime_ns) == lowest.to_bytes(8, "big") + nearest_ns.to_bytes(8, "big", signed=True)


def test_links_and_special_files_are_never_followed(tmp_path: Path) -> None:
    """Symbolic links to files, folders and themselves, pipes and sockets are skipped by name."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    (outside / "deep").mkdir(parents=True)
    root.mkdir()
    (outside / "secret.fit").touch()
    (root / "file.fit").symlink_to(outside / "secret.fit")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.fit")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s"))
        files, skipped = _flat(list(walk(root)))
    assert files == []
    assert {(one.relative_path, one.rule) for one in skipped} == {
        ("file.fit", "symlink"), ("folder", "symlink"), ("loop", "symlink"), ("pipe.fit", "special"), ("s", "special")
    }  # fmt: skip


def test_folders_of_the_system_are_not_entered(tmp_path: Path) -> None:
    """Recycle bins, thumbnails, hidden and our own folders are skipped under a rule."""
    for name in ("@eaDir", "#recycle", "$RECYCLE.BIN", ".Trash-1000", ".hidden", ".nightbus", "M 31"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.fit").touch()
    files, skipped = _flat(list(walk(tmp_path)))
    assert files == ["M 31/a.fit"]
    assert [one.rule for one in skipped] == [
        *["system folder"] * 3, "hidden folder", "hidden folder", "system folder"
    ]  # fmt: skip


def test_a_name_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    """Names with invalid bytes are skipped, and the report of them can be stored and printed."""
    (tmp_path / os.fsdecode(b"bad\xff.fit")).touch()
    (tmp_path / os.fsdecode(b"folder\xfe")).mkdir()
    (tmp_path / "gut\u00e9.fit").touch()
    files, skipped = _flat(list(walk(tmp_path)))
    assert files == ["gut\u00e9.fit"]
    assert [one.rule for one in skipped] == ["name is not UTF-8"] * 2
    assert all(one.relative_path.encode() for one in skipped)


def test_excluded_folders_are_never_sources(tmp_path: Path) -> None:
    """Folders that we write ourselves are skipped, also when they are named through a link, or hold the root."""
    (tmp_path / "root" / "exports" / "deep").mkdir(parents=True)
    (tmp_path / "root" / "exports" / "a.fit").touch()
    (tmp_path / "root" / "exports2").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "root")
    listings = list(walk(tmp_path / "root", exclude=[tmp_path / "link" / "exports"]))
    assert [listing.relative_path for listing in listings] == ["", "exports2"]
    assert _flat(listings) == ([], [Skipped("exports", "excluded")])
    assert _flat(list(walk(tmp_path / "root", exclude=[tmp_path]))) == ([], [Skipped("", "excluded")])


def test_not_recursive_means_this_folder(tmp_path: Path) -> None:
    """Without recursion only the folder itself is listed."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.fit").touch()
    (tmp_path / "b.fit").touch()
    assert _flat(list(walk(tmp_path, recursive=False))) == (["b.fit"], [])


def test_a_folder_that_vanishes_is_an_error_of_its_listing(tmp_path: Path) -> None:
    """A folder removed during the walk, or missing from the start, is reported and the walk goes on."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "b" / "x.fit").touch()
    steps = walk(tmp_path)
    next(steps)
    (tmp_path / "a").rmdir()
    gone, there = list(steps)
    assert gone.error is not None
    assert "cannot be read" in gone.error
    assert there.error is None
    assert [entry.name for entry in there.entries] == ["x.fit"]
    (missing,) = walk(tmp_path / "nowhere")
    assert missing.error is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_folder_is_an_error_of_its_listing(tmp_path: Path) -> None:
    """A folder without permission is reported, since its silence proves nothing."""
    (tmp_path / "a").mkdir(mode=0)
    listings = list(walk(tmp_path))
    (tmp_path / "a").chmod(0o700)
    assert listings[1].error is not None


def test_a_tree_deeper_than_the_recursion_limit(tmp_path: Path) -> None:
    """Depth costs no stack: a tree is walked as deep as the system's paths reach."""
    folders = [tmp_path.joinpath(*["d"] * depth) for depth in range(1, 1201)]
    for folder in folders:
        folder.mkdir()
    (folders[-1] / "a.fit").touch()
    files = _flat(list(walk(tmp_path)))[0]
    (folders[-1] / "a.fit").unlink()
    for folder in reversed(folders):
        folder.rmdir()
    assert files == ["d/" * 1200 + "a.fit"]
