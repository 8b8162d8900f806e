"""Extractive question answering as a model sees it: one logit a token for the answer's start, one for its end."""

import logging
from pathlib import Path
from typing import Any, Dict

import torch

from podtune.errors import BadInput
from podtune.formats.base_model import mistake_in_type
from podtune.formats.features import Features
from podtune.tasks.pretrained import load_pretrained, require_model_type
from podtune.tasks.question_answering.fixed_shape import SpanGraph
from podtune.tasks.question_answering.model_types import MODEL_TYPES, first_position
from podtune.tasks.question_answering.pair_tokenizer import marks_segments
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.question_answering.task import TASK
from podtune.training.engines.sequences import owners
from podtune.training.ipu import IpuConfig

_log = logging.getLogger(__name__)


def objective(features: Features, settings: EvaluationSettings) -> "SpanObjective":  # noqa: ARG001  # as every task's
    """Mark the first and the last token of the answer."""
    return SpanObjective()


class SpanObjective:
    """Mark the first and the last token of the answer; `training.protocols.Objective`.

    Runs the model on one stream of sequences, [1, tokens]: the engine keeps attention within each sequence.
    """

    def __init__(self) -> None:
        self._marks_segments = True

    def load(self, directory: Path) -> Any:
        """Load a model in float32; a head it has not yet gets weights from torch's seed."""
        from transformers import AutoModelForQuestionAnswering

        head = MODEL_TYPES[require_model_type(directory, *TASK.model_types)].head
        loading = AutoModelForQuestionAnswering.from_pretrained
        # Two outputs, a start and an end, whatever labels the base was fine-tuned for
        model, has_new_head = load_pretrained(loading, directory, "question-answering", new=head, num_labels=2)
        if has_new_head:
            _log.info("the model in %s has no question-answering head yet; it gets a new one", directory)
        self._marks_segments = marks_segments(directory)
        return model.float()

    def longest(self, model: Any) -> int:
        """Count the tokens for which the model has positions."""
        return int(model.config.max_position_embeddings) - _first_position(model)

    def unpadded(self, model: Any) -> Any:
        """The whole model."""
        return model

    def losses(self, model: Any, tensors: Any) -> torch.Tensor:
        """Mean of the two cross-entropies, each over the example's own tokens; float32 [examples]."""
        logits = self.outputs(model, tensors)
        start = _cross_entropies(logits["start_logits"], tensors.columns["answer_start"], tensors.offsets)
        end = _cross_entropies(logits["end_logits"], tensors.columns["answer_end"], tensors.offsets)
        return (start + end) / 2

    def outputs(self, model: Any, tensors: Any) -> Dict[str, torch.Tensor]:
        """Start and end logits, each [tokens] float32."""
        owner = owners(tensors.offsets, len(tensors.streams["tokens"]))
        positions = torch.arange(len(owner), device=owner.device) - tensors.offsets[owner]
        inputs = {
            "input_ids": tensors.streams["tokens"][None].long(),
            "position_ids": (positions + _first_position(model))[None],
        }
        if MODEL_TYPES[model.config.model_type].reads_segments:
            segments = tensors.streams["segments"][None].long()
            inputs["token_type_ids"] = segments if self._has_segments(model) else torch.zeros_like(segments)
        logits = model(**inputs)
        return {"start_logits": logits.start_logits[0].float(), "end_logits": logits.end_logits[0].float()}

    def fixed_shape(self, model: Any, config: IpuConfig) -> SpanGraph:
        """The same on rows of one length; BadInput for a type that has none."""
        mistake = mistake_in_type(model.config.to_dict(), TASK.ipu_model_types)
        if mistake:
            raise BadInput(f"on IPUs a model's {mistake}")
        model.config._attn_implementation = "eager"
        return SpanGraph(model, config, _first_position(model), has_segments=self._has_segments(model))

    def _has_segments(self, model: Any) -> bool:
        return self._marks_segments and model.config.type_vocab_size > 1


def _first_position(model: Any) -> int:
    return first_position(model.config.model_type, model.config.pad_token_id)


def _cross_entropies(logits: torch.Tensor, targets: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Negative log of the softmax at the target, over each example's own tokens; float32 [examples]."""
    owner = owners(offsets, len(logits))
    zeros = logits.new_zeros(len(targets))
    largest = zeros.scatter_reduce(0, owner, logits.detach(), "amax", include_self=False)
    # Unsafe is not to look at the lengths, for which a GPU would have to be waited for. There index_add would add up in
    # another order each time, and a resumed run would not be the same.
    sums = torch.segment_reduce(torch.exp(logits - largest[owner]), "sum", lengths=offsets.diff(), unsafe=True)
    return sums.log() + largest - logits[offsets[:-1] + targets]
