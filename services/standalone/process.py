"""A child process that cannot outlive its supervisor, and the search for children of an earlier one.

Each child leads a session of its own, so that Ctrl-C reaches the supervisor alone, which then ends its children in
order. Should the supervisor die by ``kill -9``, the kernel sends every child its ``death_signal`` (Linux).
The request is tied to the thread that started the child: start children from the main thread's event loop.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from services.standalone.accounts import Account, launch_command
from services.standalone.logfile import LogFile
from shared.errors import Transient
from shared.tasks import end_tasks, restarted, start_task

LineSink = Callable[[str], None]
ANSWER_TIMEOUT_S = 5.0
"""How long a look at a child waits for an answer."""
_LONGEST_LINE_BYTES = 64 * 1024
_POLL_S = 0.03
_ROTATION_CHECK_S = 60.0


class ProcessFailed(Transient):
    """A child ended, or was not ready in time; the message ends with what it last wrote.

    ``exit_code`` is that of a child that ended, negative for a signal; None for one that still ran.
    """

    def __init__(self, sentence: str, exit_code: int | None = None) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class ManagedProcess:
    """One child: ``await start()``, ``wait_ready(probe)``, ``wait()`` for its end, ``stop()``.

    What it writes is closed to others unless it is not ``private``; then the umask decides.
    Output goes to a ``LogFile`` (also after the supervisor's death), or line by line to a function that must not raise.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        output: LogFile | LineSink,
        *,
        account: Account | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        death_signal: int = signal.SIGTERM,
        private: bool = True,
    ) -> None:
        self.name = name
        self._argv = [str(word) for word in argv]
        self._output = output
        self._account = account
        self._env = env
        self._cwd = cwd
        self._death_signal = death_signal
        self._private = private
        self._child: asyncio.subprocess.Process | None = None
        self._attendance: asyncio.Task[int] | None = None
        self._last_lines: list[str] = []

    @property
    def pid(self) -> int | None:
        """The process id, or None before the start."""
        return self._child.pid if self._child else None

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs or before the start."""
        return self._child.returncode if self._child else None

    @property
    def running(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._child is not None and self._child.returncode is None

    async def start(self) -> None:
        """Start the child; it may be started again after its end."""
        if self.running:
            raise RuntimeError(f"{self.name} is running")
        command, env = launch_command(
            self._argv, self._env, account=self._account, death_signal=self._death_signal, private=self._private
        )
        log_fd = self._output.open() if isinstance(self._output, LogFile) else None
        try:
            self._child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if log_fd is None else log_fd,
                stderr=asyncio.subprocess.STDOUT,
                env=env,
                cwd=self._cwd,
                start_new_session=True,
            )
        finally:
            if log_fd is not None:
                os.close(log_fd)
        self._last_lines = []
        self._attendance = start_task(self._attend(self._child), name=f"attendance of {self.name}")

    async def wait(self) -> int:
        """Wait for the end of the child and of its output; its exit code."""
        if self._attendance is None:
            raise RuntimeError(f"{self.name} was not started")
        return await asyncio.shield(self._attendance)

    async def wait_ready(self, probe: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
        """Ask ``probe`` until it says yes.

        Raises:
            ProcessFailed: the child ended first, or ``timeout_s`` passed.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not await probe():
                    if not self.running:
                        code = await self.wait()
                        raise ProcessFailed(self.last_words(code), code)
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise ProcessFailed(f"{self.name} was not ready after {timeout_s:.0f} s{self.said()}") from None

    async def kill(self) -> None:
        """End the child and its group at once, whatever state it is in; ``wait`` returns then."""
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    async def stop(self, *steps: tuple[int, float]) -> None:
        """End the child: each step is (signal, seconds to wait); SIGKILL to its whole group is the last word.

        The default is SIGTERM and 10 s. Processes of its group do not outlive it, however it ends.
        """
        child = self._child
        if child is None:
            return
        for number, grace_s in steps or ((signal.SIGTERM, 10.0),):
            if child.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await child.wait()
        if child.returncode is None:
            await self.kill()
        await self.wait()

    def last_words(self, code: int) -> str:
        """How the child ended, as a sentence."""
        return f"{self.name} ended with code {code}{self.said()}"

    def said(self) -> str:
        """What the child wrote last, as the end of a sentence."""
        lines = self.said_lines()
        return ": " + " | ".join(lines) if lines else " and wrote nothing"

    def said_lines(self) -> list[str]:
        """The last lines that the child wrote."""
        return self._output.tail() if isinstance(self._output, LogFile) else list(self._last_lines)

    async def _attend(self, child: asyncio.subprocess.Process) -> int:
        """Stay with the child to its end, and clean up at that moment, while its id cannot be another group's."""
        name = f"output of {self.name}"
        # Restarted: a full disk under the log must neither end the supervision nor leave a pipe that nobody empties.
        follower = start_task(restarted(lambda: self._follow(child), name=name), name=name)
        try:
            code = await child.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            # A process outside the group may hold the pipe open: the last lines are worth a second, not more.
            await asyncio.wait([follower], timeout=0.0 if isinstance(self._output, LogFile) else 1.0)
        finally:
            await end_tasks([follower])
        return code

    async def _follow(self, child: asyncio.subprocess.Process) -> None:
        if isinstance(self._output, LogFile):
            while True:
                await asyncio.sleep(_ROTATION_CHECK_S)
                self._output.rotate()
        stream = child.stdout
        assert stream is not None  # a pipe was asked for above
        rest = b""
        while chunk := await stream.read(_LONGEST_LINE_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE_BYTES:
                lines, rest = [*lines, rest], b""
            self._pass_on(lines)
        self._pass_on([rest] if rest else [])

    def _pass_on(self, lines: list[bytes]) -> None:
        if isinstance(self._output, LogFile):
            return
        for raw in lines:
            line = raw.decode(errors="replace").rstrip("\r")
            self._last_lines = [*self._last_lines[-4:], line]
            self._output(line)


def find_processes(uid: int, matches: Callable[[list[str]], bool]) -> set[int]:
    """The ids of the running processes of user ``uid`` whose command line ``matches``; empty where /proc is absent.

    The command line is used because it is the one fact that root without CAP_SYS_PTRACE, as in most containers, can
    read of another user's process; the user is compared so that nobody else can pass for one of ours.
    """
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == uid:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if matches([word.decode(errors="replace") for word in words]):
                    found.add(int(entry.name))
    return found


async def end_processes(find: Callable[[], set[int]], steps: Iterable[tuple[int, float]]) -> None:
    """End what ``find`` returns: each step is (signal, seconds to wait), signal 0 only waits.

    Raises:
        ProcessFailed: some still run after the last step.
    """
    for number, grace_s in steps:
        for pid in find():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while find():  # noqa: ASYNC110 - the kernel reports no end of processes that are not our children
                    await asyncio.sleep(_POLL_S)
                return
    if left := find():
        raise ProcessFailed(f"processes of an earlier start do not end: {sorted(left)}")
