"""What must hold of an overlay, which has nightbus.toml, servers and volumes; see ``policies`` for the rest."""

import base64
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from services.backup.settings import DestinationSettings
from services.descriptions import CONSUMERS, described
from services.ingest.settings import FolderSettings
from services.scanner.settings import ScannerSettings
from services.settings import AllSettings
from services.standalone.passwords import make_passwords
from shared.bus.names import ACCOUNT, CLI, EVENTS
from shared.bus.streams import streams
from shared.library.settings import LibrarySettings
from shared.settings import Settings
from tests.manifests.model import K8S, Manifest, Manifests, Workload, name_of, read_all
from tests.manifests.network import let_in_from, may_connect
from tests.manifests.policies import ADMIN, HEALTH_PORT, MONITOR_PORT, NATS_PORT, POSTGRES_PORT, ROOT, Policy, quantity

SECRETS = "/run/secrets/nightbus"
SCANNER_ITSELF_MB = 256
CERTIFICATE_KEYS = {"tls.crt", "tls.key", "ca.crt"}
DATABASE = {"database": "nightbus"}
"""Label of whatever pods are the Postgres."""


def settings_of(manifests: Manifests) -> Settings:
    """nightbus.toml, read as strictly as services read it."""
    return AllSettings(**manifests.toml())


def secrets_of(*words: str) -> dict[str, dict[str, bytes]]:
    """The Secrets that secrets.sh makes, and what their keys hold."""
    command = ["sh", str(K8S / "secrets.sh"), *words]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {
        name_of(one): {key: base64.b64decode(value) for key, value in one["data"].items()} for one in read_all(made)
    }


@cache
def password_keys() -> dict[str, set[str]]:
    """The Secrets of passwords, and their keys."""
    with tempfile.TemporaryDirectory() as folder:
        make_passwords(Path(folder))
        return {name: set(data) for name, data in secrets_of("passwords", folder).items()}


@cache
def certified(server: str) -> tuple[str, ...]:
    """The names that the certificate of a server holds, by secrets.sh and by cert-manager alike."""
    script = (K8S / "secrets.sh").read_text()
    (names,) = re.findall(rf'^{server.upper()}_NAMES="([^"]+)"$', script, re.MULTILINE)
    documents = read_all((K8S / "components" / "certificates" / "certificates.yaml").read_text())
    (by_manager,) = [one["spec"]["dnsNames"] for one in documents if name_of(one) == server]
    assert names.split() == by_manager
    return tuple(names.split())


def images_are_ours_and_those_of_compose(manifests: Manifests) -> None:
    """The image has the version of the project, servers have the tags of the compose file, and no registry is named."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    compose = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text())["services"]
    for one in manifests.workloads():
        expected = f"nightbus:{version}" if one.is_ours else compose[one.name]["image"]
        assert {container["image"] for container in one.containers} == {expected}, one.name


def everything_that_is_named_is_there(manifests: Manifests) -> None:
    """Each ConfigMap, claim, Secret and key that a pod refers to exists, or secrets.sh makes it."""
    maps = {name_of(one) for one in manifests.of_kind("ConfigMap")}
    claims = {name_of(one) for one in manifests.of_kind("PersistentVolumeClaim")}
    secrets = password_keys() | {"nats-tls": CERTIFICATE_KEYS, "postgres-tls": CERTIFICATE_KEYS}
    for one in manifests.workloads():
        made = {name_of(claim) for claim in one.manifest["spec"].get("volumeClaimTemplates", [])}
        assert {mount["name"] for mount in one.mounts.values()} <= one.volumes.keys() | made, one.name
        for volume in one.volumes.values():
            if "configMap" in volume:
                assert volume["configMap"]["name"] in maps, one.name
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, one.name
        for secret, key in one.secret_keys():
            assert key in secrets[secret], f"{one.name}: {secret} {key}"


def settings_lead_to_the_servers(manifests: Manifests) -> None:
    """Addresses, folders of secrets and certificates of nightbus.toml are what pods find there."""
    settings = settings_of(manifests)
    assert (settings.health.host, settings.health.port) == ("0.0.0.0", HEALTH_PORT)  # noqa: S104 - inside a pod
    names = set(_names_of_nats(manifests))
    for address in settings.nats.servers:
        split = urlsplit(address)
        assert split.port == NATS_PORT
        assert split.hostname in names, f"{split.hostname} is none of {sorted(names)}"
        assert split.hostname in certified("nats")
    assert settings.postgres.host in set(_names_of_postgres(manifests))
    assert settings.postgres.host in certified("postgres")
    assert settings.postgres.admin_role == ADMIN
    for section, server in ((settings.nats, "nats"), (settings.postgres, "postgres")):
        assert str(section.secrets_dir) == SECRETS
        assert str(section.ca_file) == f"{SECRETS}/{server}-ca.crt"
        assert not section.unencrypted
    for one in manifests.workloads():
        if one.is_ours:
            assert SECRETS in one.mounts, one.name


def captures_are_where_settings_say(manifests: Manifests) -> None:
    """Library and sources are mounted where nightbus.toml has them; a source is read-only unless files are deleted."""
    settings = settings_of(manifests)
    library = settings.section(LibrarySettings)
    ingest = manifests.workload("ingest")
    assert str(library.path) in ingest.mounts
    for source in settings.sections(FolderSettings):
        mount = ingest.mounts[str(source.path)]
        assert mount.get("readOnly", False) is (source.mode != "move" and source.after_transfer == "keep")
        if source.mode == "index":
            for reader in ("scanner", "calibration", _runs(manifests, "backup").name):
                assert manifests.workload(reader).mounts[str(source.path)]["readOnly"] is True
    folder = settings.section(type(settings.api)).dead_letter_dir  # type: ignore[attr-defined]
    assert str(folder.parent) in _runs(manifests, "api").mounts
    assert not settings.sections(DestinationSettings)


def the_stream_fits_its_disk(manifests: Manifests) -> None:
    """All streams at their largest fit into what NATS may write, and that into its volume."""
    settings = settings_of(manifests).nats
    (most,) = re.findall(r"max_file_store: (\d+)GB", manifests.nats)
    (claim,) = manifests.workload("nats").manifest["spec"]["volumeClaimTemplates"]
    largest = sum(stream.max_bytes or 0 for stream in streams(settings))
    assert largest <= int(most) * 2**30 < quantity(claim["spec"]["resources"]["requests"]["storage"])


def each_server_of_nats_has_a_copy(manifests: Manifests) -> None:
    """As many copies as servers, whose names are those of the routes and of the addresses in the settings."""
    settings = settings_of(manifests).nats
    servers = [f"nats-{number}" for number in range(manifests.workload("nats").manifest["spec"]["replicas"])]
    assert (settings.replicas or 1) == len(servers)
    routes = re.findall(r'"nats://(nats-\d+)\.nats-headless:6222"', manifests.nats)
    assert routes == (servers if len(servers) > 1 else [])
    if routes:
        assert [urlsplit(address).hostname for address in settings.servers] == [
            f"{server}.nats-headless" for server in servers
        ]
        assert manifests.workload("nats").ports["cluster"] == 6222
        nats = manifests.workload("nats").labels
        assert may_connect(manifests, nats, nats, 6222)


def memory_holds_the_readers(manifests: Manifests) -> None:
    """The scanner's memory holds as many readers as its settings start, each at its limit, and each has a core."""
    own = settings_of(manifests).section(ScannerSettings)
    limits = manifests.workload("scanner").container["resources"]["limits"]
    assert 0 < own.workers <= int(limits["cpu"])
    assert quantity(limits["memory"]) >= (own.workers * own.memory_limit_mb + SCANNER_ITSELF_MB) * 2**20


def postgres_is_reached_by_those_with_tables(manifests: Manifests) -> None:
    """Services with tables, the command line and migrate reach Postgres; NATS, the scanner and provision do not."""
    postgres = DATABASE | _postgres_labels(manifests)
    for one in manifests.workloads():
        if one.name == "postgres":
            continue
        needs = any(described(name).has_tables for name in one.services) or one.name in {CLI, "migrate"}
        assert may_connect(manifests, one.labels, postgres, POSTGRES_PORT) is needs, one.name


OVERLAID: tuple[Policy, ...] = (
    images_are_ours_and_those_of_compose,
    everything_that_is_named_is_there,
    settings_lead_to_the_servers,
    captures_are_where_settings_say,
    the_stream_fits_its_disk,
    each_server_of_nats_has_a_copy,
    memory_holds_the_readers,
    postgres_is_reached_by_those_with_tables,
)


def scanners_follow_what_waits(manifests: Manifests) -> None:
    """KEDA asks for a stream and a consumer that the code makes, of all servers, and it alone says how many run."""
    (scaled,) = manifests.of_kind("ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    asked = trigger["metadata"]
    assert trigger["type"] == "nats-jetstream"
    (row,) = [one for one in CONSUMERS if one.service == "scanner"]
    assert (asked["stream"], asked["consumer"], asked["account"]) == (EVENTS, row.durable, ACCOUNT)
    assert row.stream == EVENTS
    assert asked["natsServerMonitoringEndpoint"] == f"nats-headless.nightbus.svc.cluster.local:{MONITOR_PORT}"
    target = manifests.workload(scaled["spec"]["scaleTargetRef"]["name"])
    assert target.services == ("scanner",)
    assert "replicas" not in target.manifest["spec"]
    assert 1 <= scaled["spec"]["minReplicaCount"] < scaled["spec"]["maxReplicaCount"]
    nats = manifests.workload("nats")
    assert let_in_from(manifests, nats.labels) == {("keda", MONITOR_PORT)}


def no_budget_keeps_a_machine(manifests: Manifests) -> None:
    """A budget lets one pod go at a time: of NATS, whose others stay a majority, and of the scanners."""
    budgets = {name_of(one): one["spec"] for one in manifests.of_kind("PodDisruptionBudget")}
    assert {name: spec["maxUnavailable"] for name, spec in budgets.items()} == {"nats": 1, "scanner": 1}
    for name, spec in budgets.items():
        labels = manifests.workload(name).labels
        assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert manifests.workload("nats").manifest["spec"]["replicas"] >= 3


OF_A_CLUSTER: tuple[Policy, ...] = (scanners_follow_what_waits, no_budget_keeps_a_machine)


def _runs(manifests: Manifests, service: str) -> Workload:
    (found,) = [one for one in manifests.workloads() if service in one.services]
    return found


def _names_of_nats(manifests: Manifests) -> Iterator[str]:
    yield "nats"
    for number in range(manifests.workload("nats").manifest["spec"]["replicas"]):
        yield f"nats-{number}.nats-headless"


def _names_of_postgres(manifests: Manifests) -> Iterator[str]:
    yield from (name_of(one) for one in manifests.of_kind("Service") if name_of(one) == "postgres")
    yield from (f"{name_of(one)}-rw" for one in _clusters(manifests))


def _postgres_labels(manifests: Manifests) -> dict[str, str]:
    """Labels of the pods of Postgres."""
    for cluster in _clusters(manifests):
        return dict(cluster["spec"]["inheritedMetadata"]["labels"])
    return manifests.workload("postgres").labels


def _clusters(manifests: Manifests) -> list[Manifest]:
    return [one for one in manifests.of_kind("Cluster") if one["apiVersion"].startswith("postgresql.cnpg.io/")]
