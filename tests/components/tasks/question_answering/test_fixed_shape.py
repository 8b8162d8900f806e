"""Windows padded or packed into rows mean the same as windows in one stream; no PopTorch is needed to see it."""

from types import SimpleNamespace
from typing import Any, Dict, List

import numpy as np
import pytest
import torch
from podtune.errors import BadInput
from podtune.formats.ragged import Batch
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.training.fixed_shapes import PackedRows, pack_rows
from podtune.training.ipu import IpuConfig
from rounding import roundings
from transformers import AutoConfig, AutoModelForQuestionAnswering

SIZES = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "initializer_range": 0.5,
    "max_position_embeddings": 14,
}
LENGTHS = np.array([5, 3, 4])


MODELS: Dict[str, Dict[str, Any]] = {
    "bert": {},
    "electra": {"embedding_size": 4},
    "roberta": {"type_vocab_size": 1, "pad_token_id": 1},
    "xlm-roberta": {"type_vocab_size": 1, "pad_token_id": 1},
}


def make(model_type: str) -> Any:
    config = AutoConfig.for_model(model_type, **SIZES, **MODELS.get(model_type, {}))
    return AutoModelForQuestionAnswering.from_config(config)


def windows(rows: np.ndarray) -> Batch:
    random = np.random.default_rng(4)
    tokens = [random.integers(4, 20, length).astype(np.int32) for length in LENGTHS]
    columns = {"answer_start": np.array([1, 0, 3], np.int32)[rows], "answer_end": np.array([4, 2, 3], np.int32)[rows]}
    offsets = np.cumsum([0, *LENGTHS[rows]])
    segments = np.concatenate([(np.arange(LENGTHS[row]) >= 2).astype(np.int32) for row in rows])
    return Batch(offsets, {"tokens": np.concatenate([tokens[row] for row in rows]), "segments": segments}, columns)


def packed_rows(packs: List[List[int]], rows: int = 3) -> PackedRows:
    return pack_rows(SimpleNamespace(batch=windows), packs, rows)  # type: ignore[arg-type]  # all that is asked of it


def torch_of(inputs: Dict[str, np.ndarray]) -> Dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in inputs.items()}


def expected(model: Any, row: int) -> Any:
    """What transformers computes for a window that is alone."""
    alone = windows(np.array([row]))
    kinds = {"token_type_ids": torch.from_numpy(alone.streams["segments"])[None].long()}
    with torch.no_grad():
        return model(
            input_ids=torch.from_numpy(alone.streams["tokens"])[None].long(),
            start_positions=torch.from_numpy(alone.columns["answer_start"]).long(),
            end_positions=torch.from_numpy(alone.columns["answer_end"]).long(),
            **(kinds if model.config.type_vocab_size > 1 else {}),
        )


@pytest.mark.parametrize("model_type", MODELS)
@pytest.mark.parametrize(("packing", "packs"), [(1, [[0], [1], [2]]), (2, [[0, 2], [1]]), (3, [[2, 0, 1]])])
def test_the_loss_is_the_sum_of_the_windows_weighted_losses(
    model_type: str, packing: int, packs: List[List[int]]
) -> None:
    torch.manual_seed(2)
    model = make(model_type).eval()
    graph = SpanObjective().fixed_shape(model, IpuConfig((2,), row_tokens=12, gradient_accumulation=1, packing=packing))
    order = [row for members in packs for row in members]
    weights = np.array([0.5, 0.2, 0.3], dtype=np.float32)

    loss = graph.training(**torch_of(graph.inputs(packed_rows(packs), weights)))

    losses = [float(expected(model, row).loss) for row in order]
    assert loss.item() == pytest.approx(float(np.dot(losses, weights)), abs=roundings(160))


@pytest.mark.parametrize("model_type", MODELS)
@pytest.mark.parametrize(("packing", "packs"), [(1, [[0], [1], [2]]), (3, [[2, 0, 1]])])
def test_every_window_is_predicted_as_if_it_were_alone(model_type: str, packing: int, packs: List[List[int]]) -> None:
    torch.manual_seed(2)
    model = make(model_type).eval()
    graph = SpanObjective().fixed_shape(model, IpuConfig((2,), row_tokens=12, gradient_accumulation=1, packing=packing))

    def run(inputs: Dict[str, np.ndarray]) -> List[np.ndarray]:
        return [output.detach().numpy() for output in graph.predicting(**torch_of(inputs))]

    found = graph.predict(packed_rows(packs), run)

    order = [row for members in packs for row in members]
    for name in ("start_logits", "end_logits"):
        alone = np.concatenate([expected(model, row)[name][0].numpy() for row in order])
        assert found[name] == pytest.approx(alone, abs=roundings(160))


def test_every_row_has_the_same_shape_and_padding_is_zero() -> None:
    graph = SpanObjective().fixed_shape(make("bert"), IpuConfig((2,), row_tokens=8, gradient_accumulation=1, packing=2))

    inputs = graph.inputs(packed_rows([[0, 1], [2]]), np.ones(3, np.float32))

    assert {name: array.shape for name, array in inputs.items()} == {
        "tokens": (3, 8),
        "segments": (3, 8),
        "positions": (3, 8),
        "window": (3, 8),
        "answer_start": (3, 2),
        "answer_end": (3, 2),
        "weights": (3, 2),
    }
    assert inputs["window"].tolist() == [[1, 1, 1, 1, 1, 2, 2, 2], [1, 1, 1, 1, 0, 0, 0, 0], [0] * 8]
    assert inputs["positions"].tolist()[0] == [0, 1, 2, 3, 4, 0, 1, 2]
    assert inputs["weights"].tolist() == [[1, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize("model_type", ["albert", "distilbert"])
def test_types_whose_layers_cannot_be_placed_one_by_one_are_refused(model_type: str) -> None:
    message = f"^on IPUs a model's model_type must be one of bert, camembert, .*; got '{model_type}'$"

    with pytest.raises(BadInput, match=message):
        SpanObjective().fixed_shape(make(model_type), IpuConfig((2,), row_tokens=8, gradient_accumulation=1))
