"""A Docker engine for tests: the one that answers, else one of our own that leaves the machine as it was."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
_BRIDGE = Path("/sys/class/net/docker0")


class NoEngine(Exception):
    """No engine answers and none can be started; the message says why."""


@contextmanager
def docker_engine() -> Iterator[dict[str, str]]:
    """The environment with which Docker clients and testcontainers reach an engine.

    Raises:
        NoEngine: none answers and none can be started here.
    """
    quiet = {"TESTCONTAINERS_RYUK_DISABLED": "true"}  # its image would have to be pulled
    if _answers():
        yield quiet
        return
    if (why_not := _cannot_start()) is not None:
        raise NoEngine(f"no Docker engine answers, and {why_not}")
    folder = Path(tempfile.mkdtemp(prefix="nightbus-docker-", dir="/var/tmp"))  # /tmp may be in memory
    forwarded, bridge_was_there = _forward_policy(), _BRIDGE.exists()
    log = folder / "dockerd.log"
    host = f"unix://{folder}/docker.sock"
    command = ["dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    command += ["-H", host, "-p", str(folder / "dockerd.pid")]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while not _answers(host):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoEngine(f"dockerd does not start: {_last_error(log)}")
            time.sleep(0.2)
        yield {**quiet, "DOCKER_HOST": host}
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not bridge_was_there:
            _remove_traces(forwarded)
        shutil.rmtree(folder, ignore_errors=True)


def _cannot_start() -> str | None:
    if os.geteuid() != 0:
        return "only root can start one"
    missing = [program for program in ("dockerd", "containerd", "iptables") if shutil.which(program) is None]
    return f"{missing[0]} is not installed" if missing else None


def _answers(host: str | None = None) -> bool:
    """Whether an engine answers at ``host``, by default where Docker clients look for one."""
    where = host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not where.startswith("unix://"):
        return _answers_over_the_network()
    # Asked by hand: clients leave their socket open when nobody answers.
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(where.removeprefix("unix://"))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(100)
        except OSError:
            return False


def _answers_over_the_network() -> bool:
    import docker  # type: ignore[import-untyped]
    from docker.errors import DockerException  # type: ignore[import-untyped]

    try:
        client = docker.from_env(timeout=5)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except DockerException:
        return False
    finally:
        client.close()


def _forward_policy() -> str | None:
    listed = subprocess.run(["iptables", "-S", "FORWARD"], capture_output=True, text=True, check=False).stdout
    return next((line.split()[2] for line in listed.splitlines() if line.startswith("-P FORWARD")), None)


def _remove_traces(forward_policy: str | None) -> None:
    """Take back what dockerd leaves behind: its bridge, its chains, and a FORWARD policy of DROP."""

    def run(*words: str) -> None:
        subprocess.run(words, capture_output=True, check=False)

    run("ip", "link", "del", "docker0")
    for table in ("filter", "nat"):
        listed = subprocess.run(["iptables", "-t", table, "-S"], capture_output=True, text=True, check=False).stdout
        lines = [line.split() for line in listed.splitlines()]
        for words in lines:
            if words[0] == "-A" and (words[1].startswith("DOCKER") or "docker0" in words or _jumps_to_docker(words)):
                run("iptables", "-t", table, "-D", *words[1:])
        for words in lines:
            if words[0] == "-N" and words[1].startswith("DOCKER"):
                run("iptables", "-t", table, "-F", words[1])
                run("iptables", "-t", table, "-X", words[1])
    if forward_policy is not None:
        run("iptables", "-P", "FORWARD", forward_policy)


def _jumps_to_docker(words: list[str]) -> bool:
    with contextlib.suppress(ValueError, IndexError):
        return words[words.index("-j") + 1].startswith("DOCKER")
    return False


def _last_error(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][-300:] if lines else "it printed nothing"
