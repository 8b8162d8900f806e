import json
from pathlib import Path

import numpy as np
import pytest
from podtune.errors import BadInput
from podtune.formats.features import FEATURES, Features, FeaturesFacts
from podtune.sections import read_section, to_mapping
from podtune.tasks.visual_question_answering.settings import EvaluationSettings
from podtune.tasks.visual_question_answering.task import TASK


def features(folder: Path, labels: str) -> Features:
    """Features of a validation split with one question whose answer is out of vocabulary."""
    asked = {"id": "07", "image": "n1", "question": "?", "labels": {"wall": 1.0}, "answers": [], "slices": {}}
    facts = FeaturesFacts("visual-question-answering", "raw", "tokenizer", 20, {"labels": labels}, {})
    with FEATURES.sealing(folder) as draft:
        draft.facts.update(to_mapping(facts))
        (draft.path / "answers.json").write_text('["dog", "cat"]', encoding="utf-8")
        (draft.path / "validation").mkdir()
        (draft.path / "validation" / "questions.jsonl").write_text(json.dumps(asked) + "\n", encoding="utf-8")
    return FEATURES.open(folder)


@pytest.mark.parametrize(("labels", "loss"), [("soft", 0.5), ("hard", 0.0)])
def test_the_features_say_whether_labels_are_soft(tmp_path: Path, labels: str, loss: float) -> None:
    outputs = {"answer": np.array([0]), "probability": np.array([0.9]), "loss": np.array([0.5])}

    scored = TASK.score(features(tmp_path / "features", labels), "validation", outputs, EvaluationSettings())

    assert scored.loss == loss


def test_the_objective_is_for_the_features_answers(tmp_path: Path) -> None:
    import torch
    from transformers import LxmertConfig, LxmertForQuestionAnswering

    sizes = {"vocab_size": 20, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "visual_feat_dim": 6}
    layers = {"l_layers": 1, "r_layers": 1, "x_layers": 1}
    torch.manual_seed(3)
    LxmertForQuestionAnswering(LxmertConfig(**sizes, **layers, num_qa_labels=3)).save_pretrained(tmp_path / "model")

    model = TASK.objective(features(tmp_path / "features", "soft"), EvaluationSettings()).load(tmp_path / "model")

    assert model.config.id2label == {0: "dog", 1: "cat"}


def test_the_evaluation_section_has_defaults() -> None:
    settings = read_section(EvaluationSettings, {}, "evaluation")

    assert (settings.split, settings.bootstrap_samples, settings.seed) == ("validation", 1000, 0)


@pytest.mark.parametrize(
    ("section", "mistake"),
    [
        ({"bootstrap_samples": 0}, "evaluation.bootstrap_samples must be at least 1; got 0"),
        ({"seed": -1}, "evaluation.seed must be at least 0; got -1"),
        ({"n_best": 20}, "n_best"),
    ],
)
def test_settings_that_make_no_sense_are_refused(section: "dict[str, int]", mistake: str) -> None:
    with pytest.raises(BadInput, match=mistake):
        read_section(EvaluationSettings, section, "evaluation")
