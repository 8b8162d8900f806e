"""What `podtune predict` has in common over the tasks: a fine-tuned model in a directory, a request and a reply."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Type

import numpy as np

from podtune.errors import BadInput, bad_input
from podtune.formats.base_model import CONFIG, VISION_ENCODER_DECODER
from podtune.formats.checkpoint import MODEL
from podtune.formats.evaluation import EVALUATION, EvaluationFacts
from podtune.formats.json_files import read_object
from podtune.formats.release import EVALUATION_FOLDER
from podtune.sections import read_section
from podtune.tasks.task import Task, all_tasks
from podtune.training.config import TrainingConfig
from podtune.training.protocols import Examples, Objective


@dataclass(frozen=True)
class ReleasedModel:
    """A fine-tuned model on disk."""

    directory: Path
    """What transformers loads."""

    task: Task
    config: Mapping[str, Any]
    evaluation: Optional[EvaluationFacts]
    """The record of how a release was scored; None where it has none."""

    record: Path
    """The directory of that record."""

    def recorded_features(self) -> Any:
        """The features section that the model was trained with; None without a record."""
        return self._recorded(self.task.features, "preparation")

    def recorded_evaluation(self) -> Any:
        """The evaluation section that the model was scored with; None without a record."""
        return self._recorded(self.task.evaluation, "settings")

    def _recorded(self, section: Type[Any], fact: str) -> Any:
        """Read a section as it was recorded; settings that this version does not have any more change no prediction."""
        if self.evaluation is None:
            return None
        names = {one.name for one in fields(section)}
        known = {name: value for name, value in getattr(self.evaluation, fact).items() if name in names}
        return read_section(section, known, f"{self.record}/manifest.json {fact}")


@dataclass(frozen=True)
class PredictionRequest:
    """The options of `podtune predict`; None or False where one is left out."""

    question: Optional[str] = None
    context: Optional[str] = None
    context_file: Optional[Path] = None
    allow_no_answer: bool = False
    image: Optional[Path] = None
    detector: Optional[Path] = None
    draw: Optional[Path] = None
    regions: Optional[Path] = None
    image_id: Optional[str] = None
    top: Optional[int] = None


@dataclass(frozen=True)
class Reply:
    """What the model answers."""

    values: Any
    """As JSON."""

    lines: List[str]
    """For people."""


def open_released(directory: Path) -> ReleasedModel:
    """Find the model in a release, a checkpoint or its model folder; BadInput where there is none."""
    model = _model_in(directory)
    config = read_object(model / CONFIG)
    record = directory / EVALUATION_FOLDER
    facts = EVALUATION.open(record).facts if record.is_dir() else None
    return ReleasedModel(model, _task_of(model, config), config, facts, record)


def required_question(model: ReleasedModel, request: PredictionRequest) -> str:
    """The question; BadInput where there is none, or an empty one."""
    if request.question is None:
        does = model.task.prediction.does
        raise BadInput(f"the model in {model.directory} {does}; give the question as --question")
    require_text("question", request.question)
    return request.question


def require_text(name: str, text: str) -> None:
    """BadInput for a text of white space."""
    if not text.strip():
        raise BadInput(f"the {name} is empty; give a text")


def read_picture(path: Path) -> bytes:
    """A picture file's content; BadInput where it cannot be read."""
    with bad_input(f"cannot read the picture {path}"):
        return path.read_bytes()


def outputs_of(model: ReleasedModel, objective: Objective, examples: Examples) -> Dict[str, np.ndarray]:
    """What the objective puts out for a few examples, by the engine that evaluates, in float32 on the processor."""
    from podtune.training.engines import open_engine

    nothing_is_trained = TrainingConfig(epochs=1, batch_size=1, learning_rate=1.0, precision="float32")
    return open_engine(objective, model.directory, nothing_is_trained, "cpu").outputs(examples)


def _model_in(directory: Path) -> Path:
    """Where the model lies: at the top of a release, in a folder of a checkpoint."""
    for folder in (directory, directory / MODEL):
        if (folder / CONFIG).is_file():
            return folder
    wanted = "give a directory that `podtune download` wrote, or a checkpoint's model folder"
    raise BadInput(f"{directory} holds no model: it has no {CONFIG}; {wanted}")


def _task_of(model: Path, config: Mapping[str, Any]) -> Task:
    """What the model was fine-tuned for; BadInput where that is nothing that a task knows."""
    if config.get("model_type") == VISION_ENCODER_DECODER and not any(model.glob("*.safetensors")):
        raise BadInput(f"{model} holds an encoder and a decoder that are not one model yet; fine-tune them first")
    kinds = config.get("architectures")
    names = [str(kind) for kind in kinds] if isinstance(kinds, list) else []
    tasks = sorted(all_tasks(), key=lambda task: -len(task.prediction.architecture))
    for task in tasks:
        if any(name.endswith(task.prediction.architecture) for name in names):
            return task
    known = ", ".join(f"…{task.prediction.architecture}" for task in all_tasks())
    raise BadInput(
        f"{model / CONFIG} names {', '.join(names) or 'no kind of model'}, not one of {known}; fine-tune it first"
    )
