from typing import Any, Callable, Tuple

import pytest
from podtune.errors import BadInput
from podtune_pipelines.cluster.client import Cluster, Missing
from podtune_pipelines.cluster.runs import Conditions, newest_runs, read_run, start_run

pytestmark = pytest.mark.local


def start(cluster: Cluster, upload: Callable[..., Any], name: str = "a run") -> str:
    return start_run(cluster, upload(), name, Conditions()).id


def test_a_run_is_started_from_its_version(fake_kfp: Any, cluster: Cluster, upload: Callable[..., Any]) -> None:
    version = upload()

    run = start_run(cluster, version, "qa 1", Conditions("nightly", "s3://models/artifacts", "runner"))

    made = fake_kfp.runs[run.id]
    assert made["pipeline_version_reference"] == {
        "pipeline_id": version.pipeline,
        "pipeline_version_id": version.version,
    }
    assert made["runtime_config"] == {"parameters": {}, "pipeline_root": "s3://models/artifacts"}
    assert (made["display_name"], made["service_account"]) == ("qa 1", "runner")
    assert fake_kfp.experiments[made["experiment_id"]]["display_name"] == "nightly"
    assert run.url == f"{fake_kfp.host}/#/runs/details/{run.id}"


@pytest.mark.parametrize("root", ["minio://mlpipeline/v2/artifacts", "s3://b", "gs://b/a", ""])
def test_a_pipeline_root_is_what_kfp_reads(root: str) -> None:
    assert Conditions(pipeline_root=root).pipeline_root == root


@pytest.mark.parametrize("root", ["nonsense", "/data", "s3://", "https://host/b", "file:///data", "s3:/b"])
def test_another_pipeline_root_is_refused_here(root: str) -> None:
    """KFP takes it, and the run fails in its first driver."""
    with pytest.raises(BadInput) as raised:
        Conditions(pipeline_root=root)

    wanted = "must begin with minio://, s3:// or gs:// and a bucket, which is what KFP reads"
    assert str(raised.value) == f"--pipeline-root (or PODTUNE_PIPELINE_ROOT) {wanted}; got {root!r}"


def test_runs_share_their_experiment(fake_kfp: Any, cluster: Cluster, upload: Callable[..., Any]) -> None:
    start(cluster, upload)
    start(cluster, upload)

    assert [one["display_name"] for one in fake_kfp.experiments.values()] == ["podtune"]


def test_only_the_steps_of_the_pipeline_are_told(fake_kfp: Any, cluster: Cluster, upload: Callable[..., Any]) -> None:
    states = {"fetch-data": "SUCCEEDED", "condition-1": "RUNNING", "finetune": "RUNNING", "publish": "OMITTED"}
    fake_kfp.progress = [("RUNNING", states)]

    run = read_run(cluster, start(cluster, upload))

    assert [(step.name, step.state) for step in run.steps] == [("fetch_data", "succeeded"), ("finetune", "running")]
    assert [step.nodes for step in run.steps] == [("podtune-x7k2p-fetch-data",), ("podtune-x7k2p-finetune",)]
    assert [step.ended for step in run.steps] == ["2026-11-25T12:01:03+00:00", None]
    assert (run.state, run.ended) == ("running", None)


def test_the_newest_runs_come_first(fake_kfp: Any, cluster: Cluster, upload: Callable[..., Any]) -> None:
    fake_kfp.page = 2
    for number in range(5):
        start(cluster, upload, f"run {number}")

    found = newest_runs(cluster, "podtune", 3)

    assert [run.name for run in found] == ["run 4", "run 3", "run 2"]


def test_a_cluster_without_the_experiment_has_no_runs(cluster: Cluster) -> None:
    assert newest_runs(cluster, "podtune", 3) == []


@pytest.mark.parametrize(
    "wrong",
    [({"state_history": [{"state": "FAILED", "error": {"message": "no\nnode"}}]}, "no node"), ({}, "")],
)
def test_what_went_wrong_is_told_in_one_line(
    fake_kfp: Any, cluster: Cluster, upload: Callable[..., Any], wrong: Tuple[Any, str]
) -> None:
    run = start(cluster, upload)
    fake_kfp.runs[run].update(wrong[0])

    assert read_run(cluster, run).message == wrong[1]


def test_a_deleted_version_is_no_passing_failure(fake_kfp: Any, cluster: Cluster, upload: Callable[..., Any]) -> None:
    """KFP answers 500 for it."""
    version = upload()
    del fake_kfp.versions[version.version]

    with pytest.raises(Missing, match=f"has no such object .HTTP 500: .* PipelineVersion {version.version} not found"):
        start_run(cluster, version, "a run", Conditions())
