import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from podtune.errors import BadInput
from podtune.formats.sealed import sealing
from podtune.jobs.computation import Computation, compute, s3_uri
from podtune.jobs.ipujob import IpuJob


@pytest.fixture
def make_input(tmp_path: Path) -> Callable[[str], str]:
    """Write an artifact that holds a text; it may be in a directory as well as in S3."""

    def make(text: str) -> str:
        with sealing(tmp_path / text, "features", 1) as draft:
            (draft.path / "tokens").write_text(text)
        return str(tmp_path / text)

    return make


@pytest.fixture
def computation(make_input: Callable[[str], str]) -> Computation:
    return Computation(
        step="finetune",
        inputs={"prepared_data": make_input("one")},
        output="checkpoint",
        arguments={"training": {"epochs": 1}, "device": "ipu"},
        size={"ipus": 16},
        workspace="s3://models/training",
        image="podtune/python-ipu:0.1.0",
    )


def test_a_name_suits_kubernetes_and_the_ipus(computation: Computation) -> None:
    name = computation.name()

    assert name.startswith("finetune-")
    assert len(name) == 25
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_the_same_work_has_the_same_name(computation: Computation, make_input: Callable[[str], str]) -> None:
    moved = replace(computation, inputs={"prepared_data": make_input("one")})

    assert moved.name() == computation.name()


@pytest.mark.parametrize(
    "change",
    [
        {"step": "evaluate"},
        {"arguments": {"training": {"epochs": 2}, "device": "ipu"}},
        {"arguments": {"training": {"epochs": 1}, "device": "cpu"}},
        {"size": {"ipus": 4}},
        {"image": "podtune/python-ipu:0.2.0"},
    ],
)
def test_other_work_has_another_name(computation: Computation, change: Dict[str, Any]) -> None:
    assert replace(computation, **change).name() != computation.name()


def test_other_data_have_another_name(computation: Computation, make_input: Callable[[str], str]) -> None:
    other = replace(computation, inputs={"prepared_data": make_input("two")})

    assert other.name() != computation.name()


def test_another_run_has_another_name(computation: Computation, monkeypatch: pytest.MonkeyPatch) -> None:
    before = computation.name()

    monkeypatch.setenv("PODTUNE_RUN", "cf03fdf2-8d0b-4b4b-a6a1-3a0b0a9a7a11")

    assert computation.name() != before


def test_its_pod_requests_disk_by_the_sizes_of_its_inputs(computation: Computation, tmp_path: Path) -> None:
    """1.2 times 1 GB, the features, and the weights: the model's, the checkpoint's, and three each of four states."""
    for name, size in (("features", 3_000_000_000), ("model", 500_000_000)):
        (tmp_path / name).mkdir()
        files = {"one": {"size": size, "sha256": "0" * 64}}
        manifest = {"kind": name, "version": 1, "facts": {}, "files": files}
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest))
    data, model, training = str(tmp_path / "features"), str(tmp_path / "model"), {"training": {"keep_checkpoints": 2}}

    trained = replace(computation, inputs={"prepared_data": data, "base_model": model}, arguments=training)
    inputs = {"prepared_data": data, "checkpoint": model}
    evaluated = replace(computation, step="evaluate", inputs=inputs, arguments={})

    assert (trained.disk, evaluated.disk, computation.disk) == ("14G", "6G", "")


@pytest.mark.parametrize(
    "uri",
    [
        "s3://mlpipeline/v2/artifacts/features",
        "minio://mlpipeline/v2/artifacts/features",
        "s3://mlpipeline/v2/artifacts/features?region=eu-west-1",
    ],
)
def test_kfps_uris_are_read_as_s3(uri: str) -> None:
    assert s3_uri(uri, "features") == "s3://mlpipeline/v2/artifacts/features"


@pytest.mark.parametrize("uri", ["gs://bucket/features", "/data/features", ""])
def test_what_a_pod_elsewhere_cannot_read_is_refused(uri: str) -> None:
    with pytest.raises(BadInput, match=r"^jobs read and write S3 only; features must lie in s3://…; got "):
        s3_uri(uri, "features")


def test_a_workspace_on_this_machine_is_refused(computation: Computation, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"the workspace must lie in s3://…; got 'training'$"):
        compute(replace(computation, workspace="training"), IpuJob(), tmp_path / "checkpoint")
