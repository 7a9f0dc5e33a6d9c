"""deploy/k8s as kubectl renders it: each overlay keeps the policies, and fits the schemas of three versions."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.manifests.crds import MODELS
from tests.manifests.model import K8S, OVERLAYS, Manifests, name_of, read_all, rendered
from tests.manifests.overlaid import OF_A_CLUSTER, OVERLAID
from tests.manifests.policies import ANYWHERE, Policy
from tests.system.pip_tools import NotInstalled, environment_with

VERSIONS = ("1.32", "1.34", "1.37")
VALIDATOR = ("kubernetes-validate==1.37.0",)
LEAST_KUSTOMIZE = 5
COMPONENTS = ("monitoring", "ingress", "gateway", "certificates")
NO_SCHEMA = re.compile(r"find schema", re.IGNORECASE)
Render = Callable[[Path], str]


@pytest.fixture(scope="module")
def render() -> Render:
    """``render(folder)`` is what kubectl makes of a kustomization."""
    try:
        said = subprocess.run(
            ["kubectl", "version", "--client", "--output=json"], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("kubectl is not here")
    version = json.loads(said.stdout).get("kustomizeVersion", "v0")
    if int(version.removeprefix("v").split(".")[0]) < LEAST_KUSTOMIZE:
        pytest.skip(f"the kustomize of this kubectl is {version}: one from {LEAST_KUSTOMIZE} on is needed")

    def run(folder: Path) -> str:
        made = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        assert made.stderr == "", "a warning is a mistake"
        return made.stdout

    return run


@pytest.fixture(scope="module")
def texts(render: Render) -> dict[str, str]:
    """What kubectl makes of each overlay."""
    return {name: render(K8S / "overlays" / name) for name in OVERLAYS}


@pytest.fixture(scope="module")
def overlays(texts: dict[str, str]) -> dict[str, Manifests]:
    """Each overlay, read."""
    return {name: rendered(text) for name, text in texts.items()}


@pytest.mark.parametrize("policy", [*ANYWHERE, *OVERLAID], ids=lambda policy: policy.__name__)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_keeps_the_policies(overlays: dict[str, Manifests], overlay: str, policy: Policy) -> None:
    """Each policy holds of each overlay; its docstring says what it promises."""
    policy(overlays[overlay])


@pytest.mark.parametrize("policy", OF_A_CLUSTER, ids=lambda policy: policy.__name__)
def test_a_cluster_keeps_its_policies(overlays: dict[str, Manifests], policy: Policy) -> None:
    """What holds of several machines alone."""
    policy(overlays["cloud"])


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_of_kubernetes_takes_it(
    texts: dict[str, str], render: Render, tmp_path: Path, version: str
) -> None:
    """Every resource of Kubernetes fits the strict schema of its version; those of others have models of our own."""
    try:
        validator = environment_with("kubernetes-validate", VALIDATOR) / "kubernetes-validate"
    except NotInstalled as reason:
        pytest.skip(str(reason))
    for name, text in (texts | _with_components(render, tmp_path)).items():
        known = [one for one in text.split("\n---\n") if not _is_of_others(one)]
        file = tmp_path / f"{name}.yaml"
        file.write_text("\n---\n".join(known))
        done = subprocess.run(
            [str(validator), "-k", version, "--strict", str(file)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not NO_SCHEMA.search(done.stdout + done.stderr), done.stdout + done.stderr


def test_resources_of_operators_fit_their_models(texts: dict[str, str], render: Render, tmp_path: Path) -> None:
    """KEDA, CloudNativePG, Prometheus' operator, cert-manager, Gateway API: no unknown field, each type right."""
    seen = set()
    for text in (texts | _with_components(render, tmp_path)).values():
        for one in read_all(text):
            if (model := MODELS.get((one["apiVersion"], one["kind"]))) is not None:
                try:
                    model.model_validate(one["spec"], strict=True)
                except ValidationError as error:
                    raise AssertionError(f"{one['kind']} {name_of(one)}: {error}") from error
                seen.add((one["apiVersion"], one["kind"]))
    assert seen == set(MODELS)


def test_components_fit_into_both_overlays(render: Render, tmp_path: Path) -> None:
    """Metrics, pages and certificates lead to what each overlay has, and open nothing else."""
    for name, text in _with_components(render, tmp_path).items():
        manifests = rendered(text)
        services = {name_of(one): one for one in manifests.of_kind("Service")}
        (monitor,) = manifests.of_kind("ServiceMonitor")
        selected = [
            one
            for one in services.values()
            if monitor["spec"]["selector"]["matchLabels"].items() <= one["metadata"]["labels"].items()
        ]
        scraped = {port["name"] for one in selected for port in one["spec"]["ports"]}
        assert scraped == {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]}
        processes = [one for one in manifests.workloads() if one.services]
        assert len(selected) == len(processes), name
        (ingress,) = manifests.of_kind("Ingress")
        (route,) = manifests.of_kind("HTTPRoute")
        (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
        assert (path["path"], path["pathType"]) == ("/readyz", "Exact")
        assert path["backend"]["service"]["name"] in services
        (backend,) = route["spec"]["rules"][0]["backendRefs"]
        assert backend["port"] in {port["port"] for port in services[backend["name"]]["spec"]["ports"]}


def _with_components(render: Render, tmp_path: Path) -> dict[str, str]:
    """Each overlay with all components, as somebody would write it."""
    found = {}
    for name in OVERLAYS:
        folder = tmp_path / f"with-components-{name}"
        folder.mkdir(exist_ok=True)
        lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "namespace: nightbus"]
        lines += ["resources:", f"  - {_relative(folder, K8S / 'overlays' / name)}", "components:"]
        lines += [f"  - {_relative(folder, K8S / 'components' / component)}" for component in COMPONENTS]
        (folder / "kustomization.yaml").write_text("\n".join(lines) + "\n")
        found[f"{name}-with-components"] = render(folder)
    return found


def _relative(folder: Path, target: Path) -> str:
    ups = "/".join([".."] * (len(folder.resolve().parts) - 1))
    return f"{ups}{target.resolve()}"


def _is_of_others(text: str) -> bool:
    (one,) = read_all(text)
    return (one["apiVersion"], one["kind"]) in MODELS
