"""Run a few examples through a model, in float32 on this machine's processor."""

from typing import Dict

import numpy as np
from podtune.training.config import TrainingConfig
from podtune.training.protocols import Examples, Objective

from podtune_pipelines.predicting.released_model import ReleasedModel


def outputs_of(model: ReleasedModel, objective: Objective, examples: Examples) -> Dict[str, np.ndarray]:
    """What the objective puts out for each example, through the engine that evaluates."""
    from podtune.training.engines import open_engine

    nothing_is_trained = TrainingConfig(epochs=1, batch_size=1, learning_rate=1.0, precision="float32")
    return open_engine(objective, model.directory, nothing_is_trained, "cpu").outputs(examples)
