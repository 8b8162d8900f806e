"""ModelCard on disk: what people and machines read about a model.

`README.md`, as the Hub shows it, refers to pictures by relative path under `figures/`; `report.html` needs no other
file; `recipe.yaml` is the recipe of the run, `provenance.json` an in-toto statement, `bom.cdx.json` a parts list.
Where the code that the card shows reads an example from a file, that is there too.
"""

from dataclasses import dataclass
from typing import Any, Dict

from podtune.formats.artifact import Artifact, Format

README = "README.md"
REPORT = "report.html"
RECIPE = "recipe.yaml"
FIGURES = "figures"
PROVENANCE = "provenance.json"
BILL_OF_MATERIALS = "bom.cdx.json"


@dataclass(frozen=True)
class ModelCardFacts:
    """What a card says, and the digests of the artifacts that it was written from."""

    name: str
    """Of the release."""

    settings: Dict[str, Any]
    """The recipe's card section with all defaults."""

    raw_data: str
    base_model: str
    features: str
    checkpoint: str
    evaluation: str
    verdict: str


MODEL_CARD = Format("model-card", 1, ModelCardFacts)
ModelCard = Artifact[ModelCardFacts]
