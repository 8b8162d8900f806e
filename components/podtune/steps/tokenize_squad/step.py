"""Cut a SQuAD-format data set into windows of tokens: RawData and BaseModel to Features."""

import logging
import time
from pathlib import Path
from typing import Any, Mapping

from podtune.formats.base_model import BASE_MODEL, TOKENIZER
from podtune.formats.features import FEATURES, FeaturesFacts, SplitFacts, require_counts
from podtune.formats.raw_data import RAW_DATA, DataFile, data_files
from podtune.sections import read_section, to_mapping
from podtune.tasks.question_answering.encoding import encode_split
from podtune.tasks.question_answering.pair_tokenizer import PairTokenizer, open_pair_tokenizer
from podtune.tasks.question_answering.questions import split_digest
from podtune.tasks.question_answering.settings import WindowSettings
from podtune.tasks.question_answering.squad import read_squad
from podtune.tasks.question_answering.window_cutting import cut_windows
from podtune.tasks.question_answering.windows import QuestionWindows, write_windows

_log = logging.getLogger(__name__)


def run(raw_data: Path, base_model: Path, prepared_data: Path, features: Mapping[str, Any]) -> None:
    """Make Features of every split."""
    settings = read_section(WindowSettings, features, "features")
    data = RAW_DATA.open(raw_data)
    model = BASE_MODEL.open(base_model)
    pair = open_pair_tokenizer(base_model, settings.max_length)
    with FEATURES.sealing(prepared_data) as draft:
        splits = {name: _tokenize(file, draft.path / name, pair, settings) for name, file in data_files(data).items()}
        windows = {name: split.rows for name, split in splits.items()}
        require_counts(windows, settings.expected_windows, "expected_windows", "windows", data.facts.source)
        facts = FeaturesFacts(
            task="question-answering",
            raw_data=data.digest,
            tokenizer=model.files[TOKENIZER].sha256,
            vocabulary_size=pair.vocabulary_size,
            settings=to_mapping(settings),
            splits=splits,
        )
        draft.facts.update(to_mapping(facts))


def _tokenize(file: DataFile, directory: Path, pair: PairTokenizer, settings: WindowSettings) -> SplitFacts:
    """Read one split, cut it, and write it below the draft."""
    started = time.monotonic()
    split, bad_rows = read_squad(file)
    bad_rows.stop()
    encoded = encode_split(pair.tokenizer, split)
    windows = cut_windows(directory, split, encoded, pair=pair, settings=settings)
    write_windows(windows, split.questions, split.contexts)
    _log_counts(windows, len(split.questions), time.monotonic() - started)
    return SplitFacts(len(split.questions), len(windows), len(windows.tokens.values), split_digest(directory))


def _log_counts(windows: QuestionWindows, questions: int, seconds: float) -> None:
    counts = questions, len(windows), len(windows.tokens.values), int((windows.answer_end == 0).sum())
    message = "%s: %s questions, %s windows, %s tokens, %s windows without the answer, %s windows/s"
    _log.info(message, windows.directory.name, *(f"{count:,}" for count in counts), f"{len(windows) / seconds:,.0f}")
