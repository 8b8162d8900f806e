"""The pipeline of a scheduled recipe, compiled, and run twice through KFP's local runner."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
import yaml
from inputs.digests import DIGESTS
from kfp import local
from podtune.errors import BadInput
from podtune.sections import read_section, to_mapping
from podtune.steps.compare.settings import GateSettings
from podtune.stores.opening import open_store
from podtune.stores.refusals import refusals
from podtune.stores.releases import versions
from podtune_pipelines.graphs import arguments_of, compile_to, compiled_text, scheduled_pipeline_of
from podtune_pipelines.identity import unpinned_steps
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe

PLACES = {"store": "s3://models/podtune", "workspace": "s3://models/training"}

SMALL = [
    "source.data=sample://squad?train=64&validation=16",
    "model.source=sample://bert?layers=1&hidden=16",
    "training.epochs=1",
    "training.precision=float32",
    "gate.floors.exact_match=0.0",
]


def compiled(directory: Path, placement: Placement) -> List[Any]:
    recipe = load_recipe("bert-tiny-squad")
    arguments = arguments_of(recipe, **PLACES)
    compile_to(
        scheduled_pipeline_of(recipe, replace(placement, digests=DIGESTS)), arguments, directory / "pipeline.yaml"
    )
    return list(yaml.safe_load_all((directory / "pipeline.yaml").read_text(encoding="utf-8")))


def tasks_of(spec: Dict[str, Any], component: str) -> Dict[str, Any]:
    tasks: Dict[str, Any] = spec["components"][component]["dag"]["tasks"]
    return tasks


def test_the_compiled_pipeline_is_the_one_that_was_reviewed(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    documents = compiled(tmp_path, Placement("cpu"))

    text = yaml.safe_dump_all(documents, sort_keys=True, allow_unicode=True)
    golden("pipelines/bert-tiny-squad-scheduled-cpu.yaml", text)


def test_all_that_costs_time_waits_for_the_check(tmp_path: Path) -> None:
    spec, _ = compiled(tmp_path, Placement("cpu"))

    inside = tasks_of(spec, "comp-condition-1")
    assert sorted(inside) == ["compare", "evaluate", "finetune", "publish", "write-card"]
    assert sorted(spec["root"]["dag"]["tasks"]) == [
        "check-store",
        "check-unchanged",
        "condition-1",
        "fetch-data",
        "fetch-model",
        "tokenize-squad",
    ]


def test_ipus_are_reached_by_ipujobs_from_a_schedule_too(tmp_path: Path) -> None:
    spec, _ = compiled(tmp_path, Placement("ipu"))

    assert {"finetune-on-ipu", "evaluate-on-ipu"} <= set(tasks_of(spec, "comp-condition-1"))


def test_the_check_is_never_cached(tmp_path: Path) -> None:
    spec, _ = compiled(tmp_path, Placement("cpu", unpinned=("fetch_data",)))

    tasks = spec["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert cached == {"fetch-model", "tokenize-squad"}


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ([], ()),
        (["source.data=s3://data/squad", "source.splits.train=a", "source.splits.validation=b"], ("fetch_data",)),
        (["model.source=models/bert"], ("fetch_model",)),
    ],
)
def test_what_a_recipe_does_not_pin_is_fetched_anew(changes: List[str], steps: Any) -> None:
    assert unpinned_steps(load_recipe("bert-tiny-squad", changes)) == steps


def test_data_with_checksums_are_pinned() -> None:
    changes = ["source.data=s3://data/squad"]
    for split in ("train", "validation"):
        changes += [f"source.splits.{split}={split}.json", f"source.sha256.{split}={'a' * 64}"]

    assert unpinned_steps(load_recipe("bert-tiny-squad", changes)) == ()


def test_scheduled_and_submitted_runs_share_a_name_and_so_their_cache(tmp_path: Path) -> None:
    spec, _ = compiled(tmp_path, Placement("cpu"))
    recipe = load_recipe("bert-tiny-squad")
    other = next(yaml.safe_load_all(compiled_text(recipe, Placement("cpu"), {})))

    assert spec["pipelineInfo"]["name"] == other["pipelineInfo"]["name"] == "podtune-bert-tiny-squad"


@pytest.mark.local
def test_a_second_run_of_the_same_stops_before_training(tmp_path: Path) -> None:
    recipe, store = load_recipe("bert-tiny-squad", SMALL), str(tmp_path / "store")
    arguments = arguments_of(recipe, store=store, workspace=str(tmp_path / "training"))

    said = []
    for run in ("first", "second"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # KFP warns of every cluster setting that it ignores here
            local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / run))
            scheduled_pipeline_of(recipe, Placement("cpu"))(**arguments)
        said.append([path.read_text() for path in (tmp_path / run).rglob("check-unchanged/explanation")])

    assert said == [
        [f"train: no version of bert-tiny-squad is live in {store}\n"],
        ["stop: data, model, code and settings are those of live version 1 of bert-tiny-squad\n"],
    ]
    assert [len(list((tmp_path / run).rglob("finetune"))) for run in ("first", "second")] == [1, 0]
    assert versions(open_store(store), "bert-tiny-squad") == ["1"]


@pytest.mark.local
@pytest.mark.filterwarnings("ignore")  # KFP warns of every cluster setting that it ignores here
def test_a_refused_model_is_not_trained_again(tmp_path: Path) -> None:
    recipe, store = load_recipe("bert-tiny-squad", [*SMALL, "gate.floors.exact_match=100.0"]), str(tmp_path / "store")
    arguments = arguments_of(recipe, store=store, workspace=str(tmp_path / "training"))

    for run in ("first", "second"):
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / run))
        with pytest.raises(RuntimeError, match="FAILURE"):
            scheduled_pipeline_of(recipe, Placement("cpu"))(**arguments)

    assert [len(list((tmp_path / run).rglob("finetune"))) for run in ("first", "second")] == [1, 0]
    assert len(refusals(open_store(store), "bert-tiny-squad")) == 1


@pytest.mark.parametrize("changes", [[], ["gate.slices.at_least=50", "gate.anchor=2", "gate.tolerance=2"]])
def test_the_check_is_given_the_gate_as_a_verdict_records_it(changes: List[str]) -> None:
    recipe = load_recipe("bert-tiny-squad", changes)

    given = json.loads(json.dumps(arguments_of(recipe, **PLACES)["gate"]), parse_int=float)

    assert to_mapping(read_section(GateSettings, given, "gate")) == given


def test_ipus_are_refused_for_a_recipe_that_does_not_know_them() -> None:
    recipe = load_recipe("bert-tiny-squad", ["training.ipu=null"])

    with pytest.raises(BadInput, match=r"no section training\.ipu, which places its model"):
        scheduled_pipeline_of(recipe, Placement("ipu"))
