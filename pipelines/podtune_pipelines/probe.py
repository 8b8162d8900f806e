"""How fast a recipe trains and predicts on this machine: measured on a few real rows, and remembered."""

import contextlib
import hashlib
import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import List, Optional

import numpy as np
from podtune.formats.base_model import BaseModel
from podtune.formats.features import Features
from podtune.formats.ragged import Batch
from podtune.tasks.task import task_named
from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.protocols import Examples
from podtune.training.records import hardware, software

PROBE_SECONDS = 10.0
WARM_UP_STEPS = 2


@dataclass(frozen=True)
class Speed:
    """Rows per second."""

    training: float
    prediction: float
    joules_a_row: Optional[float] = None
    """That the device takes in training, as it counts it; None where it does not."""


@dataclass(frozen=True)
class SomeRows:
    """A few rows of a split, as a split of their own."""

    examples: Examples
    rows: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return np.asarray(self.examples.lengths[self.rows])

    def __len__(self) -> int:
        return len(self.rows)

    def names(self, rows: np.ndarray) -> List[str]:
        return self.examples.names(self.rows[rows])

    def batch(self, rows: np.ndarray) -> Batch:
        return self.examples.batch(self.rows[rows])


def speed_of(features: Features, base_model: BaseModel, config: TrainingConfig, device: str, memory: Path) -> Speed:
    """Measure, or recall from the directory `memory` what was measured there on this machine, of the same work."""
    work = [features.digest, base_model.digest, config.batch_size, config.micro_batch_tokens]
    machine = [platform.node(), hardware(device, (), config.precision), software()]
    path = memory / f"{hashlib.sha256(json.dumps([machine, work]).encode()).hexdigest()[:16]}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Speed(**json.loads(path.read_bytes()))
    speed = measure(features, base_model, config, device)
    memory.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(speed)), encoding="utf-8")
    return speed


def measure(features: Features, base_model: BaseModel, config: TrainingConfig, device: str) -> Speed:
    """Train and predict for about PROBE_SECONDS on rows drawn at random; nothing is kept."""
    task = task_named(features.facts.task)
    examples = task.open_examples(features, "train")
    rows = np.random.default_rng(0).permutation(len(examples))
    engine = open_engine(task.objective(features, task.evaluation()), base_model.path, config, device)
    batches = np.array_split(rows, max(1, len(rows) // min(config.batch_size, 64)))
    for step, batch in enumerate(batches[:WARM_UP_STEPS]):
        float(engine.steps(examples, [batch], step, 0.0)[0].loss)  # waits for the device
    done, began, taken = 0, time.perf_counter(), engine.joules()
    for step, batch in enumerate(batches):
        float(engine.steps(examples, [batch], step, 0.0)[0].loss)
        done += len(batch)
        if time.perf_counter() - began > PROBE_SECONDS:
            break
    training, counted = done / (time.perf_counter() - began), engine.joules()
    joules = None if taken is None or counted is None else (counted - taken) / done
    some = SomeRows(examples, rows[: max(1, done)])
    began = time.perf_counter()
    engine.outputs(some)
    return Speed(training, len(some) / (time.perf_counter() - began), joules)
