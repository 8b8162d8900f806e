"""What a pipeline of IPUs holds, and what it cannot; no PopTorch is needed for it."""

from pathlib import Path
from typing import Any, Callable

import pytest
import torch
from podtune.errors import BadInput
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.training.config import TrainingConfig
from podtune.training.engines.placement import SerializedEmbedding, least_bytes, merge_embeddings, place_on_ipus
from podtune.training.ipu import IpuConfig
from transformers import BertConfig, BertForQuestionAnswering

Config = Callable[..., TrainingConfig]


def on_ipus(config: Config, **changes: Any) -> TrainingConfig:
    placement = {"layers_per_ipu": (1, 1), "row_tokens": 40, "gradient_accumulation": 8, **changes}
    return config(ipu=IpuConfig(**placement), batch_size=placement["gradient_accumulation"])


def test_a_model_lies_where_the_recipe_says(bert: Path, config: Config) -> None:
    objective = SpanObjective()

    placement = place_on_ipus(objective, objective.load(bert), on_ipus(config))

    assert placement.stages == 2
    assert placement.parameters() == [3888, 2258]
    assert sum(placement.parameters()) == sum(weight.numel() for weight in objective.load(bert).parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers_per_ipu": (2, 2)}, r"layers_per_ipu must hold the model's 2 layers; got 2 \+ 2 = 4"),
        ({"row_tokens": 41}, "the model has positions for 40 tokens; training.ipu.row_tokens is 41"),
        (
            {"gradient_accumulation": 2},
            "gradient_accumulation must be at least 3 for 2 stages forward and 1 back; got 2; or set .* to sharded",
        ),
        ({"inference_device_iterations": 1}, "must be 0, or at least the 2 stages of the pipeline; got 1"),
        ({"embedding_serialization_factor": 7}, "must divide the vocabulary of 60; got 7"),
    ],
)
def test_what_poptorch_would_refuse_after_minutes_is_refused_at_once(
    bert: Path, config: Config, changes: Any, message: str
) -> None:
    objective = SpanObjective()

    with pytest.raises(BadInput, match=message):
        place_on_ipus(objective, objective.load(bert), on_ipus(config, **changes))


def test_a_batch_shorter_than_the_pipeline_may_be_sharded(bert: Path, config: Config) -> None:
    objective = SpanObjective()

    placement = place_on_ipus(
        objective, objective.load(bert), on_ipus(config, gradient_accumulation=1, execution="sharded")
    )

    assert placement.stages == 2


def test_a_recipe_without_a_placement_is_refused(bert: Path, config: Config) -> None:
    objective = SpanObjective()

    with pytest.raises(BadInput, match=r"no section training\.ipu, which places its model on IPUs; add one"):
        place_on_ipus(objective, objective.load(bert), config())


@pytest.mark.parametrize(
    ("changes", "precision", "expected"),
    [
        ({}, "bfloat16", 4_000_000 + 1_500_000),
        ({"replicated_tensor_sharding": False}, "bfloat16", 4_000_000 + 6_000_000),
        ({"optimizer_state_offchip": True}, "bfloat16", 4_000_000),
        ({"optimizer_state_offchip": True}, "float32", 8_000_000),
    ],
)
def test_parameters_take_weights_gradients_and_moments(
    config: Config, changes: Any, precision: str, expected: int
) -> None:
    placement = {
        "layers_per_ipu": (1,),
        "row_tokens": 1,
        "gradient_accumulation": 1,
        "replication_factor": 4,
        **changes,
    }
    ipu = IpuConfig(**placement)

    assert least_bytes(1_000_000, config(precision=precision), ipu) == expected


def test_a_model_that_no_ipu_can_hold_is_refused(config: Config) -> None:
    size = {"hidden_size": 6144, "num_attention_heads": 1, "intermediate_size": 24576, "vocab_size": 60}
    with torch.device("meta"):
        model = BertForQuestionAnswering(BertConfig(num_hidden_layers=1, max_position_embeddings=40, **size))

    with pytest.raises(
        BadInput, match="IPU 0 has 897 MiB, and its 453,715,970 parameters take at least 6,923; put fewer"
    ):
        place_on_ipus(SpanObjective(), model, on_ipus(config, layers_per_ipu=(1,), execution="sharded"))


def test_a_serialized_table_finds_what_the_whole_one_finds() -> None:
    torch.manual_seed(0)
    table = torch.nn.Embedding(6, 3)
    tokens = torch.tensor([[5, 0], [2, 3]], dtype=torch.int32)

    found = SerializedEmbedding(table, 3)(tokens)

    assert torch.equal(found, table(tokens))


def test_a_serialized_table_is_saved_whole() -> None:
    table = torch.nn.Embedding(6, 3)
    model = torch.nn.ModuleDict({"words": SerializedEmbedding(table, 2), "head": torch.nn.Linear(3, 1)})

    saved = merge_embeddings(model, dict(model.named_parameters()))

    assert sorted(saved) == ["head.bias", "head.weight", "words.weight"]
    assert torch.equal(saved["words.weight"], table.weight)
