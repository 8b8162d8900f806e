"""The training loop: asks an engine for optimizer steps, whatever the device, and ends in good order."""

import contextlib
import logging
from dataclasses import dataclass, replace
from math import isfinite
from time import monotonic, perf_counter
from typing import Callable, List, Optional, Tuple

from podtune.errors import BadInput, Interrupted, PodtuneError
from podtune.formats.checkpoint import Line
from podtune.stores.retrying import patiently
from podtune.training.config import TrainingConfig
from podtune.training.log import Display, GrowingLog
from podtune.training.protocols import Engine, Examples, Metrics, StepResult
from podtune.training.resume import Progress, States
from podtune.training.saver import Saver
from podtune.training.schedule import Order, learning_rate

_NAMED = 5
"""Examples of a batch that a message names."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A training run. Under torchrun every process has its own, with the same content."""

    engine: Engine
    examples: Examples
    config: TrainingConfig
    states: States
    stopping: Callable[[], bool]
    """Whether this process was asked to end."""

    evaluate: Callable[[], Metrics]
    """Score the engine's weights of the moment on data that is not trained on."""


@dataclass(frozen=True)
class Trained:
    """A run that came to its end; the engine has the weights to keep."""

    progress: Progress
    lines: List[Line]
    steps_per_epoch: int
    examples_seen: int
    """Rows consumed, counted once an epoch."""

    kept_step: int
    """Whose weights these are."""


def train(run: Run) -> Trained:
    """Train to the end, from the newest intermediate checkpoint on where there is one.

    Interrupted: asked to stop, the state is saved. PodtuneError: a loss or gradient that is not a number.
    """
    order = Order(len(run.examples), run.config)
    progress, lines = _resumed(run)
    with contextlib.ExitStack() as outputs:
        display = outputs.enter_context(Display(order.steps, progress.step))
        saver = outputs.enter_context(Saver(run.states))
        state = _TrainerState(run, order, progress, lines=lines, display=display, saver=saver)
        if run.engine.first:
            growing = outputs.enter_context(GrowingLog(run.states.directory, lines))
            state.watchers += [growing.add, display.show]
        state.take_steps()
    kept = state.progress.best_step or order.steps
    if kept != order.steps:
        _bring_to_all_machines(run, kept)
        run.engine.load_state(run.states.open(kept).engine)
    seen = order.consumed(order.steps)
    return Trained(state.progress, state.lines, order.steps_per_epoch, examples_seen=seen, kept_step=kept)


def _resumed(run: Run) -> Tuple[Progress, List[Line]]:
    """Bring the engine to where the run was stopped; the first process looks for the checkpoint."""
    step = run.engine.from_first(patiently(run.states.newest, run.stopping) if run.engine.first else 0)
    if not step:
        return Progress(joules=0.0), []
    _bring_to_all_machines(run, step)
    saved = run.states.open(step)
    run.engine.load_state(saved.engine)
    if run.engine.first:
        _log.info("continuing after step %d, from %s", step, run.states.directory)
    return replace(saved.progress, resumed=saved.progress.resumed + 1), saved.lines


def _bring_to_all_machines(run: Run, step: int) -> None:
    """Wait until every machine has a checkpoint of the first process's."""
    engine, states = run.engine, run.states
    fetching = engine.first_here and not engine.first
    if engine.in_any(fetching) and engine.first:
        patiently(states.share, run.stopping)  # one may be on its machine only
    engine.in_any(False)
    if fetching:
        patiently(lambda: states.fetch(step), run.stopping)
    engine.in_any(False)


class _TrainerState:
    """A run under way: what it has done, and what it does next."""

    def __init__(
        self, run: Run, order: Order, progress: Progress, *, lines: List[Line], display: Display, saver: Saver
    ) -> None:
        self.run, self.order, self.progress, self.lines, self._display = run, order, progress, lines, display
        self.watchers: List[Callable[[Line], None]] = []
        self._saver, self._saved_step, self._saved_at = saver, progress.step, monotonic()
        self._unread: List[StepResult] = []
        self._began = perf_counter()
        self._joules = run.engine.joules() if run.engine.first else None

    def take_steps(self) -> None:
        """Take all steps that are left, with what falls due between them."""
        config = self.run.config
        while True:
            if self._due(config.evaluate_every) and self.progress.evaluated_step != self._step:
                self._evaluate()
            if self._save_due():
                self._save()
            if self._step >= self.order.steps:
                self._saver.finish()
                return
            self._call_device()
            self._saver.raise_failure()
            if self.run.engine.in_any(self.run.stopping()):
                self._stop()

    @property
    def _step(self) -> int:
        """Optimizer steps that were taken; `progress.step` are those whose losses were read."""
        return self.progress.step + len(self._unread)

    def _due(self, every: int) -> bool:
        """Whether something that is done every so many steps, and at the end, is due after this device call."""
        if not every or not self._step:
            return False
        return self._step % every < self.run.config.device_iterations or self._step == self.order.steps

    def _save_due(self) -> bool:
        """Whether to save now: the weights to keep, the end, so many steps, or minutes unless the disk is behind."""
        config, minutes = self.run.config, self.run.config.checkpoint_minutes
        if self._due(config.checkpoint_every) or (self._step and self.progress.best_step == self._step):
            return True
        if minutes and self._step == self.order.steps:
            return True
        return bool(minutes) and monotonic() - self._saved_at >= 60 * minutes and not self._saver.is_writing()

    def _call_device(self) -> None:
        """Take the optimizer steps of one call to the device; nothing is looked at between them."""
        run, first = self.run, self._step
        rate = learning_rate(run.config, first, self.order.steps)
        batches = [self.order.rows(step) for step in range(first, first + run.config.device_iterations)]
        self._unread += run.engine.steps(run.examples, batches, first, rate)
        self._display.advance(run.config.device_iterations)
        if self._due(run.config.log_every):
            self._read()
            self._add_training_line(rate)

    def _read(self) -> None:
        """Fetch the results of the steps since the last reading from the device, and add them up."""
        if not self._unread:
            return
        before, loss_sum = self.progress, self.progress.loss_sum
        losses = [float(result.loss) for result in self._unread]
        norms = [None if result.gradient_norm is None else float(result.gradient_norm) for result in self._unread]
        for number, (loss, norm) in enumerate(zip(losses, norms)):
            if not (isfinite(loss) and (norm is None or isfinite(norm))):
                raise PodtuneError(self._diverged(before.step + number, loss, norm))
            loss_sum += loss  # not by sum(): from Python 3.12 on its rounding depends on where a run was cut
        now = perf_counter()
        self.progress = replace(
            before,
            step=before.step + len(losses),
            loss_sum=loss_sum,
            seconds=before.seconds + now - self._began,
            joules=self._taken(before.joules),
            losses=before.losses + losses,
            gradient_norms=before.gradient_norms + [norm for norm in norms if norm is not None],
        )
        self._unread, self._began = [], now

    def _taken(self, before: Optional[float]) -> Optional[float]:
        """Add to the joules of the run what the accelerators took since the last reading."""
        last, self._joules = self._joules, self.run.engine.joules() if self.run.engine.first else None
        return None if before is None or last is None or self._joules is None else before + self._joules - last

    def _diverged(self, step: int, loss: float, norm: Optional[float]) -> str:
        names = self.run.examples.names(self.order.rows(step)[:_NAMED])
        of_gradient = "" if norm is None else f", gradient norm {norm}"
        return (
            f"training diverged in step {step + 1}: loss {loss}{of_gradient}, on a batch that begins with "
            f"examples {', '.join(names)}; look at these, or lower training.learning_rate"
        )

    def _add_training_line(self, rate: float) -> None:
        """Log the means over the steps since the last line."""
        progress, count = self.progress, len(self.progress.losses)
        rows = self.order.consumed(progress.step) - self.order.consumed(progress.step - count)
        line: Line = {
            "step": progress.step,
            "epoch": progress.step / self.order.steps_per_epoch,
            "loss": sum(progress.losses) / count,
            "learning_rate": rate,
            "examples_per_second": rows / (progress.seconds - progress.logged_seconds),
            "seconds": progress.seconds,
        }
        if progress.gradient_norms:
            line["gradient_norm"] = sum(progress.gradient_norms) / count
        self._add_line(line)
        self.progress = replace(progress, losses=[], gradient_norms=[], logged_seconds=progress.seconds)

    def _add_line(self, line: Line) -> None:
        self.lines.append(line)
        for watcher in self.watchers:
            watcher(line)

    def _evaluate(self) -> None:
        self._read()
        step, name = self._step, self.run.config.best_metric
        metrics = dict(self.run.evaluate())
        self._add_line({"step": step, "epoch": step / self.order.steps_per_epoch, "evaluation": metrics})
        self.progress = replace(self.progress, evaluated_step=step)
        if name and name not in metrics:
            raise BadInput(f"training.best_metric must be one of {', '.join(metrics)}; got {name!r}")
        if name and (not self.progress.best_step or metrics[name] > self.progress.best_value):
            self.progress = replace(self.progress, best_step=step, best_value=metrics[name])
        self._began = perf_counter()

    def _save(self) -> None:
        """Begin a checkpoint unless this step has one; losses that are not finite end the run before it."""
        if not self.run.engine.first or self._step == self._saved_step:
            return
        self._read()
        self._saver.save(self.run.engine, self.progress, self.lines)
        self._saved_step, self._saved_at = self._step, monotonic()
        self._began = perf_counter()

    def _stop(self) -> None:
        self._save()
        self._saver.finish()
        if self.run.engine.first:
            self.run.states.share()
        self.run.engine.in_any(False)  # one that ends before the first has saved would have torchrun end that
        raise Interrupted(
            f"stopped after step {self._step} of {self.order.steps}, whose checkpoint is saved; "
            "start again to continue from there"
        )
