"""``nightbus up`` as an ordinary user: no root, a home of its own, and nothing outside of it."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.standalone.simulation import tiny_frames

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNTS = ("daemon", "nobody")
"""Accounts that every Debian has; the first is preferred, since a stack of root lends ``nobody`` to its servers."""
FRAMES = 20
START_LIMIT_S = 120.0
_NOT_OF_THE_INTERPRETER = ("site-packages", "test", "idlelib", "include", "share")
_NOT_OF_THE_PACKAGES = ("*.pth", "mypy", "mypyc", "hypothesis", "testcontainers", "docker", "pip", "pginstall")


@dataclass(frozen=True)
class User:
    """An account with a folder of its own and an interpreter that it can read."""

    name: str
    folder: Path
    environment: dict[str, str]
    python: Path

    @property
    def home(self) -> Path:
        """Where ``nightbus up`` keeps its state when nothing else is said."""
        return self.folder / "home" / ".local" / "share" / "nightbus"

    def start(self, *words: str, log: Path) -> subprocess.Popen[bytes]:
        """Start the command line as this user."""
        with log.open("wb") as output:
            return subprocess.Popen(
                [str(self.python), "-m", "services.cli.main", *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.folder / "home",
                user=self.name,
                group=pwd.getpwnam(self.name).pw_gid,
                extra_groups=[],
                umask=0o022,
            )

    def run(self, *words: str) -> tuple[int, str]:
        """Run a command to its end; its exit code and what it printed."""
        log = self.folder / "command.log"
        code = self.start(*words, log=log).wait(120)
        return code, log.read_text()


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    """An existing account, with copies of what it cannot read where it is: interpreter, packages, code."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another account; as an ordinary user the end-to-end tests say the same")
    known = {entry.pw_name for entry in pwd.getpwall() if entry.pw_uid != 0}
    name = next((name for name in ACCOUNTS if name in known), None)
    if name is None:
        pytest.skip(f"this machine has none of the accounts {', '.join(ACCOUNTS)}")
    with tempfile.TemporaryDirectory(prefix="nightbus-user-", dir="/var/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        prefix, code = folder / "python", folder / "code"
        python, base = Path(sys.executable).resolve(), Path(sys.base_prefix).resolve()
        if base != Path("/usr"):  # the distribution's own can be read by all
            _copy(base, prefix, _NOT_OF_THE_INTERPRETER)
            python = prefix / python.relative_to(base)
        installed = Path(sysconfig.get_path("purelib"))
        environment = Path(sys.prefix)
        packages = folder / "venv" / installed.relative_to(environment)
        _copy(installed, packages, _NOT_OF_THE_PACKAGES)
        (folder / "venv" / "bin").mkdir()
        shutil.copy(environment / "bin" / "nats-server", folder / "venv" / "bin")
        for part in ("services", "shared"):
            _copy(REPOSITORY / part, code / part, ())
        (folder / "home").mkdir(mode=0o700)
        shutil.chown(folder / "home", name)
        variables = {
            "HOME": str(folder / "home"),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"{code}:{packages}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LD_LIBRARY_PATH": str(prefix / "lib"),
            "NIGHTBUS_INGEST__SETTLE_S": "0.1",
            "NIGHTBUS_SCANNER__MEASURE_STARS": "false",
        }
        yield User(name, folder, variables, python)


@pytest.mark.timeout(400)
def test_an_ordinary_user_brings_frames_home(user: User) -> None:
    """It comes up without root and options, takes 20 frames, refuses a second start on its home, and stops.

    Every file that the account made lies below its own home.
    """
    tiny_frames(user.folder / "frames", FRAMES, 3)
    accounts = Path("/etc/passwd").read_bytes()
    began = time.time()
    log = user.folder / "up.log"
    process = user.start("up", log=log)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while b"ready after" not in log.read_bytes():
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)
        code, report = user.run("ingest", str(user.folder / "frames"), "--mode", "copy", "--wait", "--json")
        assert code == 0, report
        counts = json.loads(report.splitlines()[-1])
        assert (counts["found"], counts["arrived"], counts["scanned"]) == (FRAMES, FRAMES, FRAMES)
        assert (
            len([path for path in (user.home / "library").rglob("*.fits") if ".nightbus" not in path.parts]) == FRAMES
        )

        code, refusal = user.run("up", "--home", str(user.home))
        assert code == 1
        assert len(refusal.strip().splitlines()) == 1
        assert str(user.home) in refusal
        assert process.poll() is None, "the refused start must not disturb the first"
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    assert code == 0, log.read_text()[-3000:]
    assert left_outside(user, began) == []
    assert Path("/etc/passwd").read_bytes() == accounts
    print(log.read_text().split("ready after")[1].splitlines()[0])


def left_outside(user: User, since: float) -> list[str]:
    """What the account owns outside its Nightbus home and has changed since then, on disks and in shared memory."""
    places = [place for place in ("/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/home") if Path(place).is_dir()]  # noqa: S108
    command = ["find", *places, "-xdev", "(", "-path", str(user.home), "-o", "-path", "/proc", ")", "-prune", "-o"]
    command += ["-user", user.name, "-newermt", f"@{since:.0f}", "-print"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    on_the_way = {str(parent) for parent in user.home.parents}
    return sorted(set(found) - on_the_way)


def _copy(source: Path, place: Path, left_out: tuple[str, ...]) -> None:
    """Copy a tree so that everybody can read it; the compiled modules stay valid, since times are kept."""
    shutil.copytree(source, place, symlinks=True, ignore=shutil.ignore_patterns(*left_out))
    place.parent.chmod(0o755)
    for path in (place, *place.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
