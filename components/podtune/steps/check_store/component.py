"""The check_store step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl

from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def check_store(release: Dict[str, Any], store: str) -> None:
    """Check that the store takes releases.

    Args:
        release: The `release` section of a recipe.
        store: s3:// URI where releases live.
    """
    from podtune.errors import ending_cleanly
    from podtune.steps.check_store.step import run

    with ending_cleanly():
        run(release=release, store=store)
