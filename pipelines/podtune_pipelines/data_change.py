"""Whether a recipe's data is like that of its live release: looked at before a run on this machine trains."""

from typing import List

from podtune.formats.features import FEATURES
from podtune.steps.check_unchanged.data_change import live_data, require_like_live
from podtune.stores.opening import open_store
from podtune.stores.retrying import patiently

from podtune_pipelines.home import Home
from podtune_pipelines.local_run import prepare_locally
from podtune_pipelines.recipe import Recipe


def data_changes(recipe: Recipe, home: Home, device: str, store: str) -> List[str]:
    """Prepare the data if there is a live release to hold it against, and return what differs, in words.

    BadInput where that is more than the recipe's gate allows.
    """
    name = recipe.release.name
    live = patiently(lambda: live_data(open_store(store), name))
    if live is None:
        return []
    prepared = FEATURES.read(prepare_locally(recipe, home, device)).facts.profile if live.profile else {}
    return require_like_live(prepared, live, name, recipe.gate.most_data_change)
