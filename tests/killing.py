"""Kill -9 before each step of a piece of work on files: `killed_before` runs it once for each step, in a child.

A step is a call that changes a file system. The children are forked from a fresh interpreter, which has no threads, so
a module-level function does the work: ``work(folder)``, importable as ``module:function``.
"""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable
from itertools import count as count_from
from pathlib import Path
from typing import Any

from shared.library import mend

STEPS = ("link", "rename", "unlink", "fsync", "mkdir", "utime", "rmdir", "symlink", "fchmod")
MOST_STEPS = 200


def killed_before(prepare: str, work: str, folder: Path) -> list[Path]:
    """Do a piece of work in a new folder below ``folder``, once for each of its steps, killed right before that step.

    Args:
        prepare: ``module:function`` that makes the state to begin with in a folder that it is given.
        work: ``module:function`` that does the work there.
        folder: where the folders are made.

    Returns:
        One folder for each kill as it was left, and that of the run that nothing killed, which comes last.
    """
    command = [sys.executable, "-m", "tests.killing", prepare, work, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return [folder / name for name in done.stdout.split()]


def main(prepare: str, work: str, folder: Path) -> None:
    """Fork a child for each step until one comes to its end; prints the names of the folders."""
    make, run = _function(prepare), _function(work)
    for step in count_from(1):
        assert step < MOST_STEPS, "the work has no end"
        state = folder / f"{step:03}"
        state.mkdir()
        make(state)
        if not (child := os.fork()):
            die_before(step, [*((os, name) for name in STEPS), (mend, "exchange")])
            run(state)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        print(state.name)
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0, "the work failed by itself"
            return


def die_before(step: int, calls: Iterable[tuple[Any, str]], writes: Iterable[tuple[Any, str]] = ()) -> None:
    """Have this process die right before its n-th step (0: never), whatever its threads do.

    Args:
        step: the n-th call of those that follow.
        calls: owner and name of functions, a step each time.
        writes: the same of coroutine functions, a step before and one after.
    """
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **options: Any) -> Any:
            count()
            return call(*args, **options)

        return counting

    def counted_twice(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counting(*args: Any, **options: Any) -> Any:
            count()
            result = await call(*args, **options)
            count()
            return result

        return counting

    for owner, name in calls:
        setattr(owner, name, counted(getattr(owner, name)))
    for owner, name in writes:
        setattr(owner, name, counted_twice(getattr(owner, name)))


def _function(name: str) -> Callable[[Path], object]:
    module, _colon, function = name.partition(":")
    found: Callable[[Path], object] = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
