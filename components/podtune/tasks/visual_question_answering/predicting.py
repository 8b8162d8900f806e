"""Answer a question about a picture with LXMERT, with the same tokens as in its evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from podtune.errors import BadInput, bad_input
from podtune.formats.base_model import CONFIG
from podtune.formats.ragged import Array, Ragged
from podtune.tasks import predicting
from podtune.tasks.predicting import PredictionRequest, ReleasedModel, Reply
from podtune.tasks.visual_question_answering.question_tokenizer import open_question_tokenizer
from podtune.tasks.visual_question_answering.questions import VisualQuestions
from podtune.tasks.visual_question_answering.region_row import name_of, regions_of, rows_of
from podtune.tasks.visual_question_answering.region_store import FEATURE_SIZE, BadRegions
from podtune.tasks.visual_question_answering.settings import LxmertSettings

_PUBLISHED_SETTINGS = LxmertSettings(labels="soft")
"""Assumed of a model without our record: the original authors' settings."""

_WAYS = "give --image and --detector, or --regions and --image-id"


@dataclass(frozen=True)
class PictureRegions:
    """The regions of a picture, LXMERT's input."""

    features: Array
    """float32 [regions, 2048]."""

    boxes: Array
    """float32 [regions, 4]: left, top, right, bottom, in shares of width and height."""


def predict(model: ReleasedModel, request: PredictionRequest) -> Reply:
    """The model's most probable answers, best first.

    A probability is by the loss that the model was trained with: where several answers may be right each has its own,
    else all together add up to 1.
    """
    question = predicting.required_question(model, request)
    seen, answers = _regions_of(model, request), _answers(model)
    probabilities = _probabilities(model, question, seen, answers)
    best = np.argsort(-probabilities, kind="stable")[: request.top or 1]
    chosen = [{"answer": answers[label], "probability": float(probabilities[label])} for label in best]
    return Reply(chosen, ["{probability:.4f}  {answer}".format(**answer) for answer in chosen])


def _regions_of(model: ReleasedModel, request: PredictionRequest) -> PictureRegions:
    detected = [name for name in ("image", "detector", "draw") if getattr(request, name) is not None]
    published = [name for name in ("regions", "image_id") if getattr(request, name) is not None]
    if detected and published:
        first, second = (name[0].replace("_", "-") for name in (detected, published))
        raise BadInput(f"--{first} and --{second} exclude each other; {_WAYS}")
    if request.image is not None and request.detector is not None:
        return _detected_regions(request.image, request.detector, request.draw)
    if request.regions is not None and request.image_id is not None:
        return _published_regions(model, request.regions, request.image_id)
    raise BadInput(f"the model in {model.directory} looks at regions of a picture; {_WAYS}")


def _probabilities(model: ReleasedModel, question: str, seen: PictureRegions, answers: Sequence[str]) -> Array:
    """float32 [answers]."""
    from podtune.tasks.visual_question_answering.objective import LxmertObjective

    settings = model.recorded_features() or _PUBLISHED_SETTINGS
    tokens, cut = open_question_tokenizer(model.directory, settings.max_length).encode([question])
    if cut:
        raise BadInput(f"the question has more than {settings.max_length} tokens, all that the model reads; shorten it")
    _require_size(model, seen, settings.regions)
    soft = settings.labels == "soft"
    objective = _EveryAnswer(LxmertObjective(answers, soft=soft))
    outputs = predicting.outputs_of(model, objective, _one_question(tokens, seen, len(answers), soft=soft))
    probabilities: Array = outputs["probabilities"][0]
    return probabilities


def _published_regions(model: ReleasedModel, file: Path, image: str) -> PictureRegions:
    """Find an image in one of LXMERT's region files."""
    regions, row = (model.recorded_features() or _PUBLISHED_SETTINGS).regions, 0
    try:
        with bad_input(f"cannot read the regions from {file}"):
            for row, (columns, _) in enumerate(rows_of(file), start=1):  # noqa: B007  # named where a row is bad
                if name_of(columns) == image:
                    return PictureRegions(*regions_of(columns, regions))
    except BadRegions as error:
        raise BadInput(f"{file} row {row}: {error}") from error
    raise BadInput(f"{file} has no row of the image {image!r}")


def _detected_regions(picture: Path, detector: Path, draw: Optional[Path]) -> PictureRegions:
    """Detect the regions of a picture; `draw` names a file for the picture with its regions drawn on it."""
    from podtune.detector.detector import open_detector
    from podtune.detector.pictures import open_picture

    image = open_picture(predicting.read_picture(picture), str(picture))
    if draw is not None and draw.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise BadInput(f"cannot draw into {draw}; its name must end with .png or .jpg")
    if not detector.is_dir():
        raise BadInput(f"there is no detector in {detector}; it should be a directory with model.safetensors")
    regions = open_detector(detector).describe(image)
    if draw is not None:
        _draw(image, regions.boxes, draw)
    return PictureRegions(regions.features, regions.boxes)


def _draw(image: Any, boxes: Array, path: Path) -> None:
    """Write the picture with its regions, numbered from the most certain on."""
    from podtune.detector.pictures import regions_drawn

    drawn = regions_drawn(image, boxes, [str(number + 1) for number in range(len(boxes))])
    with bad_input(f"cannot draw into {path}"):
        drawn.save(path)


def _require_size(model: ReleasedModel, seen: PictureRegions, regions: int) -> None:
    wanted = (regions, model.config.get("visual_feat_dim", FEATURE_SIZE))
    if seen.features.shape != wanted:
        raise BadInput(
            "the detector finds {} regions of {} features; the model in {} takes {} of {}: take the detector that its "
            "data was made with".format(*seen.features.shape, model.directory, *wanted)
        )


def _answers(model: ReleasedModel) -> List[str]:
    """The vocabulary, by label."""
    named, count = model.config.get("id2label"), model.config.get("num_qa_labels")
    answers: Mapping[str, str] = named if isinstance(named, dict) else {}
    if sorted(answers) != sorted(map(str, range(count if isinstance(count, int) else 0))) or not answers:
        path = model.directory / CONFIG
        raise BadInput(f"{path} does not name the model's {count} answers in id2label; download the model again")
    return [answers[str(label)] for label in range(len(answers))]


def _one_question(tokens: Ragged, seen: PictureRegions, answers: int, *, soft: bool) -> VisualQuestions:
    """A question whose answer nobody knows; features are float16, as they are stored for training."""
    return VisualQuestions(
        directory=Path(),
        tokens=tokens,
        image=np.zeros(1, dtype=np.int32),
        labels=Ragged(np.zeros(0, dtype=np.int32), np.zeros(2, dtype=np.int64)),
        weights=np.zeros(0, dtype=np.float32),
        features=seen.features[None].astype(np.float16),
        boxes=seen.boxes[None].astype(np.float32),
        answers=answers,
        soft=soft,
    )


class _EveryAnswer:
    """LXMERT's objective, which puts out the probability of every answer; `training.protocols.Objective`."""

    def __init__(self, objective: Any) -> None:
        self._objective = objective

    def load(self, directory: Any) -> Any:
        return self._objective.load(directory)

    def longest(self, model: Any) -> int:
        return int(self._objective.longest(model))

    def unpadded(self, model: Any) -> Any:
        return self._objective.unpadded(model)

    def losses(self, model: Any, tensors: Any) -> Any:
        return self._objective.losses(model, tensors)

    def outputs(self, model: Any, tensors: Any) -> Dict[str, Any]:
        return {"probabilities": self._objective.probabilities(model, tensors)}
