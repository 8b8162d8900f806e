"""The fetch_data step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Output

from podtune.artifacts import Facts, RawData
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def fetch_data(
    raw_data: Output[RawData],
    raw_data_facts: Output[Facts],
    source: Dict[str, Any],
) -> None:
    """Fetch a data set and hash it.

    Args:
        raw_data: The files as they were published, with their origin and licence.
        raw_data_facts: Their list and origin, for steps that do not read them.
        source: The `source` section of a recipe.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.fetch_data.step import run

    with ending_cleanly():
        run(Path(raw_data.path), source, raw_data_facts=Path(raw_data_facts.path))
