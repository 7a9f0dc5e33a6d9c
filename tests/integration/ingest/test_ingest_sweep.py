"""The daily look at the library: what has gone is counted, and nothing is brought back or believed too soon."""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.ingest import sweep as sweep_module
from services.ingest.shelf import Shelf
from services.ingest.store import damage
from services.ingest.sweep import Sweep
from shared.bus.transaction import Connection
from shared.errors import Transient
from shared.library.hashing import Digest
from shared.library.mend import Kept, replace_damaged
from shared.library.place import claim
from shared.library.presence import missing
from shared.library.roots import Root
from shared.library.stage import stage_file, temporaries
from shared.library.stored import examine
from shared.settings import Settings
from tests.integration.ingest.world import Ingest, configured, ingest, library_files, sha256, until, write

FILES = {f"night/{number:02}.fit": b"%d" % number for number in range(40)}
ROTTEN = b"rot"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card with forty captures."""
    write(tmp_path / "captures", FILES)
    return tmp_path / "captures"


@pytest.fixture
async def service(settings: Settings, nats_client: Client, tmp_path: Path, card: Path) -> AsyncIterator[Ingest]:
    """A running ingest that has taken the card."""
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        assert (await running.take(card))["arrived"] == len(FILES)
        yield running


@pytest.fixture
def sweep(service: Ingest) -> Sweep:
    """A sweep of its library, beside the running one."""
    return Sweep(service.pool, Shelf(service.pool, root(service), quiet_s=0.0), interval_s=3600.0)


def root(service: Ingest) -> Root:
    """The library as a root."""
    return Root("library", service.library, writable=True)


def stored(service: Ingest, name: str) -> Path:
    """Where a capture lies in the library."""
    return service.library / "captures" / name


async def state(service: Ingest) -> tuple[int, int, str | None]:
    """What the contract says of the library: missing, damaged, and why the last look does not count."""
    (row,) = await service.rows("SELECT missing, damaged, problem FROM library_state")
    return row["missing"], row["damaged"], row["problem"]


async def test_what_has_gone_is_counted_and_comes_back_on_request(
    service: Ingest, sweep: Sweep, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that people take away are missing from the next look on; an import of the originals brings them back.

    One that is put back by hand is there again at the next look. The pages of a look may be of any size.
    """
    monkeypatch.setattr(sweep_module, "PAGE_PLACES", 7)
    assert await sweep.sweep() is None
    assert await state(service) == (0, 0, None)
    gone = ["night/03.fit", "night/04.fit", "night/39.fit"]
    for name in gone:
        stored(service, name).unlink()
    assert await sweep.sweep() is None
    assert await state(service) == (3, 0, None)
    rows = await service.rows("SELECT path, file_id, size_bytes FROM missing_file ORDER BY path")
    assert [row["path"] for row in rows] == [f"captures/{name}" for name in gone]
    assert rows[0]["file_id"] == sha256(FILES[gone[0]])
    assert len(library_files(service.library)) == len(FILES) - 3, "a look brings nothing back"
    stored(service, gone[0]).write_bytes(FILES[gone[0]])
    assert await sweep.sweep() is None
    assert await state(service) == (2, 0, None)
    assert (await service.take(card))["brought_back"] == 2
    assert await state(service) == (0, 0, None)


async def test_a_look_is_taken_at_each_start(
    settings: Settings, nats_client: Client, tmp_path: Path, card: Path
) -> None:
    """What went while ingest was off is counted soon after it has started."""
    ready = configured(settings, tmp_path)
    async with ingest(ready, nats_client) as service:
        await service.take(card)
        stored(service, "night/00.fit").unlink()
    async with ingest(ready, nats_client) as service:

        async def counted() -> bool:
            return await state(service) == (1, 0, None)

        await until(counted)


async def test_much_that_goes_at_once_is_said_and_not_counted(service: Ingest, sweep: Sweep) -> None:
    """More than a tenth, and more than ten files, gone at once is no culling: nothing is marked, and it is said."""
    away = service.library.parent / "away"
    stored(service, "night").rename(away)
    with capture_logs() as logs:
        problem = await sweep.sweep()
    assert problem is not None
    assert problem.startswith("40 of 40 files have gone from the library at once, such as ")
    assert [line["log_level"] for line in logs if "not as it was" in line["event"]] == ["error"]
    assert await state(service) == (0, 0, problem)
    away.rename(stored(service, "night"))
    assert await sweep.sweep() is None
    assert await state(service) == (0, 0, None)


async def test_a_library_that_is_away_has_no_missing_files(service: Ingest, sweep: Sweep, tmp_path: Path) -> None:
    """While its volume is not mounted, or its folders cannot be read, no file is missing, and it is said."""
    stored(service, "night/00.fit").unlink()
    assert await sweep.sweep() is None
    volume = service.library.rename(tmp_path / "volume")
    service.library.mkdir()
    problem = await sweep.sweep()
    assert problem is not None
    assert "no marker: is the volume mounted?" in problem
    assert await state(service) == (1, 0, problem), "what was missing before still is"
    service.library.rmdir()
    volume.rename(service.library)
    assert await sweep.sweep() is None


async def test_what_is_brought_back_during_a_look_is_not_missing(
    service: Ingest, sweep: Sweep, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a large library takes an hour: what came back after its page was read is there."""
    stored(service, "night/00.fit").unlink()
    looked: list[set[str]] = []

    def slowly(library: Root, paths: list[str]) -> set[str]:
        found = missing(library, paths)
        if not looked:
            shutil.copy2(card / "night/00.fit", stored(service, "night/00.fit"))
        looked.append(found)
        return found

    monkeypatch.setattr(sweep_module, "missing", slowly)
    assert await sweep.sweep() is None
    assert looked[0] == {"captures/night/00.fit"}
    assert await state(service) == (0, 0, None)


def rot(service: Ingest, name: str) -> None:
    """Spoil a stored copy at its mtime."""
    path, before = stored(service, name), stored(service, name).stat()
    path.write_bytes(ROTTEN)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_a_replacement_that_was_not_recorded_is_told_later(service: Ingest, sweep: Sweep, card: Path) -> None:
    """Everything ended between the replacement of a damaged copy and its commit: the next look tells of it, once."""
    name = "night/05.fit"
    mtime_ns = stored(service, name).stat().st_mtime_ns
    rot(service, name)
    content, path = Digest(sha256(FILES[name]), len(FILES[name])), f"captures/{name}"
    damaged = examine(root(service), path, content, whole_at_ns=mtime_ns, hashing=True)
    replaced = replace_damaged(stage_file(card / name, root(service)), root(service), path, damaged)
    assert await state(service) == (0, 0, None)
    for _ in range(2):
        assert await sweep.sweep() is None
        rows = await service.rows("SELECT path, file_id, size_bytes, kept_as FROM damaged_copy")
        assert rows == [
            {
                "path": path,
                "file_id": content.file_id,
                "size_bytes": len(ROTTEN),
                "kept_as": str(service.library / replaced.kept_as),
            }
        ]
    assert await state(service) == (0, 1, None)


@pytest.mark.parametrize("mended_since", [False, True])
async def test_a_replacement_that_was_cut_short_is_finished(
    service: Ingest, sweep: Sweep, card: Path, mended_since: bool
) -> None:
    """A good copy that waits aside gets its place, also when the card has gone; where another was faster, it goes."""
    name = "night/05.fit"
    rot(service, name)
    waiting = service.library / ".nightbus/damaged/20260101T000000Z/captures" / name
    waiting.parent.mkdir(parents=True)
    staged = stage_file(card / name, root(service))
    with temporaries(root(service), waiting) as unfinished:
        folder = os.open(waiting.parent, os.O_RDONLY)
        assert claim(unfinished, staged.temporary_name, folder, waiting.name)
        os.close(folder)
    if mended_since:
        assert (await service.take(card / name, verify=True))["repaired"] == 1
    (card / name).unlink()
    assert await sweep.sweep() is None
    assert library_files(service.library)[f"captures/{name}"] == FILES[name]
    (row,) = await service.rows("SELECT path, kept_as FROM damaged_copy")
    assert Path(row["kept_as"]).read_bytes() == ROTTEN
    assert await state(service) == (0, 1, None)
    aside = [path.read_bytes() for path in (service.library / ".nightbus/damaged").rglob("*") if path.is_file()]
    assert aside == [ROTTEN]


async def test_a_damaged_copy_that_cannot_be_read_holds_no_look_up(
    service: Ingest, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies aside is damaged by its nature: where it cannot be read, the look goes on."""
    kept = service.library / ".nightbus/damaged/20260101T000000Z/captures/night/05.fit"
    kept.parent.mkdir(parents=True)
    kept.symlink_to("nowhere")
    (kept.parent / "06.fit").write_bytes(ROTTEN)

    def unreadable(path: Path) -> Digest:
        raise Transient(f"{path} cannot be read: Input/output error")

    monkeypatch.setattr("services.ingest.aside.sha256_file", unreadable)
    stored(service, "night/00.fit").unlink()
    assert await sweep.sweep() is None
    assert await state(service) == (1, 0, None)


async def test_odd_names_aside_cost_themselves_alone(
    service: Ingest, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of bytes, a path of any depth and a file that vanishes end no look; they are told in one line."""
    aside = service.library / ".nightbus/damaged/20260101T000000Z"
    (aside / "captures").mkdir(parents=True)
    (aside / "captures" / "plain.fit").write_bytes(ROTTEN)
    (aside / "captures" / "vanishes.fit").write_bytes(ROTTEN)
    (aside / "captures" / os.fsdecode(b"\xff.fit")).write_bytes(ROTTEN)
    (aside / os.fsdecode(b"\xfe")).mkdir()
    (aside / os.fsdecode(b"\xfe") / "a.fit").write_bytes(ROTTEN)
    place = os.open(aside, os.O_RDONLY)
    for _ in range(30):  # two of them are deeper than any path of the system may be
        os.mkdir("d" * 200, dir_fd=place)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
        os.close(os.open("deep.fit", os.O_WRONLY | os.O_CREAT, dir_fd=place))
    os.close(place)
    true_lstat = os.lstat

    def lstat(path: str | Path, *, dir_fd: int | None = None) -> os.stat_result:
        if str(path).endswith("vanishes.fit"):
            Path(path).unlink(missing_ok=True)
        return true_lstat(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "lstat", lstat)
    with capture_logs() as logs:
        assert await sweep.sweep() is None
    assert [line for line in logs if line["event"].startswith("some of what lies aside")]
    rows = await service.rows("SELECT path FROM damaged_copy WHERE path NOT LIKE 'ddd%'")
    assert [row["path"] for row in rows] == ["captures/plain.fit"]
    shutil.rmtree(aside)


async def test_what_the_database_refuses_of_it_costs_itself(
    service: Ingest, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that no row can hold, as a time of the year 30000, holds up no other copy that lies aside."""
    aside = service.library / ".nightbus/damaged/20260101T000000Z"
    write(aside, {"a.fit": b"a", "b.fit": b"b"})
    real = damage.add_kept

    async def add(connection: Connection, kept: Kept, content: Digest | None) -> None:
        await real(connection, replace(kept, kept_at_s=1e12 if kept.path == "a.fit" else kept.kept_at_s), content)

    monkeypatch.setattr(damage, "add_kept", add)
    assert await sweep.sweep() is None
    assert [row["path"] for row in await service.rows("SELECT path FROM damaged_copy")] == ["b.fit"]
