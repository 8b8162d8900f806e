"""What a step's result depends on beside its arguments, and so which results of earlier runs are reused."""

from pathlib import Path
from typing import Dict

import pytest
from podtune_pipelines import identity
from podtune_pipelines.home import Home
from podtune_pipelines.identity import is_local
from podtune_pipelines.local_run import reusable_locally
from podtune_pipelines.recipe import Recipe, load_recipe
from podtune_pipelines.reuse import Outputs, Produced, Results

ALL = {"fetch_data", "fetch_model", "tokenize_squad", "finetune", "evaluate"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of the tests', in which sums are kept."""
    monkeypatch.chdir(tmp_path)


class Everything(Results):
    """Earlier runs that have made whatever is looked for: each result is identified by its key."""

    def find(self, key: str) -> Outputs:
        names = ("raw_data", "base_model", "prepared_data", "checkpoint", "scores")
        return {name: Produced("", key) for name in names}


def keys_of(recipe: Recipe, device: str) -> Dict[str, str]:
    """Step to the key of its result, for every step that can be reused."""
    home = Home(Path("home"))
    home.__dict__["results"] = Everything(Path())
    found = reusable_locally(recipe, home, device)
    return {step: outputs["prepared_data"].digest for step, outputs in found.items() if outputs}


def changed(recipe: str, *changes: str) -> "set[str]":
    """The steps whose key is another one after the changes."""
    before, after = keys_of(load_recipe(recipe), "cpu"), keys_of(load_recipe(recipe, changes), "cpu")
    return {step for step in before if before[step] != after.get(step)}


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ("training.learning_rate=2e-5", {"finetune", "evaluate"}),
        ("evaluation.n_best=5", {"evaluate"}),
        ("features.overlap=16", {"tokenize_squad", "finetune", "evaluate"}),
        ("source.data=sample://squad?seed=2", {"fetch_data", "tokenize_squad", "finetune", "evaluate"}),
        ("model.source=sample://bert?seed=2", {"fetch_model", "tokenize_squad", "finetune", "evaluate"}),
        ("gate.tolerance=2.0", set()),
        ("card.limits=None known.", set()),
    ],
)
def test_a_change_reaches_only_the_steps_that_depend_on_it(change: str, steps: "set[str]") -> None:
    assert changed("bert-tiny-squad", change) == steps


def test_another_device_trains_anew() -> None:
    recipe = load_recipe("bert-tiny-squad")
    cpu, gpu = keys_of(recipe, "cpu"), keys_of(recipe, "gpu")

    assert {step for step in cpu if cpu[step] != gpu[step]} == {"finetune", "evaluate"}


def test_an_evaluation_without_meteor_is_not_taken_for_one_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("vit-gpt2-tiny")
    before = keys_of(recipe, "cpu")
    monkeypatch.setenv("PODTUNE_METEOR_JAR", "/opt/meteor-1.5.jar")
    after = keys_of(recipe, "cpu")

    assert {step for step in before if before[step] != after[step]} == {"evaluate"}


def test_changed_code_runs_everything_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("bert-tiny-squad")
    before = keys_of(recipe, "cpu")
    monkeypatch.setattr(identity, "_code_identity", lambda step: "other")
    after = keys_of(recipe, "cpu")

    assert {step for step in before if before[step] != after[step]} == ALL


def test_the_code_of_one_step_counts_for_that_step_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, code = load_recipe("bert-tiny-squad"), identity._code()
    before = keys_of(recipe, "cpu")

    def changed_by(file: str) -> "set[str]":
        assert file in code
        monkeypatch.setattr(identity, "_code", lambda: {**code, file: "other"})
        after = keys_of(recipe, "cpu")
        return {step for step in before if before[step] != after[step]}

    assert changed_by("steps/evaluate/step.py") == {"evaluate"}
    assert changed_by("training/loop.py") == changed_by("errors.py") == ALL
    assert changed_by("steps/write_card/step.py") == changed_by("cards/hub_rules.py") == set()


def test_a_pinned_remote_source_can_be_reused() -> None:
    assert set(keys_of(load_recipe("minilm-squad"), "cpu")) == ALL


def local_recipe(directory: Path) -> Recipe:
    return load_recipe("bert-tiny-squad", [f"source.data={directory}"])


def test_the_content_of_a_local_source_counts(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("1")
    before = keys_of(local_recipe(tmp_path), "cpu")
    (tmp_path / "train.json").write_text("2")
    after = keys_of(local_recipe(tmp_path), "cpu")

    assert {step for step in before if before[step] == after[step]} == {"fetch_model"}


def test_every_file_of_a_local_folder_counts(tmp_path: Path) -> None:
    (tmp_path / "images" / "deep").mkdir(parents=True)
    (tmp_path / "images" / "deep" / "1.jpg").write_text("1")
    changes = [f"source.data={tmp_path}", "source.splits.train=a.json", "source.splits.validation=b.json"]
    recipe = load_recipe("bert-tiny-squad", [*changes, "source.splits.train.images=images"])

    before = keys_of(recipe, "cpu")["fetch_data"]
    (tmp_path / "images" / "deep" / "1.jpg").write_text("22")

    assert keys_of(recipe, "cpu")["fetch_data"] != before


def test_a_local_file_with_a_sum_is_not_read(tmp_path: Path) -> None:
    changes = [f"source.data={tmp_path}", f"source.sha256.train={'a' * 64}", f"source.sha256.validation={'b' * 64}"]
    recipe = load_recipe("bert-tiny-squad", changes)
    before = keys_of(recipe, "cpu")
    (tmp_path / "train.json").write_text("1")

    assert keys_of(recipe, "cpu") == before


def test_a_source_that_does_not_exist_is_not_local(tmp_path: Path) -> None:
    assert not is_local(load_recipe("bert-tiny-squad", [f"source.data={tmp_path}/nowhere"]))
    assert is_local(load_recipe("bert-tiny-squad", [f"source.data={tmp_path}"]))


def test_both_of_two_models_count(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("1")
    decoder = ["model.decoder.model=gpt2", "model.decoder.licence=mit", f"model.decoder.source={tmp_path}"]
    recipe = load_recipe("bert-tiny-squad", [f"model.source={tmp_path}", *decoder])
    before = keys_of(recipe, "cpu")
    (tmp_path / "config.json").write_text("22")

    assert keys_of(recipe, "cpu")["fetch_model"] != before["fetch_model"]
    assert set(
        keys_of(
            load_recipe(
                "bert-tiny-squad", [f"model.source={tmp_path}", *decoder[:2], "model.decoder.source=s3://bucket/gpt2"]
            ),
            "cpu",
        )
    ) == {"fetch_data"}


def test_an_unpinned_bucket_is_read_again_and_so_is_all_that_follows() -> None:
    recipe = load_recipe("bert-tiny-squad", ["source.data=s3://bucket/squad"])

    assert set(keys_of(recipe, "cpu")) == {"fetch_model"}
    assert not is_local(recipe)


def test_one_unpinned_file_is_enough_to_fetch_again(tmp_path: Path) -> None:
    changes = [
        f"source.data={tmp_path}",
        "source.splits.train=s3://bucket/train.json",
        "source.splits.validation=validation.json",
    ]
    pinned = [*changes, f"source.sha256.train={'a' * 64}"]

    assert set(keys_of(load_recipe("bert-tiny-squad", changes), "cpu")) == {"fetch_model"}
    assert set(keys_of(load_recipe("bert-tiny-squad", pinned), "cpu")) == ALL
