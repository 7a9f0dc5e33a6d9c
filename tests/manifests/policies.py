"""What must hold of the manifests, whoever changes them: what pods may do, and that names are those of the code.

Each function takes all that is applied together and raises AssertionError. These hold of the base as well as of
overlays; ``overlaid`` has those of overlays alone.
"""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from starlette.routing import Route

from services.descriptions import NAMES, SCHEMAS, described
from services.settings import known_keys
from shared.bus.broker import GRACEFUL_TIMEOUT_S
from shared.bus.names import CLI, JANITOR, PROVISION
from shared.db.roles import COMMAND_LINE, DUMPING, OTHERS
from shared.health import health_app
from shared.settings import PostgresSettings
from shared.written import ENV_PREFIX, RESERVED_ENV
from tests.manifests.model import Manifests, Workload, matches, name_of
from tests.manifests.network import let_in_from, may_connect, may_leave

ROOT = Path(__file__).resolve().parents[2]
ADMIN = PostgresSettings().admin_role
HEALTH_PORT, NATS_PORT, MONITOR_PORT, POSTGRES_PORT = 8080, 4222, 8222, 5432
ALLOWED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
"""Of those that the strictest standard of Kubernetes allows, the ones that are needed."""
READS = {"scanner", "calibration", "backup", "quiet", "cli"}
"""Workloads that read the library and do not write there."""
_SECRET_WORD = re.compile(r"password|secret|token|credential", re.IGNORECASE)
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}

Policy = Callable[[Manifests], None]


def every_service_runs_once(manifests: Manifests) -> None:
    """Each service of the code runs in one Deployment, and no other does."""
    running = Counter(name for one in manifests.workloads() if one.kind == "Deployment" for name in one.services)
    assert running == Counter(NAMES)


def migrate_and_provision_are_jobs(manifests: Manifests) -> None:
    """Both are Jobs that are tried again, and go by themselves, so that they can be applied again."""
    jobs = {one.name: one for one in manifests.workloads() if one.kind == "Job"}
    assert {name: one.container["args"] for name, one in jobs.items()} == {
        "migrate": ["migrate"], "provision": ["provision"],
    }  # fmt: skip
    for one in jobs.values():
        assert one.pod["restartPolicy"] == "OnFailure"
        assert one.manifest["spec"]["ttlSecondsAfterFinished"] > 0


def pods_have_no_privileges(manifests: Manifests) -> None:
    """No root, no way to it, no capability, a root file system that is only read, nothing of the machine."""
    for one in manifests.workloads():
        context = one.pod["securityContext"]
        assert context["runAsNonRoot"] is True, one.name
        assert context["runAsUser"] > 0, one.name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, one.name
        for own in (container["securityContext"] for container in one.containers):
            assert own == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }, one.name  # fmt: skip
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & one.pod.keys(), one.name
        kinds = {kind for volume in one.volumes.values() for kind in volume if kind != "name"}
        assert kinds <= ALLOWED_VOLUMES, one.name


def pods_know_nothing_of_kubernetes(manifests: Manifests) -> None:
    """No pod gets a token, and none gets variables of Services, which our settings would refuse."""
    for one in manifests.workloads():
        assert one.pod["automountServiceAccountToken"] is False, one.name
        assert one.pod["enableServiceLinks"] is False, one.name
        assert one.pod["serviceAccountName"] == "nightbus", one.name
    assert not manifests.of_kind("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


def what_is_used_is_asked_for(manifests: Manifests) -> None:
    """Each container says what processor and memory it needs, and the most that it may take."""
    for one in manifests.workloads():
        for resources in (container["resources"] for container in one.containers):
            for of in ("requests", "limits"):
                assert set(resources[of]) == {"cpu", "memory"}, one.name
            assert quantity(resources["requests"]["memory"]) <= quantity(resources["limits"]["memory"]), one.name
        for volume in one.volumes.values():
            if "emptyDir" in volume:
                assert quantity(volume["emptyDir"]["sizeLimit"]) > 0, one.name


def services_are_probed(manifests: Manifests) -> None:
    """Liveness, readiness and start are probed at pages that the health server has, at its own port."""
    pages = {route.path for route in health_app({}).routes if isinstance(route, Route)}
    for one in manifests.workloads():
        if one.kind == "Job" or one.name == CLI:
            continue
        probes = {name: one.container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
        if not one.services:
            continue
        assert one.ports == {"health": HEALTH_PORT}, one.name
        asked = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
        assert asked == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}, one.name
        assert set(asked.values()) <= pages
        assert {probe["httpGet"]["port"] for probe in probes.values()} == {"health"}, one.name
        assert one.pod["terminationGracePeriodSeconds"] > GRACEFUL_TIMEOUT_S, one.name


def variables_are_settings(manifests: Manifests) -> None:
    """Each variable of ours is a setting that there is."""
    keys = {f"{ENV_PREFIX}{key.replace('.', '__')}".upper() for key in known_keys()} | RESERVED_ENV
    for one in manifests.workloads():
        ours = {name for name in one.environment if name.startswith(ENV_PREFIX)}
        assert ours <= keys, one.name
        if one.is_ours:
            assert one.environment["NIGHTBUS_CONFIG"]["value"] == "/etc/nightbus/nightbus.toml", one.name
            assert one.mounts["/etc/nightbus"]["readOnly"] is True, one.name


def ports_lead_somewhere(manifests: Manifests) -> None:
    """Each Service selects pods, and each of its ports is one of theirs."""
    for service in manifests.of_kind("Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        selected = [one for one in manifests.workloads() if matches(selector, one.labels)]
        assert len(selected) == 1, name_of(service)
        for port in service["spec"]["ports"]:
            assert selected[0].ports[port["targetPort"]] == port["port"], name_of(service)


def no_secret_is_in_clear(manifests: Manifests) -> None:
    """Passwords are Secrets that are made elsewhere: none is here, and none is the value of a variable."""
    assert not manifests.of_kind("Secret")
    for one in manifests.workloads():
        for name, entry in one.environment.items():
            if "value" in entry and _SECRET_WORD.search(name):
                assert name.endswith("_FILE"), f"{one.name}: {name}"


def each_has_the_passwords_that_it_needs(manifests: Manifests) -> None:
    """The files of passwords of each pod are those of its users and roles, and no others."""
    for one in manifests.workloads():
        if one.is_ours:
            assert passwords_of(one) == needed_by(one), one.name


def passwords_of(one: Workload) -> dict[str, set[tuple[str, str]]]:
    """The files of passwords of a pod, without those of authorities."""
    return {file: sources for file, sources in one.secret_files().items() if not file.endswith("-ca.crt")}


def needed_by(one: Workload) -> dict[str, set[tuple[str, str]]]:
    """The files of passwords that a pod has to have, and where they come from."""
    users: list[str] = list(one.services)
    roles = [name for name in one.services if described(name).has_tables]
    users += [JANITOR] * ("ingest" in one.services)
    roles += [DUMPING] * ("backup" in one.services)
    if one.name == CLI:
        users, roles = [CLI], [COMMAND_LINE.name]
    elif one.name == "provision":
        users = [PROVISION]
    elif one.name == "migrate":
        roles = [*SCHEMAS, *OTHERS]
    found = {f"nats-{user}": {("nightbus-nats", f"nats-{user}")} for user in users}
    found |= {role: {("nightbus-postgres", role)} for role in roles}
    if one.name == "migrate":
        found[ADMIN] = {("postgres-admin", "password")}
    return found


def who_vouches_is_known(manifests: Manifests) -> None:
    """Who talks to a server has the certificate of its authority, and nobody else."""
    for one in manifests.workloads():
        if one.is_ours:
            expected = {f"{server}-ca.crt" for server in ("nats", "postgres") if f"reaches-{server}" in one.labels}
            assert {file for file in one.secret_files() if file.endswith("-ca.crt")} == expected, one.name


def nats_reads_its_users_from_a_secret(manifests: Manifests) -> None:
    """Users and passwords of NATS are a file of a Secret beside its configuration, read anew when it changes."""
    nats = manifests.workload("nats")
    assert ("nats-users", "nats-users.conf") in nats.secret_keys()
    assert 'include "nats-users.conf"' in manifests.nats
    assert "sync_interval: always" in manifests.nats
    (reload,) = nats.containers[1:]
    assert nats.pod["shareProcessNamespace"] is True
    assert reload["image"] == nats.container["image"]
    assert {mount["mountPath"] for mount in reload["volumeMounts"]} == {"/etc/nats", "/var/run/nats"}
    assert all(mount["readOnly"] for mount in reload["volumeMounts"])
    assert not any("subPath" in mount for one in manifests.workloads() for mount in one.mounts.values())


def only_ingest_writes_the_library(manifests: Manifests) -> None:
    """The library is writable for ingest alone, and read-only where it is read; what holds settings always is."""
    for one in manifests.workloads():
        library = one.mounts.get("/library")
        if one.name == "ingest":
            assert library is not None
            assert not library.get("readOnly", False)
        elif one.name in READS:
            assert library is not None, one.name
            assert library["readOnly"] is True, one.name
        else:
            assert library is None, one.name
        for place, mount in one.mounts.items():
            if place.startswith(("/etc/", "/run/secrets")):
                assert mount["readOnly"] is True, f"{one.name}: {place}"


def nobody_reaches_more_than_it_needs(manifests: Manifests) -> None:
    """Services reach NATS, those with tables Postgres, backup its destinations; nobody reaches a service."""
    default = next(one for one in manifests.of_kind("NetworkPolicy") if one["spec"]["podSelector"] == {}
                   and "egress" not in one["spec"] and "ingress" not in one["spec"])  # fmt: skip
    assert set(default["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    ours = [one for one in manifests.workloads() if one.is_ours]
    nats = manifests.workload("nats")
    for one in ours:
        needs_nats = bool(one.services) or one.name in {CLI, PROVISION}
        assert may_connect(manifests, one.labels, nats.labels, NATS_PORT) is needs_nats, one.name
        assert not may_connect(manifests, one.labels, nats.labels, MONITOR_PORT), one.name
        reaches_out = {443} if "backup" in one.services or one.name in {CLI, "migrate"} else set()
        assert may_leave(manifests, one.labels) == reaches_out, one.name
        for other in ours:
            assert not may_connect(manifests, one.labels, other.labels, HEALTH_PORT), f"{one.name} to {other.name}"
        if one.services:
            assert ("monitoring", HEALTH_PORT) in let_in_from(manifests, one.labels)
    assert may_leave(manifests, nats.labels) == set()


ANYWHERE: tuple[Policy, ...] = (
    every_service_runs_once,
    migrate_and_provision_are_jobs,
    pods_have_no_privileges,
    pods_know_nothing_of_kubernetes,
    what_is_used_is_asked_for,
    services_are_probed,
    variables_are_settings,
    ports_lead_somewhere,
    no_secret_is_in_clear,
    each_has_the_passwords_that_it_needs,
    who_vouches_is_known,
    nats_reads_its_users_from_a_secret,
    only_ingest_writes_the_library,
    nobody_reaches_more_than_it_needs,
)


def quantity(text: str) -> int:
    """A quantity of bytes as Kubernetes writes it, or a plain number."""
    unit = next((unit for unit in _UNITS if text.endswith(unit)), "")
    return int(text.removesuffix(unit)) * _UNITS.get(unit, 1)
