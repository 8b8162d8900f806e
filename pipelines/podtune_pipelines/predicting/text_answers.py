"""Ask a fine-tuned model one question, through the same windows and the same decoding as its evaluation."""

from dataclasses import dataclass
from typing import Dict, List, Tuple

from podtune.errors import BadInput
from podtune.sections import read_section
from podtune.tasks.question_answering.decoding import Decoded, DecodingSettings, decode, decode_or_abstain
from podtune.tasks.question_answering.encoding import encode_split
from podtune.tasks.question_answering.features_settings import WindowSettings
from podtune.tasks.question_answering.pair_tokenizer import open_pair_tokenizer, positions_of
from podtune.tasks.question_answering.questions import Question
from podtune.tasks.question_answering.squad import SquadSplit
from podtune.tasks.question_answering.window_cutting import cut_windows
from podtune.tasks.question_answering.windows import QuestionWindows

from podtune_pipelines.predicting.engine import outputs_of
from podtune_pipelines.predicting.released_model import ReleasedModel


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


def find_answers(
    model: ReleasedModel, question: str, context: str, *, top: int, may_abstain: bool
) -> List[FoundAnswer]:
    """The model's `top` best distinct answers, best first.

    Only a model that was trained with unanswerable questions knows when to abstain.
    """
    from podtune.tasks.question_answering.objective import SpanObjective

    windows = _cut(model, _window_settings(model), question, context)
    outputs = outputs_of(model, SpanObjective(), windows)
    answer = decode_or_abstain if may_abstain else decode
    decoded = answer(windows, outputs, DecodingSettings(n_best=max(top, DecodingSettings.n_best)))
    return _best(decoded, context)[:top]


def _window_settings(model: ReleasedModel) -> WindowSettings:
    """The windows a release was trained with; without its record the published ones, as far as positions reach."""
    if model.evaluation is not None:
        return read_section(WindowSettings, model.evaluation.preparation, f"{model.record}/manifest.json preparation")
    defaults = WindowSettings()
    max_length = min(defaults.max_length, positions_of(model.config) or defaults.max_length)
    return WindowSettings(max_length, overlap=max_length * defaults.overlap // defaults.max_length)


def _cut(model: ReleasedModel, settings: WindowSettings, question: str, context: str) -> QuestionWindows:
    for name, text in (("question", question), ("context", context)):
        if not text.strip():
            raise BadInput(f"the {name} is empty; give a text")
    pair = open_pair_tokenizer(model.directory, settings.max_length)
    split = SquadSplit([Question("question", question, (), is_impossible=False, context=0)], [context], "1.1")
    encoded = encode_split(pair.tokenizer, split)
    try:
        return cut_windows(model.directory, split, encoded, pair=pair, settings=settings)
    except BadInput as error:
        length = f"has {encoded.questions.lengths[0]} tokens, but the model reads {settings.max_length} at once"
        raise BadInput(f"the question {length}, a piece of the context among them; shorten it") from error


def _best(decoded: Decoded, context: str) -> List[FoundAnswer]:
    """Each span once, best first: overlapping windows may both have found it."""
    found: Dict[Tuple[int, int], FoundAnswer] = {}
    for row, probability in enumerate(decoded.probabilities.tolist()):
        start, end = max(int(decoded.candidates.start[row]), 0), int(decoded.candidates.end[row])
        found.setdefault((start, end), FoundAnswer(context[start:end], probability, start, end))
    return list(found.values())
