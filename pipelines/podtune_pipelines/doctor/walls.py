"""Whether the manifests that a namespace has were filled in, and its network policies open what every step needs."""

import json
from ipaddress import ip_address, ip_network
from typing import Any, Dict, Iterator, List, Optional, Tuple

from podtune.jobs.cluster import open_api

from podtune_pipelines.doctor.findings import Finding, failed, not_checked, ok, warning
from podtune_pipelines.doctor.kubernetes_api import request
from podtune_pipelines.doctor.servers import json_of

EXAMPLES = ("111122223333", "198.51.100.", "203.0.113.", "2001:db8:", "your-bucket", "your-region")
"""In each example of manifests/site/site.yaml is one of these, and in no cluster's own values."""

_CONFIG = ("podtune-s3", "artifact-repositories")
_AGAIN = "write it into manifests/site/site.yaml, and apply the overlay again"

Rules = List[Dict[str, Any]]


def check_walls(namespaces: List[str]) -> Iterator[Finding]:
    """Check the manifests' objects in each namespace that steps or IPUJobs run in."""
    api = open_api()
    if api is None:
        yield not_checked("network policies", "only Kubernetes' API shows them", "set KUBECONFIG")
        return
    for namespace in namespaces:
        policies = _items(api, f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")
        yield _policies(api, namespace, policies)
        yield _examples(api, namespace, policies)


def _policies(api: Any, namespace: str, policies: Optional[Rules]) -> Finding:
    about = f"network policies of {namespace}"
    if policies is None:
        return not_checked(about, "this user may not list them", "ask its administrator")
    egress = {policy["metadata"]["name"]: policy["spec"].get("egress", []) for policy in policies}
    if "default-deny" not in egress:
        return ok(about, "podtune's are not there: what its pods reach is not restricted by them")
    if not egress.get("store"):
        return failed(about, "store opens nothing: no pod reaches a store", "add the component store or cluster-store")
    return _api_server(api, about, egress.get("api-server", []))


def _api_server(api: Any, about: str, rules: Rules) -> Finding:
    places = _places(api)
    if not places:
        return not_checked(about, "this user may not see where the API server is", "ask its administrator")
    closed = [
        f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        for address, port in places
        if not _opens(rules, address, port)
    ]
    if len(closed) == len(places):
        said = f"api-server does not open {', '.join(closed)}, where the API server is: no step can report its end"
        return failed(about, said, f"apiServer: {_AGAIN}")
    if closed:
        said = f"api-server does not open {', '.join(closed)}, where some network plugins see the API server"
        return warning(about, said, f"apiServer: {_AGAIN}")
    return ok(about, "open the store and the API server")


def _places(api: Any) -> List[Tuple[str, int]]:
    """Addresses and ports of the API server: its service's, and those behind it."""
    found = json_of(request(api, "GET", "/api/v1/namespaces/default/services/kubernetes")) or {}
    service = found.get("spec", {})
    places = [(address, port["port"]) for address in service.get("clusterIPs", []) for port in service["ports"]]
    query = "labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes"
    for piece in _items(api, f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?{query}") or []:
        addresses = [address for endpoint in piece["endpoints"] or [] for address in endpoint["addresses"]]
        places += [(address, port["port"]) for address in addresses for port in piece["ports"] or []]
    return places


def _opens(rules: Rules, address: str, port: int) -> bool:
    return any(
        any(one.get("port") == port for one in rule.get("ports", []))
        and any(ip_address(address) in ip_network(cidr) for cidr in _networks(rule))
        for rule in rules
    )


def _networks(rule: Dict[str, Any]) -> List[str]:
    return [peer["ipBlock"]["cidr"] for peer in rule.get("to", []) if "ipBlock" in peer]


def _examples(api: Any, namespace: str, policies: Optional[Rules]) -> Finding:
    """Look for values that were left as the examples have them."""
    about = f"values of the site in {namespace}"
    core = f"/api/v1/namespaces/{namespace}"
    maps = _items(api, f"{core}/configmaps")
    objects = {
        "network policies": policies,
        "service accounts": _items(api, f"{core}/serviceaccounts"),
        "config maps": maps and [one for one in maps if one["metadata"]["name"] in _CONFIG],
    }
    unread = [name for name, items in objects.items() if items is None]
    if unread:
        return not_checked(about, f"this user may not list {', '.join(unread)}", "ask its administrator")
    texts = {name: _text(items) for name, items in objects.items()}
    left = [f"{example} in {name}" for name, text in texts.items() for example in EXAMPLES if example in text]
    if left:
        return failed(about, f"examples were left: {', '.join(left)}", f"what is yours: {_AGAIN}")
    return ok(about, "none is an example")


def _text(items: Optional[Rules]) -> str:
    """What was applied, without what the API server notes beside it."""
    return json.dumps([{**item, "metadata": item["metadata"].get("annotations")} for item in items or []])


def _items(api: Any, path: str) -> Optional[Rules]:
    """A list of objects; None if this user may not read it."""
    answer = request(api, "GET", path)
    found = json_of(answer) if answer.status == 200 else None
    return None if found is None else list(found["items"])
