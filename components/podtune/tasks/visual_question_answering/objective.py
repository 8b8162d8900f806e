"""Visual question answering as LXMERT sees it: one answer out of a vocabulary, from a question and 36 regions."""

import logging
from pathlib import Path
from typing import Any, Dict, List, Sequence

import torch
from torch import nn
from torch.nn import functional

from podtune.errors import BadInput
from podtune.formats.features import Features
from podtune.tasks.pretrained import load_pretrained, require_model_type
from podtune.tasks.visual_question_answering.fixed_shape import LxmertGraph
from podtune.tasks.visual_question_answering.questions import IGNORED, are_labels_soft, read_answers
from podtune.tasks.visual_question_answering.settings import EvaluationSettings
from podtune.tasks.visual_question_answering.task import TASK
from podtune.training.ipu import IpuConfig

_HEAD = ("answer_head.",)
_log = logging.getLogger(__name__)


def objective(features: Features, settings: EvaluationSettings) -> "LxmertObjective":  # noqa: ARG001  # as every task's
    """Choose one of the answers of the features' vocabulary."""
    return LxmertObjective(read_answers(features.path), soft=are_labels_soft(features.facts))


class LxmertObjective:
    """Choose the answer; `training.protocols.Objective`.

    With soft labels an answer is a question of its own: binary cross-entropies, their mean over all answers, which is
    what the published cards' models were trained with. The original authors' loss is that times the number of answers.
    With hard labels the loss is the cross-entropy, and 0 where the true answer is out of vocabulary.
    """

    def __init__(self, answers: Sequence[str], *, soft: bool) -> None:
        self._answers, self._soft = list(answers), soft

    def load(self, directory: Path) -> Any:
        """Load LXMERT in float32; where its answers are other ones, the head's last layer is new, from torch's seed."""
        from transformers import LxmertForQuestionAnswering

        require_model_type(directory, *TASK.model_types)
        loading = LxmertForQuestionAnswering.from_pretrained
        model, has_new_head = load_pretrained(loading, directory, "visual question-answering", new=_HEAD)
        if has_new_head:
            _log.info("the model in %s has no head for answers yet; it gets a new one", directory)
        if _answers_of(model) != self._answers:
            self._replace_last_layer(model, directory)
        return model.float()

    def longest(self, model: Any) -> int:
        """Count the text tokens for which the model has positions; regions need none."""
        return int(model.config.max_position_embeddings)

    def unpadded(self, model: Any) -> Any:  # noqa: ARG002  # by the protocol
        """None: rows are padded to equal length."""
        return None

    def losses(self, model: Any, tensors: Any) -> torch.Tensor:
        """The loss of each row, float32 [rows]."""
        return self._losses(_logits(model, tensors), tensors.columns["target"])

    def outputs(self, model: Any, tensors: Any) -> Dict[str, torch.Tensor]:
        """Best answer (int64), its probability and the loss (float32), each [rows]."""
        logits = _logits(model, tensors)
        probability, answer = self._probabilities(logits).max(1)
        return {"answer": answer, "probability": probability, "loss": self._losses(logits, tensors.columns["target"])}

    def fixed_shape(self, model: Any, config: IpuConfig) -> LxmertGraph:
        """The same on rows of one length; BadInput where several questions should share a row."""
        if config.packing > 1:
            raise BadInput(f"training.ipu.packing must be 1: a question has a row of its own; got {config.packing}")
        return LxmertGraph(model, config, self._losses, soft=self._soft)

    def probabilities(self, model: Any, tensors: Any) -> torch.Tensor:
        """Of every answer, float32 [rows, answers]."""
        return self._probabilities(_logits(model, tensors))

    def _probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.sigmoid() if self._soft else logits.softmax(1)

    def _losses(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if self._soft:
            return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1)
        return functional.cross_entropy(logits, target.long(), reduction="none", ignore_index=IGNORED)

    def _replace_last_layer(self, model: Any, directory: Path) -> None:
        old, count = model.answer_head.logit_fc[-1], len(self._answers)
        new = nn.Linear(old.in_features, count)
        nn.init.normal_(new.weight, std=model.config.initializer_range)
        nn.init.zeros_(new.bias)
        model.answer_head.logit_fc[-1] = new
        model.num_qa_labels = model.config.num_qa_labels = count
        model.config.id2label = dict(enumerate(self._answers))
        model.config.label2id = {answer: label for label, answer in enumerate(self._answers)}
        text = "the model in %s was trained for %d other answers; the head's last layer is new, for %d"
        _log.info(text, directory, old.out_features, count)


def _logits(model: Any, tensors: Any) -> torch.Tensor:
    """float32 [rows, answers]."""
    lengths, regions = tensors.offsets.diff(), tensors.columns["regions"]
    width = tensors.longest - regions.shape[1]  # a row's length counts its regions too
    mask = torch.arange(width, device=lengths.device) < lengths[:, None]
    tokens = mask.long().masked_scatter_(mask, tensors.streams["tokens"].long())
    scores: torch.Tensor = model(
        input_ids=tokens,
        attention_mask=mask.to(model.dtype),
        visual_feats=regions.to(model.dtype),
        visual_pos=tensors.columns["boxes"].to(model.dtype),
    ).question_answering_score
    return scores.float()


def _answers_of(model: Any) -> List[str]:
    """The answers that the model's configuration names, by label; none unless each has a row of the head."""
    labels = model.config.id2label
    if sorted(labels) != list(range(model.config.num_qa_labels)):
        return []
    return [labels[label] for label in sorted(labels)]
