"""Which destinations each account's pods reach, in the rendered manifests."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Set

import pytest
import yaml
from manifests.walls import Destination, Pod, reaches
from podtune.jobs.ipujob import JOB_LABEL
from podtune.steps.table import STEPS
from podtune_pipelines.placement import COMPONENT_LABEL

Document = Dict[str, Any]
Render = Callable[..., List[Document]]

pytestmark = pytest.mark.local

ARGOS = "workflows.argoproj.io/workflow"
"""Argo's label on every pod that it makes, for KFP too."""

STEP = "app.kubernetes.io/component"


def argos_pod(step: str = "") -> Pod:
    return Pod("podtune", {ARGOS: "a-run", **({STEP: step} if step else {})})


PODS = {
    "default": Pod("podtune"),
    "driver": argos_pod(),
    "trains": argos_pod("finetune"),
    "fetches": argos_pod("fetch_data"),
    "tells": argos_pod("notify"),
    "publishes": argos_pod("publish"),
    "submits": argos_pod("finetune_on_ipu"),
    "worker": Pod("podtune-ipu", {"podtune/ipujob": "finetune-0", STEP: "finetune"}),
    "default-ipu": Pod("podtune-ipu"),
}
"""One of each kind. The accounts are podtune-runner with KFP; with Argo podtune-steps, podtune-publisher for what
publishes, podtune-ipu-submitter for what submits. Beside a step is Argo's container with podtune-executor."""


def in_kubeflow(port: int, **labels: str) -> Destination:
    return Destination(port, pod=Pod("kubeflow", labels))


DESTINATIONS = {
    "CoreDNS": Destination(53, pod=Pod("kube-system", {"k8s-app": "kube-dns"}), protocol="UDP"),
    "CoreDNS, TCP": Destination(53, pod=Pod("kube-system", {"k8s-app": "kube-dns"})),
    "NodeLocal DNSCache": Destination(53, "169.254.20.10", protocol="UDP"),
    "service kube-dns": Destination(53, "10.96.0.10", protocol="UDP"),
    "OpenShift's DNS": Destination(5353, pod=Pod("openshift-dns", {"dns": "default"}), protocol="UDP"),
    "DNS elsewhere": Destination(53, "9.9.9.9", protocol="UDP"),
    "API server, its service": Destination(443, "10.96.0.1"),
    "API server, private": Destination(6443, "10.0.0.5"),
    "API server, public": Destination(443, "198.51.100.7"),
    "API server, 100.64/10": Destination(8443, "100.64.0.9"),
    "API server, IPv6": Destination(8443, "fd00::1"),
    "kubelet": Destination(10250, "10.0.0.6"),
    "an HTTPS server inside": Destination(443, "10.9.9.9"),
    "KFP's API": in_kubeflow(8888, app="ml-pipeline"),
    "KFP's API, gRPC": in_kubeflow(8887, app="ml-pipeline"),
    "KFP's metadata": in_kubeflow(8080, component="metadata-grpc-server"),
    "KFP's database": in_kubeflow(3306, app="mysql"),
    "KFP's cache": in_kubeflow(8080, app="cache-server"),
    "SeaweedFS, S3": in_kubeflow(8333, app="seaweedfs"),
    "SeaweedFS, filer": in_kubeflow(8888, app="seaweedfs"),
    "S3, interface endpoint": Destination(443, "10.0.100.5"),
    "S3, gateway endpoint": Destination(443, "52.216.0.1"),
    "Pod Identity": Destination(80, "169.254.170.23"),
    "Pod Identity, IPv6": Destination(80, "fd00:ec2::23"),
    "instance metadata": Destination(80, "169.254.169.254"),
    "internet, HTTPS": Destination(443, "3.1.2.3"),
    "internet, HTTP": Destination(80, "3.1.2.3"),
    "internet, IPv6": Destination(443, "2600:9000::1"),
    "own IPv6": Destination(443, "2001:db8:1::5"),
    "the proxy": Destination(3128, "10.1.1.1"),
    "V-IPU controller": Destination(8090, "10.5.0.1"),
    "another namespace": Destination(8080, pod=Pod("default", {"app": "web"})),
}

CASES: Dict[str, Document] = yaml.safe_load((Path(__file__).parent / "reached.yaml").read_text(encoding="utf-8"))


def rendered(render: Render, name: str, kind: str) -> List[Document]:
    """The objects of a kind in a case."""
    case = CASES[name]
    return [one for one in render(*case["parts"], site=case["site"]) if one["kind"] == kind]


def walled(render: Render, name: str) -> Set[str]:
    return {one["metadata"]["name"] for one in rendered(render, name, "Namespace")}


@pytest.mark.parametrize("name", CASES)
def test_a_pod_reaches_what_it_needs_and_nothing_else(name: str, render: Render) -> None:
    policies = rendered(render, name, "NetworkPolicy")
    pods = {who: pod for who, pod in PODS.items() if pod.namespace in walled(render, name)}

    reached = {
        what: " ".join(who for who, pod in pods.items() if reaches(policies, pod, where))
        for what, where in DESTINATIONS.items()
    }

    assert {what: who for what, who in reached.items() if who} == CASES[name]["reached"]


@pytest.mark.parametrize("name", CASES)
def test_nothing_reaches_a_pod_of_ours(name: str, render: Render) -> None:
    policies = rendered(render, name, "NetworkPolicy")

    denies = {
        one["metadata"]["namespace"]: one["spec"] for one in policies if one["metadata"]["name"] == "default-deny"
    }
    assert denies.keys() == walled(render, name)
    assert all(spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for spec in denies.values())
    assert not [one for one in policies if "ingress" in one["spec"]]


@pytest.mark.parametrize("name", CASES)
def test_every_address_is_written_as_kubernetes_writes_it(name: str, render: Render) -> None:
    """Of any other form the API server warns."""
    blocks = list(_blocks(rendered(render, name, "NetworkPolicy")))

    assert blocks
    for block in blocks:
        written = [block["cidr"], *block.get("except", [])]
        whole, *without = map(ip_network, written)
        assert [str(network) for network in (whole, *without)] == written
        assert all(network.version == whole.version and network.subnet_of(whole) for network in without)


def _blocks(policies: List[Document]) -> Iterator[Document]:
    rules = [rule for policy in policies for rule in policy["spec"].get("egress", [])]
    return (peer["ipBlock"] for rule in rules for peer in rule["to"] if "ipBlock" in peer)


def test_the_steps_that_may_leave_are_those_that_fetch_or_tell(render: Render) -> None:
    policies = render("base/steps", "components/hub", "components/hub-ipv6", "components/proxy")

    steps = sorted(name for name, step in STEPS.items() if step.reaches_hub or step.notifies)
    leaving = {
        one["metadata"]["name"]: one["spec"]["podSelector"]["matchExpressions"]
        for one in policies
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] in ("internet", "internet-ipv6", "proxy")
    }
    assert steps == ["fetch_data", "fetch_model", "notify"]
    only = [{"key": STEP, "operator": "In", "values": steps}]
    assert leaving == {"internet": only, "internet-ipv6": only, "proxy": only}


def test_pods_have_the_labels_by_which_policies_choose_them(step_pods: List[Document], worker_pod: Document) -> None:
    assert {pod["metadata"]["labels"][COMPONENT_LABEL] for pod in step_pods} <= STEPS.keys()
    assert worker_pod["metadata"]["labels"][JOB_LABEL] == "finetune-0"
    assert (COMPONENT_LABEL, JOB_LABEL) == (STEP, "podtune/ipujob")
