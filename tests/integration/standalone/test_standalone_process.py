"""Child processes: ready, ended, and never left behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from services.standalone import logfile
from services.standalone.logfile import LogFile
from services.standalone.process import LineSink, ManagedProcess, ProcessFailed, end_processes, find_processes
from services.standalone.service import ManagedService

REPOSITORY = Path(__file__).resolve().parents[3]


def unheard(_: str) -> None:
    """Output that no test looks at."""


def python(code: str) -> list[str]:
    """The command line that runs ``code``."""
    return [sys.executable, "-c", code]


async def never() -> bool:
    """A probe for what will not happen."""
    return False


async def gone(pid: int) -> None:
    """Wait until ``pid`` no longer runs."""
    async with asyncio.timeout(10):
        with contextlib.suppress(psutil.NoSuchProcess):
            while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(0.02)


async def test_output_arrives_line_by_line_and_whole() -> None:
    """Every line of both streams reaches the function, a last one without its end and a very long one too."""
    lines: list[str] = []
    code = "import sys; print('one'); print('x' * 300_000); sys.stdout.flush(); sys.stderr.write('last')"
    process = ManagedProcess("talker", python(code), lines.append)
    await process.start()
    assert await process.wait() == 0
    assert lines[0] == "one"
    assert "".join(lines[1:-1]) == "x" * 300_000
    assert lines[-1] == "last"


async def test_environment_folder_and_arguments_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child sees exactly the environment, the folder and the arguments that were given."""
    monkeypatch.setenv("LD_LIBRARY_PATH", os.environ.get("LD_LIBRARY_PATH", str(tmp_path)))
    lines: list[str] = []
    code = "import os, sys; print(os.getcwd(), os.environ['A'], sys.argv[1], sep='\\n'); "
    code += "print({'HOME', 'LD_LIBRARY_PATH'} & set(os.environ))"
    process = ManagedProcess("child", [*python(code), "ü 'x'"], lines.append, env={"A": "1"}, cwd=tmp_path)
    await process.start()
    await process.wait()
    assert lines == [str(tmp_path), "1", "ü 'x'", "set()"]


async def test_a_child_that_ends_early_says_why(tmp_path: Path) -> None:
    """Waiting for a child that fails raises with its exit code and its last words, from a file or a function."""
    outputs: list[LogFile | LineSink] = [LogFile(tmp_path / "log"), unheard]
    for output in outputs:
        process = ManagedProcess("bad", python("print('no such disk'); raise SystemExit(7)"), output)
        await process.start()
        with pytest.raises(ProcessFailed, match=r"bad ended with code 7: no such disk"):
            await process.wait_ready(never, timeout_s=10)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('2026 [info] | x'); print('nightbus: no such group')", "^scanner does not start: no such group$"),
        ("print('2026 [info] | x'); print('Killed')", r"^scanner ended with code 1: 2026 \[info\] \| x \| Killed$"),
    ],
)
async def test_a_service_that_ends_early_says_its_sentence_alone(code: str, words: str) -> None:
    """The sentence that a service ends with is told without the lines of its log; without one its last lines are."""
    service = ManagedService("scanner", python(f"{code}; raise SystemExit(1)"), unheard)
    service.health_url = "http://127.0.0.1:1"
    with pytest.raises(ProcessFailed, match=words):
        await service.start_ready(10)


async def test_a_child_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    """A child that runs but does not get ready raises after the time given, and can then be stopped."""
    process = ManagedProcess("slow", ["/bin/sleep", "60"], LogFile(tmp_path / "log"))
    await process.start()
    with pytest.raises(ProcessFailed, match="slow was not ready after 0 s and wrote nothing"):
        await process.wait_ready(never, timeout_s=0.2)
    await process.stop()
    assert process.returncode == -signal.SIGTERM


async def test_a_missing_program_is_reported(tmp_path: Path) -> None:
    """A program that does not exist ends at once with its name in the message."""
    process = ManagedProcess("ghost", [tmp_path / "ghost"], LogFile(tmp_path / "log"))
    await process.start()
    with pytest.raises(ProcessFailed, match="ghost: No such file or directory"):
        await process.wait_ready(never, timeout_s=10)


async def test_stop_kills_who_does_not_listen_and_its_group() -> None:
    """A child that ignores SIGTERM is killed after its grace, and so is what it started in its group."""
    lines: list[str] = []
    code = (
        "import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(subprocess.Popen(['/bin/sleep', '60']).pid, flush=True); time.sleep(60)"
    )
    process = ManagedProcess("deaf", python(code), lines.append)
    await process.start()

    async def has_spoken() -> bool:
        return bool(lines)

    await process.wait_ready(has_spoken, timeout_s=10)
    assert os.getpgid(int(lines[0])) == process.pid != os.getpgrp()
    await process.stop((signal.SIGTERM, 0.2))
    assert process.returncode == -signal.SIGKILL
    await gone(int(lines[0]))


async def test_kill_9_of_the_supervisor_ends_its_children(tmp_path: Path) -> None:
    """A child gets its death signal when the supervisor vanishes without a word."""
    code = f"""
import asyncio
from services.standalone.logfile import LogFile
from services.standalone.process import LineSink, ManagedProcess
async def main():
    from pathlib import Path
    process = ManagedProcess("child", ["/bin/sleep", "60"], LogFile(Path({str(tmp_path / "log")!r})))
    await process.start()
    print(process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(*python(code), cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE)
    assert supervisor.stdout is not None
    pid = int(await supervisor.stdout.readline())
    assert psutil.pid_exists(pid)
    supervisor.kill()
    await supervisor.wait()
    await gone(pid)


async def test_end_processes_finds_by_user_and_command_line() -> None:
    """Only processes of the user whose command line matches are found, and they are ended step by step."""
    process = ManagedProcess("sleeper", ["/bin/sleep", "61.25"], unheard)
    await process.start()

    def sleepers() -> set[int]:
        return find_processes(os.geteuid(), lambda words: words[:2] == ["/bin/sleep", "61.25"])

    async def found() -> bool:
        return bool(sleepers())

    await process.wait_ready(found, timeout_s=10)
    assert sleepers() == {process.pid}
    assert find_processes(os.geteuid() + 1, lambda words: "61.25" in words) == set()
    with pytest.raises(ProcessFailed, match=str(process.pid)):
        await end_processes(sleepers, [(0, 0.1)])
    await end_processes(sleepers, [(0, 0.1), (signal.SIGTERM, 10.0)])
    assert await process.wait() == -signal.SIGTERM


def test_a_large_log_is_cut_and_one_earlier_part_kept(tmp_path: Path) -> None:
    """A log over its limit moves to .1 although a child has it open; what that child writes next is kept."""
    log = LogFile(tmp_path / "server.log", limit_bytes=100)
    descriptor = log.open()
    os.write(descriptor, b"old line\n" * 20)
    log.rotate()
    os.write(descriptor, b"new line\n")
    os.close(descriptor)
    assert (tmp_path / "server.log").read_bytes() == b"new line\n"
    assert (tmp_path / "server.log.1").read_bytes() == b"old line\n" * 20
    assert log.tail() == ["new line"]


def test_a_child_that_writes_while_its_log_is_cut_loses_nothing(tmp_path: Path) -> None:
    """Where the file system can take the front out of a file, every line stands once, before or behind the cut."""
    log = LogFile(tmp_path / "server.log", limit_bytes=64 * 1024)
    descriptor = log.open()
    lines = 60_000
    kept = b""
    cuts = 0
    writer = subprocess.Popen(
        [sys.executable, "-c", f"for n in range({lines}): print(n, flush=n % 50 == 0)"], stdout=descriptor
    )
    os.close(descriptor)
    older = tmp_path / "server.log.1"
    while writer.poll() is None or (tmp_path / "server.log").stat().st_size > log.limit_bytes:
        log.rotate()
        if older.exists():
            kept += older.read_bytes()
            older.unlink()
            cuts += 1
    kept += (tmp_path / "server.log").read_bytes()
    assert writer.wait() == 0
    if not _takes_fronts_out(tmp_path):
        pytest.skip("this file system takes no front out of a file")
    assert cuts > 2
    assert kept == b"".join(b"%d\n" % number for number in range(lines))


def _takes_fronts_out(folder: Path) -> bool:
    with (folder / "probe").open("w+b") as probe:
        probe.write(b"x" * 2 * os.fstatvfs(probe.fileno()).f_bsize)
        return logfile._collapse(probe, os.fstatvfs(probe.fileno()).f_bsize)


@pytest.mark.parametrize("private", [True, False])
async def test_only_what_is_not_private_follows_the_umask(tmp_path: Path, private: bool) -> None:
    """Servers and secrets write for their owner alone; the library follows the umask of its user."""
    code = f"open({str(tmp_path / 'made')!r}, 'w').close()"
    before = os.umask(0o027)
    try:
        process = ManagedProcess("writer", python(code), LogFile(tmp_path / "log"), private=private)
        await process.start()
        assert await process.wait() == 0
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == (0o600 if private else 0o640)
