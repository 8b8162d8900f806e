"""Question-answering models of random weights, and the features that they are trained on: options of the benchmarks."""

from functools import partial
from pathlib import Path
from typing import Any, Dict

from side_by_side import Shapes
from transformers import AutoModelForQuestionAnswering, BertConfig, PretrainedConfig, RobertaConfig

_CONFIGURATIONS: Dict[str, PretrainedConfig] = {
    "bert-base": BertConfig(),
    "minilm": BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536),
    "roberta-base": RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1),
}


def _write(config: PretrainedConfig, directory: Path) -> None:
    AutoModelForQuestionAnswering.from_config(config).save_pretrained(directory)


SHAPES: Shapes = {name: partial(_write, config) for name, config in _CONFIGURATIONS.items()}
FEATURES: Dict[str, Any] = {"type": Path, "required": True, "help": "what tokenize_squad wrote"}
