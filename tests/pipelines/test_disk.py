"""The disk that pods request, worked out by hand."""

from typing import Any, Dict

import pytest
from podtune_pipelines.argo.workflow import workflow_template
from podtune_pipelines.compiled_graph import graph_of, scheduled_graph_of
from podtune_pipelines.disk import disk_of_step, sizes_of
from podtune_pipelines.graphs import arguments_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.pods.placement_file import NOTHING, Pods
from podtune_pipelines.recipe import load_recipe

# VQA has 49.0 GB of data, 123,287 images of 148,032 bytes, which are 18.25 GB, and 0.92 GB of weights; 1 GB is beside
# them, and 1.2 times as much is requested
VQA = {
    "check_store": "2G",
    "fetch_data": "60G",
    "fetch_model": "3G",
    "extract_lxmert": "84G",
    "finetune": "39G",
    "evaluate": "25G",
    "compare": "2G",
    "write_card": "2G",
    "publish": "3G",
}


def requests(recipe: str, pods: Pods = NOTHING, device: str = "cpu") -> Dict[str, Any]:
    """Each step's requests under Argo."""
    loaded = load_recipe(recipe)
    arguments = arguments_of(loaded, store="s3://models/team", workspace="s3://models/training")
    template = workflow_template(graph_of(loaded, Placement(device), arguments), arguments, pods)
    containers = {one["name"].replace("-", "_"): one.get("container") for one in template["spec"]["templates"]}
    return {name: one["resources"].get("requests", {}) for name, one in containers.items() if one}


def disks(found: Dict[str, Any]) -> Dict[str, str]:
    return {step: one["ephemeral-storage"] for step, one in found.items() if "ephemeral-storage" in one}


def test_every_step_of_vqa_requests_what_lies_on_its_disk() -> None:
    assert disks(requests("lxmert-vqa-uncased")) == VQA


def test_steps_that_wait_for_ipus_have_nothing_large_but_the_model() -> None:
    found = disks(requests("lxmert-vqa-uncased", device="ipu"))

    assert (found["finetune_on_ipu"], found["evaluate_on_ipu"]) == ("3G", "2G")


def test_a_step_that_waits_for_nodes_brings_the_model_too() -> None:
    assert disk_of_step(load_recipe("lxmert-vqa-uncased"), "finetune_on_nodes") == "3G"


def test_a_schedules_check_reads_facts_only() -> None:
    loaded = load_recipe("lxmert-vqa-uncased")
    arguments = arguments_of(loaded, store="s3://models/team", workspace="s3://models/training")

    graph = scheduled_graph_of(loaded, Placement("cpu"), arguments)

    assert {step.module: step.disk for step in graph.steps} == {**VQA, "check_unchanged": "2G"}


def test_what_is_made_on_the_spot_is_small() -> None:
    assert set(disks(requests("bert-tiny-squad")).values()) == {"2G"}


def test_features_of_text_are_larger_than_their_data() -> None:
    sizes = sizes_of(load_recipe("bert-base-uncased-squad"))

    assert (sizes.raw_data, sizes.features, sizes.weights) == (100e6, 1000e6, 440e6)


def test_where_the_size_of_the_data_is_not_known_the_steps_that_read_it_request_nothing() -> None:
    gqa = load_recipe("lxmert-gqa-uncased")

    assert gqa.source.gigabytes == 0
    assert [disk_of_step(gqa, step) for step in ("fetch_data", "extract_lxmert", "evaluate")] == ["", "", "16G"]


@pytest.mark.parametrize(
    ("resources", "requested"),
    [
        ({"requests": {"ephemeral-storage": "200Gi"}}, "200Gi"),
        ({"requests": {"ephemeral-storage": "10Gi"}, "limits": {"ephemeral-storage": "20Gi"}}, "10Gi"),
        ({"limits": {"ephemeral-storage": "20Gi"}}, None),
        ({"limits": {"memory": "64Gi"}}, "84G"),
    ],
)
def test_a_placement_goes_before(resources: Dict[str, Any], requested: Any) -> None:
    pods = Pods("site.yaml", steps={"extract_lxmert": {"resources": resources}})

    found = requests("lxmert-vqa-uncased", pods)

    assert found["extract_lxmert"].get("ephemeral-storage") == requested
    assert found["extract_lxmert"]["memory"] == "16G"
    assert disks({step: one for step, one in found.items() if step != "extract_lxmert"}) == {
        step: size for step, size in VQA.items() if step != "extract_lxmert"
    }
