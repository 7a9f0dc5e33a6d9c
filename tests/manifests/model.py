"""Manifests of Kubernetes as they are read from files or from `kubectl kustomize`, and the parts that tests ask for."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
OVERLAYS = ("homelab", "cloud")
Manifest = dict[str, Any]

_PODS = ("Deployment", "StatefulSet", "Job")


@dataclass(frozen=True)
class Workload:
    """What makes pods: its manifest, and the parts of the pods that it makes."""

    manifest: Manifest

    @property
    def kind(self) -> str:
        """Deployment, StatefulSet or Job."""
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return name_of(self.manifest)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of its pods."""
        return dict(self.manifest["spec"]["template"]["metadata"]["labels"])

    @property
    def pod(self) -> Manifest:
        """Specification of its pods."""
        return dict(self.manifest["spec"]["template"]["spec"])

    @property
    def containers(self) -> list[Manifest]:
        """All containers of its pods; the first does the work."""
        return list(self.pod["containers"])

    @property
    def container(self) -> Manifest:
        """The container that does the work."""
        return dict(self.containers[0])

    @property
    def environment(self) -> dict[str, Manifest]:
        """Variables of the container, by name."""
        return {entry["name"]: entry for entry in self.container.get("env", [])}

    @property
    def ports(self) -> dict[str, int]:
        """Ports of the container, by name."""
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", [])}

    @property
    def mounts(self) -> dict[str, Manifest]:
        """Mounts of the container, by the folder where they are."""
        return {mount["mountPath"]: mount for mount in self.container.get("volumeMounts", [])}

    @property
    def volumes(self) -> dict[str, Manifest]:
        """Volumes of the pod, by name."""
        return {volume["name"]: volume for volume in self.pod.get("volumes", [])}

    @property
    def services(self) -> tuple[str, ...]:
        """The services of Nightbus that it runs."""
        words = self.container.get("args", [])
        return tuple(words[1:]) if words[:1] == ["run"] else ()

    @property
    def is_ours(self) -> bool:
        """Whether it runs our image."""
        return self.labels.get("app.kubernetes.io/name") == "nightbus"

    def secret_files(self) -> dict[str, set[tuple[str, str]]]:
        """Files of Secrets in the folder of secrets: by file name, from which Secret and key."""
        found: dict[str, set[tuple[str, str]]] = {}
        for source in self.volumes.get("secrets", {}).get("projected", {}).get("sources", []):
            for item in source["secret"].get("items", []):
                found.setdefault(item["path"], set()).add((source["secret"]["name"], item["key"]))
        return found

    def secret_keys(self) -> Iterator[tuple[str, str]]:
        """Each Secret and key that the pods refer to."""
        for volume in self.volumes.values():
            for source in volume.get("projected", {}).get("sources", []):
                secret = source.get("secret", {})
                yield from ((secret["name"], item["key"]) for item in secret.get("items", []))
            secret = volume.get("secret", {})
            yield from ((secret["secretName"], item["key"]) for item in secret.get("items", []))
        for entry in self.environment.values():
            if (reference := entry.get("valueFrom", {}).get("secretKeyRef")) is not None:
                yield reference["name"], reference["key"]


@dataclass(frozen=True)
class Manifests:
    """Everything that is applied together; ``settings`` is the text of nightbus.toml, where it is among it."""

    all: list[Manifest]
    settings: str | None = None
    nats: str = ""
    """The configuration of NATS."""

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """Those of some kinds."""
        return [one for one in self.all if one["kind"] in kinds]

    def workloads(self) -> list[Workload]:
        """What makes pods."""
        return [Workload(one) for one in self.of_kind(*_PODS)]

    def workload(self, name: str) -> Workload:
        """The one of a name."""
        (found,) = [one for one in self.workloads() if one.name == name]
        return found

    def toml(self) -> dict[str, Any]:
        """nightbus.toml, parsed."""
        assert self.settings is not None
        return tomllib.loads(self.settings)


def name_of(manifest: Manifest) -> str:
    """Its name."""
    return str(manifest["metadata"]["name"])


def matches(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether a selector of labels selects; one without any selects everything."""
    assert set(selector) <= {"matchLabels"}, f"the tests know no {set(selector)}"
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def read_all(text: str) -> list[Manifest]:
    """The documents of a YAML text."""
    return [one for one in yaml.safe_load_all(text) if one is not None]


def base() -> Manifests:
    """The base as its files are, without what kustomize adds."""
    folder = K8S / "base"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    found = [one for name in listed for one in read_all((folder / name).read_text())]
    return Manifests(found, nats=(folder / "nats" / "nats.conf").read_text())


def rendered(text: str) -> Manifests:
    """What `kubectl kustomize` printed."""
    found = read_all(text)
    maps = {name_of(one).rpartition("-")[0]: one["data"] for one in found if one["kind"] == "ConfigMap"}
    return Manifests(found, maps["nightbus"]["nightbus.toml"], maps["nats"]["nats.conf"])
