"""deploy/compose brought up for real: a capture comes home, restarts lose nothing, each container has its rights."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.descriptions import SERVICES
from services.standalone.simulation import tiny_frames
from shared.description import processes_of
from tests.stack import open_folder
from tests.system.conftest import Engine
from tests.system.containers import DEPLOY, SEESTAR, VERSION, Docker, NoClient, until
from tests.system.images import ensure_small_nats
from tests.system.pip_tools import NotInstalled, environment_with

FILE = DEPLOY / "compose" / "compose.yaml"
UID, GID = 4242, 4343
FRAMES_A_RESTART = 3
START_S = 300.0
SERVERS = ("nats", "postgres")
SETTINGS = """\
config_version = 1
[[sources]]
name = "captures"
path = "/sources/captures"
mode = "copy"
[ingest]
settle_s = 0.5
[[destinations]]
name = "disk"
path = "/backup/nightbus"
"""


@dataclass(frozen=True)
class Stack:
    """A stack of compose in a folder of its own."""

    docker: Docker
    folder: Path

    def __call__(self, *words: str, check: bool = True, timeout_s: float = START_S) -> subprocess.CompletedProcess[str]:
        """Run a command of compose."""
        where = ["--project-name", f"nightbus-test-{os.getpid()}", "--env-file", str(self.folder / ".env")]
        return self.docker("compose", *where, "--file", str(FILE), *words, check=check, timeout_s=timeout_s)

    def nightbus(self, *words: str) -> Any:
        """What a listing says, as JSON; None where it cannot."""
        done = self("run", "--rm", "--no-TTY", "--quiet-pull", "cli", *words, "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def containers(self) -> dict[str, dict[str, Any]]:
        """The containers by service, as `ps` says."""
        lines = self("ps", "--all", "--format", "json").stdout.splitlines()
        return {one["Service"]: one for one in map(json.loads, lines)}

    def say(self) -> None:
        """Print what stands in the logs, for a test that fails."""
        print(self("ps", "--all", check=False).stdout)
        print(self("logs", "--tail", "15", "--no-color", check=False).stdout[-12000:])


@pytest.fixture(scope="module")
def compose(docker: Docker, engine: Engine) -> Docker:
    """Docker's client with compose, on an engine that has all images of the stack."""
    try:
        docker.require("compose")
    except NoClient as reason:
        pytest.skip(str(reason))
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not here: the Debian package busybox-static is not installed")
    nats = yaml.safe_load(FILE.read_text())["services"]["nats"]["image"]
    ensure_small_nats(engine.client, nats, Path(busybox))
    return docker


@pytest.fixture(scope="module")
def stack(compose: Docker) -> Iterator[Stack]:
    """The stack, up, with empty folders that were made beforehand, as a person makes them."""
    with open_folder() as folder:
        for name in ("library", "captures", "backup", "settings", "restored"):
            (folder / name).mkdir()
            os.chown(folder / name, UID, GID)
        (folder / "settings" / "nightbus.toml").write_text(SETTINGS)
        said = {
            "NIGHTBUS_VERSION": VERSION, "NIGHTBUS_PASSWORD": "a person's own", "PUID": UID, "PGID": GID, "TZ": "UTC",
            "NIGHTBUS_LIBRARY": folder / "library", "NIGHTBUS_CAPTURES": folder / "captures",
            "NIGHTBUS_BACKUP": folder / "backup", "NIGHTBUS_SETTINGS": folder / "settings",
            "NIGHTBUS_RESTORED": folder / "restored",
        }  # fmt: skip
        (folder / ".env").write_text("".join(f'{name}="{value}"\n' for name, value in said.items()))
        stack = Stack(compose, folder)
        try:
            stack("up", "--detach", timeout_s=600)
            yield stack
            stack.say()
        finally:
            stack("down", "--volumes", "--timeout", "60", check=False)


def healthy(stack: Stack) -> bool:
    """Whether all that runs for good is healthy."""
    found = stack.containers()
    return all(found[name]["Health"] == "healthy" for name in (*SERVERS, *processes_of(SERVICES)))


@pytest.mark.parametrize("profiles", [(), ("cli",), ("observe",), ("s3",), ("cli", "observe", "s3")])
def test_every_profile_is_a_file_that_compose_takes(compose: Docker, tmp_path: Path, profiles: tuple[str, ...]) -> None:
    """With .env.example and a password, compose reads the file whatever profiles are chosen."""
    example = (DEPLOY / "compose" / ".env.example").read_text()
    (tmp_path / ".env").write_text(example.replace("NIGHTBUS_PASSWORD=\n", "NIGHTBUS_PASSWORD=chosen\n"))
    words = [word for profile in profiles for word in ("--profile", profile)]
    compose("compose", "--env-file", str(tmp_path / ".env"), "--file", str(FILE), *words, "config", "--quiet")


def test_what_is_not_said_is_asked_for(compose: Docker, tmp_path: Path) -> None:
    """Without a password compose starts nothing, and says where to write one."""
    words = ["--env-file", str(DEPLOY / "compose" / ".env.example"), "--file", str(FILE)]
    done = compose("compose", *words, "config", "--quiet", check=False)
    assert done.returncode != 0
    assert "NIGHTBUS_PASSWORD" in done.stderr
    assert "in .env" in done.stderr


def test_it_is_of_the_specification() -> None:
    """The file has no key that the specification of compose does not know."""
    try:
        programs = environment_with("check-jsonschema", ("check-jsonschema",))
    except NotInstalled as reason:
        pytest.skip(str(reason))
    words = [str(programs / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(1200)
def test_a_capture_in_the_folder_ends_in_captures(stack: Stack) -> None:
    """The stack becomes healthy, and a real capture that is dropped into the folder is counted, copied and archived."""
    if not SEESTAR.is_file():
        pytest.skip("the corpus of real captures is not here")
    try:
        until(lambda: healthy(stack), "not everything is healthy")
        shutil.copy(SEESTAR, stack.folder / "captures")
        (row,) = until(lambda: stack.nightbus("captures"), "the capture is not counted")
    except AssertionError:
        stack.say()
        raise
    assert row["catalog_id"] == "M94"
    (copy,) = (path for path in (stack.folder / "library").rglob(SEESTAR.name) if path.is_file())
    assert copy.read_bytes() == SEESTAR.read_bytes()
    assert (copy.stat().st_uid, copy.stat().st_gid) == (UID, GID)


@pytest.mark.timeout(1800)
def test_restarts_one_by_one_lose_nothing(stack: Stack) -> None:
    """While frames arrive each container is restarted; in the end every frame is scanned once and the counts add up."""
    before = until(lambda: stack.nightbus("status"), "status does not answer")["counts"]
    sent = 0
    for name in (*processes_of(SERVICES), *SERVERS):
        tiny_frames(stack.folder / "captures", FRAMES_A_RESTART, 1, start_index=sent)
        sent += FRAMES_A_RESTART
        stack("restart", name)

    def all_scanned() -> dict[str, Any] | None:
        status = stack.nightbus("status")
        return status["counts"] if status and status["counts"]["scanned"] == before["scanned"] + sent else None

    try:
        counts = until(all_scanned, "not every frame was scanned")
    except AssertionError:
        stack.say()
        raise
    assert counts["adds_up"]
    assert counts["arrived"] == before["arrived"] + sent
    assert (counts["quarantined"], counts["failed"]) == (before["quarantined"], before["failed"])
    until(lambda: healthy(stack), "not everything is healthy again")


def test_an_update_keeps_passwords_and_data(stack: Stack) -> None:
    """`up` once more, as after a new version, makes nothing anew: the same passwords, and the listing as before."""
    before = stack.nightbus("captures")
    secret = stack("exec", "--no-TTY", "stats", "cat", "/run/secrets/stats").stdout
    stack("up", "--detach", "--force-recreate", timeout_s=600)
    until(lambda: healthy(stack), "not everything is healthy")
    assert stack("exec", "--no-TTY", "stats", "cat", "/run/secrets/stats").stdout == secret
    assert stack.nightbus("captures") == before


def test_containers_have_their_own_rights_and_no_other(stack: Stack) -> None:
    """A service is PUID without any capability, sees its own passwords alone, and the scanner cannot write captures."""
    until(lambda: healthy(stack), "not everything is healthy")
    seen = stack("exec", "--no-TTY", "scanner", "ls", "/run/secrets").stdout.split()
    assert seen == ["nats-scanner"]
    for path in ("/library/x", "/sources/captures/x", "/usr/x", "/etc/nightbus/x"):
        assert stack("exec", "--no-TTY", "scanner", "touch", path, check=False).returncode != 0, path
    status = stack("exec", "--no-TTY", "scanner", "cat", "/proc/1/status").stdout
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert fields["Uid"].split()[0] == str(UID)
    assert int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"
