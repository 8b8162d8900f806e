"""Whether the gate refused before what a run on this machine would make."""

from pathlib import Path
from typing import Mapping, Optional

from podtune import __version__
from podtune.formats.base_model import BASE_MODEL
from podtune.formats.features import FEATURES
from podtune.formats.ingredients import Ingredients
from podtune.sections import to_mapping
from podtune.stores.opening import open_store
from podtune.stores.refusals import refused_again

from podtune_pipelines.recipe import Recipe
from podtune_pipelines.reuse import Outputs


def refused_before(recipe: Recipe, device: str, reused: Mapping[str, Optional[Outputs]], store: str) -> str:
    """When and why the same was refused, where that still holds; empty else, and until data and model are prepared."""
    prepared, fetched = reused.get(recipe.of_task.preparation), reused.get("fetch_model")
    if not prepared or not fetched:
        return ""
    sections, opened, name = to_mapping(recipe), open_store(store), recipe.release.name
    made_of = Ingredients(
        features=FEATURES.read(Path(prepared["prepared_data"].path)).digest,
        base_model=BASE_MODEL.read(Path(fetched["base_model"].path)).digest,
        code=__version__,
        device=device,
        sections={key: sections[key] for key in ("training", "evaluation")},
    )
    found = refused_again(opened, name, made_of.derivation, sections["gate"])
    if found is None:
        return ""
    why, refusal = found
    return f"the gate refused the same at {refusal.time}: {why}"
