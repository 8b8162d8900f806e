import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
import yaml
from podtune_pipelines.doctor.checks import checks_of
from podtune_pipelines.doctor.findings import Finding
from podtune_pipelines.doctor.walls import EXAMPLES, check_walls
from podtune_pipelines.placement import Placement

pytestmark = pytest.mark.local

SITE = Path(__file__).parents[3] / "manifests" / "site" / "site.yaml"
POLICIES = "GET /apis/networking.k8s.io/v1/namespaces/podtune/networkpolicies"
ACCOUNTS = "GET /api/v1/namespaces/podtune/serviceaccounts"
MAPS = "GET /api/v1/namespaces/podtune/configmaps"
SERVICE = "GET /api/v1/namespaces/default/services/kubernetes"
OF_THE_API_SERVER = "labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes"
SLICES = f"GET /apis/discovery.k8s.io/v1/namespaces/default/endpointslices?{OF_THE_API_SERVER}"
STORE = [{"to": [{"ipBlock": {"cidr": "10.0.100.0/24"}}], "ports": [{"port": 443}]}]


def rule(ports: List[int], *cidrs: str) -> Dict[str, Any]:
    return {"to": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs], "ports": [{"port": port} for port in ports]}


def policies(**egress: Any) -> Tuple[int, Any]:
    names = {"default_deny": [], "store": STORE, **egress}
    items = [
        {"metadata": {"name": name.replace("_", "-"), "managedFields": ["111122223333"]}, "spec": {"egress": rules}}
        for name, rules in names.items()
    ]
    return 200, {"items": items}


@pytest.fixture
def cluster(kubernetes: Any) -> Any:
    """A cluster whose API server is at a service's and at two other addresses, with a namespace that was filled in."""
    kubernetes.told[SERVICE] = (200, {"spec": {"clusterIPs": ["10.96.0.1"], "ports": [{"port": 443}]}})
    endpoints = [{"addresses": ["10.0.0.5"]}, {"addresses": ["fd00::5"]}]
    kubernetes.told[SLICES] = (200, {"items": [{"endpoints": endpoints, "ports": [{"port": 6443}]}]})
    kubernetes.told[POLICIES] = policies(api_server=[rule([443, 6443], "10.96.0.1/32", "10.0.0.0/24", "fd00::/64")])
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::210987654321:role/podtune-runner"}
    kubernetes.told[ACCOUNTS] = (200, {"items": [{"metadata": {"name": "podtune-runner", "annotations": role}}]})
    config = {"metadata": {"name": "podtune-s3"}, "data": {"AWS_REGION": "eu-west-1"}}
    others = {"metadata": {"name": "of-somebody-else"}, "data": {"bucket": "your-bucket"}}
    kubernetes.told[MAPS] = (200, {"items": [config, others]})
    return kubernetes


def told() -> List[Finding]:
    return list(check_walls(["podtune"]))


def test_a_namespace_that_was_filled_in(cluster: Any) -> None:
    assert told() == [
        Finding("network policies of podtune", "ok", "open the store and the API server"),
        Finding("values of the site in podtune", "ok", "none is an example"),
    ]


@pytest.mark.parametrize(
    ("rules", "outcome", "closed"),
    [
        ([], "failed", "10.96.0.1:443, 10.0.0.5:6443, [fd00::5]:6443"),
        (
            [rule([8443], "10.96.0.1/32", "10.0.0.0/24", "fd00::/64")],
            "failed",
            "10.96.0.1:443, 10.0.0.5:6443, [fd00::5]:6443",
        ),
        ([rule([443, 6443], "10.0.0.0/24", "fd00::/64")], "warning", "10.96.0.1:443"),
        ([rule([443], "10.96.0.1/32"), rule([6443], "10.0.0.5/32")], "warning", "[fd00::5]:6443"),
    ],
)
def test_an_api_server_that_is_not_opened(cluster: Any, rules: List[Any], outcome: str, closed: str) -> None:
    cluster.told[POLICIES] = policies(api_server=rules)

    found = told()[0]

    assert (found.outcome, found.found.partition(", where")[0]) == (outcome, f"api-server does not open {closed}")
    assert found.remedy == "apiServer: write it into manifests/site/site.yaml, and apply the overlay again"


def test_a_store_that_no_component_opens(cluster: Any) -> None:
    cluster.told[POLICIES] = policies(store=[])

    found = told()[0]

    assert (found.outcome, found.found) == ("failed", "store opens nothing: no pod reaches a store")
    assert found.remedy == "add the component store or cluster-store"


def test_a_namespace_without_our_policies(cluster: Any) -> None:
    cluster.told[POLICIES] = (200, {"items": [{"metadata": {"name": "seaweedfs"}, "spec": {}}]})

    found = told()[0]

    assert (found.outcome, found.found) == (
        "ok",
        "podtune's are not there: what its pods reach is not restricted by them",
    )


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        (
            ACCOUNTS,
            [{"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/x"}}}],
            "examples were left: 111122223333 in service accounts",
        ),
        (
            MAPS,
            [{"metadata": {"name": "artifact-repositories"}, "data": {"podtune": "s3: {bucket: your-bucket}"}}],
            "examples were left: your-bucket in config maps",
        ),
        (
            POLICIES,
            policies(store=[rule([443], "203.0.113.0/24")])[1]["items"],
            "examples were left: 203.0.113. in network policies",
        ),
    ],
)
def test_an_example_that_was_left_is_named(cluster: Any, path: str, answer: List[Any], said: str) -> None:
    cluster.told[path] = (200, {"items": answer})

    found = told()[1]

    assert (found.outcome, found.found) == ("failed", said)
    assert found.remedy == "what is yours: write it into manifests/site/site.yaml, and apply the overlay again"


def test_every_example_of_the_site_would_be_named() -> None:
    examples = yaml.safe_load(re.sub("(?m)^  # ", "  ", SITE.read_text(encoding="utf-8")))["spec"]

    unnamed = [key for key, value in examples.items() if not any(one in str(value) for one in EXAMPLES)]
    unused = [one for one in EXAMPLES if one not in str(examples)]
    assert (unnamed, unused) == ([], [])
    assert len(examples) == 8


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (POLICIES, ["this user may not list them", "this user may not list network policies"]),
        (ACCOUNTS, ["open the store and the API server", "this user may not list service accounts"]),
        (MAPS, ["open the store and the API server", "this user may not list config maps"]),
    ],
)
def test_who_may_not_look_is_told_so(cluster: Any, path: str, said: List[str]) -> None:
    cluster.told[path] = (403, {})

    assert [one.found for one in told()] == said


def test_an_api_server_that_one_may_not_look_for(cluster: Any) -> None:
    cluster.told[SERVICE] = cluster.told[SLICES] = (403, {})

    assert (told()[0].outcome, told()[0].found) == ("not checked", "this user may not see where the API server is")


@pytest.mark.parametrize(
    ("given", "namespaces"),
    [
        ({"device": "gpu", "host": "https://kfp", "namespace": "team"}, ["team"]),
        ({"device": "cpu", "host": "https://kfp"}, ["kubeflow"]),
        ({"device": "ipu", "host": "", "argo": "podtune"}, ["podtune", "podtune-ipu"]),
        ({"device": "ipu", "host": ""}, None),
    ],
)
def test_the_namespaces_of_a_run_are_looked_at(
    given: Dict[str, str], namespaces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: List[Any] = []
    monkeypatch.setattr("podtune_pipelines.doctor.checks.check_walls", looked.append)
    device = given.pop("device")

    for check in checks_of(Placement(device), tmp_path, store="", workspace="", **given):
        if check.about == "network policies":
            check.run()

    assert looked == ([] if namespaces is None else [namespaces])
