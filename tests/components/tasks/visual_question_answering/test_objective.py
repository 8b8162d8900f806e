import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest
import torch
from podtune.errors import BadInput
from podtune.formats.ragged import Batch
from podtune.tasks.visual_question_answering.objective import LxmertObjective
from rounding import roundings
from safetensors.torch import load_file, save_file
from transformers import LxmertConfig, LxmertForQuestionAnswering, LxmertModel

SIZES = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 9,
    "visual_feat_dim": 6,
    "l_layers": 1,
    "r_layers": 1,
    "x_layers": 1,
    "num_qa_labels": 3,
}
ANSWERS = ["", "dog", "two"]


class FixedModel:
    """Answers with given scores, and keeps what it was asked."""

    def __init__(self, scores: "list[list[float]]", dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self._answer = SimpleNamespace(question_answering_score=torch.tensor(scores, dtype=dtype))
        self.asked: Dict[str, Any] = {}

    def __call__(self, **inputs: torch.Tensor) -> Any:
        self.asked = inputs
        return self._answer


def tensors(target: torch.Tensor, longest: int = 6) -> Any:
    """Two questions, of two tokens and of three, each with two regions of six features."""
    random = torch.Generator().manual_seed(1)
    columns = {
        "regions": torch.rand(2, 2, 6, generator=random).half(),
        "boxes": torch.rand(2, 2, 4, generator=random),
        "target": target,
    }
    tokens = torch.tensor([7, 8, 9, 10, 11], dtype=torch.int32)
    return Batch(torch.tensor([0, 2, 5]), {"tokens": tokens}, columns, longest=longest)  # type: ignore[arg-type]  # as an engine hands it over


@pytest.fixture
def soft() -> Any:
    return tensors(torch.tensor([[1.0, 0.3, 0.0], [0.0, 0.0, 0.0]]))


@pytest.fixture
def hard() -> Any:
    return tensors(torch.tensor([1, -100]))


@pytest.fixture
def lxmert(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    LxmertForQuestionAnswering(LxmertConfig(**SIZES)).save_pretrained(tmp_path / "lxmert")
    return tmp_path / "lxmert"


def test_text_is_padded_to_the_longest_of_the_global_batch_and_masked(soft: Any) -> None:
    model = FixedModel([[0.0] * 3] * 2)

    LxmertObjective(ANSWERS, soft=True).losses(model, soft)

    assert model.asked["input_ids"].tolist() == [[7, 8, 0, 0], [9, 10, 11, 0]]
    assert model.asked["attention_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]
    assert model.asked["visual_feats"].tolist() == soft.columns["regions"].tolist()
    assert model.asked["visual_pos"].tolist() == soft.columns["boxes"].tolist()
    assert sorted(model.asked) == ["attention_mask", "input_ids", "visual_feats", "visual_pos"]


def test_the_model_gets_its_own_precision_and_losses_are_float32(soft: Any) -> None:
    model = FixedModel([[0.5, 2.0, -1.0]] * 2, torch.bfloat16)

    losses = LxmertObjective(ANSWERS, soft=True).losses(model, soft)

    assert {model.asked[name].dtype for name in ("attention_mask", "visual_feats", "visual_pos")} == {torch.bfloat16}
    assert losses.dtype == torch.float32


def test_a_soft_loss_is_the_mean_of_an_entropy_for_each_answer(soft: Any) -> None:
    model = FixedModel([[0.0, 2.0, -1.0], [0.0, 0.0, 0.0]])

    losses = LxmertObjective(ANSWERS, soft=True).losses(model, soft)

    # (log 2 + log(1 + e²) - 0.3 · 2 + log(1 + 1/e)) / 3, and log 2
    assert losses.tolist() == pytest.approx([0.844445626, 0.693147181], rel=roundings(16))


def test_a_hard_loss_is_the_cross_entropy_and_nothing_where_the_answer_is_out_of_vocabulary(hard: Any) -> None:
    model = FixedModel([[0.0, 2.0, -1.0], [5.0, 0.0, 0.0]])

    losses = LxmertObjective(ANSWERS, soft=False).losses(model, hard)

    # log(1 + e² + 1/e) - 2
    assert losses.tolist() == pytest.approx([0.169846020, 0.0], rel=roundings(16 * 13))  # log 9.8 less 2: a thirteenth


@pytest.mark.parametrize(
    ("kind", "probabilities"),
    # sigmoid of 2 and of 1; softmax at them
    [("soft", [0.880797078, 0.731058579]), ("hard", [0.843794734, 0.576116885])],
)
def test_outputs_are_the_best_answer_its_probability_and_the_loss(
    kind: str, probabilities: "list[float]", request: pytest.FixtureRequest
) -> None:
    batch = request.getfixturevalue(kind)
    objective, model = LxmertObjective(ANSWERS, soft=kind == "soft"), FixedModel([[0.0, 2.0, -1.0], [0.0, 0.0, 1.0]])

    found = objective.outputs(model, batch)

    assert found["answer"].tolist() == [1, 2]
    assert found["probability"].tolist() == pytest.approx(probabilities, rel=roundings(16))
    assert found["loss"].tolist() == objective.losses(model, batch).tolist()
    assert {name: tensor.dtype for name, tensor in found.items()} == {
        "answer": torch.int64,
        "probability": torch.float32,
        "loss": torch.float32,
    }


def test_rows_are_padded_and_text_has_as_many_tokens_as_the_model_has_positions(lxmert: Path) -> None:
    objective = LxmertObjective(ANSWERS, soft=True)
    model = objective.load(lxmert)

    assert objective.unpadded(model) is None
    assert objective.longest(model) == 9


def test_padding_changes_no_answer(lxmert: Path) -> None:
    objective = LxmertObjective(ANSWERS, soft=True)
    model, target = objective.load(lxmert).eval(), torch.zeros(2, 3)

    with torch.no_grad():
        tight, wide = (objective.outputs(model, tensors(target, longest)) for longest in (5, 9))

    assert tight["loss"].tolist() == pytest.approx(wide["loss"].tolist(), rel=roundings(160))
    assert tight["probability"].tolist() == pytest.approx(wide["probability"].tolist(), rel=roundings(160))


def test_other_answers_get_a_last_layer_from_torchs_seed_and_keep_what_is_below(
    lxmert: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    before = load_file(lxmert / "model.safetensors")
    caplog.set_level(logging.INFO)
    capsys.readouterr()

    models: List[Any] = []
    for _ in range(2):
        torch.manual_seed(7)
        models.append(LxmertObjective(["a", "b", "c", "d"], soft=True).load(lxmert))

    heads = [model.answer_head.logit_fc for model in models]
    assert torch.equal(heads[0][3].weight, heads[1][3].weight)
    assert heads[0][3].weight.shape == (4, 16)
    assert heads[0][3].bias.tolist() == [0.0] * 4
    assert torch.equal(heads[0][0].weight, before["answer_head.logit_fc.0.weight"])
    assert "the head's last layer is new, for 4" in caplog.text
    assert capsys.readouterr().err == ""


def test_a_fine_tuned_model_keeps_its_answers(lxmert: Path, tmp_path: Path) -> None:
    tuned = LxmertObjective(ANSWERS, soft=True).load(lxmert)
    tuned.save_pretrained(tmp_path / "tuned")

    again = LxmertObjective(ANSWERS, soft=True).load(tmp_path / "tuned")

    assert torch.equal(again.answer_head.logit_fc[3].weight, tuned.answer_head.logit_fc[3].weight)
    assert again.config.id2label == {0: "", 1: "dog", 2: "two"}
    assert again.config.num_qa_labels == 3


def test_as_many_other_answers_are_other_answers(lxmert: Path, tmp_path: Path) -> None:
    tuned = LxmertObjective(ANSWERS, soft=True).load(lxmert)
    tuned.save_pretrained(tmp_path / "tuned")

    other = LxmertObjective(["", "two", "dog"], soft=True).load(tmp_path / "tuned")

    assert not torch.equal(other.answer_head.logit_fc[3].weight, tuned.answer_head.logit_fc[3].weight)
    assert other.config.label2id == {"": 0, "two": 1, "dog": 2}


def test_a_model_without_a_head_gets_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    LxmertModel(LxmertConfig(**SIZES)).half().save_pretrained(tmp_path)
    caplog.set_level(logging.INFO)

    model = LxmertObjective(ANSWERS, soft=True).load(tmp_path)

    assert model.answer_head.logit_fc[0].weight.dtype == torch.float32
    assert "has no head for answers yet" in caplog.text


def test_a_model_that_lacks_other_weights_is_refused(lxmert: Path) -> None:
    weights = load_file(lxmert / "model.safetensors")
    del weights["lxmert.pooler.dense.bias"]
    save_file(weights, lxmert / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(BadInput, match=r"lacks 1 weights, such as lxmert\.pooler\.dense\.bias$"):
        LxmertObjective(ANSWERS, soft=True).load(lxmert)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    LxmertConfig(**SIZES).save_pretrained(tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")

    with pytest.raises(BadInput, match="cannot load a visual question-answering model from"):
        LxmertObjective(ANSWERS, soft=True).load(tmp_path)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    LxmertConfig(**SIZES).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")

    with pytest.raises(BadInput, match="cannot load a visual question-answering model from"):
        LxmertObjective(ANSWERS, soft=True).load(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"model_type": "bert"}', "model_type must be lxmert; got 'bert'"),
        ("{", r"config\.json is cut off: its JSON ends unfinished"),
        ("[]", r"config\.json must hold an object; got list"),
    ],
)
def test_other_models_are_refused(tmp_path: Path, config: str, message: str) -> None:
    (tmp_path / "config.json").write_text(config)

    with pytest.raises(BadInput, match=message):
        LxmertObjective(ANSWERS, soft=True).load(tmp_path)
