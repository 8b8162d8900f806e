import json
import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
import yaml
from crd_schemas import strict
from jsonschema import Draft202012Validator
from podtune.errors import BadInput
from podtune.jobs.ipujob import manifest_of, placement_of_worker
from podtune.jobs.work import Work

WORK = Work(
    step="finetune",
    inputs={"prepared_data": "s3://artifacts/run/features", "base_model": "s3://artifacts/run/base_model"},
    output="checkpoint",
    arguments={
        "training": {"epochs": 2, "learning_rate": 1e-4},
        "device": "ipu",
        "workspace": "s3://models/training",
    },
    location="s3://models/training/ipujobs/finetune-0123456789abcdef",
)


def manifest() -> Dict[str, Any]:
    return manifest_of("finetune-0123456789abcdef", WORK, ipus=16, image="podtune/python-ipu:0.1.0")


def test_the_manifest_is_the_one_that_was_reviewed(golden: Callable[[str, str], None]) -> None:
    golden("ipujobs/finetune.yaml", yaml.safe_dump(manifest(), sort_keys=False, width=1000))


def test_the_worker_gets_its_work() -> None:
    pod = manifest()["spec"]["workers"]["template"]["spec"]

    work, scratch = pod["containers"][0]["args"]

    assert json.loads(work)["inputs"]["prepared_data"] == "s3://artifacts/run/features"
    assert json.loads(work)["arguments"]["training"] == {"epochs": 2, "learning_rate": 1e-4}
    assert scratch == "/tmp/podtune"


PLACEMENT: Dict[str, Any] = {
    "metadata": {"labels": {"team": "nlp"}, "annotations": {"sidecar.istio.io/inject": "false"}},
    "spec": {
        "nodeSelector": {"rack": "7"},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "training",
        "activeDeadlineSeconds": 3600,
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"name": "programs", "persistentVolumeClaim": {"claimName": "programs"}}],
    },
    "container": {
        "env": [{"name": "AWS_REGION", "value": "eu-west-1"}],
        "resources": {"limits": {"memory": "400Gi"}},
        "volumeMounts": [{"name": "programs", "mountPath": "/executables"}],
    },
}


def placed() -> Dict[str, Any]:
    return manifest_of("finetune-0", WORK, ipus=16, image="podtune/python-ipu:0.1.0", placement=PLACEMENT)


def test_what_a_placement_says_goes_before() -> None:
    template = placed()["spec"]["workers"]["template"]

    pod, own = template["spec"], manifest()["spec"]["workers"]["template"]["spec"]
    assert template["metadata"] == {
        "labels": {
            "app.kubernetes.io/name": "podtune",
            "app.kubernetes.io/component": "finetune",
            "podtune/ipujob": "finetune-0",
            "team": "nlp",
        },
        "annotations": {"sidecar.istio.io/inject": "false"},
    }
    changed = {key for key in pod if pod[key] != own.get(key)}
    assert changed == {
        "nodeSelector",
        "tolerations",
        "priorityClassName",
        "activeDeadlineSeconds",
        "imagePullSecrets",
        "volumes",
        "containers",
    }
    assert [volume["name"] for volume in pod["volumes"]] == ["shared-memory", "temporary", "programs"]


def test_a_placement_leaves_the_rest_of_the_container() -> None:
    (container,) = placed()["spec"]["workers"]["template"]["spec"]["containers"]

    (own,) = manifest()["spec"]["workers"]["template"]["spec"]["containers"]
    assert {key for key in container if container[key] != own[key]} == {"env", "resources", "volumeMounts"}
    assert container["resources"] == {
        "requests": {"cpu": "8", "memory": "64Gi"},
        "limits": {"cpu": "32", "memory": "400Gi"},
    }
    assert [one for one in container["env"] if one["name"] == "AWS_REGION"] == [
        {"name": "AWS_REGION", "value": "eu-west-1"}
    ]


@pytest.mark.parametrize(
    ("placement", "requested"),
    [
        ({}, "28G"),
        ({"container": {"resources": {"requests": {"ephemeral-storage": "1Ti"}}}}, "1Ti"),
        ({"container": {"resources": {"requests": {"ephemeral-storage": None}}}}, None),
    ],
)
def test_the_disk_is_requested_unless_a_placement_says_otherwise(placement: Dict[str, Any], requested: str) -> None:
    made = manifest_of("finetune-0", WORK, ipus=16, image="podtune/python-ipu:0.1.0", placement=placement, disk="28G")

    (container,) = made["spec"]["workers"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"].get("ephemeral-storage") == requested
    assert container["resources"]["requests"]["memory"] == "64Gi"


def test_the_step_reads_the_placement_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert placement_of_worker() == {}

    monkeypatch.setenv("PODTUNE_IPU_POD", json.dumps(PLACEMENT))

    assert placement_of_worker() == PLACEMENT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot read PODTUNE_IPU_POD, which --placement sets: Expecting property name"),
        ("[]", "PODTUNE_IPU_POD, which --placement sets, must hold an object; got []"),
    ],
)
def test_a_damaged_placement_is_bad_input(text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_IPU_POD", text)

    with pytest.raises(BadInput) as raised:
        placement_of_worker()

    assert str(raised.value).startswith(message)


def test_no_secret_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-key")

    assert "canary" not in json.dumps(manifest())


@pytest.fixture(scope="module")
def crd() -> Dict[str, Any]:
    path = os.environ.get("IPUJOB_CRD", "")
    if not Path(path).is_file():
        pytest.skip("IPUJOB_CRD must name graphcore.ai_ipujobs.yaml from the operator's Helm chart 1.2.0")
    found = yaml.load(Path(path).read_bytes(), yaml.CSafeLoader)
    schema = strict(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


@pytest.mark.parametrize("made", [manifest, placed])
def test_the_operators_own_schema_accepts_it(crd: Dict[str, Any], made: Callable[[], Dict[str, Any]]) -> None:
    errors = [error.message for error in Draft202012Validator(crd).iter_errors(made())]

    assert errors == []


def test_the_operators_own_schema_refuses_what_it_does_not_know(crd: Dict[str, Any]) -> None:
    wrong = manifest()
    wrong["spec"]["modelReplicas"] = 4
    wrong["spec"]["ipusPerJobInstance"] = 16

    errors = [error.message for error in Draft202012Validator(crd).iter_errors(wrong)]

    assert len(errors) == 2
