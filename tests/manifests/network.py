"""Who may reach whom: policies of the network, evaluated as Kubernetes does."""

from collections.abc import Iterator, Mapping

from tests.manifests.model import Manifest, Manifests, matches

Labels = Mapping[str, str]


def may_connect(manifests: Manifests, source: Labels, target: Labels, port: int) -> bool:
    """Whether pods of the namespace with the labels ``source`` reach a TCP port of those with ``target``.

    Both sides have to allow it: where any policy of a direction selects a pod, only what one of them allows passes.
    """
    policies = manifests.of_kind("NetworkPolicy")
    return _allows(policies, "egress", source, target, port) and _allows(policies, "ingress", target, source, port)


def may_leave(manifests: Manifests, source: Labels) -> set[int]:
    """TCP ports that pods reach anywhere outside."""
    return {
        entry["port"]
        for policy in manifests.of_kind("NetworkPolicy")
        if matches(policy["spec"]["podSelector"], source)
        for rule in policy["spec"].get("egress", [])
        if not rule.get("to")
        for entry in rule["ports"]
    }


def let_in_from(manifests: Manifests, target: Labels) -> set[tuple[str, int]]:
    """Other namespaces that reach pods, and at which TCP ports."""
    return {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], entry["port"])
        for policy in manifests.of_kind("NetworkPolicy")
        if matches(policy["spec"]["podSelector"], target)
        for rule in policy["spec"].get("ingress", [])
        for peer in rule["from"]
        if "namespaceSelector" in peer
        for entry in rule["ports"]
    }


def _allows(policies: list[Manifest], direction: str, own: Labels, other: Labels, port: int) -> bool:
    word = direction.capitalize()
    selecting = [
        policy["spec"]
        for policy in policies
        if word in policy["spec"]["policyTypes"] and matches(policy["spec"]["podSelector"], own)
    ]
    if not selecting:
        return True
    return any(_passes(rule, direction, other, port) for spec in selecting for rule in spec.get(direction, []))


def _passes(rule: Manifest, direction: str, other: Labels, port: int) -> bool:
    ports = {entry["port"] for entry in rule.get("ports", []) if entry["protocol"] == "TCP"}
    peers = list(_own_peers(rule.get("to" if direction == "egress" else "from", [])))
    everybody = not rule.get("to") and not rule.get("from")
    return port in ports and (everybody or any(matches(peer, other) for peer in peers))


def _own_peers(peers: list[Manifest]) -> Iterator[Manifest]:
    """Selectors of pods of the own namespace."""
    return (peer["podSelector"] for peer in peers if set(peer) == {"podSelector"})
