"""Revisions are made from the SQL files of the services, and the parts of alembic that this needs are as they were."""

import inspect
from pathlib import Path

import alembic
import pytest
from alembic.script import ScriptDirectory

from services.descriptions import SCHEMAS
from shared.db.revisions import Revisions
from shared.db.schemas import numbers


def folder_of(path: Path, *names: str) -> Path:
    """A folder of SQL files, each of which says its name."""
    path.mkdir()
    for name in names:
        (path / name).write_text(f"-- What {name} brings.\nSELECT '{name}';\n")
    return path


def test_the_parts_of_alembic_that_we_use_are_there() -> None:
    """A new alembic that lost or changed a private part that we use fails here, by name, and not at a user's start."""
    wanted = {
        "_load_revisions": ["self"],
        "_upgrade_revs": ["self", "destination", "current_rev"],
        "_downgrade_revs": ["self", "destination", "current_rev"],
    }
    found = {
        name: list(inspect.signature(method).parameters)
        for name in wanted
        if (method := getattr(ScriptDirectory, name, None)) is not None
    }
    assert found == wanted, f"alembic {alembic.__version__} has changed: see shared/db/revisions.py"


def test_every_file_of_every_service_is_a_revision(tmp_path: Path) -> None:
    """Branches, order and labels follow from folders and numbers; nothing of another folder is taken."""
    one = folder_of(tmp_path / "one", "0001.up.sql", "0001.down.sql", "0002.up.sql", "0002.down.sql")
    two = folder_of(tmp_path / "two", "0001.up.sql", "0001.down.sql")
    revisions = Revisions({"one": one, "two": two})
    assert sorted(revisions.get_heads()) == ["one_0002", "two_0001"]
    assert sorted(revisions.get_bases()) == ["one_0001", "two_0001"]
    second = revisions.get_revision("one@head")
    assert (second.revision, second.down_revision, second.doc) == ("one_0002", "one_0001", "What 0002.up.sql brings.")
    ran: list[tuple[str, str]] = []
    second.module.downgrade(lambda revision, text: ran.append((revision, text)))
    assert ran == [("one_0002", "-- What 0002.down.sql brings.\nSELECT '0002.down.sql';\n")]


def test_the_services_schemas_are_whole() -> None:
    """Each schema's chain begins at 0001 and ends at its last file, and each change opens with what it brings."""
    revisions = Revisions(SCHEMAS)
    assert set(revisions.get_heads()) == {f"{name}_{numbers(folder)[-1]}" for name, folder in SCHEMAS.items()}
    scripts = list(revisions.walk_revisions())
    assert len(scripts) == sum(len(numbers(folder)) for folder in SCHEMAS.values())
    assert [script.revision for script in scripts if not script.doc.endswith(".")] == []


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("0001.up.sql",),
        ("0002.up.sql", "0002.down.sql"),
        ("0001.up.sql", "0001.down.sql", "0003.up.sql", "0003.down.sql"),
        ("0001.up.sql", "0001.down.sql", "notes.txt"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    """A gap, half of a pair, a stranger and an empty folder are mistakes that are named, never passed over."""
    folder = folder_of(tmp_path / "schema", *names)
    with pytest.raises(ValueError, match=rf"{folder}.*NNNN\.up\.sql"):
        numbers(folder)
    with pytest.raises(ValueError, match=r"NNNN\.up\.sql"):
        numbers(tmp_path / "away")
