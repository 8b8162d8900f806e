"""Plans without a run: what a recipe's figures alone tell."""

from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
import pytest
from podtune.formats import sums
from podtune.formats.base_model import BASE_MODEL, BaseModel
from podtune.formats.features import FEATURES
from podtune.formats.verdict import VERDICT
from podtune.training.engines.torch_engine import TorchEngine
from podtune_pipelines import probe
from podtune_pipelines.cli.plan import plan
from podtune_pipelines.gate_outlook import gate_outlook
from podtune_pipelines.home import Home
from podtune_pipelines.local_run import run_locally
from podtune_pipelines.needs import needs_of, parameters_of
from podtune_pipelines.plan import make_plan, updates_of
from podtune_pipelines.plan_tables import show
from podtune_pipelines.recipe import load_recipe
from safetensors.numpy import save_file


@pytest.mark.parametrize(
    ("recipe", "consumed"),
    [
        ("bert-base-uncased-squad", 1035 * 256),
        ("roberta-base-squad", 690 * 256),
        ("lxmert-vqa-uncased", 27_732 * 64),
        ("lxmert-gqa-uncased", 58_936 * 64),
        ("vit-gpt2-vizwiz", 5 * 23_431),
    ],
)
def test_the_published_recipes_consume_the_cards_rows(recipe: str, consumed: int) -> None:
    loaded = load_recipe(recipe)

    assert updates_of(loaded.expected_rows["train"], loaded.training).rows_consumed == consumed


@pytest.mark.parametrize(
    ("recipe", "images", "bytes_an_image", "positions"),
    [
        ("lxmert-vqa-uncased", 82_783 + 40_504, 36 * (4096 + 16), 56),
        ("lxmert-gqa-uncased", 72_140 + 398, 36 * (4096 + 16), 56),
        ("vit-gpt2-vizwiz", 23_431 + 7_750, 224 * 224 * 3, None),
    ],
)
def test_what_images_take_is_known_before_they_are_there(
    tmp_path: Path, recipe: str, images: int, bytes_an_image: int, positions: Optional[int]
) -> None:
    made = make_plan(load_recipe(recipe), Home(tmp_path), "cpu", fetch=False)

    assert made.counted_from == "recipe"
    assert made.needs.features_bytes == images * bytes_an_image
    assert made.needs.training_bytes is None
    assert made.needs.positions == positions
    assert made.needs.published_positions == (548 if positions else None)


def test_what_windows_take_is_not_known_before() -> None:
    needs = needs_of(load_recipe("roberta-base-squad"), None, None)

    assert (needs.features_bytes, needs.training_bytes, needs.positions, needs.published_positions) == (None,) * 4


@pytest.fixture
def base_model(tmp_path: Path) -> BaseModel:
    """Two models of 6 and 4 weights."""
    with BASE_MODEL.sealing(tmp_path / "base_model") as draft:
        draft.facts.update(source="s", model="m", revision="", licence="mit", model_type="vision-encoder-decoder")
        for folder, shape in (("encoder", (2, 3)), ("decoder", (4,))):
            (draft.path / folder).mkdir()
            save_file({"weights": np.zeros(shape, dtype=np.float32)}, draft.path / folder / "model.safetensors")
    return BASE_MODEL.open(tmp_path / "base_model")


def test_a_model_in_training_takes_sixteen_bytes_a_weight(base_model: BaseModel) -> None:
    assert parameters_of(base_model.path) == 10
    assert needs_of(load_recipe("vit-gpt2-vizwiz"), None, base_model).training_bytes == 160


def test_features_that_are_there_are_measured(tmp_path: Path) -> None:
    facts = {"task": "t", "raw_data": "r", "tokenizer": "t", "vocabulary_size": 1, "settings": {}, "splits": {}}
    with FEATURES.sealing(tmp_path / "features") as draft:
        (draft.path / "tokens").write_bytes(bytes(70))
        draft.facts.update(facts)

    features = FEATURES.open(tmp_path / "features")
    assert needs_of(load_recipe("lxmert-vqa-uncased"), features, None).features_bytes == 70


@pytest.mark.local
def test_a_second_plan_reads_no_file_of_an_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = ["source.data=sample://squad?train=64&validation=4", "model.source=sample://bert?layers=1&hidden=16"]
    hashed: List[str] = []
    read = sums._read

    def reading(path: Path, advance: Any) -> Any:
        hashed.append(str(path))
        return read(path, advance)

    monkeypatch.setattr(sums, "_read", reading)
    made = make_plan(load_recipe("bert-tiny-squad", changes), Home(tmp_path), "cpu", fetch=False)
    first = [path for path in hashed if str(tmp_path) in path]
    del hashed[:]
    sums._memory_in.cache_clear()
    make_plan(load_recipe("bert-tiny-squad", changes), Home(tmp_path), "cpu", fetch=False)

    assert made.duration is not None
    assert made.cost is not None
    assert made.cost.kilowatt_hours is None
    assert {name: counts.duplicates for name, counts in made.splits.items()} == {"train": None, "validation": 0}
    assert {first.count(path) for path in first} <= {1}
    assert hashed == []


@pytest.mark.local
def test_a_speed_is_measured_once_and_not_at_all_where_training_is_reused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["source.data=sample://squad?train=64&validation=4", "model.source=sample://bert?layers=1&hidden=16"]
    changes += ["training.epochs=1", "gate.floors={}"]
    recipe, home = load_recipe("bert-tiny-squad", changes), Home(tmp_path)
    counted = iter([500.0, 500.0 + 64 * 1800.0])
    monkeypatch.setattr(TorchEngine, "joules", lambda engine: next(counted))
    made = make_plan(recipe, home, "cpu", fetch=False)
    measured = made.duration
    assert made.cost is not None
    assert made.cost.kilowatt_hours == pytest.approx(64 * 1800 / 3.6e6)
    show(made)
    assert ", 0.03 kWh of the device in training" in capsys.readouterr().out
    monkeypatch.setattr(probe, "measure", lambda *_: pytest.fail("measured again"))

    assert make_plan(recipe, home, "cpu", fetch=False).duration == measured

    run_locally(recipe, home, str(tmp_path / "store"), "cpu")
    plan("bert-tiny-squad", changes=changes, device="cpu", home=tmp_path, fetch=False, as_json=False)

    assert "time: next to none, as training is reused" in capsys.readouterr().out


def test_the_plan_says_what_the_gate_can_tell_and_what_to_do_about_less(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["source.data=/data/squad", "features.expected_windows={train: 600, validation: 500}"]
    plan("minilm-squad", changes=changes, device="cpu", home=tmp_path, fetch=False, as_json=False)

    said = " ".join(capsys.readouterr().out.split())
    assert "examples that are scored │ 500" in said
    assert "3.76 (assumed; known after two runs)" in said
    assert "about 11 times in 100" in said
    assert said.endswith("time: unknown until the data is fetched; --fetch downloads, prepares and measures")
    assert "evaluate on about 7,065 examples or --set gate.tolerance=3.759 or --set gate.too_few=accept" in said


def test_with_enough_examples_the_plan_gives_no_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan("minilm-squad", changes=[], device="cpu", home=tmp_path, fetch=False, as_json=False)

    said = " ".join(capsys.readouterr().out.split())
    assert "smallest loss of f1 that shows │ 0.809" in said
    assert "too few" not in said


def test_the_plan_says_that_a_person_will_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for changes in ([], ["release.approval=manual"]):
        plan("minilm-squad", changes=changes, device="cpu", home=tmp_path, fetch=False, as_json=False)

    said = capsys.readouterr().out.splitlines()
    assert said.count("release: a model that passes the gate waits until a person says podtune approve") == 1


def test_how_far_two_models_differ_is_measured_once_two_were_compared(tmp_path: Path) -> None:
    facts: Dict[str, Any] = {"decision": "refuse", "reasons": [], "evaluation": "e", "champion": "1"}
    facts.update(champion_metrics={}, difference={}, settings={"metric": "f1"}, smallest=1.0, examples=1000)
    for day, known in (("01", facts), ("02", {**facts, "smallest": 2.8016}), ("03", {**facts, "examples": 0})):
        run = tmp_path / "runs" / f"podtune-minilm-squad-2026-01-{day}-00-00-00-000000"
        with VERDICT.sealing(run / "compare" / "verdict") as draft:
            draft.facts.update(known)

    outlook = gate_outlook(load_recipe("minilm-squad"), 4000, Home(tmp_path))

    assert outlook is not None
    assert (outlook.known_from, round(outlook.smallest, 4)) == ("the newest run", 1.4008)
    assert gate_outlook(load_recipe("minilm-squad"), None, Home(tmp_path)) is None


def test_the_plan_tells_what_a_run_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan("lxmert-vqa-uncased", changes=[], device="cpu", home=tmp_path, fetch=False, as_json=False)

    said = " ".join(capsys.readouterr().out.split())
    assert "18.3 GB" in said
    assert "unknown until the model is fetched" in said
    assert "at most 56; 548 padded as in the published" in said
    assert "6,933 an epoch, 27,732 in all" in said
