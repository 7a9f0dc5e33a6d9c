"""deploy/compose brought up for real: a capture comes home, restarts lose nothing, each container has its rights."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.descriptions import SERVICES
from services.standalone.simulation import tiny_frames
from shared.description import processes_of
from tests.stack import open_folder
from tests.system import containers
from tests.system.conftest import Engine
from tests.system.containers import DEPLOY, IMAGE, ROOT, SEESTAR, VERSION, Docker, NoClient
from tests.system.images import ensure_small_nats
from tests.system.pip_tools import NotInstalled, environment_with

FILE = DEPLOY / "compose" / "compose.yaml"
UID, GID = 4242, 4343
FRAMES_A_RESTART = 3
START_S = 300.0
WAIT_S = 600.0
"""With a quarter of one processor for all containers the restarts take more than two minutes."""
until = partial(containers.until, limit_s=WAIT_S)
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
    project: str = f"nightbus-test-{os.getpid()}"

    def __call__(self, *words: str, check: bool = True, timeout_s: float = START_S) -> subprocess.CompletedProcess[str]:
        """Run a command of compose."""
        where = ["--project-name", self.project, "--env-file", str(self.folder / ".env")]
        return self.docker("compose", *where, "--file", str(FILE), *words, check=check, timeout_s=timeout_s)

    def nightbus(self, *words: str) -> Any:
        """What a listing says, as JSON; None where it cannot."""
        done = self("run", "--rm", "--no-TTY", "--quiet-pull", "cli", *words, "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def admin(self, *words: str, check: bool = True, program: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the container that knows all passwords, or another program in it."""
        entry = ["--entrypoint", program] if program else []
        return self("run", "--rm", "--no-TTY", "--quiet-pull", *entry, "admin", *words, check=check)

    def passwords(self) -> dict[str, dict[str, str]]:
        """The passwords that each service sees, by service and by name of the file."""
        look = "cd /run/secrets && for file in *; do printf '%s %s\n' $file $(cat $file); done"
        said = {name: self("exec", "--no-TTY", name, "sh", "-c", look).stdout for name in processes_of(SERVICES)}
        return {name: dict(line.split() for line in lines.splitlines()) for name, lines in said.items()}

    def containers(self) -> dict[str, dict[str, Any]]:
        """The containers by service, as `ps` says."""
        lines = self("ps", "--all", "--format", "json").stdout.splitlines()
        return {one["Service"]: one for one in map(json.loads, lines)}

    def say(self) -> None:
        """Print how everything is and what stands in the logs, for a test that fails."""
        print(self("ps", "--all", check=False).stdout)
        for words in (("cli", "status"), ("cli", "doctor"), ("cli", "dead-letters", "list")):
            print(self("run", "--rm", "--no-TTY", *words, check=False).stdout)
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


@contextmanager
def landing(folder: Path, first: int) -> Iterator[list[int]]:
    """A frame lands in a folder each second while the block lasts; how many did is in the list after it."""
    stop, landed = threading.Event(), list[int]()

    def work() -> None:
        while not stop.wait(1.0):
            tiny_frames(folder, 1, 1, start_index=first + len(landed))
            landed.append(first + len(landed))

    thread = threading.Thread(target=work, name="captures")
    thread.start()
    try:
        yield landed
    finally:
        stop.set()
        thread.join()


def counts(stack: Stack) -> dict[str, Any]:
    """The counts, as `status` says."""
    found: dict[str, Any] = until(lambda: stack.nightbus("status"), "status does not answer")["counts"]
    return found


def require_all_scanned(stack: Stack, before: dict[str, Any], sent: int) -> None:
    """Wait until so many more files are scanned; fail where one is counted twice, was given up, or is missing."""

    def all_scanned() -> dict[str, Any] | None:
        status = stack.nightbus("status")
        return status["counts"] if status and status["counts"]["scanned"] == before["scanned"] + sent else None

    try:
        found = until(all_scanned, "not every frame was scanned")
        until(lambda: healthy(stack), "not everything is healthy again")
    except AssertionError:
        stack.say()
        raise
    assert found["adds_up"]
    assert found["arrived"] == before["arrived"] + sent
    assert (found["quarantined"], found["failed"]) == (before["quarantined"], before["failed"])


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


@pytest.mark.timeout(2400)
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


@pytest.mark.timeout(2400)
def test_restarts_one_by_one_lose_nothing(stack: Stack) -> None:
    """While frames arrive each container is restarted; in the end every frame is scanned once and the counts add up."""
    before = counts(stack)
    sent = 0
    for name in (*processes_of(SERVICES), *SERVERS):
        tiny_frames(stack.folder / "captures", FRAMES_A_RESTART, 1, start_index=sent)
        sent += FRAMES_A_RESTART
        stack("restart", name)
    require_all_scanned(stack, before, sent)


@pytest.mark.timeout(2400)
def test_passwords_are_renewed_while_captures_arrive(stack: Stack) -> None:
    """One command, all services up: every frame is scanned once, new logins use new passwords, and people's stay."""
    until(lambda: healthy(stack), "not everything is healthy")
    before, known = counts(stack), stack.passwords()
    with landing(stack.folder / "captures", first=1000) as landed:
        until(lambda: len(landed) > 3, "no frame lands")
        said = stack.admin("passwords", "renew", "--all")
        meanwhile = len(landed)
        until(lambda: len(landed) > meanwhile + 3, "no frame lands after it")
    assert "hold on NATS and Postgres" in said.stderr
    now = stack.passwords()
    assert {name: set(files) for name, files in now.items()} == {name: set(files) for name, files in known.items()}
    assert not [file for name, files in now.items() for file in files if files[file] == known[name][file]]
    people = stack.admin("-c", "cat /run/secrets/reader /run/secrets/grafana", program="sh").stdout
    assert people == "a person's own" * 2
    require_all_scanned(stack, before, len(landed))
    stack("restart", *processes_of(SERVICES))
    until(lambda: healthy(stack), "they do not log in anew")
    assert set(doctor(stack)) == {"ok"}


@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    ("until_where", "mended_by"),
    [("files", "the same again"), ("files and containers", "apply"), ("files", "the next start")],
)
def test_a_renewal_that_was_cut_off_is_mended(stack: Stack, until_where: str, mended_by: str) -> None:
    """Killed before Postgres and NATS know: `renew`, `apply` or the next start makes it whole, and nothing is lost."""
    until(lambda: healthy(stack), "not everything is healthy")
    before = counts(stack)
    stack.admin("passwords", "renew", "--all", program="nightbus")
    if until_where != "files":
        stack.admin("passwords", program="nightbus-prepare")
    tiny_frames(stack.folder / "captures", 2, 1, start_index=before["arrived"] + 3000)
    if mended_by == "the next start":
        stack("up", "--detach", timeout_s=600)
    else:
        stack.admin("passwords", *(("renew", "--all") if mended_by == "the same again" else ("apply",)))
    require_all_scanned(stack, before, 2)
    stack("restart", *processes_of(SERVICES))
    until(lambda: healthy(stack), "they do not log in anew")
    assert set(doctor(stack)) == {"ok"}


@pytest.mark.timeout(2400)
def test_a_program_reads_events_by_one_command(stack: Stack, docker: Docker) -> None:
    """After `admin subscribers add` the example reads events in a container that has its password and no other."""
    until(lambda: healthy(stack), "not everything is healthy")
    before = counts(stack)
    added = json.loads(stack.admin("subscribers", "add", "my-lights", "--subjects", "file.scanned", "--json").stdout)
    assert added["user"] == "subscriber-my-lights"
    tiny_frames(stack.folder / "captures", 1, 1, start_index=9000)
    file = f"/run/secrets/nats-{added['user']}"
    words = [
        "run",
        "--rm",
        "--network",
        f"{stack.project}_inside",
        "--volume",
        f"{stack.project}_secrets-subscribers:/run/secrets:ro",
    ]
    words += ["--user", f"{UID}:{GID}", "--volume", f"{ROOT}/examples:/examples:ro"]
    program = [*words, "--entrypoint", "/opt/nightbus/bin/python", IMAGE, "/examples/subscribe.py"]
    program += ["--name", "my-lights", "--url", added["url"], "--password-file", file, "--count", "1"]
    assert docker(*program, timeout_s=WAIT_S).stdout.startswith("file.scanned ")
    files = docker(*words, "--entrypoint", "ls", IMAGE, "/run/secrets").stdout.split()
    assert files == [f"nats-{added['user']}"]
    (row,) = json.loads(stack.admin("subscribers", "list", "--json").stdout)
    assert row["name"] == "my-lights"
    stack.admin("subscribers", "revoke", "my-lights")
    assert json.loads(stack.admin("subscribers", "list", "--json").stdout) == []
    assert "no password in" in docker(*program, check=False).stderr
    require_all_scanned(stack, before, 1)


@pytest.mark.timeout(2400)
def test_what_needs_rights_is_typed_in_one_container(stack: Stack) -> None:
    """Listings, doctor with a look at each login, and a change that is tried out first, all by `admin`."""
    until(lambda: healthy(stack), "not everything is healthy")
    assert json.loads(stack.admin("captures", "--json").stdout) == stack.nightbus("captures")
    found = doctor(stack)
    assert set(found) == {"ok"}
    assert {"NATS logins: each service is let in", "Postgres roles: each service is let in"} <= set(found["ok"])
    known = stack.passwords()
    tried = stack.admin("passwords", "renew", "stats", "--dry-run").stdout
    assert "2 passwords would be renewed in /run/secrets: nats-stats, stats" in tried
    assert stack.passwords() == known
    refused = stack.admin("passwords", "renew", "nobody", check=False)
    assert (refused.returncode, "'nobody' has no password here" in refused.stderr) == (1, True)


def doctor(stack: Stack) -> dict[str, list[str]]:
    """What the doctor of the container `admin` says, by state; what is worth a look alone is left out."""
    rows = json.loads(stack.admin("doctor", "--json", check=False).stdout)
    print(rows)
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["state"] != "note":
            found.setdefault(row["state"], []).append(f"{row['about']}: {row['says']}")
    return found


@pytest.mark.timeout(2400)
def test_an_update_keeps_passwords_and_data(stack: Stack) -> None:
    """`up` once more, as after a new version, makes nothing anew: the same passwords, and the listing as before."""
    before = stack.nightbus("captures")
    secret = stack("exec", "--no-TTY", "stats", "cat", "/run/secrets/stats").stdout
    stack("up", "--detach", "--force-recreate", timeout_s=600)
    until(lambda: healthy(stack), "not everything is healthy")
    assert stack("exec", "--no-TTY", "stats", "cat", "/run/secrets/stats").stdout == secret
    assert stack.nightbus("captures") == before


@pytest.mark.timeout(2400)
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
