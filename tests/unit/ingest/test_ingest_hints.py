"""Hints: what is watched, and what of it is told."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inotify_simple import INotify

from services.ingest.sources.inotify import Watches


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty source."""
    folder = tmp_path / "captures"
    folder.mkdir()
    return folder


@pytest.fixture
def hints(source: Path) -> Iterator[Watches]:
    """Hints of the source, which is watched as it is now."""
    with Watches(source) as opened:
        opened.cover()
        yield opened


def watches(hints: Watches) -> int:
    """How many watches the kernel keeps for us."""
    info = Path(f"/proc/self/fdinfo/{hints.fileno()}").read_text()
    return sum(line.startswith("inotify ") for line in info.splitlines())


def told(hints: Watches, enough: Callable[[set[str]], bool] = bool) -> set[str]:
    """What is hinted at, once that is enough."""
    found: set[str] = set()
    deadline = time.monotonic() + 10
    while not enough(found):
        assert time.monotonic() < deadline, found
        found |= hints.read()
    return found


def test_one_watch_for_each_folder_of_a_scan_and_none_outside(tmp_path: Path, source: Path) -> None:
    """Watches are those of the folders that a scan enters: none through a link, hidden, system or excluded folder."""
    for name in ("a/b", "c", ".hidden/x", "@eaDir/x", "library/x"):
        (source / name).mkdir(parents=True)
    for number in range(50):
        (tmp_path / "outside" / f"{number}").mkdir(parents=True)
    (source / "link").symlink_to(tmp_path / "outside")
    (source / "everything").symlink_to("/")
    with Watches(source, exclude=[source / "library"]) as hints:
        assert hints.cover() == ["", "a", "a/b", "c"]
        assert (len(hints), watches(hints), hints.unwatched) == (4, 4, 0)


def test_a_link_that_comes_later_is_not_followed(tmp_path: Path, source: Path, hints: Watches) -> None:
    """A link to a folder, made or moved in while we watch, is hinted at where it lies, and nothing behind it is."""
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (source / "root").symlink_to("/")
    (tmp_path / "moved").symlink_to(tmp_path / "outside")
    (tmp_path / "moved").rename(source / "moved")
    assert told(hints) == {""}
    (tmp_path / "outside" / "a.fit").touch()
    (source / "last.fit").touch()
    assert told(hints) == {""}
    assert watches(hints) == 1


def test_the_source_itself_may_be_a_link(tmp_path: Path, source: Path) -> None:
    """A source whose own path is a link is watched where it leads."""
    (source / "night").mkdir()
    (tmp_path / "link").symlink_to(source)
    with Watches(tmp_path / "link") as hints:
        assert hints.cover() == ["", "night"]
        (source / "night" / "a.fit").touch()
        assert told(hints) == {"night"}


def test_what_happens_to_files_is_told_by_folder(tmp_path: Path, source: Path) -> None:
    """Created, written, moved in, linked, made readable: each is a hint at the folder; reading is none."""
    (source / "night").mkdir()
    file = source / "night" / "a.fit"
    file.touch()
    (tmp_path / "b.fit").touch()
    with Watches(source) as hints:
        hints.cover()
        file.read_bytes()
        assert hints.read() == set()
        for act in (
            lambda: file.write_bytes(b"x"),
            lambda: (tmp_path / "b.fit").rename(source / "night" / "b.fit"),
            lambda: os.link(file, source / "night" / "c.fit"),
            lambda: file.chmod(0o600),
        ):
            act()
            assert told(hints) == {"night"}


def test_new_folders_are_watched_and_told_with_what_is_in_them(tmp_path: Path, source: Path, hints: Watches) -> None:
    """Folders that are made or moved in are hinted at with all below them, and watched from then on."""
    (source / "new").mkdir()
    (tmp_path / "tree" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "tree").rename(source / "tree")
    assert told(hints, lambda found: "tree" in found) == {"", "new", "tree", "tree/deep", "tree/deep/er"}
    (source / "tree" / "deep" / "er" / "a.fit").touch()
    assert told(hints) == {"tree/deep/er"}
    assert watches(hints) == 5


def test_a_folder_that_is_moved_keeps_no_old_name(tmp_path: Path, source: Path, hints: Watches) -> None:
    """A folder moved within the source is told by its new name alone, and one that is moved out not at all."""
    (source / "a" / "b").mkdir(parents=True)
    told(hints, lambda found: "a/b" in found)
    (source / "a").rename(source / "z")
    told(hints, lambda found: "z/b" in found)
    (source / "z" / "b" / "x.fit").touch()
    assert told(hints) == {"z/b"}
    (source / "z").rename(tmp_path / "out")
    (tmp_path / "out" / "b" / "y.fit").touch()
    (source / "last.fit").touch()
    assert told(hints, lambda found: "" in found) == {""}
    assert (watches(hints), len(hints)) == (1, 1)
    (tmp_path / "out" / "b" / "z.fit").touch()
    assert hints.read() == set()


def test_removed_folders_give_their_watches_back(source: Path, hints: Watches) -> None:
    """A folder that is removed has no watch any more, and is told again when it comes back."""
    for _ in range(3):
        (source / "night").mkdir()
        told(hints, lambda found: "night" in found)
        (source / "night").rmdir()
        (source / "next.fit").touch()
        told(hints)
        assert (watches(hints), len(hints)) == (1, 1)


def test_names_that_are_not_utf8_are_told_by_their_folder(source: Path, hints: Watches) -> None:
    """A file or folder with a name of bytes is a hint at the folder that it lies in, and ends nothing."""
    bad = os.fsdecode(b"bad\xff")
    (source / bad).mkdir()
    (source / bad / "inside.fit").touch()
    (source / f"{bad}.fit").touch()
    assert told(hints) == {""}
    (source / "night\nwith newline").mkdir()
    assert told(hints, lambda found: len(found) > 1) == {"", "night\nwith newline"}
    (source / ("x" * 251 + ".fit")).touch()
    assert told(hints) == {""}


def test_the_end_of_the_source_is_told(tmp_path: Path, source: Path, hints: Watches) -> None:
    """When the source's own folder is moved or removed, its hints are over."""
    source.rename(tmp_path / "away")
    hints.read()
    assert hints.over
    with Watches(tmp_path / "away") as others:
        others.cover()
        (tmp_path / "away").rmdir()
        others.read()
        assert others.over


def test_too_many_events_are_noticed(source: Path, hints: Watches) -> None:
    """When the kernel drops events because too many wait, that is known: not all hints can be told."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    (source / "a").touch()
    (source / "b").touch()
    for number in range(limit + 10):  # by turns, since equal events that follow each other are one
        (source / "ab"[number % 2]).chmod(0o600)
    assert hints.read() == {""}
    assert hints.missed


def test_the_limit_of_watches_ends_nothing(source: Path, hints: Watches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no watch left, the other folders are still told of, and the number without is known."""
    real = INotify.add_watch

    def scarce(inotify: object, path: str, mask: int) -> int:
        if path.endswith("/two"):
            raise OSError(28, "No space left on device")
        return int(real(inotify, path, mask))

    monkeypatch.setattr(INotify, "add_watch", scarce)
    for name in ("one", "two", "three"):
        (source / name).mkdir()
    assert told(hints, lambda found: len(found) == 4) == {"", "one", "two", "three"}
    assert (hints.unwatched, len(hints)) == (1, 3)


def test_a_folder_that_may_not_be_read_is_passed_over(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be watched or listed leaves the others watched; made readable, it is taken up."""
    real = INotify.add_watch
    locked = True

    def refuse(inotify: object, path: str, mask: int) -> int:
        if locked and path.endswith("/locked"):
            raise PermissionError(13, "Permission denied")
        return int(real(inotify, path, mask))

    monkeypatch.setattr(INotify, "add_watch", refuse)  # root may read everything, so a mode tells nothing
    (source / "locked").mkdir()
    (source / "open").mkdir()
    with Watches(source) as hints:
        hints.cover()
        assert (len(hints), hints.unwatched) == (2, 0)
        locked = False
        (source / "locked").chmod(0o755)
        assert told(hints) == {"", "locked"}
        assert len(hints) == 3
