"""A fine-tuned model in a directory: what kind it is, and how its input was prepared."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, VISION_ENCODER_DECODER
from podtune.formats.checkpoint import MODEL
from podtune.formats.evaluation import EVALUATION, EvaluationFacts
from podtune.formats.release import EVALUATION_FOLDER

TEXT_ANSWERS, PICTURE_ANSWERS, CAPTIONS = "text-answers", "picture-answers", "captions"
"""What a model does."""

_QUESTION_ANSWERING = "ForQuestionAnswering"
"""How the class of a model that answers ends in its config.json."""


@dataclass(frozen=True)
class ReleasedModel:
    """A model that can be asked."""

    directory: Path
    """What transformers loads."""

    kind: str
    """TEXT_ANSWERS, PICTURE_ANSWERS or CAPTIONS."""

    config: Mapping[str, Any]
    evaluation: Optional[EvaluationFacts]
    """The record of how a release was scored; None where it has none."""

    record: Path
    """Where that lies."""


def open_released(directory: Path) -> ReleasedModel:
    """Find the model in a release, a checkpoint or its model folder; BadInput where none can be asked."""
    place = _model_in(directory)
    config = _configuration(place / CONFIG)
    record = directory / EVALUATION_FOLDER
    facts = EVALUATION.open(record).facts if record.is_dir() else None
    return ReleasedModel(place, _kind(place, config), config, facts, record)


def _model_in(directory: Path) -> Path:
    """Where the model lies: at the top of a release, in a folder of a checkpoint."""
    for place in (directory, directory / MODEL):
        if (place / CONFIG).is_file():
            return place
    wanted = "give a directory that `podtune download` wrote, or a checkpoint's model folder"
    raise BadInput(f"{directory} holds no model: it has no {CONFIG}; {wanted}")


def _configuration(path: Path) -> Mapping[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise BadInput(f"{path} is not a model's configuration; download the model again")
    return config


def _kind(model: Path, config: Mapping[str, Any]) -> str:
    """What the model does; BadInput for one that was never fine-tuned to do it."""
    if config.get("model_type") == VISION_ENCODER_DECODER:
        if not any(model.glob("*.safetensors")):
            raise BadInput(f"{model} holds an encoder and a decoder that are not one model yet; fine-tune them first")
        return CAPTIONS
    kinds = config.get("architectures")
    found = ", ".join(map(str, kinds)) if isinstance(kinds, list) and kinds else "no kind of model"
    if not any(name.endswith(_QUESTION_ANSWERING) for name in found.split(", ")):
        raise BadInput(f"{model / CONFIG} names {found}, not one {_QUESTION_ANSWERING}; fine-tune it first")
    return PICTURE_ANSWERS if config.get("model_type") == "lxmert" else TEXT_ANSWERS
