"""What a model is fine-tuned from: features and a pretrained model that belong together."""

from dataclasses import dataclass
from pathlib import Path

from podtune.errors import BadInput
from podtune.formats.base_model import BASE_MODEL, CONFIG, TOKENIZER, BaseModel, vocabulary_size
from podtune.formats.features import FEATURES, Features
from podtune.formats.json_files import read_object


@dataclass(frozen=True)
class Inputs:
    """Verified features and the base model whose tokenizer made them."""

    features: Features
    base_model: BaseModel


def open_inputs(features_path: Path, base_model_path: Path) -> Inputs:
    """Verify both; BadInput unless the features were made with this model's tokenizer, which fits the model."""
    features, base_model = FEATURES.open(features_path), BASE_MODEL.open(base_model_path)
    wanted, tokenizer = features.facts.tokenizer, base_model.files.get(TOKENIZER)
    found = tokenizer.sha256 if tokenizer else "none"
    if found != wanted:
        raise BadInput(
            f"features in {features.path} were made for the tokenizer with SHA-256 {wanted}; this model, "
            f"{base_model.facts.model} in {base_model.path}, has {found}; prepare the features again with it"
        )
    _require_embeddings(base_model.path / CONFIG, features.facts.vocabulary_size)
    return Inputs(features, base_model)


def _require_embeddings(config: Path, vocabulary: int) -> None:
    rows = vocabulary_size(read_object(config))
    if rows is None:
        raise BadInput(f"{config} must be the model's configuration, with its vocab_size; fetch the model again")
    if rows < vocabulary:
        raise BadInput(f"{config}: vocab_size is {rows}; the features have token ids up to {vocabulary - 1}")
