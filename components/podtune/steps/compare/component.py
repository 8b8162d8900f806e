"""The compare step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune import image_names
from podtune.artifacts import Evaluation, Verdict


@dsl.component(base_image=image_names.CPU, install_kfp_package=False)
def compare(
    evaluation: Input[Evaluation],
    verdict: Output[Verdict],
    gate: Dict[str, Any],
    release: Dict[str, Any],
    store: str,
) -> None:
    """Judge a model against absolute floors and against the live release.

    Args:
        evaluation: What the new model scored.
        verdict: Accept, accept-first or refuse, with the reasons in words.
        gate: The `gate` section of a recipe.
        release: The `release` section of a recipe.
        store: Directory or s3:// URI where releases live.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.compare.step import run

    with ending_cleanly():
        run(Path(evaluation.path), Path(verdict.path), gate=gate, release=release, store=store)
