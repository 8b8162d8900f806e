"""The log of a run: JSON lines, the same for TensorBoard, and what a person sees while it grows."""

import logging
import time
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, List, Mapping

from podtune.environment import CURVES
from podtune.formats.checkpoint import LOG, TENSORBOARD, Line, write_log
from podtune.formats.json_lines import json_line
from podtune.progress import is_first_process, progress_bar, tell_orchestrator

EVENTS = "events.out.tfevents.podtune"
"""TensorBoard looks for `tfevents` in a file's name."""

_TELL_SECONDS = 3.0
"""Between two times that the orchestrator is told: as often as Argo looks."""

_log = logging.getLogger(__name__)


def write_events(directory: Path, lines: List[Line]) -> None:
    """Write the lines as a TensorBoard event file: train/loss, evaluation/f1, …, each over the optimizer steps.

    Their times are such that the run ends now.
    """
    EventFile(directory, lines).close()


class EventFile:
    """A TensorBoard event file that grows line by line."""

    def __init__(self, directory: Path, lines: List[Line]) -> None:
        # Not public, but all else that writes events brings torch or TensorFlow along. A tensorboard that has moved
        # them ends a run at its start, before anything is trained.
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        directory.mkdir(parents=True, exist_ok=True)
        self._event, self._stream = Event, (directory / EVENTS).open("wb")  # until close()
        self._writer = RecordWriter(self._stream)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        elapsed = [line.get("seconds", 0.0) for line in lines]
        start = time.time() - max(elapsed, default=0.0)
        for line, seconds in zip(lines, accumulate(elapsed, max)):
            self.add(line, start + seconds)

    def close(self) -> None:
        self._stream.close()

    def add(self, line: Line, when: float) -> None:
        """Write a line of the log with its time, so that a reader sees it at once."""
        event = self._event(wall_time=when, step=line["step"])
        for tag, value in _scalars(line).items():
            event.summary.value.add(tag=tag, simple_value=value)
        self._write(event)

    def _write(self, event: Any) -> None:
        self._writer.write(event.SerializeToString())
        self._stream.flush()


class GrowingLog:
    """The log of a run under way, for those who watch: `log.jsonl` and an event file; a context manager.

    A run that continues begins it anew with the lines it has.
    """

    def __init__(self, directory: Path, lines: List[Line]) -> None:
        self._events = EventFile(Path(CURVES.value() or directory / TENSORBOARD), lines)
        write_log(directory, lines)
        self._json = (directory / LOG).open("a", encoding="utf-8")  # until the log is left

    def __enter__(self) -> "GrowingLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self._json.close()

    def add(self, line: Line) -> None:
        """Write a line so that it can be read at once."""
        self._json.write(json_line(line))
        self._json.flush()
        self._events.add(line, time.time())


def _scalars(line: Line) -> Mapping[str, float]:
    if "evaluation" in line:
        return {f"evaluation/{name}": value for name, value in line["evaluation"].items()}
    names = ("loss", "learning_rate", "gradient_norm", "examples_per_second")
    return {f"train/{name}": line[name] for name in names if name in line}


class Display:
    """A progress bar where somebody watches, else a line of text for each line of the log; a context manager."""

    def __init__(self, steps: int, done: int) -> None:
        self._steps, self._done, self._bar = steps, done, progress_bar(steps, "step", "train", done)
        self._told = 0.0

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def advance(self, steps: int) -> None:
        self._bar.update(steps)
        self._done += steps
        if is_first_process() and (time.monotonic() - self._told > _TELL_SECONDS or self._done >= self._steps):
            self._told = time.monotonic()
            tell_orchestrator(self._done, self._steps)

    def show(self, line: Line) -> None:
        if self._bar.disable:
            _log.info("%s", self._sentence(line))
        elif "evaluation" in line:
            self._bar.write(self._sentence(line), file=self._bar.fp)
        else:
            self._bar.set_postfix(loss=f"{line['loss']:.4f}", rate=f"{line['learning_rate']:.2e}")

    def _sentence(self, line: Line) -> str:
        prefix = f"step {line['step']} of {self._steps}, epoch {line['epoch']:.2f}: "
        if "evaluation" in line:
            return prefix + ", ".join(f"{name} {value:.4f}" for name, value in line["evaluation"].items())
        left = (self._steps - line["step"]) * line["seconds"] / line["step"]
        return prefix + (
            f"loss {line['loss']:.4f}, learning rate {line['learning_rate']:.2e}, "
            f"{line['examples_per_second']:.1f} examples/s, {timedelta(seconds=round(left))} left"
        )
