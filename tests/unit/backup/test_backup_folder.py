"""A folder as a destination: disks that are full, read-only, unplugged, exchanged, or know less than others."""

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest

from services.backup.destinations import disk as disk_module
from services.backup.destinations.folder import FolderOfArchives
from services.backup.destinations.keys import MARKER
from services.backup.destinations.port import Label, Refused, SentPart, UploadGone
from services.backup.destinations.threads import in_thread
from shared.errors import Away, Transient, UserError
from shared.library.exchange import CannotExchangeError
from tests.disks import MIB, CannotMount, fill, small_disk

ID = "0123abcd"
LABEL = Label()


def destination_at(folder: Path) -> FolderOfArchives:
    """A destination there."""
    return FolderOfArchives("usb", folder, f"nightbus-{ID}", ID)


async def opened_at(folder: Path) -> FolderOfArchives:
    """A destination there that was used before."""
    destination = destination_at(folder)
    await destination.check(ID, first_time=True)
    return destination


async def send(destination: FolderOfArchives, data: bytes, key: str = "a.tar") -> None:
    """Send an archive of one part."""
    upload = await destination.begin(key, LABEL, 4 * MIB)
    md5, sha256 = hashlib.md5(data, usedforsecurity=False).digest(), hashlib.sha256(data).digest()
    etag = await destination.put_part(upload, 1, data, md5, sha256)
    await destination.complete(upload, [SentPart(1, len(data), md5, sha256, etag)], LABEL)


@pytest.mark.parametrize("content", [b"[" * 4000, b"\xff\xfe", b'{"installation_id": 3}', b'{"installation_id"'])
async def test_a_marker_that_is_damaged_is_said(tmp_path: Path, content: bytes) -> None:
    """Half a marker, or anything else in its place, is told in a sentence, and is never written over."""
    destination = await opened_at(tmp_path)
    marker = tmp_path / f"nightbus-{ID}" / MARKER
    marker.write_bytes(content)
    with pytest.raises(UserError, match=r"the marker .* is damaged: it names no installation"):
        await destination.check(ID, first_time=True)
    assert marker.read_bytes() == content


async def test_a_full_disk_is_said_and_works_again_with_room(tmp_path: Path) -> None:
    """It refuses in a sentence that names the folder; nothing lies under the key; with room the work goes on."""
    try:
        with small_disk(tmp_path / "disk", 8 * MIB) as folder:
            destination = await opened_at(folder)
            ballast = fill(folder, leave_bytes=MIB)
            with pytest.raises(Refused, match=rf"{folder}.*no space left"):
                await send(destination, os.urandom(3 * MIB))
            with pytest.raises(Refused, match="no space left"):
                await destination.put("b.json", os.urandom(3 * MIB), LABEL)
            assert [found.key async for found in destination.list("") if found.key != ballast.name] == []
            ballast.unlink()
            await send(destination, b"x" * 3 * MIB)
            assert [found.key async for found in destination.list("")] == ["a.tar"]
    except CannotMount as error:
        pytest.skip(str(error))


async def test_a_disk_that_becomes_read_only_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that is failing: the sentence names the folder and what to do."""
    destination = await opened_at(tmp_path / "usb")

    def refuse(*_words: object, **_more: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(Refused, match=r"usb.*read-only: mount it for writing"):
        await destination.put("a", b"x", LABEL)


async def test_an_input_output_error_is_a_disk_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a disk answers that was pulled out: it is waited for."""
    destination = await opened_at(tmp_path / "usb")

    def fail(*_words: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(Away, match=r"usb.*Input/output error"):
        await destination.put("a", b"x", LABEL)


async def test_an_unplugged_disk_is_waited_for_and_never_written_to(tmp_path: Path) -> None:
    """What is left is an empty mount point: every call says that the disk is away, and the mount point stays empty."""
    folder = tmp_path / "usb"
    destination = await opened_at(folder)
    upload = await destination.begin("a.tar", LABEL, MIB)
    folder.rename(tmp_path / "unplugged")
    folder.mkdir()
    data, md5, sha256 = b"x", hashlib.md5(b"x", usedforsecurity=False).digest(), hashlib.sha256(b"x").digest()
    for call in (
        destination.check(ID),
        destination.put("b", data, LABEL),
        destination.put_part(upload, 1, data, md5, sha256),
        destination.complete(upload, [SentPart(1, 1, md5, sha256, "e")], LABEL),
        destination.begin("c", LABEL, MIB),
        destination.look("b"),
        destination.delete("b"),
        destination.abort(upload),
        anext(aiter(destination.read("b"))),
        anext(aiter(destination.list(""))),
        anext(aiter(destination.uploads(""))),
    ):
        with pytest.raises(Away, match="is the disk plugged in"):
            await call
    assert list(folder.iterdir()) == []
    folder.rmdir()
    with pytest.raises(Away, match="is not there"):
        await destination.put("b", data, LABEL)
    assert not folder.exists()
    (tmp_path / "unplugged").rename(folder)
    await destination.put_part(upload, 1, data, md5, sha256)
    await destination.complete(upload, [SentPart(1, 1, md5, sha256, "e")], LABEL)


async def test_another_disk_in_its_place_is_not_written_to(tmp_path: Path) -> None:
    """A disk of another installation under the same prefix: it is away, and nothing is added there."""
    destination = await opened_at(tmp_path / "usb")
    other = FolderOfArchives("usb", tmp_path / "usb", f"nightbus-{ID}", "feedbeef")
    with pytest.raises(Away, match=f"another installation now.*{ID}"):
        await other.put("a", b"x", LABEL)
    assert [found.key async for found in destination.list("")] == []


async def test_a_disk_that_gives_back_other_bytes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written is read back: bytes that changed on the disk are never under a key."""
    destination = await opened_at(tmp_path / "usb")
    written = os.pwrite

    def spoil(fd: int, data: memoryview, offset: int) -> int:
        return written(fd, bytes(data[:-1]) + b"?", offset)

    monkeypatch.setattr(os, "pwrite", spoil)
    with pytest.raises(Transient, match="gave back other bytes"):
        await destination.put("a", b"what is written", LABEL)
    with pytest.raises(Transient, match="gave back other bytes"):
        await send(destination, b"what is written")
    assert [found.key async for found in destination.list("")] == []


@pytest.mark.parametrize("links", [True, False])
async def test_disks_that_know_less_are_written_to_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Without renames that replace nothing, and without hard links: still nothing is replaced, nothing is left over."""

    def cannot(*_words: object) -> None:
        raise CannotExchangeError

    def no_link(*_words: object, **_more: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(disk_module, "rename_if_free", cannot)
    if not links:
        monkeypatch.setattr(os, "link", no_link)
    destination = await opened_at(tmp_path / "usb")
    await send(destination, b"first")
    with pytest.raises(Transient, match="something else"):
        await send(destination, b"other")
    await destination.put("b", b"b", LABEL)
    await destination.put("b", b"b", LABEL)
    assert (tmp_path / "usb" / f"nightbus-{ID}" / "a.tar").read_bytes() == b"first"
    left = [one async for one in destination.uploads("")]
    for upload in left:
        await destination.abort(upload)
    assert list((tmp_path / "usb" / f"nightbus-{ID}" / ".unfinished").iterdir()) == []


async def test_what_a_crash_left_is_no_obstacle(tmp_path: Path) -> None:
    """An empty file that won a name is taken over; bytes without an upload go after a day, younger ones stay."""
    destination = await opened_at(tmp_path / "usb")
    base = tmp_path / "usb" / f"nightbus-{ID}"
    (base / "a.tar").touch()
    await send(destination, b"whole")
    assert (base / "a.tar").read_bytes() == b"whole"
    old, young = base / ".unfinished" / ("0" * 32 + ".bytes"), base / ".unfinished" / ("1" * 32 + ".tmp")
    for file in (old, young):
        file.write_bytes(b"x")
    os.utime(old, (0, 0))
    await destination.begin("b.tar", LABEL, MIB)
    assert (old.exists(), young.exists()) == (False, True)


async def test_an_upload_that_lacks_bytes_begins_anew(tmp_path: Path) -> None:
    """A part that was never written is noticed by the size."""
    destination = await opened_at(tmp_path / "usb")
    upload = await destination.begin("a.tar", LABEL, MIB)
    with pytest.raises(UploadGone, match="lacks parts"):
        await destination.complete(upload, [SentPart(1, 5, b"", b"", "")], LABEL)


async def test_work_that_is_cancelled_ends_before_its_caller_goes_on() -> None:
    """A thread cannot be ended: who was cancelled waits for it, so that nobody writes beside the next try."""
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait()
        ended.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(in_thread(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
    assert ended.is_set()
    assert task.cancelled()
