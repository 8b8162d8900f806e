"""The log of a run: JSON lines, the same for TensorBoard, and what a person sees while it grows."""

import json
import logging
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Type

from podtune.progress import progress_bar

Line = Dict[str, Any]
"""As formats/checkpoint.py says."""

EVENTS = "events.out.tfevents.podtune"
"""TensorBoard looks for `tfevents` in a file's name."""

_log = logging.getLogger(__name__)


def write_log(path: Path, lines: List[Line]) -> None:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines), encoding="utf-8")


def read_log(path: Path) -> List[Line]:
    """Read what `write_log` wrote."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_events(directory: Path, lines: List[Line]) -> None:
    """Write the lines as a TensorBoard event file: train/loss, evaluation/f1, …, each over the optimizer steps.

    The run's end is now; a line lies as many seconds before it as were trained since.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    ends = time.time()
    seconds = [line["seconds"] for line in lines if "seconds" in line]
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / EVENTS, "wb") as stream:
        writer = RecordWriter(stream)
        writer.write(Event(wall_time=ends, file_version="brain.Event:2").SerializeToString())
        passed = 0.0
        for line in lines:
            passed = line.get("seconds", passed)
            event = Event(wall_time=ends - max(seconds) + passed, step=line["step"])
            for tag, value in _scalars(line).items():
                event.summary.value.add(tag=tag, simple_value=value)
            writer.write(event.SerializeToString())


def _scalars(line: Line) -> Mapping[str, float]:
    if "evaluation" in line:
        return {f"evaluation/{name}": value for name, value in line["evaluation"].items()}
    names = ("loss", "learning_rate", "gradient_norm", "examples_per_second")
    return {f"train/{name}": line[name] for name in names}


class Display:
    """A progress bar where somebody watches, else a line of text for each line of the log; a context manager."""

    def __init__(self, steps: int, done: int) -> None:
        self._steps, self._bar = steps, progress_bar(steps, "step", "train", done)

    def __enter__(self) -> "Display":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._bar.close()

    def advance(self, steps: int) -> None:
        """Count optimizer steps."""
        self._bar.update(steps)

    def show(self, line: Line) -> None:
        """Show a line of the log."""
        if self._bar.disable:
            _log.info("%s", self._sentence(line))
        elif "evaluation" in line:
            self._bar.write(self._sentence(line), file=self._bar.fp)
        else:
            self._bar.set_postfix(loss=f"{line['loss']:.4f}", rate=f"{line['learning_rate']:.2e}")

    def _sentence(self, line: Line) -> str:
        place = f"step {line['step']} of {self._steps}, epoch {line['epoch']:.2f}: "
        if "evaluation" in line:
            return place + ", ".join(f"{name} {value:.4f}" for name, value in line["evaluation"].items())
        left = (self._steps - line["step"]) * line["seconds"] / line["step"]
        return place + (
            f"loss {line['loss']:.4f}, learning rate {line['learning_rate']:.2e}, "
            f"{line['examples_per_second']:.1f} examples/s, {timedelta(seconds=round(left))} left"
        )
