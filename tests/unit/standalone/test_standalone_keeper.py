"""What the supervisor does about children that end, do not start, or are alive and do nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.standalone import keeper, room
from services.standalone.keeper import BAD_LOOKS, keep
from services.standalone.process import ProcessFailed
from services.standalone.room import Room
from shared.waits import Waits


class Child:
    """A child that ends at once; of its later starts the first fail, and as after those of the servers, none runs then.

    ``ailments`` is what it answers to looks; it works afterwards.
    """

    def __init__(self, *, failures: int = 0, ailments: tuple[str | None, ...] = (), ends: bool = True) -> None:
        self.failures = failures
        self.starts = self.kills = self.looks = 0
        self.started, self.looked = asyncio.Event(), asyncio.Event()
        self._ailments = list(ailments)
        self._ended = asyncio.Event()
        self._started = True
        if ends:
            self._ended.set()

    async def start(self) -> None:
        """Fail as often as told."""
        self.starts += 1
        self._started = self.starts > self.failures
        if not self._started:
            raise ProcessFailed("killed while it recovered")
        self._ended.clear()
        self.started.set()

    async def wait(self) -> int:
        """Wait for the end."""
        if not self._started:
            raise RuntimeError("was not started")
        await self._ended.wait()
        return -9

    async def kill(self) -> None:
        """End it."""
        self.kills += 1
        self._ended.set()

    async def ailment(self) -> str | None:
        """Answer as told."""
        self.looks += 1
        if not self._ailments:
            self.looked.set()
            return None
        return self._ailments.pop(0)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(keeper, "LOOK_EVERY_S", 0.001)


@contextlib.asynccontextmanager
async def kept(child: Child, home: Path) -> AsyncIterator[None]:
    """A child that is kept running meanwhile."""
    task = asyncio.create_task(keep("postgres", child, Room(home, Waits("up"))))
    async with asyncio.timeout(10):
        yield
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_server_killed_while_it_starts_is_tried_again(tmp_path: Path) -> None:
    """A start that fails, as by a second kill during recovery, ends neither the supervisor nor the attempts.

    The same reason again is said once.
    """
    child = Child(failures=3)
    with capture_logs() as logs:
        async with kept(child, tmp_path):
            await child.started.wait()
    assert child.starts == 4
    said = [line["log_level"] for line in logs if line["event"] == "did not start, will be tried again"]
    assert said == ["error", "debug", "debug"]


async def test_a_child_that_does_not_answer_is_ended_and_started_again(tmp_path: Path) -> None:
    """Several bad answers in a row are one sentence and a kill; a few of them, as under load, are nothing."""
    few: list[str | None] = ["does not answer"] * (BAD_LOOKS - 1)
    child = Child(ends=False, ailments=(*few, None, *few, "says: no"))
    with capture_logs() as logs:
        async with kept(child, tmp_path):
            await child.started.wait()
            await child.looked.wait()
    assert (child.kills, child.starts) == (1, 1)
    said = [line["reason"] for line in logs if line["event"] == "is ended to be started again"]
    assert said == ["postgres says: no"]


async def test_on_a_full_disk_nobody_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot go on for want of room could not start either: it is left until there is some."""
    monkeypatch.setattr(room, "LEAST_FREE_BYTES", 2**62)
    child = Child(ends=False, ailments=("says: no space left on device",) * 3 * BAD_LOOKS)
    async with kept(child, tmp_path):
        await child.looked.wait()
        assert (child.kills, child.starts) == (0, 0)


def test_a_full_disk_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at a disk without room are one sentence that names the folder, and room again is another."""
    watched = Room(tmp_path, Waits("up"))
    with capture_logs() as logs:
        assert not watched.look()
        monkeypatch.setattr(room, "LEAST_FREE_BYTES", 2**62)
        assert watched.look()
        assert watched.look()
        monkeypatch.setattr(room, "LEAST_FREE_BYTES", 0)
        assert not watched.look()
    assert [line["event"] for line in logs] == ["waits", "goes on"]
    assert f"the disk of {tmp_path} is full" in logs[0]["reason"]
