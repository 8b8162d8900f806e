"""Questions in rows of one length mean the same as questions padded to the longest; no PopTorch is needed to see it."""

from types import SimpleNamespace
from typing import Any, Dict, List

import numpy as np
import pytest
import torch
from podtune.errors import BadInput
from podtune.formats.ragged import Batch
from podtune.tasks.visual_question_answering.objective import LxmertObjective
from podtune.training.fixed_shapes import PackedRows, pack_rows
from podtune.training.ipu import IpuConfig
from rounding import roundings
from transformers import LxmertConfig, LxmertForQuestionAnswering

SIZES = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 9,
    "visual_feat_dim": 6,
    "l_layers": 1,
    "r_layers": 2,
    "x_layers": 1,
    "num_qa_labels": 3,
    "initializer_range": 0.5,
}
ANSWERS = ["", "dog", "two"]
IPU = IpuConfig((1, 3), row_tokens=7, gradient_accumulation=4)
SOFT = np.array([[1.0, 0.3, 0.0], [0.0, 0.0, 0.6]], dtype=np.float32)
HARD = np.array([1, -100])


def questions(target: np.ndarray) -> Batch:
    """Two questions, of two tokens and of three, each with two regions of six features."""
    random = np.random.default_rng(1)
    columns = {
        "regions": random.random((2, 2, 6)).astype(np.float16),
        "boxes": random.random((2, 2, 4)).astype(np.float16).astype(np.float32),
        "target": target,
    }
    return Batch(np.array([0, 2, 5]), {"tokens": np.array([7, 8, 9, 10, 11], np.int32)}, columns, longest=6)


def packed_rows(target: np.ndarray) -> PackedRows:
    """One row more than there are questions."""
    return pack_rows(SimpleNamespace(batch=lambda rows: questions(target)), [[0], [1]], 3)  # type: ignore[arg-type]  # all that is asked of it


def torch_of(inputs: Dict[str, np.ndarray]) -> Dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in inputs.items()}


def on_cpu(target: np.ndarray) -> Any:
    batch = questions(target)
    columns, streams = torch_of(dict(batch.columns)), torch_of(dict(batch.streams))
    return Batch(torch.from_numpy(batch.offsets), streams, columns, longest=6)  # type: ignore[arg-type]  # as an engine hands it over


@pytest.fixture
def model() -> Any:
    torch.manual_seed(3)
    return LxmertForQuestionAnswering(LxmertConfig(**SIZES)).eval()


@pytest.mark.parametrize("target", [SOFT, HARD])
def test_the_loss_is_the_sum_of_the_questions_weighted_losses(model: Any, target: np.ndarray) -> None:
    objective = LxmertObjective(ANSWERS, soft=target is SOFT)
    graph = objective.fixed_shape(model, IPU)

    loss = graph.training(**torch_of(graph.inputs(packed_rows(target), np.array([0.5, 2.0], np.float32))))

    losses = objective.losses(model, on_cpu(target)).tolist()
    assert loss.item() == pytest.approx(0.5 * losses[0] + 2.0 * losses[1], abs=roundings(160))


@pytest.mark.parametrize("target", [SOFT, HARD])
def test_predictions_are_those_of_questions_padded_to_the_longest(model: Any, target: np.ndarray) -> None:
    objective = LxmertObjective(ANSWERS, soft=target is SOFT)
    graph = objective.fixed_shape(model, IPU)

    def run(inputs: Dict[str, np.ndarray]) -> List[np.ndarray]:
        return [output.detach().numpy() for output in graph.predicting(**torch_of(inputs))]

    found = graph.predict(packed_rows(target), run)

    expected = objective.outputs(model, on_cpu(target))
    assert sorted(found) == ["answer", "loss", "probability"]
    assert found["answer"].dtype == np.int64
    for name, values in expected.items():
        assert found[name] == pytest.approx(values.detach().numpy(), abs=roundings(160))


def test_language_comes_before_vision_and_both_before_what_joins_them(model: Any) -> None:
    graph = LxmertObjective(ANSWERS, soft=True).fixed_shape(model, IPU)

    parts = graph.parts([0, 1, 1, 1], last=1)

    encoder = model.lxmert.encoder
    assert graph.layers == 4
    assert [part for part, _ in parts] == [
        model.lxmert.embeddings,
        encoder.visn_fc,
        encoder.layer[0],
        encoder.r_layers[0],
        encoder.r_layers[1],
        encoder.x_layers[0],
        model.lxmert.pooler,
        model.answer_head,
    ]
    assert [ipu for _, ipu in parts] == [0, 0, 0, 1, 1, 1, 1, 1]


def test_questions_do_not_share_rows(model: Any) -> None:
    packed = IpuConfig((1, 3), row_tokens=7, gradient_accumulation=4, packing=2)

    with pytest.raises(BadInput, match=r"training\.ipu\.packing must be 1: a question has a row of its own; got 2"):
        LxmertObjective(ANSWERS, soft=True).fixed_shape(model, packed)
