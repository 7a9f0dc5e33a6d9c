"""What an import is asked for, as places to look at."""

from pathlib import Path

from services.ingest.asked import Place, places_of


def test_files_of_one_folder_are_one_place(tmp_path: Path) -> None:
    """However many files of a folder are named, and by which way, it is looked at once; named twice is named once."""
    for name in ("a/1.fit", "a/2.fit", "b/3.fit"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    asked = [tmp_path / name for name in ("b/3.fit", "a/1.fit", "link/2.fit", "a/1.fit")]
    assert places_of(asked) == [
        Place(tmp_path / "b", frozenset({"3.fit"})), Place(tmp_path / "a", frozenset({"1.fit", "2.fit"}))
    ]  # fmt: skip


def test_a_folder_holds_its_files(tmp_path: Path) -> None:
    """A folder that is named itself is taken whole, whether its files are named before, after or not at all."""
    (tmp_path / "1.fit").touch()
    for asked in ([tmp_path, tmp_path / "1.fit"], [tmp_path / "1.fit", tmp_path], [tmp_path]):
        assert places_of(asked) == [Place(tmp_path)]
