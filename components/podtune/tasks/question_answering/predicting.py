"""Answer a question from a text, with the same windows and the same decoding as in the model's evaluation."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from podtune.errors import BadInput, bad_input
from podtune.tasks import predicting
from podtune.tasks.predicting import PredictionRequest, ReleasedModel, Reply
from podtune.tasks.question_answering.decoding import Decoded, decode, decode_or_abstain
from podtune.tasks.question_answering.encoding import encode_split
from podtune.tasks.question_answering.model_types import positions_of
from podtune.tasks.question_answering.pair_tokenizer import open_pair_tokenizer
from podtune.tasks.question_answering.questions import Question
from podtune.tasks.question_answering.settings import EvaluationSettings, WindowSettings
from podtune.tasks.question_answering.squad import SquadSplit
from podtune.tasks.question_answering.window_cutting import cut_windows
from podtune.tasks.question_answering.windows import QuestionWindows


@dataclass(frozen=True)
class Span:
    """A piece of the context, or none."""

    answer: str
    """Empty: there is no answer."""

    probability: float
    """Softmax over the candidates' scores: of these spans, how likely is it this one."""

    start: int
    """First character in the context."""

    end: int
    """The character after the last."""


def predict(model: ReleasedModel, request: PredictionRequest) -> Reply:
    """The model's best distinct answers, best first.

    Only a model that was trained with unanswerable questions knows when to abstain.
    """
    from podtune.tasks.question_answering.objective import SpanObjective

    context = _context(request.context, request.context_file)
    question, top = predicting.required_question(model, request), request.top or 1
    predicting.require_text("context", context)
    windows = _cut(model, _window_settings(model), question, context)
    outputs = predicting.outputs_of(model, SpanObjective(), windows)
    decoding = decode_or_abstain if request.allow_no_answer else decode
    decoded = decoding(windows, outputs, EvaluationSettings(n_best=max(top, EvaluationSettings.n_best)))
    answers = _best(decoded, context)[:top]
    lines = [f"{answer.probability:.4f}  {' '.join(answer.answer.split()) or '(no answer)'}" for answer in answers]
    return Reply([asdict(answer) for answer in answers], lines)


def _context(context: Optional[str], file: Optional[Path]) -> str:
    if context is not None and file is None:
        return context
    if file is None or context is not None:
        raise BadInput("give the text either as --context or as --context-file")
    try:
        with bad_input(f"cannot read the context from {file}"):
            return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8: byte {error.start} cannot be read; save the text as UTF-8") from error


def _window_settings(model: ReleasedModel) -> WindowSettings:
    """The windows of a release's record; without one the published ones, up to the model's positions."""
    recorded: Optional[WindowSettings] = model.recorded_features()
    if recorded is not None:
        return recorded
    defaults = WindowSettings()
    max_length = min(defaults.max_length, positions_of(model.config) or defaults.max_length)
    return WindowSettings(max_length, overlap=max_length * defaults.overlap // defaults.max_length)


def _cut(model: ReleasedModel, settings: WindowSettings, question: str, context: str) -> QuestionWindows:
    pair = open_pair_tokenizer(model.directory, settings.max_length)
    split = SquadSplit([Question("question", question, (), is_impossible=False, context=0)], [context], file="")
    encoded = encode_split(pair.tokenizer, split)
    try:
        return cut_windows(model.directory, split, encoded, pair=pair, settings=settings)
    except BadInput as error:
        length = f"has {encoded.questions.lengths[0]} tokens, but the model reads {settings.max_length} at once"
        raise BadInput(f"the question {length}, a piece of the context among them; shorten it") from error


def _best(decoded: Decoded, context: str) -> List[Span]:
    """Each span once, best first: overlapping windows may both contain it."""
    spans: Dict[Tuple[int, int], Span] = {}
    for row, probability in enumerate(decoded.probabilities.tolist()):
        start, end = decoded.characters(row, context)
        spans.setdefault((start, end), Span(context[start:end], probability, start, end))
    return list(spans.values())
