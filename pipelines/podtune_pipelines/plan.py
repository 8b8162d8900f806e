"""What a run would do: steps, sizes, time."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Literal, Mapping, Optional

from podtune.errors import PodtuneError
from podtune.formats.base_model import BASE_MODEL, BaseModel
from podtune.formats.features import FEATURES, Features, FeaturesFacts
from podtune.training.config import TrainingConfig
from podtune.training.schedule import Order

from podtune_pipelines.cost import Cost, cost_of
from podtune_pipelines.gate_outlook import GateOutlook, gate_outlook
from podtune_pipelines.home import Home
from podtune_pipelines.identity import is_local
from podtune_pipelines.ipu_plan import IpuPlan, plan_for_ipus
from podtune_pipelines.local_run import prepare_locally, reusable_locally
from podtune_pipelines.needs import Needs, needs_of
from podtune_pipelines.probe import speed_of
from podtune_pipelines.recipe import Recipe
from podtune_pipelines.refused import refused_before
from podtune_pipelines.reuse import Outputs

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counts:
    """The size of one split; None where it is unknown before the run."""

    rows: int
    examples: Optional[int] = None
    tokens: Optional[int] = None
    duplicates: Optional[int] = None
    """Examples that stand in the training split too; None of that itself."""


@dataclass(frozen=True)
class Updates:
    """The arithmetic of a training run."""

    batch_size: int
    """Rows in one optimizer step."""

    rows_per_call: int
    """Rows in one call to the device: what published cards call the total batch."""

    calls_per_epoch: int
    calls: int
    """Of the run: what published cards call steps."""

    steps_per_epoch: int
    steps: int
    """Optimizer steps of the run."""

    rows_consumed: int


@dataclass(frozen=True)
class Duration:
    """An estimate from a measured probe, which is remembered."""

    training_rows_per_second: float
    training_seconds: float
    evaluation_seconds: float
    training_kilowatt_hours: Optional[float] = None
    """None where the device does not count what it takes."""


@dataclass(frozen=True)
class Plan:
    """What `podtune run` would do now."""

    recipe: str
    device: str
    steps: Dict[str, Literal["reused", "runs"]]
    counted_from: Literal["features", "recipe", "nothing"]
    rows: str
    """What a row is: windows, questions or images."""

    splits: Dict[str, Counts]
    needs: Needs
    updates: Optional[Updates]
    duration: Optional[Duration]
    """None on IPUs, where training is reused, and where its data or model are not there."""

    gate: Optional[GateOutlook] = None
    """What the gate will be able to tell; None where the number of examples is not known."""

    ipu: Optional[IpuPlan] = None
    """How the model is placed on IPUs; None on other devices."""

    approval: Literal["automatic", "manual"] = "automatic"
    """Who makes a model live that passes the gate."""

    refused: str = ""
    """When and why the gate refused the same model before, where it still would; empty else, and if not asked."""

    cost: Optional[Cost] = None
    """Of training and evaluation on one device, or of training on the placement's IPUs; None where that time is."""


def make_plan(recipe: Recipe, home: Home, device: str, *, fetch: bool, price: float = 0.0, store: str = "") -> Plan:
    """Plan a run; local sources are prepared to be counted and measured, others only with `fetch`.

    `price` is for one device and one hour. Of a store, where one is given, is asked whether the gate refused the same.
    """
    reused = reusable_locally(recipe, home, device)
    preparation = recipe.of_task.preparation
    if not reused[preparation] and (fetch or is_local(recipe)):
        with home.used_by(recipe.slug):
            prepare_locally(recipe, home, device)
        reused = reusable_locally(recipe, home, device)
    prepared, fetched = reused[preparation], reused["fetch_model"]
    features = FEATURES.read(Path(prepared["prepared_data"].path)) if prepared else None
    base_model = BASE_MODEL.read(Path(fetched["base_model"].path)) if fetched else None
    splits = {name: Counts(rows) for name, rows in recipe.expected_rows.items()}
    if features:
        splits = _counted(features.facts)
    updates = updates_of(splits["train"].rows, recipe.training) if splits else None
    on_ipus, consumed = device == "ipu", updates.rows_consumed if updates else None
    duration = None
    if features and base_model and not on_ipus and not reused["finetune"]:
        duration = _measured(recipe, features, base_model, device, home)
    ipu = plan_for_ipus(recipe.training, consumed, features, base_model) if on_ipus else None
    return Plan(
        recipe=recipe.name,
        device=device,
        steps={step: "reused" if outputs else "runs" for step, outputs in reused.items()},
        counted_from="features" if features else "recipe" if splits else "nothing",
        rows=recipe.of_task.words.rows,
        splits=splits,
        needs=needs_of(recipe, features, base_model),
        updates=updates,
        duration=duration,
        gate=gate_outlook(recipe, _scored(splits.get(recipe.evaluation.split)), home),
        ipu=ipu,
        approval=recipe.release.approval,
        refused=_refused(recipe, device, reused, store) if store else "",
        cost=_cost(duration, ipu, price),
    )


def _refused(recipe: Recipe, device: str, reused: Mapping[str, Optional[Outputs]], store: str) -> str:
    try:
        return refused_before(recipe, device, reused, store)
    except PodtuneError as error:
        _log.warning("whether the gate refused the same before is not known: %s", error)
        return ""


def _cost(duration: Optional[Duration], ipu: Optional[IpuPlan], price: float) -> Optional[Cost]:
    if ipu is not None:
        return None if ipu.seconds is None else cost_of(ipu.seconds, ipu.ipus, price)
    if duration is None:
        return None
    cost = cost_of(duration.training_seconds + duration.evaluation_seconds, 1, price)
    return replace(cost, kilowatt_hours=duration.training_kilowatt_hours)


def _counted(features: FeaturesFacts) -> Dict[str, Counts]:
    overlaps = {name: split.overlap for name, split in features.profile.items() if split.overlap}
    return {
        name: Counts(it.rows, it.examples, it.tokens, overlaps[name].normalised if name in overlaps else None)
        for name, it in features.splits.items()
    }


def _scored(split: Optional[Counts]) -> Optional[int]:
    """How many examples a split has; about as many as rows, where only these are known."""
    return None if split is None else split.examples or split.rows


def updates_of(rows: int, config: TrainingConfig) -> Updates:
    """Count the optimizer steps and device calls of a training over so many rows."""
    order = Order(rows, config)
    return Updates(
        batch_size=config.batch_size,
        rows_per_call=config.batch_size * config.device_iterations,
        calls_per_epoch=order.steps_per_epoch // config.device_iterations,
        calls=order.steps // config.device_iterations,
        steps_per_epoch=order.steps_per_epoch,
        steps=order.steps,
        rows_consumed=order.consumed(order.steps),
    )


def _measured(recipe: Recipe, features: Features, base_model: BaseModel, device: str, home: Home) -> Duration:
    splits, speed = features.facts.splits, speed_of(features, base_model, recipe.training, device, home.speeds)
    consumed = updates_of(splits["train"].rows, recipe.training).rows_consumed
    evaluation_seconds = splits[recipe.evaluation.split].rows / speed.prediction
    energy = None if speed.joules_a_row is None else speed.joules_a_row * consumed / 3.6e6
    return Duration(speed.training, consumed / speed.training, evaluation_seconds, energy)
