"""Score a fine-tuned model: Features and Checkpoint to Evaluation."""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

import numpy as np

from podtune.environment import IMAGE
from podtune.errors import BadInput
from podtune.formats.base_model import TOKENIZER
from podtune.formats.checkpoint import CHECKPOINT, MODEL, Checkpoint
from podtune.formats.evaluation import (
    EVALUATION,
    EvaluationFacts,
    Metric,
    Slice,
    UsageExample,
    rows_by_slice,
    write_examples,
    write_usage,
)
from podtune.formats.features import FEATURES, Features, require_tokenizer
from podtune.sections import read_section, to_mapping
from podtune.steps.evaluate.usage import usage_of
from podtune.tasks.intervals import interval_of_mean, interval_of_value
from podtune.tasks.scored import Scored, ScoringSettings
from podtune.tasks.task import Task, task_named
from podtune.training import torchrun
from podtune.training.config import TrainingConfig
from podtune.training.engines import keep_threads_from_spinning, open_engine
from podtune.training.resume import forget_states
from podtune.training.step_process import launcher_of, noticing_signals, run_step

_log = logging.getLogger(__name__)


def run(
    prepared_data: Path,
    checkpoint: Path,
    scores: Path,
    *,
    evaluation: Mapping[str, Any],
    device: str = "cpu",
    workspace: str = "",
) -> Dict[str, float]:
    """Score every example of a split once; return the metrics, the loss, and how many examples there were.

    The states from which the training would continue are deleted from the workspace, if one is given: that the
    checkpoint has come here shows that it is stored. Uses every GPU of the machine, each in a process of its own; under
    torchrun only the first process has scores. For IPUs it runs in the Python that has PopTorch.
    """
    keep_threads_from_spinning()
    launcher = launcher_of(device)
    if launcher:
        artifacts = {"prepared_data": prepared_data, "checkpoint": checkpoint, "scores": scores}
        settings = {"evaluation": evaluation, "device": device, "workspace": workspace}
        with noticing_signals() as stopping:
            run_step(launcher, "evaluate", {**artifacts, **settings}, stopping)
        return EVALUATION.read(scores).facts.numbers()
    found = _evaluate(prepared_data, checkpoint, evaluation, device, workspace=workspace)
    if found is None:
        return {}
    scored, facts, usage = found
    with EVALUATION.sealing(scores) as draft:
        write_examples(draft.path, scored.predictions, _with_groups(scored))
        write_usage(draft.path, usage)
        draft.facts.update(to_mapping(facts))
    _log_scores(facts)
    return facts.numbers()


def _evaluate(
    prepared_data: Path, checkpoint_path: Path, evaluation: Mapping[str, Any], device: str, *, workspace: str
) -> Optional[Tuple[Scored, EvaluationFacts, UsageExample]]:
    """Score the split; None in other processes than the first."""
    begun = time.monotonic()
    with torchrun.first_process_before_others(device) as is_first:
        features = FEATURES.open(prepared_data) if is_first else FEATURES.read(prepared_data)
        checkpoint = CHECKPOINT.open(checkpoint_path) if is_first else CHECKPOINT.read(checkpoint_path)
    if workspace and is_first:
        forget_states(workspace, checkpoint.facts)
    _require_match(features, checkpoint)
    settings = read_section(task_named(features.facts.task).evaluation, evaluation, "evaluation")
    splits = features.facts.splits
    if settings.split not in splits:
        wanted = f"one of {', '.join(splits)}, as {features.path} has"
        raise BadInput(f"evaluation.split must be {wanted}; got {settings.split!r}")
    split = splits[settings.split]
    task = task_named(features.facts.task)
    found = _score(features, checkpoint, settings, device)
    if found is None:
        return None
    scored, precision = found
    facts = EvaluationFacts(
        task=features.facts.task,
        checkpoint=checkpoint.digest,
        features=features.digest,
        split=settings.split,
        data=split.digest,
        examples=len(scored.records),
        rows=split.rows,
        loss=scored.loss,
        metrics=metrics_of(scored, task, settings),
        slices=slices_of(scored, task),
        settings=to_mapping(settings),
        seconds=time.monotonic() - begun,
        image=IMAGE.value(),
        preparation=features.facts.settings,
        notes=dict(scored.notes),
        grouped_by=scored.groups.name,
        groups=scored.groups.count,
        precision=precision,
        profile=features.facts.profile,
    )
    return scored, facts, usage_of(features, settings.split, scored.records)


def metrics_of(scored: Scored, task: Task, settings: ScoringSettings) -> Dict[str, Metric]:
    """Each metric's value, and the 95 % interval around it."""
    intervals = {name: _interval(values, name, scored.groups.numbers, task) for name, values in scored.metrics.items()}
    for name, value_over in scored.corpus.items():
        examples = len(scored.records)
        intervals[name] = interval_of_value(value_over, examples, settings.bootstrap_samples, settings.seed)
    return {name: Metric(value, *intervals[name]) for name, value in scored.values.items()}


def slices_of(scored: Scored, task: Task) -> List[Slice]:
    """The metrics over each part of the examples with their intervals, sorted by the parts' names and values."""
    parts = rows_by_slice(record["slices"] for record in scored.records)
    return [_slice(part, rows, scored, task) for part, rows in sorted(parts.items())]


def _slice(part: Tuple[str, str], rows: List[int], scored: Scored, task: Task) -> Slice:
    groups = scored.groups.of(rows)
    scores = {metric: values[rows] for metric, values in scored.metrics.items()}
    intervals = {metric: _interval(values, metric, groups, task) for metric, values in scores.items()}
    return Slice(
        *part,
        examples=len(rows),
        metrics={metric: float(np.mean(values)) for metric, values in scores.items()},
        low={metric: low for metric, (low, _) in intervals.items()},
        high={metric: high for metric, (_, high) in intervals.items()},
    )


def _interval(scores: np.ndarray, metric: str, groups: Optional[np.ndarray], task: Task) -> Tuple[float, float]:
    return interval_of_mean(scores, groups, highest=task.metric(metric).end)


def _with_groups(scored: Scored) -> Iterable[Dict[str, Any]]:
    """The records, each with its group if it has one."""
    if scored.groups.numbers is None:
        return scored.records
    return ({**record, "group": group} for record, group in zip(scored.records, scored.groups.numbers.tolist()))


def _require_match(features: Features, checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint of another task, or one that reads other token ids."""
    task, trained_for = features.facts.task, checkpoint.facts.task
    if trained_for != task:
        raise BadInput(f"features in {features.path} are for {task}; {checkpoint.path} was trained for {trained_for}")
    tokenizer, model = checkpoint.files.get(f"{MODEL}/{TOKENIZER}"), f"the checkpoint in {checkpoint.path}"
    require_tokenizer(features, tokenizer, model, "evaluate it on features of its own tokenizer")


def _score(
    features: Features, checkpoint: Checkpoint, settings: ScoringSettings, device: str
) -> Optional[Tuple[Scored, str]]:
    """Run the split through the model, in the precision that it was trained in, and score what comes out.

    Returns what the device computed in, too: it may not have that precision. None in other processes than the first.
    """
    task = task_named(checkpoint.facts.task)
    config = read_section(TrainingConfig, checkpoint.facts.training, "the checkpoint's training")
    trained_in = checkpoint.facts.hardware.get("precision")
    if trained_in in ("bfloat16", "float32"):
        config = replace(config, precision=trained_in)
    engine = open_engine(task.objective(features, settings), checkpoint.path / MODEL, config, device)
    outputs = engine.outputs(task.open_examples(features, settings.split))
    return (task.score(features, settings.split, outputs, settings), engine.precision) if engine.first else None


def _log_scores(facts: EvaluationFacts) -> None:
    metrics = (
        f"{name} {metric.value:.2f} [{metric.low:.2f}, {metric.high:.2f}]" for name, metric in facts.metrics.items()
    )
    scored = f"{', '.join(metrics)} over {facts.examples:,} examples"
    _log.info("%s: %s, loss %.4f, in %.0f s", facts.split, scored, facts.loss, facts.seconds)
