from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Set

import pytest
import yaml
from inputs.digests import DIGESTS
from podtune.errors import BadInput
from podtune_pipelines.graphs import arguments_of, compiled_text, pipeline_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe

PLACES = {"store": "s3://models/podtune", "workspace": "s3://models/training"}


def compiled(directory: Path, recipe: str, placement: Placement, **places: str) -> str:
    loaded = load_recipe(recipe)
    arguments = arguments_of(loaded, **places)
    text = compiled_text(loaded, replace(placement, digests=DIGESTS), arguments)
    (directory / "pipeline.yaml").write_text(text, encoding="utf-8")
    return (directory / "pipeline.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("recipe", "device"),
    [
        ("bert-tiny-squad", "cpu"),
        ("minilm-squad", "cpu"),
        ("bert-base-uncased-squad", "gpu"),
        ("roberta-base-squad", "gpu"),
        ("lxmert-vqa-tiny", "cpu"),
        ("lxmert-gqa-tiny", "cpu"),
        ("lxmert-vqa-uncased", "gpu"),
        ("lxmert-gqa-uncased", "gpu"),
        ("vit-gpt2-tiny", "cpu"),
        ("vit-gpt2-vizwiz", "gpu"),
        ("bert-base-uncased-squad", "ipu"),
    ],
)
def test_the_compiled_pipeline_is_the_one_that_was_reviewed(
    recipe: str, device: str, tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    text = compiled(tmp_path, recipe, Placement(device), **PLACES)

    # KFP writes mappings in an order that changes from process to process, and repeats them in comments
    documents = list(yaml.safe_load_all(text))
    golden(f"pipelines/{recipe}-{device}.yaml", yaml.safe_dump_all(documents, sort_keys=True, allow_unicode=True))


def tasks_of(text: str) -> "tuple[Dict[str, Any], Dict[str, Any]]":
    spec, platform = yaml.safe_load_all(text)
    return spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def test_only_what_needs_an_accelerator_asks_for_one(tmp_path: Path) -> None:
    spec, _ = tasks_of(compiled(tmp_path, "bert-tiny-squad", Placement("gpu", devices=4), **PLACES))

    executors = spec["deploymentSpec"]["executors"]
    accelerators = {
        name: executor["container"]["resources"]["accelerator"]
        for name, executor in executors.items()
        if "accelerator" in executor["container"]["resources"]
    }
    expected = {"count": "4", "resourceCount": "4", "resourceType": "nvidia.com/gpu", "type": "nvidia.com/gpu"}
    assert accelerators == {"exec-finetune": expected, "exec-evaluate": expected}


def test_what_depends_on_the_live_release_is_never_cached(tmp_path: Path) -> None:
    spec, _ = tasks_of(compiled(tmp_path, "bert-tiny-squad", Placement("cpu"), **PLACES))

    cached = {name for name, task in spec["root"]["dag"]["tasks"].items() if task["cachingOptions"].get("enableCache")}
    assert cached == {"fetch-data", "fetch-model", "tokenize-squad", "finetune", "evaluate"}


@pytest.mark.parametrize("device", ["cpu", "gpu", "ipu"])
def test_what_a_moved_tag_would_change_is_not_cached(device: str) -> None:
    recipe = load_recipe("bert-tiny-squad")
    for digests in ({}, dict(list(DIGESTS.items())[:1]), dict(list(DIGESTS.items())[1:])):
        text = compiled_text(recipe, Placement(device, digests=digests), arguments_of(recipe))
        tasks = next(yaml.safe_load_all(text))["root"]["dag"]["tasks"]
        cached = [name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")]
        assert bool(cached) == (device == "cpu" and len(digests) == 1)


def test_a_step_that_computes_knows_its_image(tmp_path: Path) -> None:
    spec, _ = tasks_of(compiled(tmp_path, "bert-tiny-squad", Placement("gpu"), **PLACES))

    containers = {name: one["container"] for name, one in spec["deploymentSpec"]["executors"].items()}
    gpu = f"localhost/podtune/python-gpu:0.1.0@sha256:{'d' * 64}"
    told = {name: one["env"] for name, one in containers.items() if "env" in one}
    assert told == {name: [{"name": "PODTUNE_IMAGE", "value": gpu}] for name in ("exec-evaluate", "exec-finetune")}
    assert {name for name, one in containers.items() if one["image"] == gpu} == set(told)


def test_each_step_receives_only_its_own_section(tmp_path: Path) -> None:
    spec, _ = tasks_of(compiled(tmp_path, "bert-tiny-squad", Placement("cpu"), **PLACES))

    parameters = {
        name: sorted(task["inputs"].get("parameters", {})) for name, task in spec["root"]["dag"]["tasks"].items()
    }
    assert parameters == {
        "compare": ["gate", "release", "store"],
        "check-store": ["release", "store"],
        "evaluate": ["device", "evaluation", "workspace"],
        "fetch-data": ["source"],
        "fetch-model": ["model"],
        "finetune": ["device", "training", "workspace"],
        "publish": ["release", "store"],
        "tokenize-squad": ["features"],
        "write-card": ["card", "evaluation", "features", "gate", "model", "release", "source", "training"],
    }


def test_credentials_come_from_a_secret_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-key")

    text = compiled(tmp_path, "bert-tiny-squad", Placement("cpu"), **PLACES)

    _, executors = tasks_of(text)
    assert "canary" not in text
    assert executors["exec-finetune"]["secretAsEnv"][0]["secretName"] == "podtune-s3"


@pytest.mark.parametrize(
    ("secret", "steps"),
    [
        ("podtune-hub", {"exec-fetch-data", "exec-fetch-model"}),
        ("podtune-signing", {"exec-check-store", "exec-publish"}),
    ],
)
def test_only_the_steps_that_use_a_secret_have_it(tmp_path: Path, secret: str, steps: Set[str]) -> None:
    _, executors = tasks_of(compiled(tmp_path, "bert-tiny-squad", Placement("cpu"), **PLACES))

    holders = {
        name
        for name, executor in executors.items()
        if any(held["secretName"] == secret and held["optional"] for held in executor["secretAsEnv"])
    }
    assert holders == steps


def test_a_place_that_is_not_given_has_no_default(tmp_path: Path) -> None:
    spec, _ = tasks_of(compiled(tmp_path, "bert-tiny-squad", Placement("cpu"), workspace="s3://models/training"))

    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert "defaultValue" not in parameters["store"]
    assert parameters["workspace"]["defaultValue"] == "s3://models/training"


def test_a_cluster_reaches_its_ipus_by_ipujobs(tmp_path: Path) -> None:
    spec, platform = tasks_of(compiled(tmp_path, "bert-tiny-squad", Placement("ipu"), **PLACES))

    tasks = set(spec["root"]["dag"]["tasks"])
    assert tasks == {
        "check-store",
        "compare",
        "evaluate-on-ipu",
        "fetch-data",
        "fetch-model",
        "finetune-on-ipu",
        "publish",
        "tokenize-squad",
        "write-card",
    }
    images = {executor["container"]["image"] for executor in spec["deploymentSpec"]["executors"].values()}
    assert images == {f"localhost/podtune/python-cpu:0.1.0@sha256:{'c' * 64}"}
    assert platform["exec-finetune-on-ipu"]["fieldPathAsEnv"] == [
        {"name": "PODTUNE_RUN", "fieldPath": "metadata.labels['pipeline/runid']"}
    ]


def test_nodes_are_reached_by_a_trainjob(tmp_path: Path) -> None:
    where = Placement("gpu", devices=4, nodes=2)
    spec, platform = tasks_of(compiled(tmp_path, "bert-tiny-squad", where, **PLACES))

    tasks = spec["root"]["dag"]["tasks"]
    given = tasks["finetune-on-nodes"]["inputs"]["parameters"]
    assert {"finetune-on-nodes", "evaluate"} < set(tasks)
    assert given["nodes"] == {"runtimeValue": {"constant": "2x4"}}
    assert given["image"] == {"runtimeValue": {"constant": f"localhost/podtune/python-gpu:0.1.0@sha256:{'d' * 64}"}}
    containers = {name: one["container"] for name, one in spec["deploymentSpec"]["executors"].items()}
    assert containers["exec-finetune-on-nodes"]["image"] == f"localhost/podtune/python-cpu:0.1.0@sha256:{'c' * 64}"
    assert "accelerator" not in containers["exec-finetune-on-nodes"]["resources"]
    queue = {"configMapKey": "PODTUNE_QUEUE", "envVar": "PODTUNE_QUEUE"}
    held = [pair for one in platform["exec-finetune-on-nodes"]["configMapAsEnv"] for pair in one["keyToEnv"]]
    assert queue in held


def test_a_machine_uses_its_own_ipus(tmp_path: Path) -> None:
    spec, _ = tasks_of(compiled(tmp_path, "bert-tiny-squad", Placement("ipu", on_this_machine=True), **PLACES))

    parameters = spec["root"]["dag"]["tasks"]["finetune"]["inputs"]["parameters"]
    assert parameters["device"] == {"runtimeValue": {"constant": "ipu"}}


def test_a_recipe_that_does_not_place_its_model_on_ipus_is_refused() -> None:
    recipe = load_recipe("bert-tiny-squad")
    without = replace(recipe, training=replace(recipe.training, ipu=None))

    with pytest.raises(BadInput, match=r"no section training\.ipu, which places its model"):
        pipeline_of(without, Placement("ipu"))
