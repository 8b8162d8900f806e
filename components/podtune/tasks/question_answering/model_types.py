"""What question answering knows of each type of model that it takes, free of torch: one line a type.

A type is here if transformers routes its attention through the functions that it lets others register: without padding,
ours keeps the rows of a stream apart. DeBERTa's and MPNet's attention, with biases of their own, is not.
"""

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple


class ModelType(NamedTuple):
    """How models of a type are called."""

    reads_segments: bool = True
    """Whether question and context are marked as different segments (token types), as its own tokenizer does."""

    positions_after_padding: bool = False
    """Whether positions are counted from the padding token's id plus one, instead of from 0."""

    head: Tuple[str, ...] = ("qa_outputs.",)
    """Parts of the names of the weights that a bare encoder lacks."""

    on_ipus: bool = False
    """Whether its layers can be placed on IPUs one by one, with the IPU image's transformers 4.46."""


MODEL_TYPES: Dict[str, ModelType] = {
    "albert": ModelType(reads_segments=False),  # its tokenizer marks none since transformers 5
    "bert": ModelType(on_ipus=True),
    "camembert": ModelType(positions_after_padding=True, on_ipus=True),
    "distilbert": ModelType(reads_segments=False),
    "electra": ModelType(on_ipus=True),
    "modernbert": ModelType(reads_segments=False, head=("head.", "classifier.")),
    "roberta": ModelType(positions_after_padding=True, on_ipus=True),
    "xlm-roberta": ModelType(positions_after_padding=True, on_ipus=True),
}


def first_position(model_type: str, padding: Optional[int]) -> int:
    """The position of a sequence's first token, with this padding token; 1 is that of all that count from it."""
    if model_type in MODEL_TYPES and MODEL_TYPES[model_type].positions_after_padding:
        return 1 + (1 if padding is None else padding)
    return 0


def positions_of(config: Mapping[str, Any]) -> Optional[int]:
    """How many tokens the model has positions for; None where it has no such limit."""
    positions, padding = config.get("max_position_embeddings"), config.get("pad_token_id")
    if not isinstance(positions, int):
        return None
    return positions - first_position(str(config.get("model_type")), padding if isinstance(padding, int) else None)
