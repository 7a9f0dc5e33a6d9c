"""The small scripts of image and compose: what they make, what they leave as it is, what they refuse."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from services.descriptions import SCHEMAS, SERVICES
from services.ingest.settings import SourceSettings
from services.settings import load_settings
from services.standalone import postgres
from services.standalone.binaries import installed_binaries
from services.standalone.logins import USERS_FILE
from services.standalone.postgres import SUPERUSER
from shared.bus.rights import users_of
from shared.db.roles import OTHERS

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
PREPARE = DEPLOY / "compose" / "prepare.sh"
FIRST_SETTINGS = DEPLOY / "docker" / "first-settings.sh"
ENTRYPOINT = DEPLOY / "docker" / "entrypoint.sh"
OWN = {"PUID": str(os.geteuid()), "PGID": str(os.getegid())}
VOLUMES = (
    "migrate", "postgres", "provision", "ingest", "scanner", "stats", "calibration", "backup", "api", "cli", "grafana",
    "subscribers",
)  # fmt: skip


def run(script: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script by the plain shell."""
    return subprocess.run(
        ["/bin/sh", str(script), *words], capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], **environment},
    )  # fmt: skip


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """The environment of prepare.sh, with everything below one folder."""
    for name in VOLUMES:
        (tmp_path / "secrets" / name).mkdir(parents=True)
    for name in ("nats", "volumes/nats", "library", "programs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "programs" / "nightbus-first-settings").symlink_to(FIRST_SETTINGS)
    (tmp_path / "programs" / "nightbus").symlink_to(Path(sys.executable).with_name("nightbus"))
    return {
        **OWN, "NIGHTBUS_PASSWORD": "a person's own", "SECRETS": f"{tmp_path}/secrets", "NATS": f"{tmp_path}/nats",
        "VOLUMES": f"{tmp_path}/volumes", "SETTINGS": f"{tmp_path}/settings", "LIBRARY": f"{tmp_path}/library",
        "SHIPPED": str(DEPLOY / "nats"), "PATH": f"{tmp_path}/programs:{os.environ['PATH']}",
    }  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_passwords_are_made_once(places: dict[str, str], tmp_path: Path) -> None:
    """Each name has a random password of its own, which a second run leaves as it is."""
    assert run(PREPARE, **places).returncode == 0
    first = contents(tmp_path)
    made = {name.rsplit("/", 1)[1]: text for name, text in first.items() if name.startswith("secrets/migrate/")}
    random = {name: text.strip() for name, text in made.items() if name not in {"reader", "grafana", USERS_FILE}}
    assert set(random) == {f"nats-{user.name}" for user in users_of(SERVICES)} | {*SCHEMAS, *OTHERS, SUPERUSER} - {
        "reader"
    }
    assert len(set(random.values())) == len(random)
    assert all(len(text) >= 32 for text in random.values())
    assert run(PREPARE, **places).returncode == 0
    assert contents(tmp_path) == first


def test_each_volume_has_its_own_passwords(places: dict[str, str], tmp_path: Path) -> None:
    """A volume has copies of what its container needs, closed to others but for PostgreSQL's own."""
    run(PREPARE, **places)
    secrets = tmp_path / "secrets"
    assert {file.name for file in (secrets / "scanner").iterdir()} == {"nats-scanner"}
    assert (secrets / "ingest" / "nats-janitor").read_bytes() == (secrets / "migrate" / "nats-janitor").read_bytes()
    modes = {
        str(file.relative_to(secrets)): file.stat().st_mode & 0o777 for file in secrets.rglob("*") if file.is_file()
    }
    assert modes.pop("postgres/nightbus_admin") == 0o644
    assert set(modes.values()) == {0o600}


def test_the_password_of_people_follows_the_environment(places: dict[str, str], tmp_path: Path) -> None:
    """What is written in .env opens Grafana and the database from the next start on; none at all is refused."""
    run(PREPARE, **places)
    assert run(PREPARE, **{**places, "NIGHTBUS_PASSWORD": "another"}).returncode == 0
    secrets = tmp_path / "secrets"
    assert {(secrets / place).read_text() for place in ("migrate/reader", "grafana/grafana")} == {"another"}
    done = run(PREPARE, **{**places, "NIGHTBUS_PASSWORD": ""})
    assert done.returncode != 0
    assert "choose a password, in .env" in done.stderr


def test_a_renewal_that_was_cut_off_is_handed_out(places: dict[str, str], tmp_path: Path) -> None:
    """Of passwords that are newer in the folder of all, each volume and the list of NATS' users has them then."""
    run(PREPARE, **places)
    secrets = tmp_path / "secrets"
    for name in ("stats", "nats-stats"):
        (secrets / "migrate" / name).write_text(f"new-{name}\n")
    before = contents(tmp_path)
    done = run(PREPARE, "passwords", **places)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "each container has its passwords")
    after = contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {
        "secrets/stats/stats", "secrets/stats/nats-stats", "secrets/migrate/nats-users.conf", "nats/users.conf",
    }  # fmt: skip
    assert after["secrets/stats/stats"] == b"new-stats\n"
    assert b'password: "new-nats-stats"' in after["nats/users.conf"]


def test_programs_find_the_passwords_of_subscribers(places: dict[str, str], tmp_path: Path) -> None:
    """Each in the volume for programs, which has no other password; that of a revoked one goes."""
    run(PREPARE, **places)
    all_passwords, theirs = tmp_path / "secrets" / "migrate", tmp_path / "secrets" / "subscribers"
    assert list(theirs.iterdir()) == []
    for name in ("lights", "chat"):
        (all_passwords / f"nats-subscriber-{name}").write_text(name)
    run(PREPARE, "passwords", **places)
    assert contents(theirs) == {"nats-subscriber-lights": b"lights", "nats-subscriber-chat": b"chat"}
    (all_passwords / "nats-subscriber-chat").unlink()
    run(PREPARE, **places)
    assert set(contents(theirs)) == {"nats-subscriber-lights"}


def test_the_users_of_nats_are_whole(places: dict[str, str], tmp_path: Path) -> None:
    """users.conf has the password of each user in the place of its variable, and nats-server takes the two files."""
    run(PREPARE, **places)
    users = (tmp_path / "nats" / "users.conf").read_text()
    for user in users_of(SERVICES):
        password = (tmp_path / "secrets" / "migrate" / f"nats-{user.name}").read_text().strip()
        assert f'user: {user.name}\n        password: "{password}"\n' in users
    assert "password: $" not in users
    words = [str(installed_binaries().nats_server), "-t", "--config", str(tmp_path / "nats" / "nats.conf")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_first_settings_name_what_is_mounted(
    places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder below /sources becomes a source in a file that Nightbus takes; a later start leaves the file alone."""
    for name in ("Seestar S50", "asiair"):
        (tmp_path / "sources" / name).mkdir(parents=True)
    (tmp_path / "settings").mkdir()
    places |= {"SOURCES": f"{tmp_path}/sources", "TZ": "Europe/Berlin"}
    assert run(PREPARE, **places).returncode == 0
    file = tmp_path / "settings" / "nightbus.toml"
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(file))
    sources = load_settings().sections(SourceSettings)
    assert {(source.name, source.where) for source in sources} == {
        ("seestar-s50", f"{tmp_path}/sources/Seestar S50"), ("asiair", f"{tmp_path}/sources/asiair"),
    }  # fmt: skip
    assert {source.time_zone for source in sources} == {"Europe/Berlin"}
    file.write_text("config_version = 1\n")
    assert run(PREPARE, **places).returncode == 0
    assert tomllib.loads(file.read_text()) == {"config_version": 1}


def test_first_settings_stand_whatever_folders_are_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes and letters of all scripts make a file that Nightbus takes, no two sources of one name; others left."""
    sources = tmp_path / "sources"
    named = ["Foo", "foo", "-x", "library", 'a"b\\c', "観測", "日本", "$(exit 3)"]
    left_out = ["line\nbreak", "end\n", "bell\a", os.fsdecode(b"latin-\xfc")]
    for name in (*named, *left_out):
        (sources / name).mkdir(parents=True)
    file = tmp_path / "nightbus.toml"
    done = run(FIRST_SETTINGS, str(file), SOURCES=str(sources), LIBRARY=f"{tmp_path}/none")
    assert (done.returncode, done.stderr) == (0, "")
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(file))
    found = load_settings().sections(SourceSettings)
    assert {source.where for source in found} == {str(sources / name) for name in named}
    assert len({source.name for source in found}) == len(named)
    assert file.read_text().count("# A folder is left out here") == len(left_out)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"UMASK": "9"}, "UMASK is '9': it must be up to four digits"),
        ({"UMASK": "00022"}, "UMASK is '00022'"),
        ({"TZ": "Mars/Olympus"}, "TZ is 'Mars/Olympus', which is no time zone"),
        ({"TZ": "../../../etc/passwd"}, "TZ is '../../../etc/passwd', which is no time zone"),
        ({"TZ": "zone.tab"}, "TZ is 'zone.tab', which is no time zone"),
        ({"PUID": "nobody"}, "PUID is 'nobody': it must be the number"),
        ({"PUID": "4294967295"}, "PUID is '4294967295': it must be the number"),
        ({"PUID": "4294967296"}, "PUID is '4294967296': it must be the number"),
        ({"PUID": "99999999999999999999"}, "PUID is '99999999999999999999': it must be the number"),
        ({"PGID": "4294967296"}, "PGID is '4294967296': it must be the number"),
    ],
)
def test_what_cannot_hold_is_refused(environment: dict[str, str], reason: str) -> None:
    """A wrong variable ends a container before it begins, in one sentence."""
    done = run(ENTRYPOINT, "--version", **environment)
    assert done.returncode == 2
    assert done.stderr.startswith(f"nightbus: {reason}")
    assert len(done.stderr.splitlines()) == 1


def test_a_lent_name_reaches_postgres_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Initdb is given the library that names its user only where all of it is there; other paths never pass."""
    monkeypatch.setenv("LD_PRELOAD", "/anything.so")
    monkeypatch.setenv("PGHOST", "elsewhere")
    assert set(postgres._clean_environment()) == {"PATH", "LC_ALL", "TZ"}
    monkeypatch.setenv("NSS_WRAPPER_PASSWD", "passwd")
    monkeypatch.setenv("NSS_WRAPPER_GROUP", "group")
    assert set(postgres._clean_environment()) == {"PATH", "LC_ALL", "TZ", *postgres._LENT_NAME}


def test_commands_beside_the_unit_read_its_settings_and_its_home() -> None:
    """A person's alias says what the unit says: without NIGHTBUS_CONFIG a command takes no destination to be set."""
    unit = (DEPLOY / "systemd" / "nightbus.service").read_text()
    said = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("Environment=NIGHTBUS_")]
    page = (DEPLOY.parent / "docs" / "howto" / "run-it-for-good.md").read_text()
    (alias,) = (line for line in page.splitlines() if line.startswith("alias nightbus="))
    assert [word for word in alias.split() if word.startswith("NIGHTBUS_")] == said
    assert {word.partition("=")[0] for word in said} == {"NIGHTBUS_CONFIG", "NIGHTBUS_HOME"}
