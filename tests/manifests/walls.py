"""Which destinations network policies let a pod reach, as Kubernetes defines them."""

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Dict, List

Document = Dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """What policies see of a pod."""

    namespace: str
    labels: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Destination:
    """A port of an address outside the cluster, or of a pod."""

    port: int
    address: str = ""
    pod: Pod = Pod("")
    protocol: str = "TCP"


def reaches(policies: List[Document], pod: Pod, destination: Destination) -> bool:
    """Whether a pod may open a connection: it may unless a policy selects it, and then what any such policy allows."""
    mine = [
        policy["spec"]
        for policy in policies
        if policy["metadata"]["namespace"] == pod.namespace
        and "Egress" in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], pod.labels)
    ]
    return not mine or any(_allows(rule, destination) for spec in mine for rule in spec.get("egress", []))


def _allows(rule: Document, destination: Destination) -> bool:
    assert rule.keys() == {"to", "ports"}, "a rule that lacks one of them, or leaves it empty, opens everything"
    assert rule["to"]
    assert rule["ports"]
    assert all(port.keys() <= {"protocol", "port"} for port in rule["ports"])
    ports = {(port.get("protocol", "TCP"), port["port"]) for port in rule["ports"]}
    return (destination.protocol, destination.port) in ports and any(_is(peer, destination) for peer in rule["to"])


def _is(peer: Document, destination: Destination) -> bool:
    if "ipBlock" in peer:
        assert peer.keys() == {"ipBlock"}
        block = peer["ipBlock"]
        inside = [_contains(cidr, destination.address) for cidr in (block["cidr"], *block.get("except", []))]
        return inside[0] and not any(inside[1:])
    assert "namespaceSelector" in peer, "without it a pod selector is for pods of the policy's own namespace"
    name = {"kubernetes.io/metadata.name": destination.pod.namespace}
    return _selects(peer["namespaceSelector"], name) and _selects(peer.get("podSelector", {}), destination.pod.labels)


def _contains(cidr: str, address: str) -> bool:
    return bool(address) and ipaddress.ip_address(address) in ipaddress.ip_network(cidr)


def _selects(selector: Document, labels: Dict[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    for expression in selector.get("matchExpressions", []):
        if expression["key"] not in labels:
            return False
        if expression["operator"] == "In":
            if labels[expression["key"]] not in expression["values"]:
                return False
        else:
            assert expression["operator"] == "Exists"
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
