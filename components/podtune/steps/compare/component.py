"""The compare step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune.artifacts import Evaluation, Verdict
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def compare(
    scores: Input[Evaluation],
    verdict: Output[Verdict],
    gate: Dict[str, Any],
    release: Dict[str, Any],
    store: str,
) -> None:
    """Judge a model against floors and earlier releases.

    Args:
        scores: The new model's scores.
        verdict: The decision (accept, accept-first or refuse) and its reasons.
        gate: The `gate` section of a recipe.
        release: The `release` section of a recipe.
        store: Directory or s3:// URI where releases live.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.compare.step import run

    with ending_cleanly():
        run(Path(scores.path), Path(verdict.path), gate=gate, release=release, store=store)
