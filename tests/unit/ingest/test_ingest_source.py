"""Sources: which settle rule they get, and what their root is."""

from pathlib import Path

import pytest

from services.ingest.settings import FolderSettings, IngestSettings
from services.ingest.source import Source
from services.ingest.sources import folder
from services.ingest.sources.folder import Folder
from shared.errors import Away
from shared.library.walk import is_walked

SETTINGS = IngestSettings(settle_s=3.0, network_settle_s=30.0)


@pytest.mark.parametrize(("network", "own_s", "expected_s"), [(False, None, 3.0), (True, None, 30.0), (True, 5.0, 5.0)])
def test_the_settle_time_follows_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: bool, own_s: float | None, expected_s: float
) -> None:
    """A network share rests longer than a local disk, and a source's own setting wins."""
    monkeypatch.setattr(folder, "is_network_filesystem", lambda _path: network)
    configured = FolderSettings(name="rig", path=tmp_path, settle_s=own_s, time_zone="Europe/Berlin")
    made = Source.make("rig", Folder(tmp_path), "copy", SETTINGS, configured)
    assert (made.settle_s, made.settler.quiet_s, made.settler.network) == (expected_s, expected_s, network)
    assert made.zone == "Europe/Berlin"
    assert Source.make("x", Folder(tmp_path), "copy", SETTINGS).zone is None


def test_only_indexed_files_stay_where_they_are(tmp_path: Path) -> None:
    """The root of an indexed source holds its files; those of copied and moved ones are passed through."""
    kinds = [Source.make("rig", Folder(tmp_path), mode, SETTINGS).kind for mode in ("index", "copy", "move")]
    assert kinds == ["indexed", "source", "source"]


def test_hints_go_where_a_walk_would(tmp_path: Path) -> None:
    """A hint for a hidden or system folder, or for one behind a link, is not followed.

    The source itself may be reached through a link.
    """
    for name in ("tree/night/deep", "tree/.hidden/deep", "tree/@eaDir", "tree/night/#recycle", "outside/deep"):
        (tmp_path / name).mkdir(parents=True)
    root = tmp_path / "tree"
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "file.fit").touch()
    folders = ["", "night", "night/deep", ".hidden", ".hidden/deep", "@eaDir", "night/#recycle", "link", "link/deep",
               "file.fit", "gone", ".."]  # fmt: skip
    assert [folder for folder in folders if is_walked(root, folder)] == ["", "night", "night/deep"]
    (tmp_path / "alias").symlink_to(root)
    assert is_walked(tmp_path / "alias", "night/deep")


def test_a_folder_is_told_from_another_in_its_place(tmp_path: Path) -> None:
    """Nothing, and a file, are no folder; a folder that replaces another under its name is another."""
    place = tmp_path / "volume"
    source = Source.make("rig", Folder(place), "copy", SETTINGS)
    with pytest.raises(Away, match="volume cannot be read: No such file or directory"):
        source.port.reach()
    place.mkdir()
    assert source.lost() is None  # nobody watches it
    source.reached = source.port.reach()
    assert source.lost() is None
    place.rename(tmp_path / "away")
    assert source.lost() == f"{place} cannot be read: No such file or directory"
    place.mkdir()
    assert source.lost() == f"{place} is another one than it was"
    place.rmdir()
    place.touch()
    assert source.lost() == f"{place} cannot be read: Not a directory"
