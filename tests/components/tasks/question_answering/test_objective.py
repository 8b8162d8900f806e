import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict

import pytest
import torch
from podtune.errors import BadInput
from podtune.formats.ragged import Batch
from podtune.tasks.question_answering.objective import SpanObjective
from rounding import roundings
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForQuestionAnswering, BertModel

SIZES = {"vocab_size": 20, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}


class FixedModel:
    """Answers with given logits, and keeps what it was asked."""

    def __init__(self, start: "list[float]", end: "list[float]", model_type: str = "bert", kinds: int = 2) -> None:
        self.config = SimpleNamespace(
            model_type=model_type, type_vocab_size=kinds, pad_token_id=1, max_position_embeddings=42
        )
        self._answer = SimpleNamespace(start_logits=torch.tensor([start]), end_logits=torch.tensor([end]))
        self.asked: Dict[str, Any] = {}

    def __call__(self, **inputs: torch.Tensor) -> Any:
        self.asked = {name: tensor.tolist() for name, tensor in inputs.items()}
        return self._answer


@pytest.fixture
def tensors() -> Any:
    """Two examples, of two tokens and of three."""
    streams = {"tokens": torch.tensor([7, 8, 9, 10, 11]), "segments": torch.tensor([0, 1, 0, 1, 1])}
    columns = {"answer_start": torch.tensor([1, 0]), "answer_end": torch.tensor([1, 2])}
    return Batch(torch.tensor([0, 2, 5]), streams, columns)  # type: ignore[arg-type]  # as an engine hands it over


def test_the_loss_is_the_mean_of_both_cross_entropies_over_the_examples_own_tokens(tensors: Any) -> None:
    model = FixedModel([0.0, 1.0, 2.0, 0.0, -1.0], [0.0, 0.0, 0.0, 0.0, 3.0])

    losses = SpanObjective().losses(model, tensors)

    # (log(1 + e) - 1 + log 2) / 2, and (log(e² + 1 + 1/e) - 2 + log(2 + e³) - 3) / 2
    assert losses.tolist() == pytest.approx([0.503204434, 0.132384488], abs=roundings(8, 3))  # less 3


def test_large_logits_do_not_overflow(tensors: Any) -> None:
    model = FixedModel([0.0, 200.0, 300.0, 0.0, 0.0], [0.0, 200.0, 0.0, 0.0, 300.0])

    assert SpanObjective().losses(model, tensors).tolist() == [0.0, 0.0]


def test_bert_counts_positions_from_zero(tensors: Any) -> None:
    model = FixedModel([0.0] * 5, [0.0] * 5)

    SpanObjective().outputs(model, tensors)

    assert model.asked == {
        "input_ids": [[7, 8, 9, 10, 11]],
        "token_type_ids": [[0, 1, 0, 1, 1]],
        "position_ids": [[0, 1, 0, 1, 2]],
    }
    assert SpanObjective().longest(model) == 42


def test_roberta_counts_positions_after_its_padding_and_has_no_segments(tensors: Any) -> None:
    model = FixedModel([0.0] * 5, [0.0] * 5, "roberta", kinds=1)

    SpanObjective().outputs(model, tensors)

    assert model.asked["position_ids"] == [[2, 3, 2, 3, 4]]
    assert model.asked["token_type_ids"] == [[0, 0, 0, 0, 0]]
    assert SpanObjective().longest(model) == 40


@pytest.mark.parametrize(("kind", "segments"), [("bert", [0, 1, 0, 1, 1]), ("xlm-roberta", [0, 0, 0, 0, 0])])
def test_segments_are_those_of_the_models_tokenizer(
    tmp_path: Path, tokenizers: Any, tensors: Any, kind: str, segments: "list[int]"
) -> None:
    BertForQuestionAnswering(BertConfig(**SIZES)).save_pretrained(tmp_path)
    tokenizers[kind]().save(str(tmp_path / "tokenizer.json"))
    model, objective = FixedModel([0.0] * 5, [0.0] * 5), SpanObjective()
    objective.load(tmp_path)

    objective.outputs(model, tensors)

    assert model.asked["token_type_ids"] == [segments]


@pytest.mark.parametrize("model_type", ["albert", "distilbert", "modernbert"])
def test_some_types_know_no_segments(tensors: Any, model_type: str) -> None:
    model = FixedModel([0.0] * 5, [0.0] * 5, model_type)

    SpanObjective().outputs(model, tensors)

    assert model.asked == {"input_ids": [[7, 8, 9, 10, 11]], "position_ids": [[0, 1, 0, 1, 2]]}


def test_outputs_are_streams_of_float32(tensors: Any) -> None:
    model = FixedModel([0.5, 1.0, 1.5, 2.0, 2.5], [0.0] * 5)

    found = SpanObjective().outputs(model, tensors)

    assert found["start_logits"].tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert {name: tensor.dtype for name, tensor in found.items()} == {
        "start_logits": torch.float32,
        "end_logits": torch.float32,
    }


def test_a_model_without_the_head_gets_one_from_torchs_seed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    BertModel(BertConfig(**SIZES), add_pooling_layer=False).half().save_pretrained(tmp_path)
    caplog.set_level(logging.INFO)
    capsys.readouterr()

    heads = []
    for _ in range(2):
        torch.manual_seed(7)
        heads.append(SpanObjective().load(tmp_path).qa_outputs.weight)

    assert torch.equal(*heads)
    assert heads[0].dtype == torch.float32
    assert "has no question-answering head yet" in caplog.text
    assert capsys.readouterr().err == ""


def test_a_model_that_lacks_other_weights_is_refused(tmp_path: Path) -> None:
    BertForQuestionAnswering(BertConfig(**SIZES)).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["bert.encoder.layer.0.output.dense.bias"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(BadInput, match=r"lacks 1 weights, such as bert\.encoder\.layer\.0\.output\.dense\.bias"):
        SpanObjective().load(tmp_path)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    BertConfig(**SIZES).save_pretrained(tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")

    with pytest.raises(BadInput, match="cannot load a question-answering model from"):
        SpanObjective().load(tmp_path)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    BertConfig(**SIZES).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")

    with pytest.raises(BadInput, match="cannot load a question-answering model from"):
        SpanObjective().load(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"model_type": "deberta-v2"}', "model_type must be one of albert, bert, .*, xlm-roberta; got 'deberta-v2'"),
        ("{", r"config\.json is cut off: its JSON ends unfinished"),
        ("[]", r"config\.json must hold an object; got list"),
    ],
)
def test_other_models_are_refused(tmp_path: Path, config: str, message: str) -> None:
    (tmp_path / "config.json").write_text(config)

    with pytest.raises(BadInput, match=message):
        SpanObjective().load(tmp_path)


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"config\.json is no file; it should be JSON in UTF-8$"):
        SpanObjective().load(tmp_path)


def test_layers_that_the_configuration_does_not_have_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    BertModel(BertConfig(**{**SIZES, "num_hidden_layers": 2})).save_pretrained(tmp_path)
    BertConfig(**{**SIZES, "num_hidden_layers": 1}).save_pretrained(tmp_path)

    SpanObjective().load(tmp_path)

    (told,) = [message for message in caplog.messages if "not used" in message]
    assert told.startswith(f"16 weights in {tmp_path}, such as encoder.layer.1.")
