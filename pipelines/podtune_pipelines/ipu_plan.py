"""How a run would be placed on IPUs; needs neither IPUs nor PopTorch."""

from dataclasses import dataclass
from typing import List, Optional

from podtune.formats.base_model import BaseModel
from podtune.formats.features import Features
from podtune.tasks.task import task_named
from podtune.training.config import TrainingConfig
from podtune.training.fixed_shapes import require_room
from podtune.training.ipu import IpuConfig


@dataclass(frozen=True)
class IpuShare:
    """One IPU of a pipeline."""

    layers: int
    parameters: int
    least_bytes: int
    """Of weights, gradients and moments; code, exchange and activations come on top."""


@dataclass(frozen=True)
class Pipeline:
    """A model on the IPUs of a pipeline."""

    stages: int
    """Of the forward pass."""

    shares: List[IpuShare]
    fullest_rows: int
    """Rows of the fullest batch, packed or not."""


@dataclass(frozen=True)
class IpuPlan:
    """A run on IPUs."""

    ipus: int
    rows_per_step: int
    """Rows of one shape in an optimizer step; fewer than its windows where these share rows."""

    pipeline: Optional[Pipeline]
    """None until the model and the data are there."""

    published_rows_per_second: Optional[float]
    """Of this placement; None where there is none."""

    seconds: Optional[float]
    """Duration of the training at that speed."""


def plan_for_ipus(
    training: TrainingConfig, consumed: Optional[int], features: Optional[Features], base_model: Optional[BaseModel]
) -> IpuPlan:
    """Place a recipe's model on its IPUs; BadInput where the recipe has no training.ipu, or where it cannot fit.

    `consumed` counts the rows that the run trains on.
    """
    ipu = training.on_ipus()
    rate = ipu.reference_rows_per_second
    return IpuPlan(
        ipus=ipu.ipus,
        rows_per_step=ipu.rows_per_step,
        pipeline=_pipeline(training, ipu, features, base_model) if features and base_model else None,
        published_rows_per_second=rate or None,
        seconds=consumed / rate if consumed and rate else None,
    )


def _pipeline(training: TrainingConfig, ipu: IpuConfig, features: Features, base_model: BaseModel) -> Pipeline:
    from podtune.training.engines.placement import least_bytes, place_on_ipus

    task = task_named(features.facts.task)
    objective = task.objective(features, task.evaluation())
    placement = place_on_ipus(objective, objective.load(base_model.path), training)
    fullest = ipu.rows_per_step
    if ipu.packing > 1:
        fullest = require_room(task.open_examples(features, "train").lengths, training, ipu)
    pairs = zip(ipu.layers_per_ipu, placement.parameters())
    shares = [IpuShare(layers, count, least_bytes(count, training, ipu)) for layers, count in pairs]
    return Pipeline(placement.stages, shares, fullest)
