import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest
from podtune import __main__ as program
from podtune.errors import BadInput
from podtune.formats.checkpoint import CHECKPOINT
from podtune.formats.evaluation import EVALUATION, Metric, Slice, read_usage
from podtune.formats.features import FEATURES
from podtune.formats.profile import SplitProfile
from podtune.sections import read_section
from podtune.steps.evaluate.step import run
from podtune.training.config import TrainingConfig
from podtune.training.resume import run_key
from podtune.training.step_process import run_step
from podtune.training.torchrun import standalone

ROOT = 7**0.5
LOSS = np.log(6 + np.exp(ROOT) + np.exp(-1 / ROOT)) - 0.75 * ROOT
"""A marked token's logits are √7 and -1/√7, of all others 0; three of the four labels are marked."""


def files_below(directory: Path) -> List[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def evaluate(features: Path, checkpoint: Path, output: Path, **settings: Any) -> Dict[str, float]:
    return run(features, checkpoint, output, evaluation=settings, device="cpu")


def test_a_model_is_scored_on_every_example(features: Path, checkpoint: Path, tmp_path: Path) -> None:
    scores = evaluate(features, checkpoint, tmp_path / "evaluation")

    predictions = json.loads((tmp_path / "evaluation" / "predictions.json").read_text(encoding="utf-8"))
    assert predictions == {"q1": "red fox", "q2": "the old"}
    assert scores == {"exact_match": 50.0, "f1": 90.0, "loss": pytest.approx(LOSS), "examples": 2.0}


def test_exactly_these_files_are_left_also_by_a_second_run(features: Path, checkpoint: Path, tmp_path: Path) -> None:
    for _ in range(2):
        evaluate(features, checkpoint, tmp_path / "evaluation")

        assert files_below(tmp_path / "evaluation") == [
            "examples.jsonl",
            "manifest.json",
            "predictions.json",
            "usage.json",
        ]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "evaluation", "features"]


def test_the_best_question_is_what_the_cards_code_is_shown_with(
    features: Path, checkpoint: Path, tmp_path: Path
) -> None:
    evaluate(features, checkpoint, tmp_path / "evaluation")

    usage = read_usage(EVALUATION.open(tmp_path / "evaluation"))
    assert (usage.row, usage.files) == (1, {})
    assert set(usage.values) == {"question", "context"}


def test_an_evaluation_of_an_earlier_version_has_no_such_question(
    features: Path, checkpoint: Path, tmp_path: Path
) -> None:
    with EVALUATION.sealing(tmp_path / "earlier") as draft:
        evaluate(features, checkpoint, tmp_path / "evaluation")
        draft.facts.update(EVALUATION.open(tmp_path / "evaluation").manifest.facts)

    with pytest.raises(BadInput, match=r"usage\.json is missing; evaluate the model again$"):
        read_usage(EVALUATION.open(tmp_path / "earlier"))


def test_no_file_is_hashed_twice(features: Path, checkpoint: Path, tmp_path: Path, hashed: Any) -> None:
    evaluate(features, checkpoint, tmp_path / "evaluation")

    assert len(hashed) == len(set(hashed))
    assert {str(checkpoint / "model" / "model.safetensors"), str(features / "validation" / "tokens.values.npy")} < set(
        hashed
    )


def test_the_evaluation_says_what_was_scored_and_how(features: Path, checkpoint: Path, tmp_path: Path) -> None:
    evaluate(features, checkpoint, tmp_path / "evaluation", n_best=5)

    facts = EVALUATION.open(tmp_path / "evaluation").facts
    assert (facts.task, facts.split, facts.examples, facts.rows) == ("question-answering", "validation", 2, 2)
    assert facts.data == FEATURES.open(features).facts.splits["validation"].digest
    assert facts.profile == {"validation": SplitProfile(2, 1, [9, 9, 10, 10, 10], [15, 15, 15, 15, 15], 0, 2, 1)}
    assert facts.metrics["exact_match"] == Metric(50.0, 0.0, 100.0)
    assert facts.metrics["f1"] == Metric(90.0, 0.0, 100.0)  # two questions tell nothing
    right, low = {"exact_match": 100.0, "f1": 100.0}, {"exact_match": 0.0, "f1": 0.0}
    assert Slice("question_word", "which", 1, right, low=low, high=right) in facts.slices
    assert (facts.grouped_by, facts.groups) == ("", 0)
    assert facts.settings == {
        "split": "validation",
        "n_best": 5,
        "max_answer_length": 30,
        "null_score_threshold": 0.0,
        "bootstrap_samples": 1000,
        "seed": 0,
    }


@pytest.mark.parametrize("computed_in", ["bfloat16", "float32"])
def test_a_model_is_scored_in_the_precision_that_it_was_trained_in(
    features: Path,
    make_trained: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    computed_in: str,
) -> None:
    monkeypatch.setattr("podtune.training.engines.precision.multiplies_bfloat16", lambda: True)
    trained = make_trained(tmp_path / "trained", precision="auto", computed_in=computed_in)

    evaluate(features, trained, tmp_path / "evaluation")

    assert EVALUATION.open(tmp_path / "evaluation").facts.precision == computed_in


def test_examples_are_in_the_order_of_the_data(features: Path, checkpoint: Path, tmp_path: Path) -> None:
    evaluate(features, checkpoint, tmp_path / "evaluation")

    lines = (tmp_path / "evaluation" / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["q1", "q2"]
    assert json.loads(lines[0])["scores"] == {"exact_match": 0.0, "f1": 80.0}


def test_it_runs_without_kfp(
    features: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "evaluation.yaml").write_text("n_best: 20\n")
    paths = {"prepared-data": features, "checkpoint": checkpoint, "scores": tmp_path / "scores"}
    options = [text for name, path in paths.items() for text in (f"--{name}", str(path))]
    monkeypatch.setattr(
        "sys.argv", ["podtune", "evaluate", *options, "--evaluation", str(tmp_path / "evaluation.yaml")]
    )

    program.main()

    assert json.loads(capsys.readouterr().out)["exact_match"] == 50.0
    assert (tmp_path / "scores" / "predictions.json").is_file()


def test_the_states_of_a_training_go_once_its_checkpoint_has_come(
    features: Path, checkpoint: Path, tmp_path: Path
) -> None:
    facts = CHECKPOINT.read(checkpoint).facts
    key = run_key(facts.features, facts.base_model, read_section(TrainingConfig, facts.training, "training"))
    for name in (key, "another"):
        (tmp_path / "workspace" / name / "step-00000001").mkdir(parents=True)

    run(features, checkpoint, tmp_path / "scores", evaluation={}, workspace=str(tmp_path / "workspace"))

    assert [path.name for path in (tmp_path / "workspace").iterdir()] == ["another"]


@pytest.mark.local
@pytest.mark.parametrize("micro_batch_tokens", [0, 8])
def test_two_processes_leave_the_bytes_of_one(
    micro_batch_tokens: int, features: Path, make_trained: Callable[..., Path], tmp_path: Path
) -> None:
    """Together they have one piece of rows to compute, or one each."""
    checkpoint = make_trained(tmp_path / "trained", micro_batch_tokens=micro_batch_tokens)
    places = {"prepared_data": features, "checkpoint": checkpoint, "scores": tmp_path / "two"}
    evaluate(features, checkpoint, tmp_path / "one")

    run_step(standalone(2), "evaluate", {**places, "evaluation": {}, "device": "cpu"}, lambda: False)

    one, two = tmp_path / "one", tmp_path / "two"
    results = ["examples.jsonl", "predictions.json", "usage.json"]
    assert files_below(two) == sorted([*results, "manifest.json"])
    assert [(two / file).read_bytes() for file in results] == [(one / file).read_bytes() for file in results]
    assert EVALUATION.open(two).facts.loss == EVALUATION.open(one).facts.loss
