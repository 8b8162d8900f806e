"""What determines a model and its scores: two runs of the same make the same."""

import hashlib
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from podtune.formats.checkpoint import CheckpointFacts
from podtune.formats.evaluation import EvaluationFacts
from podtune.formats.sealed import canonical_json


@dataclass(frozen=True)
class Ingredients:
    """Everything that determines a run's model: the same ingredients make the same model."""

    features: str
    """Digest, of the data and its preparation."""

    base_model: str
    """Digest."""

    code: str
    """podtune's version, which is also its images'."""

    device: str
    sections: Mapping[str, Mapping[str, Any]]
    """Training, evaluation and card, with all defaults."""

    @property
    def derivation(self) -> str:
        """SHA-256 of what a model and its scores follow from: of all but the words on its card."""
        sections = {name: section for name, section in self.sections.items() if name != "card"}
        return hashlib.sha256(canonical_json(_as_of_json({**vars(self), "sections": sections}))).hexdigest()

    def changes(self, before: "Ingredients") -> Iterator[str]:
        """Yield the differences from `before`, in a recipe's terms."""
        if self.features != before.features:
            yield "the data or its preparation"
        if self.base_model != before.base_model:
            yield "the pretrained model"
        if self.code != before.code:
            yield f"podtune ({before.code} then, {self.code} now)"
        if self.device != before.device:
            yield f"the device ({before.device} then, {self.device} now)"
        for name, section in self.sections.items():
            earlier = before.sections.get(name, {})
            for key in sorted({*section, *earlier}):
                if section.get(key) != earlier.get(key):
                    yield f"{name}.{key}"


def ingredients_of(trained: CheckpointFacts, evaluated: EvaluationFacts, card: Mapping[str, Any]) -> Ingredients:
    """What a model was made of, as its records have it; `card` is the recipe's section."""
    return Ingredients(
        features=trained.features,
        base_model=trained.base_model,
        code=trained.software.get("podtune", "an unknown version"),
        device=str(trained.hardware.get("device")),
        sections={"training": trained.training, "evaluation": evaluated.settings, "card": card},
    )


def _as_of_json(value: Any) -> Any:
    """The same with whole numbers as integers: KFP makes 7.0 of 7, which is the same setting."""
    if isinstance(value, Mapping):
        return {key: _as_of_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_of_json(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
