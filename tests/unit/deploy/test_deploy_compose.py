"""deploy/compose says what the code says: processes, users, passwords, versions; and is as closed as it claims."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.descriptions import SCHEMAS, SERVICES
from services.settings import AllSettings, known_keys
from services.standalone.postgres import SUPERUSER
from shared.bus.names import CLI, JANITOR, PROVISION
from shared.db.roles import COMMAND_LINE, DUMPING, GRAFANA
from shared.description import processes_of

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
PREPARE = DEPLOY / "compose" / "prepare.sh"
PROJECT = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
VARIABLE = re.compile(r"\$\{([A-Z_0-9]+)(?:(:[-?])([^}]*))?\}")
HAND_OUT = ("prepare", "admin")
"""Containers that give the others their passwords."""
ROOT = {"prepare", "postgres"}
"""Containers that begin as root: one gives folders to their owners, the other takes on a user by itself."""


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    """The file as YAML has it."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


@pytest.fixture(scope="module")
def ours(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The containers of our image, by name."""
    image = stack["x-nightbus"]["image"]
    return {name: one for name, one in stack["services"].items() if one["image"] == image}


def given(container: str) -> set[str]:
    """The passwords that prepare.sh puts into the volume of a container."""
    found = re.search(rf"^    {container}\) echo (.*) ;;$", PREPARE.read_text(), re.MULTILINE)
    return set(found[1].split()) if found else set()


def mounts(container: dict[str, Any]) -> dict[str, str]:
    """The access of what is mounted, by the path inside."""
    found = {}
    for volume in container.get("volumes", []):
        _source, target, *access = VARIABLE.sub("value", volume).split(":")
        found[target] = access[0] if access else "rw"
    return found


def test_each_process_has_a_container(ours: dict[str, dict[str, Any]]) -> None:
    """Services run in the processes that `nightbus up` has: quiet ones share one."""
    run = {name: tuple(one["command"][1:]) for name, one in ours.items() if one.get("command", [""])[0] == "run"}
    assert run == processes_of(SERVICES)


def test_each_container_has_the_passwords_that_it_needs_and_no_other(ours: dict[str, dict[str, Any]]) -> None:
    """A service finds its own role and user, ingest also the janitor's, backup the dumping role's."""
    for process, services in processes_of(SERVICES).items():
        needed = {f"nats-{name}" for name in services} | (set(services) & set(SCHEMAS))
        needed |= {f"nats-{JANITOR}"} if "ingest" in services else set()
        needed |= {DUMPING} if "backup" in services else set()
        assert given(process) == needed, process
    assert given("cli") == {f"nats-{CLI}", COMMAND_LINE.name}
    assert given("provision") == {f"nats-{PROVISION}"}
    assert given("postgres") == {SUPERUSER}
    assert GRAFANA.name in given("grafana")
    for name, one in ours.items():
        secrets = {volume for volume in one["volumes"] if volume.startswith("secrets-")}
        assert name in HAND_OUT or secrets == {f"secrets-{name}:/run/secrets:ro"}, name


def test_who_hands_out_passwords_sees_all_of_them(ours: dict[str, dict[str, Any]]) -> None:
    """Prepare and admin have each volume of passwords at the same place, admin all passwords as its own as well."""
    handed = {name: {volume for volume in ours[name]["volumes"] if ":/secrets/" in volume} for name in HAND_OUT}
    assert handed["admin"] == handed["prepare"]
    assert "secrets-migrate:/run/secrets" in ours["admin"]["volumes"]
    assert ours["admin"]["profiles"] == ["cli"], "it is there while somebody types, and at no other time"


def test_every_volume_of_passwords_is_filled(stack: dict[str, Any]) -> None:
    """Prepare sees each volume of passwords, and gives some to every one."""
    mounted = mounts(stack["services"]["prepare"])
    named = {name.removeprefix("secrets-") for name in stack["volumes"] if name.startswith("secrets-")}
    assert {f"/secrets/{name}" for name in named} <= set(mounted)
    assert all(given(name) for name in named - {"migrate", "subscribers"}), (
        "migrate has them all; subscribers come later"
    )


def test_the_servers_are_reached_from_inside_alone(stack: dict[str, Any]) -> None:
    """Plain text is allowed on a network that has no way out, and both servers are on that alone."""
    assert stack["networks"]["inside"] == {"internal": True}
    assert stack["x-nightbus"]["environment"]["NIGHTBUS_NATS__UNENCRYPTED"] == "true"
    assert {tuple(stack["services"][name]["networks"]) for name in ("postgres", "nats")} == {("inside",)}


def test_captures_and_library_are_read_only_where_they_are_only_read(ours: dict[str, dict[str, Any]]) -> None:
    """Ingest alone writes to the library, calibration and into captures only where .env allows it."""
    writers = {name for name, one in ours.items() if mounts(one).get("/library") == "rw"}
    assert writers == {"ingest", "prepare"}, "prepare gives an empty library to its owner"
    assert (
        "${NIGHTBUS_LIBRARY:?set it in .env}:/library:${NIGHTBUS_MASTERS_ACCESS:-ro}" in ours["calibration"]["volumes"]
    )
    for name, one in ours.items():
        captures = [volume for volume in one["volumes"] if ":/sources/captures" in volume]
        access = "${NIGHTBUS_CAPTURES_ACCESS:-ro}" if name == "ingest" else "ro"
        assert all(volume.endswith(f":/sources/captures:{access}") for volume in captures), name


def test_settings_of_the_environment_exist(ours: dict[str, dict[str, Any]]) -> None:
    """Every NIGHTBUS_ variable of a container is a setting, or one that is read beside them."""
    known = {f"NIGHTBUS_{key.replace('.', '__').upper()}" for key in known_keys()}
    for name, one in ours.items():
        variables = {key for key in one["environment"] if key.startswith("NIGHTBUS_")}
        assert variables <= known | {"NIGHTBUS_CONFIG", "NIGHTBUS_PASSWORD"}, name
    assert "health" in AllSettings.model_fields


def test_containers_are_closed(stack: dict[str, Any]) -> None:
    """No container is privileged or keeps rights that it does not need, and all but two begin as an ordinary user."""
    for name, one in stack["services"].items():
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "ipc", "devices"} & set(one), name
        assert one.get("pid") == ("service:nats" if name in {"admin", "provision"} else None), "who reloads NATS"
        assert one.get("read_only") is True or name == "postgres", name
        user = one.get("user", "0:0")
        assert (user == "0:0") is (name in ROOT), name
        assert user in {"0:0", "${PUID:-1000}:${PGID:-1000}"}, name
        assert "ports" not in one or name == "grafana", name


def test_nothing_waits_for_ever_and_all_come_back(stack: dict[str, Any]) -> None:
    """What runs for good is restarted and told of an end in time; what runs once is not."""
    once = {"prepare", "migrate", "provision", "cli", "admin"}
    for name, one in stack["services"].items():
        assert one["restart"] == ("no" if name in once else "unless-stopped"), name
    for name in processes_of(SERVICES):
        assert stack["services"][name]["stop_grace_period"] == "30s", "a stopping service waits for at most 20 s"


def test_services_start_after_database_and_streams_are_made(ours: dict[str, dict[str, Any]]) -> None:
    """Nothing runs before migrate and provision have ended well."""
    for name in processes_of(SERVICES):
        needs = ours[name]["depends_on"]
        assert {key for key in needs if needs[key]["condition"] == "service_completed_successfully"} == {
            "migrate", "provision",
        }, name  # fmt: skip
        assert {key for key in needs if needs[key]["condition"] == "service_healthy"} == {"postgres", "nats"}, name


def test_images_are_pinned(stack: dict[str, Any]) -> None:
    """No image is `latest`, and none of another's is without a version."""
    for name, one in stack["services"].items():
        tag = one["image"].partition(":")[2]
        assert tag, name
        assert tag != "latest", name


def test_the_version_is_one() -> None:
    """Dockerfile, .env.example and both stores say the version of the project."""
    version = PROJECT["version"]
    assert f"ARG VERSION={version}\n" in (DEPLOY / "docker" / "Dockerfile").read_text()
    assert f"NIGHTBUS_VERSION={version}\n" in (DEPLOY / "compose" / ".env.example").read_text()


def test_env_example_has_what_compose_asks_for() -> None:
    """Each variable without a default stands in .env.example, and every one there is used."""
    text = COMPOSE.read_text()
    needed = {name for name, kind, _ in VARIABLE.findall(text) if kind != ":-"}
    used = {name for name, _, _ in VARIABLE.findall(text)}
    example = set(re.findall(r"^([A-Z_0-9]+)=", (DEPLOY / "compose" / ".env.example").read_text(), re.MULTILINE))
    assert needed <= example
    assert example <= used
