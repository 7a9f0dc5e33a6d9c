"""What lies below the paths of an import, counted beside it."""

from pathlib import Path
from threading import Event

import pytest

from services.ingest import survey
from services.ingest.sources.folder import Folder
from services.ingest.survey import Below, Totals, count


def written(root: Path, files: dict[str, int]) -> None:
    """Files of so many bytes."""
    for name, size in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * size)


def test_all_files_are_counted_and_the_captures_weighed(tmp_path: Path) -> None:
    """Captures have a size, other files only count; hidden and excluded folders are passed over as the import does."""
    written(tmp_path, {"a.fit": 10, "sub/b.xisf": 20, "sub/notes.txt": 40, ".hidden/c.fit": 80, "library/d.fit": 160})
    source = Folder(tmp_path, [tmp_path / "library"])
    places = [(source, Below("")), (source, Below("sub", frozenset({"sub/b.xisf"})))]
    assert count(places, Event()) == Totals(files=3 + 1, size_bytes=30 + 20)


def test_large_captures_are_weighed_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes beside the others has a sum of its own, within the whole."""
    monkeypatch.setattr(survey, "LARGE_BYTES", 100)
    written(tmp_path, {"a.fit": 10, "b.ser": 100, "c.ser": 200, "d.txt": 500})
    assert count([(Folder(tmp_path), Below(""))], Event()) == Totals(files=4, size_bytes=310, large_bytes=300)


def test_it_stops_when_the_import_ends(tmp_path: Path) -> None:
    """A count of millions ends with its import and says nothing."""
    written(tmp_path, {"a.fit": 10})
    stop = Event()
    stop.set()
    assert count([(Folder(tmp_path), Below(""))], stop) is None
