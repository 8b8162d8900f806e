"""Cut a SQuAD-format data set into windows of tokens: RawData and BaseModel to Features."""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

import numpy as np

from podtune.formats.base_model import BASE_MODEL, TOKENIZER
from podtune.formats.facts import write_facts
from podtune.formats.features import FEATURES, FeaturesFacts, SplitFacts, require_counts
from podtune.formats.profile import Traces, profiles_of, require_few_duplicates
from podtune.formats.raw_data import RAW_DATA, DataFile, data_files
from podtune.formats.set_aside import SetAside
from podtune.sections import read_section, to_mapping
from podtune.tasks.question_answering.encoding import encode_split
from podtune.tasks.question_answering.pair_tokenizer import PairTokenizer, open_pair_tokenizer
from podtune.tasks.question_answering.questions import split_digest, traces_of
from podtune.tasks.question_answering.settings import WindowSettings
from podtune.tasks.question_answering.squad import read_squad
from podtune.tasks.question_answering.window_cutting import cut_windows, long_questions
from podtune.tasks.question_answering.windows import QuestionWindows, write_windows
from podtune.tasks.task import shown_files

_log = logging.getLogger(__name__)


def run(
    raw_data: Path,
    base_model: Path,
    prepared_data: Path,
    features: Mapping[str, Any],
    *,
    prepared_data_facts: Optional[Path] = None,
) -> None:
    """Make Features of every split."""
    settings = read_section(WindowSettings, features, "features")
    data = RAW_DATA.open(raw_data)
    model = BASE_MODEL.open(base_model)
    pair = open_pair_tokenizer(base_model, settings.max_length)
    with FEATURES.sealing(prepared_data) as draft:
        splits = {name: _tokenize(file, draft.path / name, pair, settings) for name, file in data_files(data).items()}
        profile = profiles_of({name: traces for name, (_, _, traces) in splits.items()})
        require_few_duplicates(profile, settings.most_duplicates, data.facts.source, "questions")
        windows = {name: split.rows for name, (split, _, _) in splits.items()}
        require_counts(windows, settings.expected_windows, "expected_windows", "windows", data.facts.source)
        facts = FeaturesFacts(
            task="question-answering",
            raw_data=data.digest,
            tokenizer=model.files[TOKENIZER].sha256,
            vocabulary_size=pair.vocabulary_size,
            settings=to_mapping(settings),
            splits={name: split for name, (split, _, _) in splits.items()},
            details={name: counts for name, (_, counts, _) in splits.items()},
            profile=profile,
        )
        draft.facts.update(to_mapping(facts))
    write_facts(FEATURES, prepared_data, prepared_data_facts, shown_files(FEATURES.read(prepared_data)))


def _tokenize(
    file: DataFile, directory: Path, pair: PairTokenizer, settings: WindowSettings
) -> Tuple[SplitFacts, Dict[str, int], Traces]:
    """Read one split, cut it, write it below the draft, and count what a reader of the card should know of it."""
    started, aside = time.monotonic(), SetAside(settings)
    split, bad_rows = read_squad(file)
    if not split.questions:
        bad_rows.stop()
    encoded = encode_split(pair.tokenizer, split)
    long = long_questions(split, encoded, bad_rows, pair=pair, settings=settings)
    aside.take(bad_rows)
    kept = np.delete(np.arange(len(split.questions)), long)
    split = replace(split, questions=[split.questions[row] for row in kept])
    encoded = replace(encoded, questions=encoded.questions.take(kept))
    aside.require_few(file, "questions", len(aside.entries), len(kept) + len(aside.entries))
    windows = cut_windows(directory, split, encoded, pair=pair, settings=settings)
    write_windows(windows, split.questions, split.contexts)
    aside.write(directory)
    counts = {
        "impossible_questions": sum(question.is_impossible for question in split.questions),
        "impossible_questions_with_answers": split.with_plausible_answers,
        "questions_set_aside": len(aside.entries),
    }
    _log_counts(windows, len(split.questions), len(aside.entries), time.monotonic() - started)
    facts = SplitFacts(len(split.questions), len(windows), len(windows.tokens.values), split_digest(directory))
    return facts, counts, traces_of(split.questions, split.contexts)


def _log_counts(windows: QuestionWindows, questions: int, set_aside: int, seconds: float) -> None:
    without = int((windows.answer_end == 0).sum())
    counts = questions, len(windows), len(windows.tokens.values), without, set_aside
    message = (
        "%s: %s questions, %s windows, %s tokens, %s windows without the answer, %s questions set aside, %s windows/s"
    )
    _log.info(message, windows.directory.name, *(f"{count:,}" for count in counts), f"{len(windows) / seconds:,.0f}")
