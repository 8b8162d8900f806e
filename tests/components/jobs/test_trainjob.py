"""A TrainJob as Kubeflow Trainer's own definitions have it, and its life with a test in Trainer's place."""

import gzip
import json
import logging
import re
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Type

import pytest
import yaml
from crd_schemas import strict
from jsonschema import Draft202012Validator
from podtune.errors import BadInput, PodtuneError, TryAgainLater
from podtune.jobs.cluster import Cluster
from podtune.jobs.life import JobLife, Pace
from podtune.jobs.trainjob import CONTAINER, RUNTIME, TrainJob
from podtune.jobs.work import Work
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.lease import Lease

TESTS = Path(__file__).parents[2]
MANIFEST_OF_RUNTIME = TESTS.parent / "manifests" / "components" / "trainjobs" / "runtime.yaml"
NAME = "finetune-0123456789abcdef"
WORK = Work(
    step="finetune",
    inputs={"prepared_data": "s3://artifacts/run/features", "base_model": "s3://artifacts/run/base_model"},
    output="checkpoint",
    arguments={"training": {"epochs": 2}, "device": "gpu", "workspace": "s3://models/training"},
    location=f"s3://models/training/trainjobs/{NAME}",
)
QUICK = Pace(poll=0.02, listen=1.0, start=20.0, hopeless=0.2, leave=5.0)


def trainjob() -> Dict[str, Any]:
    return TrainJob().manifest(NAME, WORK, {"nodes": 2, "gpus": 4}, "podtune/python-gpu:0.1.0", "9Gi")


def runtime() -> Dict[str, Any]:
    found: Dict[str, Any] = yaml.safe_load(MANIFEST_OF_RUNTIME.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module", params=["v2.2.1", "v2.3.0"])
def raw_schema_of(request: pytest.FixtureRequest) -> Callable[[str], Dict[str, Any]]:
    """A function that gives the schema of a kind in a version of Trainer."""

    def schema(plural: str) -> Dict[str, Any]:
        path = TESTS / "fixtures" / "trainer" / f"{request.param}-{plural}.yaml.gz"
        found = yaml.load(gzip.decompress(path.read_bytes()), yaml.CSafeLoader)
        made: Dict[str, Any] = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        return made

    return schema


@pytest.fixture(scope="module")
def schema_of(raw_schema_of: Callable[[str], Dict[str, Any]]) -> Callable[[str], Dict[str, Any]]:
    """The same, read strictly."""

    def schema(plural: str) -> Dict[str, Any]:
        made = strict(raw_schema_of(plural))
        made["properties"]["metadata"] = {"type": "object"}
        return made

    return schema


def test_the_manifest_is_the_one_that_was_reviewed(golden: Callable[[str, str], None]) -> None:
    golden("trainjobs/finetune.yaml", yaml.safe_dump(trainjob(), sort_keys=False, width=1000))


def test_trainers_own_schema_accepts_it_and_its_runtime(schema_of: Callable[[str], Dict[str, Any]]) -> None:
    found = {"trainjobs": trainjob(), "trainingruntimes": runtime()}

    errors = [
        error.message for kind in found for error in Draft202012Validator(schema_of(kind)).iter_errors(found[kind])
    ]

    assert errors == []


def test_trainers_own_schema_refuses_what_it_does_not_know(schema_of: Callable[[str], Dict[str, Any]]) -> None:
    wrong = trainjob()
    wrong["spec"]["trainer"]["gpus"] = 4
    wrong["spec"]["trainer"]["numNodes"] = "2"

    assert len(list(Draft202012Validator(schema_of("trainjobs")).iter_errors(wrong))) == 2


def test_the_rules_that_trainer_has_for_what_is_set_hold(raw_schema_of: Callable[[str], Dict[str, Any]]) -> None:
    """Rules on a change (oldSelf) say nothing of a new object; a rule that is not among these has to be looked at."""
    found = {"trainjobs": trainjob(), "trainingruntimes": runtime()}

    rules = {rule for kind, made in found.items() for rule in rules_on(raw_schema_of(kind), made)}

    assert {rule for rule in rules if "oldSelf" not in rule} == {
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "size(self.metadata.name) <= 63",
        "[has(self.torch), has(self.mpi), has(self.jax), has(self.xgboost),has(self.flux)].filter(x, x).size() <= 1",
        "!(has(self.startupPolicy) && self.startupPolicy.startupPolicyOrder == 'InOrder' && "
        "self.replicatedJobs.exists(x, has(x.dependsOn)))",
    }
    assert re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", NAME)
    assert runtime()["spec"]["mlPolicy"] == {"numNodes": 1, "torch": {}}
    assert "startupPolicy" not in runtime()["spec"]["template"]["spec"]


def rules_on(schema: Dict[str, Any], value: Any) -> Iterator[str]:
    """The rules in CEL of a schema that apply to what a value has."""
    yield from (rule["rule"] for rule in schema.get("x-kubernetes-validations", []))
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from rules_on(schema.get("properties", {}).get(name, {}), inner)
    if isinstance(value, list):
        for inner in value:
            yield from rules_on(schema.get("items", {}), inner)


def test_it_names_the_runtime_and_the_container_that_are_there() -> None:
    (nodes,) = runtime()["spec"]["template"]["spec"]["replicatedJobs"]
    (container,) = nodes["template"]["spec"]["template"]["spec"]["containers"]

    reference = trainjob()["spec"]["runtimeRef"]
    assert reference == {"apiGroup": "trainer.kubeflow.org", "kind": runtime()["kind"], "name": RUNTIME}
    assert runtime()["metadata"]["name"] == RUNTIME
    assert container["name"] == CONTAINER


def test_the_nodes_know_the_store_as_the_steps_do() -> None:
    from podtune.jobs.ipujob import CONFIG_VARIABLES, SECRET_VARIABLES, STORE_SECRET

    (nodes,) = runtime()["spec"]["template"]["spec"]["replicatedJobs"]
    (container,) = nodes["template"]["spec"]["template"]["spec"]["containers"]
    sources = [next(iter(one["valueFrom"].values())) for one in container["env"] if "valueFrom" in one]

    assert [source["key"] for source in sources] == [*SECRET_VARIABLES, *CONFIG_VARIABLES]
    assert {(source["name"], source["optional"]) for source in sources} == {(STORE_SECRET, True)}


def test_a_queue_is_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "kueue.x-k8s.io/queue-name" not in trainjob()["metadata"]["labels"]

    monkeypatch.setenv("PODTUNE_QUEUE", "nights")

    assert trainjob()["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "nights"


def test_no_secret_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")

    assert "canary" not in json.dumps(trainjob())


@pytest.fixture
def life(
    kubernetes: Any, cluster_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> JobLife:
    monkeypatch.setattr("podtune.jobs.cluster._LONGEST_PAUSE", 0.02)
    caplog.set_level(logging.INFO)
    cluster: Cluster = cluster_of(TrainJob())
    return JobLife(cluster, trainjob(), Lease(DirectoryStore(tmp_path / "job"), "lease", 900), QUICK)


@pytest.mark.local
def test_a_job_is_followed_through_its_queue_and_a_lost_node_to_its_end(
    kubernetes: Any, life: JobLife, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    heard: List[str] = []

    def operate(name: str) -> None:
        kubernetes.set_condition(name, "Suspended", "Suspended")
        wait_until(lambda: "waits in its queue" in caplog.text)
        kubernetes.set_condition(name, "Suspended", "Resumed", holds=False)
        kubernetes.make_nodes(name)
        kubernetes.start(name)
        kubernetes.start(f"{name}.1")
        kubernetes.say(name, "step 1")
        kubernetes.evict(f"{name}.1")
        kubernetes.end(name, exit_code=75, message="another node of this training was lost")
        wait_until(lambda: heard.extend(capsys.readouterr().err.splitlines()) or heard)
        kubernetes.make_nodes(name, attempt=1)
        kubernetes.start(name)
        kubernetes.say(name, "continuing after step 1")
        kubernetes.end(name)
        kubernetes.set_condition(name, "Complete", "AllJobsCompleted")

    kubernetes.operator = operate

    life.run()

    assert heard == ["step 1"]
    assert capsys.readouterr().err == "continuing after step 1\n"
    assert caplog.messages[0] == f"created TrainJob {NAME} in podtune-ipu"
    assert kubernetes.jobs == {}


@pytest.mark.local
@pytest.mark.parametrize(
    ("reason", "message", "kind", "said"),
    [
        ("FailJobSetFailurePolicyAction", "", BadInput, "there are 40 rows to train on"),
        ("FailedJobs", "", BadInput, "there are 40 rows to train on"),
        ("ReachedMaxRestarts", "10", TryAgainLater, f"TrainJob {NAME} lost its nodes too often (10); start the step"),
        ("DeadlineExceeded", "", TryAgainLater, f"TrainJob {NAME} was ended after 24 hours; start the step again"),
        ("TrainingRuntimeNotSupported", "no such runtime", BadInput, f"TrainJob {NAME}: no such runtime; apply"),
    ],
)
def test_a_failure_is_that_of_the_node_that_failed_itself(
    reason: str, message: str, kind: Type[PodtuneError], said: str, kubernetes: Any, life: JobLife
) -> None:
    def operate(name: str) -> None:
        kubernetes.make_nodes(name)
        kubernetes.end(name, exit_code=75, message="another node was lost", at="2026-11-25T10:00:00Z")
        kubernetes.end(f"{name}.1", exit_code=2, message="there are 40 rows to train on", at="2026-11-25T10:00:01Z")
        kubernetes.set_condition(name, "Failed", reason, message)

    kubernetes.operator = operate

    with pytest.raises(kind) as raised:
        life.run()

    assert str(raised.value).startswith(said)
    assert kubernetes.jobs == {}


@pytest.mark.local
def test_a_failure_whose_pods_are_gone_is_trainers_own(kubernetes: Any, life: JobLife) -> None:
    kubernetes.operator = lambda name: kubernetes.set_condition(name, "Failed", "FailedJobs", "jobset failed")

    with pytest.raises(PodtuneError, match=rf"^TrainJob {NAME} failed \(jobset failed\) and its pods are gone$"):
        life.run()


@pytest.mark.local
def test_what_keeps_pods_from_being_made_is_told_by_events(
    kubernetes: Any, life: JobLife, caplog: pytest.LogCaptureFixture
) -> None:
    refused = 'services "finetune" is forbidden: exceeded quota'
    kubernetes.warnings = [
        {"lastTimestamp": "2026-11-25T10:00:00Z", "message": "earlier"},
        {"lastTimestamp": "2026-11-25T10:00:09Z", "message": refused},
    ]

    def operate(name: str) -> None:
        wait_until(lambda: refused in caplog.text)
        kubernetes.set_condition(name, "Complete", "AllJobsCompleted")

    kubernetes.operator = operate

    life.run()

    assert f"TrainJob {NAME}: no pods yet; its newest warning is {refused}" in caplog.messages


def wait_until(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
