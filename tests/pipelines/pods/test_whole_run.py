from typing import Any, Dict

import pytest
import yaml
from podtune.errors import BadInput
from podtune_pipelines.argo.workflow import workflow_template
from podtune_pipelines.compiled_graph import graph_of
from podtune_pipelines.graphs import arguments_of, compile_pipeline, pipeline_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.pods.placement_file import Pods
from podtune_pipelines.pods.whole_run import Run
from podtune_pipelines.recipe import load_recipe

RECIPE = load_recipe("bert-tiny-squad")
ARGUMENTS = arguments_of(RECIPE, store="s3://m/r", workspace="s3://m/w")


def kfp_of(run: Run, hours: float = 0.0) -> Any:
    placement = Placement("cpu", hours=hours, pods=Pods("site.yaml", run))
    return list(yaml.safe_load_all(compile_pipeline(pipeline_of(RECIPE, placement), ARGUMENTS)))


def argo_of(run: Run) -> Dict[str, Any]:
    graph = graph_of(RECIPE, Placement("cpu"), ARGUMENTS)
    return workflow_template(graph, ARGUMENTS, Pods("site.yaml", run))


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(0.0, {"resourceTtlOnCompletion": 3600}), (2.0, {"resourceTtlOnCompletion": 3600, "activeDeadlineSeconds": 7200})],
)
def test_what_is_left_of_a_run_on_kfp_goes_after_its_time(hours: float, expected: Dict[str, int]) -> None:
    _, platform = kfp_of(Run(ttlSecondsAfterFinished=3600), hours)

    config = platform["platforms"]["kubernetes"]["pipelineConfig"]
    assert {key: int(value) for key, value in config.items()} == expected


def test_what_is_left_of_a_run_on_argo_goes_after_its_time() -> None:
    template = argo_of(Run(ttlSecondsAfterFinished=3600))

    assert template["spec"]["ttlStrategy"] == {"secondsAfterCompletion": 3600}


def test_no_step_reuses_anything_without_the_cache() -> None:
    pipeline, _ = kfp_of(Run(cache=False))

    tasks = pipeline["root"]["dag"]["tasks"].values()
    assert [task["cachingOptions"] for task in tasks] == [{}] * 9


def test_artifacts_go_to_the_root() -> None:
    pipeline, _ = kfp_of(Run(pipelineRoot="s3://bucket/artifacts"))

    assert pipeline["defaultPipelineRoot"] == "s3://bucket/artifacts"


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (Run(pipelineRoot="s3://b"), "site.yaml: run.pipelineRoot: Argo's artifacts go where the namespace's artifact"),
        (Run(cache=True), "site.yaml: run.cache: Argo reuses no results; leave it out, or say false"),
    ],
)
def test_argo_refuses_what_it_lacks(run: Run, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        argo_of(run)

    assert str(raised.value).startswith(message)


def test_argo_takes_that_nothing_is_reused() -> None:
    assert argo_of(Run(cache=False)) == argo_of(Run())
