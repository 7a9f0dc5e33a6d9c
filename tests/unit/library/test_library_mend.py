"""Mending: the good copy gets the name, the damaged one is kept, and at no moment is there neither."""

import errno
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Permanent, Transient
from shared.library import mend
from shared.library.exchange import CannotExchangeError, exchange
from shared.library.hashing import sha256_file
from shared.library.mend import finish_replacement, kept_aside, replace_damaged
from shared.library.roots import Root
from shared.library.stage import stage_file
from shared.library.stored import Condition, Examined, examine
from tests.damage import GOOD, PATH, PLACED_NS, ROTTEN, library_in, prepare, repair
from tests.killing import killed_before

OTHER = b"somebody else's work"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A card and a library with one damaged copy."""
    prepare(tmp_path)
    return tmp_path


@pytest.fixture
def library(folder: Path) -> Root:
    """That library."""
    return library_in(folder)


@pytest.fixture(params=["exchange", "no exchange"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test twice: where files can change names, and where they cannot."""
    if request.param == "no exchange":
        monkeypatch.setattr(mend, "exchange", cannot)


def cannot(*_args: object) -> None:
    """A file system whose files cannot change names."""
    raise CannotExchangeError


def damaged(folder: Path) -> Examined:
    """What looking at the copy finds."""
    expected = sha256_file(folder / "card" / "a.fit")
    return examine(library_in(folder), PATH, expected, whole_at_ns=PLACED_NS, hashing=True)


def contents(folder: Path) -> Counter[bytes]:
    """The contents of all files of a folder, the marker left out."""
    return Counter(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "root.json")


def temporary(library: Root) -> list[Path]:
    """Copies without a name."""
    return list((library.own_folder / "tmp").iterdir())


@pytest.mark.usefixtures("both_ways")
def test_the_good_copy_gets_the_name_and_the_damaged_one_is_kept(folder: Path, library: Root) -> None:
    """The name holds the good bytes with the source's mtime; the damaged ones lie aside, and their path says where."""
    replaced = repair(folder)
    copy = library.path / PATH
    assert copy.read_bytes() == GOOD
    assert replaced.mtime_ns == copy.stat().st_mtime_ns == PLACED_NS
    (kept,) = kept_aside(library, [])
    assert (kept.kept_as, kept.path, kept.size_bytes) == (replaced.kept_as, PATH, len(ROTTEN))
    assert replaced.kept_as.startswith(".nightbus/damaged/20")
    assert replaced.kept_as.endswith(f"Z/{PATH}") or replaced.kept_as.endswith(f"Z-2/{PATH}")
    aside = library.path / replaced.kept_as
    assert (aside.read_bytes(), aside.stat().st_mtime_ns) == (ROTTEN, PLACED_NS)
    assert temporary(library) == []
    assert (folder / "card" / "a.fit").read_bytes() == GOOD


@pytest.mark.usefixtures("both_ways")
def test_nothing_that_lies_aside_is_overwritten(folder: Path, library: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is damaged again within the same second is kept beside the first."""
    monkeypatch.setattr(time, "strftime", lambda *_args: "20260101T000000Z")
    for number in range(3):
        (library.path / PATH).write_bytes(b"rot %d" % number)
        os.utime(library.path / PATH, ns=(PLACED_NS, PLACED_NS))
        repair(folder)
    kept = [library.path / one.kept_as for one in kept_aside(library, [])]
    assert sorted(path.read_bytes() for path in kept) == [b"rot 0", b"rot 1", b"rot 2"]
    assert {one.path for one in kept_aside(library, [])} == {PATH}
    assert (library.path / PATH).read_bytes() == GOOD


def swapped_in(folder: Path, when: Callable[..., Any]) -> Callable[..., Any]:
    """A call before which another program saves its own file under the name, by a rename as editors do."""

    def calling(*args: Any, **options: Any) -> Any:
        (folder / "library" / "new").write_bytes(OTHER)
        (folder / "library" / "new").rename(folder / "library" / PATH)
        return when(*args, **options)

    return calling


def test_a_file_that_another_program_saves_meanwhile_stays(
    folder: Path, library: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes the damaged file's place in the last moment is put back under its name, and nothing is left over."""
    examined = damaged(folder)
    staged = stage_file(folder / "card" / "a.fit", library)
    first = swapped_in(folder, exchange)
    calls: list[int] = []

    def once(*args: Any) -> None:
        calls.append(1)
        (first if len(calls) == 1 else exchange)(*args)

    monkeypatch.setattr(mend, "exchange", once)
    with pytest.raises(Transient, match="was replaced by another program while it was mended"):
        replace_damaged(staged, library, PATH, examined)
    assert (library.path / PATH).read_bytes() == OTHER
    assert list(kept_aside(library, [])) == []
    assert temporary(library) == []


def test_a_file_saved_meanwhile_stays_where_names_cannot_change_places(
    folder: Path, library: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also there: neither before nor after the damaged bytes were copied aside is a newer file replaced."""
    for moment in ("stage_file", "claim"):
        examined = damaged(folder)
        staged = stage_file(folder / "card" / "a.fit", library)
        with monkeypatch.context() as patch:
            patch.setattr(mend, "exchange", cannot)
            real = getattr(mend, moment)
            calls: list[int] = []

            def once(*args: Any, real: Any = real, calls: list[int] = calls, moment: str = moment) -> Any:
                calls.append(1)
                late = len(calls) == (1 if moment == "stage_file" else 2)
                return (swapped_in(folder, real) if late else real)(*args)

            patch.setattr(mend, moment, once)
            with pytest.raises(Transient, match="was replaced by another program"):
                replace_damaged(staged, library, PATH, examined)
        assert (library.path / PATH).read_bytes() == OTHER
        assert temporary(library) == []
        (library.path / PATH).write_bytes(ROTTEN)
        os.utime(library.path / PATH, ns=(PLACED_NS, PLACED_NS))
    assert {(library.path / one.kept_as).read_bytes() for one in kept_aside(library, [])} == {ROTTEN}


@pytest.mark.usefixtures("both_ways")
def test_a_damaged_file_that_vanished_is_not_made_again(folder: Path, library: Root) -> None:
    """Where the name has gone since the look, nothing gets it: people take things away, too."""
    examined = damaged(folder)
    staged = stage_file(folder / "card" / "a.fit", library)
    (library.path / PATH).unlink()
    with pytest.raises(Transient):
        replace_damaged(staged, library, PATH, examined)
    assert not (library.path / PATH).exists()
    assert list(kept_aside(library, [])) == []
    assert temporary(library) == []


def test_a_failing_disk_leaves_the_damaged_file_in_its_place(
    folder: Path, library: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exchange that fails changes nothing: the damaged file keeps its name, and no copy is left over."""

    def fail(*_args: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(mend, "exchange", fail)
    with pytest.raises(Transient, match=r"cannot be written to .* Input/output error"):
        repair(folder)
    assert contents(library.path) == Counter([ROTTEN])


def test_a_path_that_leaves_the_library_is_refused(folder: Path, library: Root) -> None:
    """Neither steps, nor our own folder, nor a link out of the library lead to something that is replaced."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "a.fit").write_bytes(ROTTEN)
    (library.path / "link").symlink_to(outside)
    for path in ("../outside/a.fit", ".nightbus/root.json", "link/a.fit"):
        staged = stage_file(folder / "card" / "a.fit", library)
        with pytest.raises(Permanent):
            replace_damaged(staged, library, path, Examined(Condition.DAMAGED))
    assert (outside / "a.fit").read_bytes() == ROTTEN


def test_what_lies_aside_is_listed_only_of_a_library_that_is_there(folder: Path, library: Root) -> None:
    """An unmounted library is not one in which nothing lies aside."""
    assert list(kept_aside(library, [])) == []
    (library.path / ".nightbus").rename(library.path / "elsewhere")
    with pytest.raises(Transient, match="no marker"):
        list(kept_aside(library, []))


@pytest.mark.parametrize("work", ["repair_and_remove", "repair_and_remove_without_exchange"])
def test_killed_at_every_step_a_good_copy_remains(tmp_path: Path, work: str) -> None:
    """Kill -9 before each step of a repair and of the removal after it loses neither the good nor the damaged bytes.

    At each of these moments the name in the library holds one of the two, whole; and the next try ends well.
    """
    states = killed_before("tests.damage:prepare", f"tests.damage:{work}", tmp_path)
    assert len(states) > 10
    for state in states:
        library = library_in(state)
        held = contents(state)
        assert set(held) == {GOOD, ROTTEN}, f"{state.name}: {[len(content) for content in held]}"
        in_place = (library.path / PATH).read_bytes()
        source = state / "card" / "a.fit"
        assert source.exists() or in_place == GOOD, f"{state.name}: removed before the repair"
        if in_place == ROTTEN:
            leftovers = [one for one in kept_aside(library, []) if (library.path / one.kept_as).read_bytes() == GOOD]
            if leftovers:
                finish_replacement(library, leftovers[0].path, leftovers[0].kept_as, damaged(state))
            else:
                repair(state)
        assert (library.path / PATH).read_bytes() == GOOD
        assert ROTTEN in {(library.path / one.kept_as).read_bytes() for one in kept_aside(library, [])}
    assert not (states[-1] / "card" / "a.fit").exists()
