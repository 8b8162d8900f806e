"""Ask a fine-tuned model one question, through the same windows and the same decoding as its evaluation."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG
from podtune.formats.checkpoint import MODEL
from podtune.formats.evaluation import open_evaluation
from podtune.formats.release import EVALUATION
from podtune.sections import read_section
from podtune.tasks.question_answering.decoding import Decoded, DecodingSettings, decode, decode_or_abstain
from podtune.tasks.question_answering.questions import Question
from podtune.tasks.question_answering.squad import SquadSplit
from podtune.tasks.question_answering.windows import QuestionWindows
from podtune.tokenize_squad.encoding import encode_split
from podtune.tokenize_squad.pair_tokenizer import open_pair_tokenizer, positions_of
from podtune.tokenize_squad.settings import WindowSettings
from podtune.tokenize_squad.windows import cut_windows
from podtune.training.config import TrainingConfig

_QUESTION_ANSWERING = "ForQuestionAnswering"
"""How the class of such a model ends in its config.json."""


@dataclass(frozen=True)
class FoundAnswer:
    """A piece of the context, or none."""

    answer: str
    """Empty: there is no answer."""

    probability: float
    """Softmax over the candidates' scores: of these spans, how likely is it this one."""

    start: int
    """First character in the context."""

    end: int
    """The character after the last."""


def find_answers(directory: Path, question: str, context: str, *, top: int, may_abstain: bool) -> List[FoundAnswer]:
    """The `top` best distinct answers of the model in a directory, best first.

    Only a model that was trained with unanswerable questions knows when to abstain.
    """
    from podtune.tasks.question_answering.objective import SpanObjective
    from podtune.training.engines import open_engine

    model = _model_in(directory)
    windows = _cut(model, _window_settings(directory, model), question, context)
    nothing_is_trained = TrainingConfig(epochs=1, batch_size=1, learning_rate=1.0, precision="float32")
    engine = open_engine(SpanObjective(), model, nothing_is_trained, "cpu")
    answer = decode_or_abstain if may_abstain else decode
    decoded = answer(windows, engine.outputs(windows), DecodingSettings(n_best=max(top, DecodingSettings.n_best)))
    return _best(decoded, context)[:top]


def _model_in(directory: Path) -> Path:
    """Where the model lies: at the top of a release, in a folder of a checkpoint."""
    for place in (directory, directory / MODEL):
        if (place / CONFIG).is_file():
            return place
    wanted = "give a directory that `podtune download` wrote, or a checkpoint's model folder"
    raise BadInput(f"{directory} holds no model: it has no {CONFIG}; {wanted}")


def _window_settings(directory: Path, model: Path) -> WindowSettings:
    """The windows a release was trained with; without its record the published ones, as far as positions reach."""
    evaluation = directory / EVALUATION
    if evaluation.is_dir():
        facts, _ = open_evaluation(evaluation)
        return read_section(WindowSettings, facts.preparation, f"{evaluation}/manifest.json preparation")
    defaults = WindowSettings()
    max_length = min(defaults.max_length, positions_of(_configuration(model)) or defaults.max_length)
    return WindowSettings(max_length, overlap=max_length * defaults.overlap // defaults.max_length)


def _cut(model: Path, settings: WindowSettings, question: str, context: str) -> QuestionWindows:
    for name, text in (("question", question), ("context", context)):
        if not text.strip():
            raise BadInput(f"the {name} is empty; give a text")
    pair = open_pair_tokenizer(model, settings.max_length)
    split = SquadSplit([Question("question", question, (), is_impossible=False, context=0)], [context], "1.1")
    encoded = encode_split(pair.tokenizer, split)
    try:
        return cut_windows(model, split, encoded, pair=pair, settings=settings)
    except BadInput as error:
        length = f"has {encoded.questions.lengths[0]} tokens, but the model reads {settings.max_length} at once"
        raise BadInput(f"the question {length}, a piece of the context among them; shorten it") from error


def _configuration(model: Path) -> Dict[str, Any]:
    """Read a model's config.json; BadInput unless it is a question-answering model's."""
    path = model / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kinds = [str(kind) for kind in config.get("architectures") or ()]
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{path} is not a model's configuration; download the model again") from error
    if not any(kind.endswith(_QUESTION_ANSWERING) for kind in kinds):
        found = ", ".join(kinds) or "no kind of model"
        raise BadInput(f"{path} names {found}, not one {_QUESTION_ANSWERING}; fine-tune it first")
    return config  # type: ignore[no-any-return]  # a mapping: it has `get`


def _best(decoded: Decoded, context: str) -> List[FoundAnswer]:
    """Each span once, best first: overlapping windows may both have found it."""
    found: Dict[Tuple[int, int], FoundAnswer] = {}
    for row, probability in enumerate(decoded.probabilities.tolist()):
        start, end = max(int(decoded.candidates.start[row]), 0), int(decoded.candidates.end[row])
        found.setdefault((start, end), FoundAnswer(context[start:end], probability, start, end))
    return list(found.values())
