"""Moving: a source is deleted only after the commit, and only while it is what was copied."""

import errno
import os
import struct
from pathlib import Path
from threading import Event
from typing import Any, Literal

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.ingest import delete
from services.ingest.settings import FolderSettings
from services.ingest.sources import folder as folder_module
from shared.jobs.outcome import Outcome
from shared.jobs.store import JobStore
from shared.library.hashing import Digest
from shared.library.remove import remove_verified
from shared.settings import Settings
from tests.integration.ingest.world import (
    Ingest,
    configured,
    delete_what_is_due,
    ingest,
    library_files,
    sha256,
    until,
    write,
)


async def nothing_to_delete(service: Ingest) -> bool:
    """Whether every deletion was done or refused."""
    return not await service.rows("SELECT FROM deletion WHERE state IN ('waiting', 'running')")


async def test_move_empties_the_source_after_the_commit(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """move: captures end in the library and leave the source, copies of known content too; what is ignored stays."""
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
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    write(source, {"gone.fit": b"gone", "unknown.fit": b"unknown"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        (service.library / "captures" / "gone.fit").unlink()
        await service.pool.execute("DELETE FROM location WHERE path = 'captures/unknown.fit'")
        await delete_what_is_due(service)
        rows = await service.rows("SELECT name, state, reason FROM deletion ORDER BY name")
        assert [(row["name"], row["state"]) for row in rows] == [("gone.fit", "waiting"), ("unknown.fit", "waiting")]
        assert "No such file" in rows[0]["reason"]
        assert "not recorded in the library" in rows[1]["reason"]
    assert sorted(path.name for path in source.iterdir()) == ["gone.fit", "unknown.fit"]


async def test_sources_that_cannot_be_deleted_hold_back_no_other(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many more undeletable sources than are tried at once: each is tried and left for a while, the others go."""
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    stuck = {f"stuck/{number}.fit": f"stuck {number}".encode() for number in range(30)}
    write(source, {**stuck, "free.fit": b"free"})
    removed = os.unlink

    def unlink(path: Path | str, *, dir_fd: int | None = None) -> None:
        if str(path) in {f"{number}.fit" for number in range(30)}:
            raise PermissionError(errno.EACCES, "Permission denied")
        removed(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        await delete_what_is_due(service)
        assert not (source / "free.fit").exists()
        rows = await service.rows("SELECT path, state, reason, attempts, next_try_at > now() AS later FROM kept_source")
        assert {row["path"] for row in rows} == set(stuck)
        assert {(row["state"], row["attempts"], row["later"]) for row in rows} == {("waiting", 1, True)}
        assert "cannot be removed: Permission denied" in rows[0]["reason"]

        await service.pool.execute("UPDATE deletion SET next_try_at = clock_timestamp()")
        monkeypatch.setattr(os, "unlink", removed)
        await delete_what_is_due(service)
    assert [path for path in source.rglob("*") if path.is_file()] == []


async def test_a_source_that_changed_after_the_copy_is_kept(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that rewrote its stack after the copy keeps it.

    The deletion is refused with a sentence, and the next import takes the new content.
    """
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    write(source, {"stack.fit": b"10 subs", "other.fit": b"other"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        (source / "stack.fit").write_bytes(b"11 subs")
        await delete_what_is_due(service)
        assert [path.name for path in source.iterdir()] == ["stack.fit"]
        (row,) = await service.rows("SELECT * FROM kept_source")
        assert row["state"] == "refused"
        assert "differs from what was stored" in row["reason"]
        assert (await service.take(source, mode="move"))["arrived"] == 1
        await delete_what_is_due(service)
        assert list(source.iterdir()) == []
        assert sorted(library_files(service.library).values()) == [b"10 subs", b"11 subs", b"other"]
        assert await service.rows("SELECT FROM deletion") == []


async def test_nothing_is_locked_while_a_source_is_hashed(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction is open during a long hash: the row can be changed, and what was in hand then changes nothing.

    A device that brings new content under the name meanwhile has that taken and deleted by a job of its own.
    """
    entered, go_on = Event(), Event()
    removed: list[str] = []

    def remove(path: Path, expected: Digest, **words: Any) -> bool:
        removed.append(expected.file_id)
        if len(removed) == 1:
            entered.set()
            assert go_on.wait(30)
        return remove_verified(path, expected, **words)

    monkeypatch.setattr(folder_module, "remove_verified", remove)
    write(source, {"stack.fit": b"10 subs"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")

        async def hashing() -> bool:
            return entered.is_set()

        await until(hashing)
        (before,) = await service.rows("SELECT * FROM deletion")
        open_for = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        assert await service.pool.fetchval(open_for) == 0
        (source / "stack.fit").write_bytes(b"11 subs")
        assert (await service.take(source, mode="move"))["arrived"] == 1
        (row,) = await service.rows("SELECT * FROM deletion")
        assert (row["file_id"], row["attempt"] > before["attempt"]) == (sha256(b"11 subs"), True)
        go_on.set()

        async def empty() -> bool:
            return not list(source.iterdir()) and not await service.rows("SELECT FROM deletion")

        await until(empty)
        assert removed == [sha256(b"10 subs"), sha256(b"11 subs")]
        assert sorted(library_files(service.library).values()) == [b"10 subs", b"11 subs"]


@pytest.mark.parametrize("step", ["claimed", "hashed"])
async def test_a_deletion_whose_process_stopped_is_done_by_the_next(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A process that stops after the claim, or after the removal and before its end, leaves nothing undone.

    Its late end changes no row: the source may have come back with other content meanwhile.
    """
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    write(source, {"a.fit": b"a", "b.fit": b"b"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        jobs = JobStore(service.pool, delete.DELETIONS)
        held = await jobs.claim(2)
        if step == "hashed":
            for name in ("a.fit", "b.fit"):
                (source / name).unlink()
        await service.pool.execute("UPDATE deletion SET leased_until = now() - interval '1 minute'")
        await delete_what_is_due(service)
        assert list(source.iterdir()) == []
        assert await service.rows("SELECT FROM deletion") == []
        write(source, {"a.fit": b"new"})
        await service.take(source, mode="move")
        before = await service.rows("SELECT * FROM deletion")
        for row in held:
            for outcome in (Outcome("done"), Outcome("failed", "late"), Outcome("waiting", "late")):
                assert not await jobs.settle(row["deletion_id"], row["attempt"], outcome)
        assert await service.rows("SELECT * FROM deletion") == before
        assert [row["file_id"] for row in before] == [sha256(b"new")]


async def test_a_moved_source_is_still_watched_when_it_is_empty(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watched source whose files were all moved away is no empty mount: walks go on taking what comes."""
    quick = FolderSettings(name="rig", path=source, mode="move", walk_interval_s=0.5)
    write(source, {f"{number}.fit": b"%d" % number for number in range(5)})

    async def no_hints(_watcher: object) -> None:
        """A file system that sends none."""

    monkeypatch.setattr("services.ingest.follow.HintFollower._follow_changes", no_hints)
    async with ingest(configured(settings, tmp_path, quick), nats_client) as service:

        async def empty() -> bool:
            return not list(source.iterdir())

        await until(empty)
        write(source, {"later.fit": b"later"})
        await service.until_ledger("later.fit")
        await until(empty)
        assert sha256(b"later") in {event.file_id for event in await service.arrivals()}


def ser(frames: int, *, count: int) -> bytes:
    """A SER film of so many frames of 20 x 10 pixels, whose header says another count."""
    header = b"LUCAM-RECORDER" + struct.pack("<7i", 0, 0, 0, 20, 10, 8, count)
    return header.ljust(178, b" ") + bytes(200) * frames


@pytest.mark.parametrize(("name", "first"), [("film.ser", ser(1, count=0)), ("frame.tif", b"II*\0 the first strip")])
async def test_a_source_that_is_open_for_writing_is_not_deleted(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, name: str, first: bytes
) -> None:
    """A recorder pauses for longer than a file must rest, and goes on: what it writes then is in the library as well.

    It is said of the source that it is open, and no line of the log is made of it.
    """
    rig = FolderSettings(name="rig", path=source, mode="move", walk_interval_s=0.5)
    async with ingest(configured(settings, tmp_path, rig), nats_client) as service:
        with (source / name).open("wb", buffering=0) as recorder:
            recorder.write(first)
            await service.until_ledger(name)

            async def kept() -> bool:
                rows = await service.rows("SELECT state, reason FROM kept_source")
                return [row["state"] for row in rows] == ["waiting"] and "has it open for writing" in rows[0]["reason"]

            await until(kept)
            recorder.write(b"the rest")
            whole = (source / name).read_bytes()
            await until(lambda: has_arrived(service, whole))
            assert (source / name).read_bytes() == whole
        await service.pool.execute("UPDATE deletion SET next_try_at = clock_timestamp()")
        await until(lambda: nothing_to_delete(service))
        assert list(source.iterdir()) == []
        assert whole in library_files(service.library).values()


async def has_arrived(service: Ingest, content: bytes) -> bool:
    """Whether a content is recorded."""
    return bool(await service.rows("SELECT FROM file WHERE file_id = $1", sha256(content)))


async def test_a_folder_that_became_a_link_keeps_what_it_leads_to(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night is moved to another disk and a link left in its place: a deletion that waited deletes nothing there."""
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    write(source, {"night/a.fit": b"a"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        (source / "night").rename(tmp_path / "archive")
        (source / "night").symlink_to(tmp_path / "archive")
        await delete_what_is_due(service)
        (row,) = await service.rows("SELECT * FROM kept_source")
        assert row["state"] == "refused"
        assert "a folder on its way is a symbolic link" in row["reason"]
    assert (tmp_path / "archive" / "a.fit").read_bytes() == b"a"


@pytest.mark.parametrize("now", ["copy", "index", None])
async def test_what_is_not_moved_any_more_is_not_deleted(
    settings: Settings,
    nats_client: Client,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    now: Literal["copy", "index"] | None,
) -> None:
    """A source that the settings copy, index or do not name any more keeps what waited to be deleted; said once.

    What a person moved by an import is deleted all the same.
    """
    by_hand = tmp_path / "card"
    write(source, {"a.fit": b"a", "b.fit": b"b"})
    write(by_hand, {"c.fit": b"c"})
    rig = FolderSettings(name="rig", path=source, mode="move")
    with monkeypatch.context() as patch:
        patch.setattr(delete, "AT_ONCE", 0)
        async with ingest(configured(settings, tmp_path, rig), nats_client) as service:
            await service.until_ledger("a.fit", "b.fit")
            await service.take(by_hand, mode="move")
            assert len(await service.rows("SELECT FROM deletion")) == 3
            await service.pool.execute(
                "UPDATE deletion SET leased_until = now(), state = 'running' WHERE name = 'b.fit'"
            )
    sources = [] if now is None else [rig.model_copy(update={"mode": now})]
    with capture_logs() as logs:
        async with ingest(configured(settings, tmp_path, *sources), nats_client) as service:
            await until(lambda: nothing_to_delete(service))
            assert await service.rows("SELECT FROM kept_source") == []
    assert sorted(path.name for path in source.iterdir()) == ["a.fit", "b.fit"]
    assert list(by_hand.iterdir()) == []
    said = [(line["source"], line["files"]) for line in logs if "do not move it any more" in line["event"]]
    assert said == [("rig", 1)]
