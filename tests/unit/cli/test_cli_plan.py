"""The plan of an import: what it would do is known before it begins."""

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import plan as plan_module
from services.cli.main import app
from services.cli.plan import make_plan, measure, plan_text, require_consent
from services.cli.usage import WrongUsage
from services.standalone.home import Home


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    """Ten captures of 1 MB in two folders, and files that are none."""
    folder = tmp_path / "captures"
    for number in range(10):
        night = folder / f"night-{number % 2}"
        night.mkdir(parents=True, exist_ok=True)
        (night / f"light_{number}.fits").write_bytes(bytes(1_000_000))
    (folder / "notes.txt").write_text("clouds")
    (folder / "empty.fits").touch()
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "a.fits").write_bytes(b"x")
    return folder


@pytest.fixture
def home(home: Home) -> Path:
    """The folder of that home."""
    return home.path


def _free(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(10**15, 0, free_bytes))


def test_a_dry_run_needs_no_stack_and_imports_nothing(captures: Path, home: Path) -> None:
    """Captures, bytes, what is ignored, where to and the free space are told; nothing is asked, nothing is written."""
    result = CliRunner().invoke(app, ["ingest", str(captures), "--dry-run", "--json", "--home", str(home)])
    assert result.exit_code == 0, result.stderr
    row = json.loads(result.stdout)
    assert (row["captures"], row["size_bytes"], row["ignored"]) == (10, 10_000_000, 2)
    assert sum(row["ignored_by"].values()) == 2
    assert (row["library"], row["fits"]) == (str(home / "library"), True)
    assert row["free_bytes"] > 0
    assert row["bytes_per_s"] > 0
    assert not (home / "library").exists()


def test_a_plan_fails_where_the_import_would(captures: Path, tmp_path: Path, home: Path) -> None:
    """A circle of links, a pipe and a device are refused in the import's own words; what it leaves out is counted."""
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for path, sentence in (
        (tmp_path / "loop", f"{tmp_path}/loop cannot be read: its links lead in a circle"),
        (tmp_path / "pipe", f"{tmp_path}/pipe is neither a file nor a folder"),
        (Path("/dev/zero"), "/dev/zero is neither a file nor a folder"),
    ):
        result = CliRunner().invoke(app, ["ingest", str(path), "--dry-run", "--home", str(home)])
        assert (result.exit_code, result.stderr) == (1, f"nightbus: {sentence}\n")
    os.mkfifo(captures / "pipe.fits")
    (captures / "link.fits").symlink_to(captures / "night-0" / "light_0.fits")
    (captures / os.fsdecode(b"bad\xff.fits")).touch()
    plan = make_plan([str(captures)], None)
    assert (plan.captures, plan.ignored_by.total(), len(plan.unreadable)) == (10, 4, 1)
    (tmp_path / "way").symlink_to(captures)
    assert make_plan([str(tmp_path / "way")], None).captures == 10


def test_an_import_of_nothing_says_why(captures: Path, tmp_path: Path) -> None:
    """A folder that is empty, or holds only what no import looks into, is told so; one with files says nothing."""
    (tmp_path / "empty").mkdir()
    assert make_plan([str(tmp_path / "empty")], None).nothing == "there is nothing to take: no file lies there"
    only = "there is nothing to take: only 1 library of Nightbus itself, which no import looks into"
    assert make_plan([str(tmp_path)], captures).nothing == only
    assert make_plan([str(captures / "night-0")], captures).nothing == only
    assert make_plan([str(tmp_path)], None, own=captures).nothing == only
    assert make_plan([str(captures)], None, own=captures, took_nothing=True).nothing == only
    (tmp_path / "notes.txt").write_text("clouds")
    assert make_plan([str(tmp_path)], captures).nothing == "the library of Nightbus itself is no source"
    plan = make_plan([str(captures)], None)
    assert plan.nothing is None
    assert "nothing to take" not in plan_text(plan, "copy")


@pytest.mark.parametrize("mode", ["copy", "move", "index"])
def test_a_plan_says_what_happens_to_the_files(captures: Path, tmp_path: Path, mode: str) -> None:
    """Copy and move name the library and its free space; index says that the files stay; move says what is deleted."""
    plan = make_plan([str(captures)], None if mode == "index" else tmp_path / "library")
    measure(plan)
    text = plan_text(plan, mode)
    assert text.startswith("10 captures, 10.0 MB\n2 other files would be ignored")
    assert ("stay where they are" in text) == (mode == "index")
    assert (f"into {tmp_path / 'library'}, where " in text) == (mode != "index")
    assert ("is deleted here once its copy was read back" in text) == (mode == "move")
    assert "reading takes about" in text


def test_a_single_file_is_planned_alone(captures: Path) -> None:
    """A file that is named stands for itself, not for its folder."""
    plan = make_plan([str(captures / "night-0" / "light_0.fits")], None)
    assert (plan.captures, plan.size_bytes, plan.ignored_by.total()) == (1, 1_000_000, 0)


def test_a_library_without_room_is_told(captures: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is said with what is missing, and the exit code is 1; an index needs no room."""
    _free(monkeypatch, 4_000_000)
    words = ["ingest", str(captures), "--dry-run", "--home", str(home)]
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "not everything fits: 6.0 MB are missing")
    assert CliRunner().invoke(app, [*words, "--mode", "index"]).exit_code == 0


def test_much_is_not_copied_onto_the_system_disk_by_surprise(
    captures: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large copy into the default library asks, and without a terminal is refused with the ways out; --yes goes on.

    Going on fails here, since no stack runs: it is the next thing that the command tries.
    """
    monkeypatch.setattr(plan_module, "_on_system_disk", lambda _library: True)
    _free(monkeypatch, 50_000_000)
    words = ["ingest", str(captures), "--home", str(home)]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2
    assert "more than 5.0 MB would be copied into" in refused.stderr
    assert "--yes, set library.path, or look with --dry-run first" in refused.stderr
    assert "is not running" in CliRunner().invoke(app, [*words, "--yes"]).stderr
    assert "is not running" in CliRunner().invoke(app, [*words, "--mode", "index"]).stderr


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("Yes", True), ("", False), ("n", False)])
def test_a_person_decides(
    captures: Path, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool
) -> None:
    """On a terminal the question names size and folder, and anything but yes means no."""
    monkeypatch.setattr(plan_module, "_on_system_disk", lambda _library: True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    _free(monkeypatch, 50_000_000)
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    monkeypatch.setattr("builtins.input", ask)
    if goes_on:
        require_consent([str(captures)], "copy", home / "library")
    else:
        with pytest.raises(WrongUsage, match="nothing was imported"):
            require_consent([str(captures)], "copy", home / "library")
    assert asked[0].startswith("More than 5.0 MB would be copied into")


def test_little_is_copied_without_a_question(captures: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night is no surprise."""
    monkeypatch.setattr(plan_module, "_on_system_disk", lambda _library: True)
    _free(monkeypatch, 10**12)
    require_consent([str(captures)], "copy", home / "library")
