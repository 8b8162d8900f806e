"""A run that takes a millisecond.

Exact resume is shown for a kill after every step and in every save, which is a hundred runs. A real engine needs a
second to import torch and another to train, so here a linear model in numpy stands in for it; that the real one
continues exactly, tests/components/finetune shows.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import pytest
from podtune.formats.ragged import Batch
from podtune.training.config import TrainingConfig
from podtune.training.loop import Run
from podtune.training.protocols import StepResult
from podtune.training.resume import States


class Killed(BaseException):
    """Stands for kill -9: nothing in the code under test may catch it."""


@dataclass
class Points:
    """Examples of a linear problem."""

    count: int = 10
    lengths: np.ndarray = field(default_factory=lambda: np.ones(10, dtype=np.int64))

    def __len__(self) -> int:
        return self.count

    def names(self, rows: np.ndarray) -> List[str]:
        return [f"point-{row}" for row in rows]

    def batch(self, rows: np.ndarray) -> Batch:
        inputs = np.stack([np.cos(rows), np.sin(rows), np.ones(len(rows))], axis=1)
        columns = {"inputs": inputs, "targets": inputs @ [1.0, -2.0, 0.5]}
        return Batch(np.arange(len(rows) + 1), {}, columns)


@dataclass
class Number:
    """A number on a device; counts how often it is fetched."""

    value: float
    calls: List[str]

    def __float__(self) -> float:
        self.calls.append("fetch")
        return self.value


@dataclass
class LinearEngine:
    """The engine protocol over a linear model with momentum and a noise that stands for dropout."""

    first: bool = True
    first_here: bool = True
    threads = 0
    devices: Tuple[str, ...] = ()
    calls: List[str] = field(default_factory=list)
    rates: List[float] = field(default_factory=list)
    weights: np.ndarray = field(default_factory=lambda: np.zeros(3))
    momentum: np.ndarray = field(default_factory=lambda: np.zeros(3))
    losses: Dict[int, float] = field(default_factory=dict)
    """Step to a loss that replaces the true one."""

    norms: Dict[int, float] = field(default_factory=dict)
    """The same for the gradient's norm."""

    killed_in: str = ""
    """The call in which the process dies: step 7, save 4."""

    step_takes: Optional[float] = None
    """Joules; None where the device does not tell."""

    def joules(self) -> Optional[float]:
        return None if self.step_takes is None else 1e6 + self.step_takes * self.calls.count("step")

    def in_any(self, flag: bool) -> bool:
        self.calls.append("in_any")
        return flag

    def from_first(self, number: int) -> int:
        return number

    def steps(
        self, examples: Points, batches: Sequence[np.ndarray], first: int, learning_rate: float
    ) -> List[StepResult]:
        return [self._step(examples, rows, first + number, learning_rate) for number, rows in enumerate(batches)]

    def _step(self, examples: Points, rows: np.ndarray, step: int, learning_rate: float) -> StepResult:
        self._die_in(f"step {step}")
        self.calls.append("step")
        self.rates.append(learning_rate)
        columns = examples.batch(rows).columns
        noise = np.random.default_rng((1, step)).normal(scale=0.01, size=len(rows))
        error = columns["inputs"] @ self.weights - columns["targets"] + noise
        gradient = columns["inputs"].T @ error / len(rows)
        self.momentum = 0.9 * self.momentum + gradient
        self.weights = self.weights - learning_rate * self.momentum
        loss = self.losses.get(step, float((error**2).mean()))
        norm = self.norms.get(step, float(np.linalg.norm(gradient)))
        return StepResult(Number(loss, self.calls), Number(norm, self.calls))

    def outputs(self, examples: Points) -> Dict[str, np.ndarray]:
        return {"weights": self.weights}

    def save_model(self, directory: Path) -> None:
        directory.mkdir()
        np.save(directory / "weights.npy", self.weights)

    def copy_state(self) -> Callable[[Path], None]:
        self.calls.append("save")
        number, weights, momentum = self.calls.count("save"), self.weights.copy(), self.momentum.copy()

        def write(directory: Path) -> None:
            np.save(directory / "weights.npy", weights)
            self._die_in(f"save {number}")
            np.save(directory / "momentum.npy", momentum)

        return write

    def load_state(self, directory: Path) -> None:
        self.weights, self.momentum = np.load(directory / "weights.npy"), np.load(directory / "momentum.npy")

    def _die_in(self, call: str) -> None:
        if call == self.killed_in:
            raise Killed


@dataclass
class Answers:
    """Stands for a store: each sharing takes the next answer, an error or None."""

    answers: List[Optional[Exception]]

    def hold(self, directories: Mapping[int, Path]) -> None:
        answer = self.answers.pop(0)
        if answer:
            raise answer

    def steps(self) -> List[int]:
        return []


@dataclass
class Workbench:
    """Makes runs over the same checkpoints."""

    directory: Path
    settings: Dict[str, Any] = field(
        default_factory=lambda: {
            "epochs": 4,
            "batch_size": 3,
            "learning_rate": 0.05,
            "warmup_steps": 2,
            "log_every": 2,
            "checkpoint_minutes": 0,
            "checkpoint_every": 3,
        }
    )
    scores: List[Mapping[str, float]] = field(default_factory=list)
    """What intermediate evaluations find, one after the other."""

    answers: List[Optional[Exception]] = field(default_factory=list)
    """Of the store; empty where there is none."""

    mirror: Any = None
    """Stands for the store, in place of answers."""

    stop_after: int = 0
    """Device calls after which a signal has come; 0 for never."""

    def run(self, engine: LinearEngine, **changes: Any) -> Run:
        config = TrainingConfig(**{**self.settings, **changes})
        mirror = self.mirror or (Answers(self.answers) if self.answers else None)
        states = States(self.directory, config.keep_checkpoints, mirror)
        stopping = lambda: engine.calls.count("step") == self.stop_after  # noqa: E731
        return Run(engine, Points(), config, states, stopping, self._evaluate(engine))

    def _evaluate(self, engine: LinearEngine) -> Callable[[], Mapping[str, float]]:
        def evaluate() -> Mapping[str, float]:
            engine.calls.append("evaluate")
            return self.scores.pop(0) if self.scores else {"score": -float(np.abs(engine.weights).sum())}

        return evaluate


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path / "states")


@pytest.fixture(scope="session")
def make_workbench() -> Callable[[Path], Workbench]:
    return Workbench


@pytest.fixture(scope="session")
def make_engine() -> Callable[..., LinearEngine]:
    return LinearEngine


@pytest.fixture(scope="session")
def killed() -> Any:
    """The exception that stands for kill -9."""
    return Killed
