"""Image captioning, as tasks/task.py wants it."""

from typing import Any, Mapping

import numpy as np

from podtune.formats.features import Features
from podtune.tasks.image_captioning.captions import ImageCaptions, open_captions
from podtune.tasks.image_captioning.scores import score_captions
from podtune.tasks.image_captioning.settings import EvaluationSettings, beam_search
from podtune.tasks.task import Scored
from podtune.training.protocols import Objective

__all__ = ["EvaluationSettings", "objective", "open_examples", "score"]


def open_examples(features: Features, split: str) -> ImageCaptions:
    """Memory-map the images and captions of one split."""
    return open_captions(features.path, split)


def objective(features: Features, settings: Mapping[str, Any]) -> Objective:  # noqa: ARG001  # other tasks' depend on them
    """Write the caption of an image."""
    from podtune.tasks.image_captioning.objective import CaptionObjective

    return CaptionObjective(beam_search(settings))


def score(features: Features, split: str, outputs: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Scored:
    """Score the captions that the model wrote, by the reference definitions of the published metrics."""
    return score_captions(features.path, split, outputs, settings)
