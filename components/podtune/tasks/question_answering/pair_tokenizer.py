"""A base model's tokenizer: what it puts around a question and a context, and whether it fits the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from tokenizers import Encoding, Tokenizer

from podtune.errors import BadInput
from podtune.formats.base_model import TOKENIZER, load_tokenizer
from podtune.formats.json_files import read_object
from podtune.tasks.question_answering.model_types import positions_of


@dataclass(frozen=True)
class PairTokenizer:
    """A tokenizer of pairs, taken apart: window = before + question + between + context + after."""

    tokenizer: Tokenizer
    """Neither truncates nor pads."""

    before: Tuple[int, ...]
    """Token ids; the first is the classifier token."""

    between: Tuple[int, ...]
    after: Tuple[int, ...]
    vocabulary_size: int
    """Token ids are below it."""

    @property
    def special_tokens(self) -> int:
        """How many surround a question and a context."""
        return len(self.before) + len(self.between) + len(self.after)


def open_pair_tokenizer(base_model: Path, max_length: int) -> PairTokenizer:
    """Open a verified BaseModel's tokenizer; BadInput unless it and windows of `max_length` fit the model."""
    path = base_model / TOKENIZER
    tokenizer = load_tokenizer(path)
    settings_path = base_model / "tokenizer_config.json"
    settings = read_object(settings_path) if settings_path.exists() else {}
    _refuse_left_padding(tokenizer, settings, path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    before, between, after = _pair_template(tokenizer, _classifier(tokenizer, settings), path)
    vocabulary_size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    _check_model(base_model / "config.json", vocabulary_size, max_length)
    return PairTokenizer(tokenizer, before, between, after, vocabulary_size)


def marks_segments(model: Path) -> bool:
    """Whether a model's tokenizer marks question and context as different segments; BERT's does, XLM-R's does not.

    A BERT with XLM-R's tokenizer, as multilingual MiniLM, knows one segment. They are marked where no tokenizer is.
    """
    path = model / TOKENIZER
    return not path.exists() or 1 in load_tokenizer(path).encode("one", "two").type_ids


def _refuse_left_padding(tokenizer: Tokenizer, settings: Dict[str, Any], path: Path) -> None:
    """The example swaps question and context for such tokenizers; no published result needs that."""
    side = settings.get("padding_side") or (tokenizer.padding or {}).get("direction", "right")
    if side != "right":
        raise BadInput(f"{path} pads on the {side}; question answering needs a tokenizer that pads on the right")


def _classifier(tokenizer: Tokenizer, settings: Dict[str, Any]) -> Optional[int]:
    """The classifier token's id where the tokenizer's settings name it."""
    token = settings.get("cls_token")
    content = token.get("content") if isinstance(token, dict) else token
    return tokenizer.token_to_id(content) if content else None


def _pair_template(tokenizer: Tokenizer, classifier: Optional[int], path: Path) -> Tuple[Tuple[int, ...], ...]:
    """Read the special tokens off an encoded pair; BadInput unless they surround and separate both texts."""
    try:
        pair = tokenizer.encode("one", "two")
        alone = [tokenizer.encode(text, add_special_tokens=False).ids for text in ("one", "two")]
    except Exception as error:  # the library raises nothing narrower
        raise BadInput(f"{path} cannot encode a pair of texts: {' '.join(str(error).split())}") from error
    parts = _parts(pair)
    if not all(parts):
        raise BadInput(f"{path} has no template for pairs; each text of a pair needs special tokens on both sides")
    if classifier not in (None, parts[0][0]):
        wanted = f"they must start with the classifier, {classifier}"
        raise BadInput(f"{path} starts pairs with token {parts[0][0]}; {wanted}")
    if pair.ids != [*parts[0], *alone[0], *parts[1], *alone[1], *parts[2]]:
        raise BadInput(f"{path} encodes a text in a pair otherwise than alone; its contexts cannot be encoded once")
    return parts


def _parts(pair: Encoding) -> Tuple[Tuple[int, ...], ...]:
    """The special tokens before the first text, between both, and after the second."""
    parts: List[List[int]] = [[], [], []]
    texts_begun = 0
    for token, text in zip(pair.ids, pair.sequence_ids):
        if text is None:
            parts[texts_begun].append(token)
        else:
            texts_begun = text + 1
    return tuple(map(tuple, parts))


def _check_model(path: Path, vocabulary_size: int, max_length: int) -> None:
    config = read_object(path)
    rows = config.get("vocab_size")
    if not isinstance(rows, int) or vocabulary_size > rows:
        wanted = f"the tokenizer's ids go up to {vocabulary_size - 1}, so it must be at least {vocabulary_size}"
        raise BadInput(f"{path}: vocab_size is {rows}; {wanted}: this tokenizer does not fit the model")
    positions = positions_of(config)
    if positions is not None and max_length > positions:
        wanted = f"at most {positions}, the positions that {path} gives the model"
        raise BadInput(f"features.max_length must be {wanted}; got {max_length}")
