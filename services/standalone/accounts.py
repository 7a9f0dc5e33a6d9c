"""The account a child process runs as, and the launcher that takes it on.

This file is also a program. ``python -I -S accounts.py run …`` drops to an account, asks the kernel for a signal at
its parent's death and becomes the wanted program, keeping its process id. A launcher is used in place of a
``preexec_fn`` because the supervisor has threads, and Python code between fork and exec of a threaded process can
deadlock. It imports the standard library alone: started isolated, it cannot see the packages of the environment.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

DEFAULT_ACCOUNT = "nobody"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_UNCHANGED = "-"
_PRIVATE_UMASK = "077"
# Some interpreters need it to start; the launcher gets it, and the program that follows does not.
_LOADER_PATH = "LD_LIBRARY_PATH"
_DENIED = 3
_PARENT_GONE = 4
_NOT_STARTED = 127


class Account(NamedTuple):
    """An unprivileged account that a root supervisor lends to its servers."""

    name: str
    uid: int
    gid: int

    def first_denied(self, paths: Sequence[Path], access: int) -> Path | None:
        """The first of ``paths`` that this account may not use; ``access`` is a sum of os.R_OK, os.W_OK, os.X_OK.

        The kernel is asked as that account, so that access lists, mount options and closed parents count too.

        Raises:
            UserError: this root may not change to the account, as in a container without CAP_SETUID.
        """
        probe = [*_launcher(), "probe", str(self.uid), str(self.gid), str(access), *map(str, paths)]
        done = subprocess.run(probe, capture_output=True, text=True, check=False, cwd="/")  # noqa: S603 - our own file
        if done.returncode == 0:
            return None
        if done.returncode == _DENIED:
            return Path(done.stdout.removesuffix("\n"))
        from shared.errors import UserError

        reason = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
        raise UserError(f"This process is root but cannot act as {self.name} ({reason}): run it as an ordinary user.")


def service_account(configured: str | None = None) -> Account | None:
    """The account for Postgres and NATS: an existing one when the caller is root, None when the caller's own is right.

    Raises:
        UserError: the account does not exist, or is root, or has no name; PostgreSQL refuses these.
    """
    import pwd

    from shared.errors import UserError

    if (own := os.geteuid()) != 0:
        try:
            pwd.getpwuid(own)
        except KeyError:
            raise UserError(
                f"The user id {own} has no name on this machine, and PostgreSQL needs one: run as a user that the "
                "system knows (an entry of /etc/passwd)."
            ) from None
        return None
    name = configured or DEFAULT_ACCOUNT
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise UserError(f"The account {name!r} for PostgreSQL and NATS does not exist on this machine.") from None
    if entry.pw_uid == 0:
        raise UserError(f"PostgreSQL does not run as root: name an ordinary account in place of {name!r}.")
    return Account(name, entry.pw_uid, entry.pw_gid)


def launch_command(
    argv: Sequence[str], env: Mapping[str, str] | None, *, account: Account | None, death_signal: int, private: bool
) -> tuple[list[str], dict[str, str] | None]:
    """The command line and environment that run ``argv`` as ``account`` with exactly ``env``.

    None stands for this process's own environment. ``death_signal`` reaches the program when this process dies. What a
    ``private`` program writes is closed to all others; another one follows the umask of this process.
    """
    uid, gid = (str(account.uid), str(account.gid)) if account else (_UNCHANGED, _UNCHANGED)
    lent = _UNCHANGED
    if env is not None and _LOADER_PATH not in env and _LOADER_PATH in os.environ:
        lent = _LOADER_PATH
        env = {**env, lent: os.environ[lent]}
    umask = _PRIVATE_UMASK if private else _UNCHANGED
    command = [*_launcher(), "run", uid, gid, str(death_signal), str(os.getpid()), lent, umask, *argv]
    return command, None if env is None else dict(env)


def _launcher() -> list[str]:
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve())]


def _become(uid: str, gid: str) -> None:
    if uid == _UNCHANGED:
        return
    os.setgroups([])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))


def _death_signal_request(number: int, parent: int) -> Callable[[], None]:
    """What makes the request. Loaded now, made after the change of user, which clears it (prctl(2)).

    The account may be unable to read the modules of this interpreter, so all imports come before it is taken on.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True)["prctl"]

    def ask() -> None:
        if prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # it died before the request was made
            sys.exit(_PARENT_GONE)

    return ask


def _run(uid: str, gid: str, number: str, parent: str, lent: str, umask: str, *argv: str) -> NoReturn:
    ask_for_death_signal = _death_signal_request(int(number), int(parent))
    _become(uid, gid)
    if umask != _UNCHANGED:
        os.umask(int(umask, 8))
    os.environ.pop(lent, None)
    ask_for_death_signal()
    # Python ignores SIGPIPE and exec passes that on, as wanted: a server whose log pipe broke with its supervisor
    # must still be able to shut down in order.
    try:
        os.execv(argv[0], argv)  # noqa: S606 - no shell is the point
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - the log of the child
        sys.exit(_NOT_STARTED)


def _probe(uid: str, gid: str, access: str, *paths: str) -> NoReturn:
    _become(uid, gid)
    for path in paths:
        if not os.access(path, int(access)):
            print(path)  # noqa: T201 - the answer to the caller
            sys.exit(_DENIED)
    sys.exit(0)


if __name__ == "__main__":
    modes: dict[str, Callable[..., NoReturn]] = {"run": _run, "probe": _probe}
    modes[sys.argv[1]](*sys.argv[2:])
