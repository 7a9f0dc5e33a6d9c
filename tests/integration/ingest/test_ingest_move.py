"""Moving: a source is deleted only after the commit, and only while it is what was copied."""

import errno
from pathlib import Path

import pytest
from nats.aio.client import Client

from services.ingest import delete
from shared.settings import Settings, SourceSettings
from tests.integration.ingest.world import Ingest, configured, ingest, library_files, sha256, until, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty folder to import from."""
    folder = tmp_path / "captures"
    folder.mkdir()
    return folder


async def nothing_to_delete(service: Ingest) -> bool:
    """Whether every deletion was done or refused."""
    return not await service.rows("SELECT FROM deletion WHERE state = 'waiting'")


async def test_move_empties_the_source_after_the_commit(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """move: captures end in the library and leave the source, copies of known content too; what is ignored stays."""
    monkeypatch.setattr(delete, "POLL_S", 0.1)
    write(source, {"a.fit": b"a", "sub/b.fit": b"b", "sub/again.fit": b"a", "notes.txt": b"stays"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        report = await service.take(source, mode="move")
        assert (report["arrived"], report["already_here"], report["ignored"]) == (2, 1, 1)
        await until(lambda: nothing_to_delete(service))
        assert sorted(library_files(service.library).values()) == [b"a", b"b"]
    assert [path.name for path in source.rglob("*") if path.is_file()] == ["notes.txt"]


async def test_nothing_is_deleted_before_its_content_is_recorded(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source stays while its copy is missing from the library, or is not recorded at all."""
    monkeypatch.setattr(delete, "POLL_S", 3600.0)
    write(source, {"gone.fit": b"gone", "unknown.fit": b"unknown"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        (service.library / "captures" / "gone.fit").unlink()
        await service.pool.execute("DELETE FROM location WHERE path = 'captures/unknown.fit'")
        assert await service.deleter.delete_some() == 2
        rows = await service.rows("SELECT name, state, reason FROM deletion ORDER BY name")
        assert [(row["name"], row["state"]) for row in rows] == [("gone.fit", "waiting"), ("unknown.fit", "waiting")]
        assert "No such file" in rows[0]["reason"]
        assert "not recorded in the library" in rows[1]["reason"]
    assert sorted(path.name for path in source.iterdir()) == ["gone.fit", "unknown.fit"]


async def test_sources_that_cannot_be_deleted_hold_back_no_other(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More undeletable sources than a batch holds: each is tried once and then left for a while, the others go."""
    monkeypatch.setattr(delete, "POLL_S", 3600.0)
    stuck = {f"stuck/{number}.fit": f"stuck {number}".encode() for number in range(delete.BATCH + 5)}
    write(source, {**stuck, "free.fit": b"free"})
    removed = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "stuck":
            raise PermissionError(errno.EACCES, "Permission denied")
        removed(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        deleter = service.deleter
        assert sum([await deleter.delete_some() for _ in range(4)]) == len(stuck) + 1
        assert not (source / "free.fit").exists()
        rows = await service.rows("SELECT path, state, reason, attempts, next_try_at > now() AS later FROM kept_source")
        assert {row["path"] for row in rows} == set(stuck)
        assert {(row["state"], row["attempts"], row["later"]) for row in rows} == {("waiting", 1, True)}
        assert "cannot be removed: Permission denied" in rows[0]["reason"]

        await service.pool.execute("UPDATE deletion SET next_try_at = clock_timestamp()")
        monkeypatch.setattr(Path, "unlink", removed)
        assert sum([await deleter.delete_some() for _ in range(2)]) == len(stuck)
    assert [path for path in source.rglob("*") if path.is_file()] == []


async def test_a_source_that_changed_after_the_copy_is_kept(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that rewrote its stack after the copy keeps it.

    The deletion is refused with a sentence, and the next import takes the new content.
    """
    monkeypatch.setattr(delete, "POLL_S", 3600.0)
    write(source, {"stack.fit": b"10 subs", "other.fit": b"other"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        (source / "stack.fit").write_bytes(b"11 subs")
        deleter = service.deleter
        assert await deleter.delete_some() == 2
        assert [path.name for path in source.iterdir()] == ["stack.fit"]
        (row,) = await service.rows("SELECT * FROM deletion")
        assert row["state"] == "refused"
        assert "differs from what was stored" in row["reason"]
        assert (await service.take(source, mode="move"))["arrived"] == 1
        assert await deleter.delete_some() == 1
        assert list(source.iterdir()) == []
        assert sorted(library_files(service.library).values()) == [b"10 subs", b"11 subs", b"other"]
        assert await service.rows("SELECT FROM deletion") == []


async def test_a_moved_source_is_still_watched_when_it_is_empty(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watched source whose files were all moved away is no empty mount: rescans go on taking what comes."""
    monkeypatch.setattr(delete, "POLL_S", 0.1)
    quick = SourceSettings(name="rig", path=source, mode="move", rescan_interval_s=0.5)
    write(source, {f"{number}.fit": b"%d" % number for number in range(5)})

    async def no_hints(_watcher: object) -> None:
        """A file system that sends none."""

    monkeypatch.setattr("services.ingest.watch.Watcher._follow_watches", no_hints)
    async with ingest(configured(settings, tmp_path, quick), nats_client) as service:

        async def empty() -> bool:
            return not list(source.iterdir())

        await until(empty)
        write(source, {"later.fit": b"later"})
        await service.until_ledger("later.fit")
        await until(empty)
        assert sha256(b"later") in {event.file_id for event in await service.arrivals()}
