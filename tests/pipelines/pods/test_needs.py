"""What a cluster's owners need, one by one, as it arrives at KFP, at Argo and in an IPUJob."""

import json
from typing import Any, Dict, Union

import pytest
import yaml
from inputs.placement_needs import NEEDS, REFUSED, Need
from podtune.errors import BadInput
from podtune.jobs.ipujob import manifest_of
from podtune.jobs.work import Work
from podtune_pipelines.argo.workflow import workflow_template
from podtune_pipelines.compiled_graph import Graph, graph_of
from podtune_pipelines.graphs import arguments_of, compile_pipeline, pipeline_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.pods.ipujob_pod import refusals
from podtune_pipelines.pods.placement_file import Pods
from podtune_pipelines.recipe import load_recipe

RECIPE = load_recipe("bert-tiny-squad")
ARGUMENTS = arguments_of(RECIPE, store="s3://m/r", workspace="s3://m/w")


def said(need: Need) -> Pods:
    return Pods("site.yaml", steps={"finetune": yaml.safe_load(need.said)})


def lacks(whole: Any, part: Any, where: str = "") -> str:
    """Where `part` is not in `whole`; of a list each item has to be in some item."""
    if isinstance(part, dict) and isinstance(whole, dict):
        found = (lacks(whole.get(key), value, f"{where}.{key}") for key, value in part.items())
        return next(filter(None, found), "")
    if isinstance(part, list) and isinstance(whole, list):
        items = (f"{where}: {item}" for item in part if all(lacks(one, item) for one in whole))
        return next(items, "")
    return "" if whole == part else f"{where} is {whole!r}"


def kfp_of(pods: Pods) -> Dict[str, Any]:
    """What KFP is told of finetune."""
    compiled = compile_pipeline(pipeline_of(RECIPE, Placement("gpu", pods=pods)), ARGUMENTS)
    pipeline, platform = yaml.safe_load_all(compiled)
    return {
        "container": pipeline["deploymentSpec"]["executors"]["exec-finetune"]["container"],
        "retryPolicy": pipeline["root"]["dag"]["tasks"]["finetune"]["retryPolicy"],
        "kubernetes": platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-finetune"],
    }


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_of(RECIPE, Placement("gpu"), ARGUMENTS)


def argo_of(graph: Graph, pods: Pods) -> Dict[str, Any]:
    """The template of finetune."""
    templates = workflow_template(graph, ARGUMENTS, pods)["spec"]["templates"]
    return next(one for one in templates if one["name"] == "finetune")


def worker_of(pods: Pods) -> Dict[str, Any]:
    """The pod of finetune's IPUJob, as the step makes it that was told by its environment."""
    (told,) = (one.value for one in pods.of("finetune_on_ipu").env if one.name == "PODTUNE_IPU_POD")
    work = Work("finetune", {}, "checkpoint", {}, "s3://m/w/ipujobs/one")
    template = manifest_of("one", work, 16, "podtune/python-ipu:1", json.loads(told or ""))["spec"]["workers"][
        "template"
    ]
    return {"metadata": template["metadata"], **template["spec"]}


@pytest.mark.parametrize("need", NEEDS.values(), ids=list(NEEDS))
def test_argo_has_it(need: Need, graph: Graph) -> None:
    template = argo_of(graph, said(need))

    assert lacks(template, yaml.safe_load(need.argo)) == ""
    assert template["container"]["command"] == ["python3", "-m", "podtune", "finetune"]


@pytest.mark.parametrize("need", NEEDS.values(), ids=list(NEEDS))
def test_kfp_has_it_or_it_is_refused_by_name(need: Need) -> None:
    outcome: Union[str, Dict[str, Any]]
    try:
        outcome = kfp_of(said(need))
    except BadInput as error:
        outcome = str(error)

    if need.kfp.startswith(REFUSED):
        assert str(outcome).startswith(f"site.yaml: {need.kfp[len(REFUSED) :]}")
    else:
        assert lacks(outcome, yaml.safe_load(need.kfp)) == ""


@pytest.mark.parametrize("need", NEEDS.values(), ids=list(NEEDS))
def test_an_ipujob_has_it_or_it_is_refused_by_name(need: Need) -> None:
    refused = list(refusals(said(need)))

    if need.worker.startswith(REFUSED):
        assert refused[0].startswith(need.worker[len(REFUSED) :])
    else:
        assert refused == []
        assert lacks(worker_of(said(need)), yaml.safe_load(need.worker)) == ""


def test_a_volume_takes_the_place_of_podtunes_own_at_its_path(graph: Graph) -> None:
    pods = said(NEEDS["shared memory"])

    mounts = [mount["name"] for mount in argo_of(graph, pods)["container"]["volumeMounts"]]
    assert mounts == ["outputs", "temporary", "memory"]
    assert [volume["name"] for volume in argo_of(graph, pods)["volumes"]] == ["memory"]
    assert [mount["volumeName"] for mount in kfp_of(pods)["kubernetes"]["emptyDirMounts"]] == ["memory"]


def test_a_variable_takes_the_place_of_podtunes_own(graph: Graph) -> None:
    pods = said(NEEDS["variables"])

    assert [one["name"] for one in argo_of(graph, pods)["container"]["env"]].count("AWS_REGION") == 1
    (config_map,) = kfp_of(pods)["kubernetes"]["configMapAsEnv"]
    left = [pair["envVar"] for pair in config_map["keyToEnv"]]
    assert ("AWS_REGION" in left, "AWS_ENDPOINT_URL_S3" in left) == (False, True)


def test_without_a_file_nothing_changes(graph: Graph) -> None:
    assert workflow_template(graph, ARGUMENTS, Pods()) == workflow_template(graph, ARGUMENTS)
    assert Pods().of("finetune_on_ipu").env == []


def test_the_accelerator_is_of_runs_on_gpus_only() -> None:
    pods = said(NEEDS["accelerator's count"])

    pipeline, _ = yaml.safe_load_all(compile_pipeline(pipeline_of(RECIPE, Placement("cpu", pods=pods)), ARGUMENTS))

    assert "accelerator" not in pipeline["deploymentSpec"]["executors"]["exec-finetune"]["container"]["resources"]


def test_argo_would_replace_what_stands_in_double_braces(graph: Graph) -> None:
    pods = Pods("site.yaml", steps={"finetune": {"annotations": {"note": "{{workflow.name}}"}}})

    with pytest.raises(BadInput, match=r"^site.yaml: what is said of finetune must not contain \{\{, which Argo would"):
        argo_of(graph, pods)


def test_kfp_refuses_all_at_once_and_each_once() -> None:
    pods = Pods("site.yaml", all={"priorityClassName": "high", "resources": {"limits": {"ephemeral-storage": "1Gi"}}})

    with pytest.raises(BadInput) as raised:
        pipeline_of(RECIPE, Placement("cpu", pods=pods))

    assert [line.split(": ")[1] for line in str(raised.value).splitlines()] == [
        "all.resources",
        "all.priorityClassName",
    ]


def test_kfp_is_not_asked_for_what_an_ipujob_has_of_its_own() -> None:
    pods = Pods("site.yaml", steps={"finetune": {"priorityClassName": "high", "terminationGracePeriodSeconds": 900}})

    pipeline_of(load_recipe("roberta-base-squad"), Placement("ipu", pods=pods))

    assert worker_of(pods)["terminationGracePeriodSeconds"] == 900


@pytest.mark.parametrize("key", ["serviceAccountName", "resources", "retries", "accelerator"])
def test_what_belongs_to_the_steps_alone_does_not_reach_a_worker(key: str) -> None:
    values = {
        "serviceAccountName": "runner",
        "resources": {"limits": {"memory": "32Gi"}},
        "retries": 5,
        "accelerator": {"count": 2},
    }
    pods = Pods("site.yaml", all={key: values[key]})

    assert list(refusals(pods)) == []
    assert pods.of("finetune_on_ipu").env == []
    assert pods.of_worker("finetune") == Pods().of_worker("finetune")


def test_what_is_said_of_all_reaches_the_worker_through_the_compiled_pipeline() -> None:
    pods = Pods("site.yaml", all={"nodeSelector": {"rack": "7"}, "tolerations": [{"operator": "Exists"}]})
    recipe = load_recipe("roberta-base-squad")

    compiled = compile_pipeline(pipeline_of(recipe, Placement("ipu", pods=pods)), arguments_of(recipe))

    pipeline, _ = yaml.safe_load_all(compiled)
    (variable,) = pipeline["deploymentSpec"]["executors"]["exec-finetune-on-ipu"]["container"]["env"]
    assert variable["name"] == "PODTUNE_IPU_POD"
    assert json.loads(variable["value"]) == {
        "spec": {"nodeSelector": {"rack": "7"}, "tolerations": [{"operator": "Exists"}]}
    }
