"""Extractive question answering as a model sees it: one logit a token for the answer's start, one for its end."""

import json
import logging
from pathlib import Path
from typing import Any, Dict

import torch
from safetensors import SafetensorError

from podtune.errors import BadInput

MODEL_TYPES = ("bert", "roberta")
"""Of config.json: those whose positions and segments are known here."""

_HEAD = "qa_outputs."
_log = logging.getLogger(__name__)


class SpanObjective:
    """Mark the first and the last token of the answer; `training.problem.Objective`.

    Runs the model on one stream of sequences, [1, tokens]: the engine keeps attention within each sequence.
    """

    def load(self, directory: Path) -> Any:
        """Load a BERT or RoBERTa model in float32; a head it has not yet gets weights from torch's seed."""
        _check_model_type(directory)
        try:
            model, report = _from_pretrained(directory)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())
            raise BadInput(f"cannot load a question-answering model from {directory}: {reason}") from error
        lacking = sorted(name for name in report["missing_keys"] if not name.startswith(_HEAD))
        if lacking:
            raise BadInput(f"the model in {directory} lacks {len(lacking)} weights, such as {lacking[0]}")
        if report["missing_keys"]:
            _log.info("the model in %s has no question-answering head yet; it gets a new one", directory)
        return model.float()

    def longest(self, model: Any) -> int:
        """Count the tokens for which the model has positions."""
        return int(model.base_model.embeddings.position_embeddings.num_embeddings) - _first_position(model)

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
        owner = _owners(tensors.offsets, len(tensors.streams["tokens"]))
        positions = torch.arange(len(owner), device=owner.device) - tensors.offsets[owner]
        logits = model(
            input_ids=tensors.streams["tokens"][None].long(),
            token_type_ids=_segments(model, tensors),
            position_ids=(positions + _first_position(model))[None],
        )
        return {"start_logits": logits.start_logits[0].float(), "end_logits": logits.end_logits[0].float()}


def _from_pretrained(directory: Path) -> Any:
    """Return the model and transformers' report of its loading, which it would print as a table otherwise."""
    from transformers import AutoModelForQuestionAnswering
    from transformers.utils import logging as transformers_logging

    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        return AutoModelForQuestionAnswering.from_pretrained(
            directory,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


def _check_model_type(directory: Path) -> None:
    path = directory / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise BadInput(f"{directory} holds no model: cannot read its config.json: {error}") from error
    if found not in MODEL_TYPES:
        raise BadInput(f"{path}: model_type must be one of {', '.join(MODEL_TYPES)}; got {found!r}")


def _first_position(model: Any) -> int:
    """RoBERTa's positions start after its padding index; BERT's start at 0."""
    padding = model.base_model.embeddings.position_embeddings.padding_idx
    return 0 if padding is None else int(padding) + 1


def _segments(model: Any, tensors: Any) -> torch.Tensor:
    segments: torch.Tensor = tensors.streams["segments"][None].long()
    return segments if model.config.type_vocab_size > 1 else torch.zeros_like(segments)


def _owners(offsets: torch.Tensor, tokens: int) -> torch.Tensor:
    """int64 [tokens]: the example that each token belongs to."""
    examples = torch.arange(len(offsets) - 1, device=offsets.device)
    return torch.repeat_interleave(examples, offsets.diff(), output_size=tokens)


def _cross_entropies(logits: torch.Tensor, targets: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Negative log of the softmax at the target, over each example's own tokens; float32 [examples]."""
    owner = _owners(offsets, len(logits))
    zeros = logits.new_zeros(len(targets))
    largest = zeros.scatter_reduce(0, owner, logits.detach(), "amax", include_self=False)
    sums = zeros.index_add(0, owner, torch.exp(logits - largest[owner]))
    return sums.log() + largest - logits[offsets[:-1] + targets]
