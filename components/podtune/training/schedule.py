"""The learning rate of each optimizer step: transformers' schedules, moved once a device call."""

from math import ceil, cos, pi

from podtune.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The rate of an optimizer step, counted from 0, in a run of `steps`; the first of a warm-up has rate 0."""
    call, calls = step // config.device_iterations, steps // config.device_iterations
    warmup = ceil(config.warmup_steps / config.device_iterations) or ceil(calls * config.warmup_ratio)
    if call < warmup:
        return config.learning_rate * (call / warmup)
    return config.learning_rate * _share(config.schedule, call - warmup, max(1, calls - warmup))


def _share(schedule: str, done: int, all_of_it: int) -> float:
    """What is left of the peak rate after `done` of the calls that follow the warm-up."""
    if schedule == "constant":
        return 1.0
    if schedule == "linear":
        return max(0.0, (all_of_it - done) / all_of_it)
    return max(0.0, 0.5 * (1.0 + cos(pi * done / all_of_it)))
