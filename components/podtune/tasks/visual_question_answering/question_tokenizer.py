"""LXMERT's tokenizer: questions to token ids, the classifier's first and the separator last."""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from tokenizers import Tokenizer

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, TOKENIZER, load_tokenizer, mistake_in_type
from podtune.formats.json_files import read_object
from podtune.formats.ragged import Ragged, offsets_of
from podtune.progress import progress_bar

_BATCH = 8192


@dataclass(frozen=True)
class QuestionTokenizer:
    """A tokenizer that cuts questions off at a length."""

    tokenizer: Tokenizer
    max_length: int
    vocabulary_size: int
    """Token ids are below it."""

    def encode(self, questions: Sequence[str]) -> Tuple[Ragged, int]:
        """Token ids of each question, int32; and how many questions were cut."""
        rows: List[List[int]] = []
        cut = 0
        with progress_bar(len(questions), "question", "encoding questions") as bar:
            for start in range(0, len(questions), _BATCH):
                batch = self.tokenizer.encode_batch(list(questions[start : start + _BATCH]))
                rows += [encoding.ids for encoding in batch]
                cut += sum(bool(encoding.overflowing) for encoding in batch)
                bar.update(len(batch))
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        ids = (token for row in rows for token in row)
        return Ragged(np.fromiter(ids, dtype=np.int32, count=int(lengths.sum())), offsets_of(lengths)), cut


def open_question_tokenizer(base_model: Path, max_length: int) -> QuestionTokenizer:
    """Open a verified BaseModel's tokenizer; BadInput unless it and questions of `max_length` fit the model."""
    path = base_model / TOKENIZER
    tokenizer = load_tokenizer(path)
    if tokenizer.num_special_tokens_to_add(False) != 2:
        raise BadInput(f"{path} must put two special tokens around a question, as BERT's does")
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    _check_model(base_model / CONFIG, size, max_length)
    return QuestionTokenizer(tokenizer, max_length, size)


def _check_model(path: Path, size: int, max_length: int) -> None:
    config = read_object(path)
    mistake = mistake_in_type(config, ["lxmert"])
    if mistake:
        raise BadInput(f"{path}: {mistake}")
    rows, positions = config.get("vocab_size", 0), config.get("max_position_embeddings", max_length)
    if size > rows:
        raise BadInput(f"{path}: vocab_size is {rows}; it must be at least {size}, as the tokenizer's ids need")
    if max_length > positions:
        wanted = f"at most {positions}, the positions that {path} gives the model"
        raise BadInput(f"features.max_length must be {wanted}; got {max_length}")
