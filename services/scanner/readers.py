"""The pool of reader processes: bounded time and memory per file, and a killed reader costs one file one retry.

Every reader works on one file at a time and has a few more queued, so that it never waits for us. When it dies or takes
too long, the file it was working on is blamed: it is tried once more in a fresh reader, and then given up. The files
behind it go back to the queue unblamed.

Readers start once it is known what people decided. When that changes, each answers what it has in hand and a fresh one
takes its place, so that a reader knows one thing all its life and what it answers follows from that.

One reader is always there, so that a first file waits for none to start. The others, 50 MB each, come when files wait
that no reader at rest would take, and go when they had none for a while.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from services.scanner.knowledge import Knowledge
from services.scanner.messages import LENGTH, Answer, Request
from shared.errors import Away, Gone, Permanent, Transient
from shared.events.file import FileArrived
from shared.logging import get_logger
from shared.tasks import end_tasks, restarted, start_task

if TYPE_CHECKING:
    from services.scanner.previews import PreviewPlace

log = get_logger(__name__)

AHEAD = 4
"""Most files queued inside one reader, the one it works on included."""
SLOWEST_BYTES_PER_S = 5_000_000
"""A large file gets a second more for each so many bytes."""
MOST_KILLS = 2
START_LIMIT_S = 60.0
"""A fresh reader loads the catalogue before it says that it is ready; no file's time runs meanwhile."""
RESTART_PAUSE_S = 0.5
REST_S = 60.0
"""A reader that is not the only one ends when it had no file for so long."""


_FAILURES = {"permanent": Permanent, "transient": Transient, "away": Away, "gone": Gone}


@dataclass(frozen=True, slots=True)
class Reply:
    """A scanned file: the event's JSON and its headers."""

    payload: bytes
    headers: dict[str, str]


@dataclass(eq=False, slots=True)
class _Job:
    name: str
    message: bytes
    size_bytes: int
    result: asyncio.Future[Reply]
    kills: int = 0


class ReaderPool:
    """Reader processes, ended on exit; they start when they are told what is known, and read with that."""

    def __init__(
        self,
        count: int,
        *,
        time_limit_s: float,
        memory_limit_mb: int,
        measure_stars: bool,
        previews: "PreviewPlace | None" = None,
        knowledge: Knowledge | None = None,
        rest_s: float = REST_S,
    ) -> None:
        self._count = count or os.cpu_count() or 1
        self._time_limit_s = time_limit_s
        self._memory_limit_mb = memory_limit_mb
        self._measure_stars = measure_stars
        self._previews = previews
        self._knowledge = None if knowledge is None else _message_of(knowledge)
        self._rest_s = rest_s
        self._waiting: deque[_Job] = deque()
        self._free: set[int] = set()
        """Numbers of the readers that would take a file at once, or have been started for one."""
        self._work = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self.pids: set[int] = set()

    async def __aenter__(self) -> Self:
        """Start the first reader; the others follow when there is work for them."""
        for number in range(self._count):
            keep, name = partial(self._keep_reading, number), f"reader {number}"
            self._tasks.append(start_task(restarted(keep, name=name), name=name))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End the readers; files in hand are not answered."""
        await end_tasks(self._tasks)

    async def know(self, knowledge: Knowledge) -> None:
        """Have files read with this from now on; those that readers have in hand are read with what was known."""
        async with self._work:
            self._knowledge = _message_of(knowledge)
            self._work.notify_all()

    async def scan(self, arrived: FileArrived, root_path: str) -> Reply:
        """Have a file scanned.

        Args:
            arrived: the file; its time is limited by its size.
            root_path: folder of its root on this host.

        Raises:
            Permanent: it cannot be read, or killed its reader twice.
            Transient: it cannot be read now.
            Away: its whole root is not there.
            Gone: it is not there, though its root is.
        """
        request = Request(root_path=root_path, measure_stars=self._measure_stars)
        if self._previews:
            request["previews"] = self._previews
        message = json.dumps(request).encode() + b"\n" + arrived.model_dump_json().encode()
        job = _Job(arrived.path, message, arrived.size_bytes, asyncio.get_running_loop().create_future())
        async with self._work:
            self._waiting.append(job)
            self._work.notify_all()  # one that is not started yet may hear of it first, and leave it to one at rest
        return await job.result

    async def _keep_reading(self, number: int) -> None:
        while True:
            async with self._work:
                await self._work.wait_for(lambda: self._knowledge is not None and self._is_wanted(number))
                self._free.add(number)
            try:
                if not await self._run_reader(number):
                    await asyncio.sleep(RESTART_PAUSE_S)
            finally:
                self._free.discard(number)

    def _is_wanted(self, number: int) -> bool:
        """Whether a reader is to be started: the first always, the others when files wait that no other would take."""
        return number == 0 or len(self._waiting) > len(self._free)

    async def _run_reader(self, number: int) -> bool:
        """Run a reader to its end; whether that was one that we wanted."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.scanner.reader",
                str(self._memory_limit_mb),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=_environment(),
            )
        except OSError as error:  # out of memory, processes or file descriptors: that may pass
            log.error("a reader did not start", reason=error.strerror or str(error))
            return False
        self.pids.add(process.pid)
        sent: deque[_Job] = deque()
        end = start_task(self._notice_end(process), name=f"end of reader {process.pid}")
        known = self._knowledge
        assert known is not None
        try:
            _tell(process, known)
            if not await _is_ready(process):
                return False
            failure = await self._serve(number, process, known, sent)
            if failure is not None:
                await self._return(sent, failure)
        except Exception:
            await self._return(sent, "could not be served")
            raise
        finally:
            self.pids.discard(process.pid)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await end
        return failure is None

    async def _serve(
        self, number: int, process: asyncio.subprocess.Process, known: bytes, sent: deque[_Job]
    ) -> str | None:
        """Feed one reader and pass its answers on until it fails, until something else is known, or it has no work.

        Returns:
            What happened to it, to follow "its reader"; None where it is not wanted any more, and nothing is wrong.
        """
        assert process.stdout is not None
        while True:
            await self._feed(number, process, known, sent)
            if not sent:
                return _death(await process.wait()) if process.returncode is not None else None
            limit_s = self._time_limit_s + sent[0].size_bytes / SLOWEST_BYTES_PER_S
            try:
                async with asyncio.timeout(limit_s):
                    head = await process.stdout.readexactly(LENGTH.size)
                    body = await process.stdout.readexactly(LENGTH.unpack(head)[0])
            except TimeoutError:
                return f"took longer than {limit_s:.1f} s"
            except asyncio.IncompleteReadError:
                return _death(await process.wait())
            try:
                _settle(sent[0], body)
            except (ValueError, KeyError, TypeError) as error:
                return f"gave an answer that is none ({error!r})"
            sent.popleft()

    async def _notice_end(self, process: asyncio.subprocess.Process) -> None:
        """Wake the one who feeds a reader when it dies without a file in hand, so that no file is blamed for it."""
        await process.wait()
        async with self._work:
            self._work.notify_all()

    async def _feed(self, number: int, process: asyncio.subprocess.Process, known: bytes, sent: deque[_Job]) -> None:
        """Send the reader a fair share of the waiting files; returns once it has at least one, or gets no more."""

        def is_done() -> bool:
            return process.returncode is not None or self._knowledge != known

        async with self._work:
            if not sent:
                self._free.add(number)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._rest_s if number else None):
                        await self._work.wait_for(lambda: self._waiting or is_done())
                if not self._waiting:
                    return
            if is_done():
                return
            share = max(1, min(AHEAD, len(self._waiting) // self._count))
            while self._waiting and len(sent) < share:
                job = self._waiting.popleft()
                if job.result.done():
                    continue
                sent.append(job)
                _tell(process, job.message)
        if sent:
            self._free.discard(number)
        else:
            await self._feed(number, process, known, sent)

    async def _return(self, sent: deque[_Job], failure: str) -> None:
        """Blame the file at the head; put the others, and the blamed one if it may try again, back in front."""
        if not sent:
            log.warning("a reader was lost", reason=failure, files_behind=0)
            return
        blamed = sent[0]
        blamed.kills += 1
        log.warning(
            "a reader was lost", path=blamed.name, reason=failure, kills=blamed.kills, files_behind=len(sent) - 1
        )
        if blamed.kills >= MOST_KILLS:
            sent.popleft()
            if not blamed.result.done():
                reason = f"{blamed.name}: reading was given up, because its reader {failure}, twice"
                blamed.result.set_exception(Permanent(reason))
        async with self._work:
            self._waiting.extendleft(reversed(sent))
            self._work.notify_all()


def _message_of(knowledge: Knowledge) -> bytes:
    return knowledge.to_json().encode("utf-8", "surrogatepass")


def _tell(process: asyncio.subprocess.Process, message: bytes) -> None:
    """Send a reader a message; that it has died is noticed where its answer is awaited."""
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(LENGTH.pack(len(message)) + message)


async def _is_ready(process: asyncio.subprocess.Process) -> bool:
    """Wait for a fresh reader. That one does not start is no file's fault: none is blamed, another is started."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_LIMIT_S):
            await process.stdout.readexactly(LENGTH.size)
    except TimeoutError:
        log.error("a reader did not start", reason=f"took longer than {START_LIMIT_S:.0f} s")
    except asyncio.IncompleteReadError:
        log.error("a reader did not start", reason=_death(await process.wait()))
    else:
        return True
    return False


def _environment() -> dict[str, str]:
    """What a reader is started with: none of our settings, which name the files that hold passwords."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
    return {**inherited, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _death(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    return f"was killed by {signal.Signals(-code).name}"


def _settle(job: _Job, body: bytes) -> None:
    if job.result.done():
        return
    line, _, payload = body.partition(b"\n")
    answer: Answer = json.loads(line)
    if answer["detail"]:
        log.error("reading failed unexpectedly", reason=answer["reason"], detail=answer["detail"])
    if answer["outcome"] == "scanned":
        job.result.set_result(Reply(payload, answer["headers"]))
    else:
        job.result.set_exception(_FAILURES[answer["outcome"]](answer["reason"]))
