"""Promises of a restore of everything before it touches anything: what it refuses, and what it asks for."""

import re
from datetime import UTC, datetime, time
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from services.backup.database.layout import Note, dump_key, is_dump
from services.backup.database.work import due_day
from services.backup.destinations.marker import marker_of
from services.backup.kept_settings.back import Needed
from services.backup.kept_settings.without import without_secrets
from services.backup.settings import FolderDestination, S3Destination
from services.descriptions import SCHEMAS
from services.settings import AllSettings
from services.standalone.home import Home
from services.standalone.restoring import ground
from services.standalone.restoring.database import require_known
from services.standalone.restoring.ground import Ground
from services.standalone.restoring.settings import fit, gather, read_secrets, secrets_of, variable_of
from services.standalone.restoring.source import choose_dump, find_installation, read_source
from shared.errors import UserError

ROOT = Path(__file__).parents[3]
NEEDED = Needed("destinations.offsite.secret_access_key", ("destinations", 0), "secret_access_key", by_file=True)


def note(at: datetime) -> Note:
    """A good dump of a moment."""
    key = dump_key(at, ["stats_0015", "ingest_0014"])
    return Note(
        dump_id=UUID(int=1), installation_id="0a1b2c3d", destination="usb", cause="nightly", key=key, size_bytes=1,
        sha256="0" * 64, dumped_at=at, heads=("ingest_0014", "stats_0015"), server_version="18.1",
        pg_dump_version="18.1", nightbus_version="1",
    )  # fmt: skip


def test_a_home_that_holds_anything_is_refused(tmp_path: Path) -> None:
    """A home of a Nightbus and a folder with anything in it are refused; an empty or missing one is taken."""
    ground.require_free(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    ground.require_free(tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"is not empty \(it holds 'thesis.tex'\)"):
        ground.require_free(tmp_path / "full")
    Home.open(tmp_path / "home").close()
    with pytest.raises(UserError, match="is the home of a Nightbus already"):
        ground.require_free(tmp_path / "home")


def test_an_unfinished_restore_goes_on_and_is_not_started(tmp_path: Path) -> None:
    """A home whose restore was interrupted is taken again by a restore, and refused by `up` until it is whole."""
    with Home.open(tmp_path / "home") as home:
        ground.begin(home, Ground("0a1b2c3d", "some.dump"))
        ground.begin(home, Ground("0a1b2c3d", "some.dump", database=True))
    ground.require_free(tmp_path / "home")
    assert ground.unfinished(tmp_path / "home") == Ground("0a1b2c3d", "some.dump", database=True)
    with pytest.raises(UserError, match=r"is not over: .*restore-everything"):
        ground.require_whole(tmp_path / "home")
    ground.end(home)
    ground.require_whole(tmp_path / "home")


def test_the_latest_dump_is_taken_unless_another_is_named() -> None:
    """Of good dumps the first is taken, or the one whose name is given; without any, a sentence says what is left."""
    notes = [note(datetime(2026, 3, day, 12, tzinfo=UTC)) for day in (3, 2, 1)]
    assert all(is_dump(one.key) for one in notes)
    assert choose_dump(notes, None) is notes[0]
    assert choose_dump(notes, notes[2].key.rpartition("/")[2]) is notes[2]
    with pytest.raises(UserError, match=r"there is no good dump x; the latest are nightbus-20260303T120000Z"):
        choose_dump(notes, "x")
    with pytest.raises(UserError, match="no good dump of the database lies at this destination") as refused:
        choose_dump([], None)
    (page,) = re.findall(r"docs/\S+\.md", str(refused.value))
    assert (ROOT / page).is_file()


async def test_the_only_installation_is_taken_unless_one_is_named(tmp_path: Path) -> None:
    """One installation at a destination needs no name; of several each is listed, and foreign folders are none."""
    configured = FolderDestination(name="usb", path=tmp_path)
    with pytest.raises(UserError, match="no Nightbus has ever written"):
        await find_installation(configured, None)
    (tmp_path / "photos").mkdir()
    for name in ("0a1b2c3d", "ffffffff"):
        (tmp_path / f"nightbus-{name}").mkdir()
        (tmp_path / f"nightbus-{name}" / "installation.json").write_bytes(marker_of(name))
        if name == "0a1b2c3d":
            found = await find_installation(configured, None)
            assert (found.installation_id, found.configured.prefix) == (name, f"nightbus-{name}")
    with pytest.raises(UserError, match=r"0a1b2c3d \(nightbus-0a1b2c3d\), ffffffff .*--installation"):
        await find_installation(configured, None)
    assert (await find_installation(configured, "ffffffff")).installation_id == "ffffffff"
    with pytest.raises(UserError, match="there is no installation 00000000"):
        await find_installation(configured, "00000000")
    renamed = configured.model_copy(update={"prefix": "nightbus-ffffffff"})
    assert (await find_installation(renamed, None)).installation_id == "ffffffff"


def test_the_disk_or_the_installation_stands_for_the_folder_between(tmp_path: Path) -> None:
    """One who names the disk that holds the destination, or the installation in it, means the destination."""
    folder = tmp_path / "disk" / "nightbus"
    installation = folder / "nightbus-0a1b2c3d"
    installation.mkdir(parents=True)
    (installation / "installation.json").write_bytes(marker_of("0a1b2c3d"))
    meant = FolderDestination(name="destination", path=folder)
    assert [read_source(place, None) for place in (folder, folder.parent, installation)] == [meant] * 3
    other = tmp_path / "disk" / "of-another" / "nightbus-ffffffff"
    other.mkdir(parents=True)
    (other / "installation.json").write_bytes(marker_of("ffffffff"))
    assert read_source(tmp_path / "disk", None) == FolderDestination(name="destination", path=tmp_path / "disk")


def test_a_destination_is_a_folder_or_a_section(tmp_path: Path) -> None:
    """A folder is a destination by itself; of a file with several sections one is named; mistakes are sentences."""
    assert read_source(tmp_path, None) == FolderDestination(name="destination", path=tmp_path)
    file = tmp_path / "where.toml"
    file.write_text('[[destinations]]\nname = "a"\nkind = "s3"\nbucket = "nights"\n')
    assert isinstance(read_source(file, None), S3Destination)
    file.write_text(file.read_text() + '[[destinations]]\nname = "b"\npath = "/b"\n')
    assert read_source(file, "b").name == "b"
    with pytest.raises(UserError, match="names these destinations: a, b; say which one with --destination"):
        read_source(file, None)
    file.write_text('[[destinations]]\nname = "a"\nkind = "s3"\n')
    with pytest.raises(UserError, match=r"destinations.*bucket"):
        read_source(file, None)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_source(tmp_path / "missing", None)


def test_secrets_come_from_file_environment_or_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is taken from the file, else the environment, else asked for; where nobody answers all are named."""
    file = tmp_path / "secrets.toml"
    file.write_text('destinations.offsite.secret_access_key = "of the file"\n')
    assert gather([NEEDED], read_secrets(file), lambda _name: None) == {NEEDED.name: "of the file"}
    with pytest.raises(
        UserError, match=r"secrets are lacking.*: destinations\.offsite\.secret_access_key; .*--secrets"
    ):
        gather([NEEDED], {}, lambda _name: None)
    assert gather([NEEDED], {}, lambda name: f"asked for {name}") == {NEEDED.name: f"asked for {NEEDED.name}"}
    monkeypatch.setenv(variable_of(NEEDED.name), "of the environment")
    assert variable_of(NEEDED.name) == "SECRET_DESTINATIONS_OFFSITE_SECRET_ACCESS_KEY"
    assert gather([NEEDED], {}, lambda _name: None) == {NEEDED.name: "of the environment"}
    file.write_text('key = "hid-den" "\n')
    with pytest.raises(UserError, match="is no file of secrets") as refused:
        read_secrets(file)
    assert "hid-den" not in str(refused.value)


def test_what_is_known_of_the_destination_is_not_asked_for(tmp_path: Path) -> None:
    """The key that a person gave for reading is that of the restored settings: by its file, or as a secret."""
    cloud = {"name": "cloud", "kind": "s3", "bucket": "old", "tags": False, "access_key_id": "A"}
    kept = without_secrets({"destinations": [{**cloud, "secret_access_key": "hid-den"}]}, AllSettings).text
    given = S3Destination(name="x", bucket="new", access_key_id="B", secret_access_key=SecretStr("given"))
    settings = fit(kept, AllSettings, given, "cloud", tmp_path)
    (needed,) = settings.needed(Path.is_file)
    assert gather([needed], secrets_of(given, "cloud"), lambda _name: None) == {needed.name: "given"}
    by_file = S3Destination(name="x", bucket="new", access_key_id="B", secret_access_key_file=Path("/etc/s3"))
    settings = fit(kept, AllSettings, by_file, "cloud", tmp_path)
    assert settings.needed(lambda _file: True) == []
    assert settings.table["library"] == {"path": str(tmp_path)}, "where the library is now, wherever it was"
    (table,) = settings.table["destinations"]
    assert table == cloud | {"bucket": "new", "access_key_id": "B", "secret_access_key_file": "/etc/s3"}


def test_a_dump_of_a_newer_nightbus_is_refused_at_once() -> None:
    """Revisions that this version does not know are told before anything is made."""
    known = note(datetime(2026, 3, 1, tzinfo=UTC)).model_copy(update={"heads": ("api_0001", "stats_0001")})
    require_known(known, SCHEMAS)
    with pytest.raises(UserError, match=r"is of a newer Nightbus \(moons_0001, stats_9999\)"):
        require_known(known.model_copy(update={"heads": ("api_0001", "moons_0001", "stats_9999")}), SCHEMAS)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 3, 1, 17, 59, tzinfo=UTC), "2026-02-28"),
        (datetime(2026, 3, 1, 18, 0, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 3, 2, 3, 0, tzinfo=UTC), "2026-03-01"),
    ],
)
def test_a_dump_is_due_at_its_local_time(now: datetime, day: str) -> None:
    """The day's dump is due from the local time of the setting on; until then yesterday's is, if it was missed."""
    assert due_day(now, time(12), ZoneInfo("America/Chicago")) == day
