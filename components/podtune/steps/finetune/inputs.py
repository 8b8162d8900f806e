"""What a model is fine-tuned from: features and a pretrained model that belong together."""

import json
from dataclasses import dataclass
from pathlib import Path

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, TOKENIZER, open_base_model, vocabulary_size
from podtune.formats.features import FeaturesFacts, open_features


@dataclass(frozen=True)
class Inputs:
    """Verified features and the base model whose tokenizer made them."""

    features: Path
    features_digest: str
    facts: FeaturesFacts
    base_model: Path
    base_model_digest: str


def open_inputs(features: Path, base_model: Path) -> Inputs:
    """Verify both; BadInput unless the features were made with this model's tokenizer, which fits the model."""
    facts, features_manifest = open_features(features)
    model, model_manifest = open_base_model(base_model)
    tokenizer = model_manifest.files.get(TOKENIZER)
    found = tokenizer.sha256 if tokenizer else "none"
    if found != facts.tokenizer:
        raise BadInput(
            f"features in {features} were made for the tokenizer with SHA-256 {facts.tokenizer}; this model, "
            f"{model.model} in {base_model}, has {found}; prepare the features again with it"
        )
    _require_embeddings(base_model / CONFIG, facts.vocabulary_size)
    return Inputs(features, features_manifest.digest, facts, base_model, model_manifest.digest)


def _require_embeddings(config: Path, vocabulary: int) -> None:
    try:
        rows = vocabulary_size(json.loads(config.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError):
        rows = None
    if rows is None:
        raise BadInput(f"{config} must be the model's configuration, with its vocab_size; fetch the model again")
    if rows < vocabulary:
        raise BadInput(f"{config}: vocab_size is {rows}; the features have token ids up to {vocabulary - 1}")
