"""The notify step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import PipelineTaskFinalStatus

from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def notify(release: Dict[str, Any], store: str, status: PipelineTaskFinalStatus) -> None:
    """Tell people how a run ended.

    Args:
        release: The `release` section of a recipe.
        store: Directory or s3:// URI where releases live.
        status: How the orchestrator says that it ended: a word; on Argo also what failed, as JSON.
    """
    from podtune.errors import ending_cleanly
    from podtune.steps.notify.step import run

    with ending_cleanly():
        run(release=release, store=store, status=status.state)
