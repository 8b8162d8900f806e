"""An Evaluation as the gate looks at it: a model's metrics, and what each example scored."""

import json
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Dict, List, Mapping

from podtune.errors import BadInput
from podtune.formats.evaluation import EVALUATION, EXAMPLES


@dataclass(frozen=True)
class Evaluated:
    """What one model scored."""

    digest: str
    """Of the Evaluation."""

    checkpoint: str
    """Digest of the Checkpoint."""

    data: str
    """Digest of the examples: only scores of the same ones can be paired."""

    metrics: Mapping[str, float]
    scores: Mapping[str, float]
    """Example's id to its score by the gate's metric; empty where examples were not scored by that one by one."""


def open_evaluated(path: Path, metric: str) -> Evaluated:
    """Verify an Evaluation and read the scores of one metric; BadInput unless every example has a finite one.

    A metric that is one number over all examples, such as BLEU, has no scores.
    """
    opened = EVALUATION.open(path)
    scores = read_scores(path / EXAMPLES, metric) if metric in metrics_of_examples(path) else {}
    if scores and len(scores) != opened.facts.examples:
        raise BadInput(f"{path / EXAMPLES} has {len(scores)} examples; its manifest says {opened.facts.examples}")
    metrics = {name: found.value for name, found in opened.facts.metrics.items()}
    return Evaluated(opened.digest, opened.facts.checkpoint, opened.facts.data, metrics, scores)


def metrics_of_examples(path: Path) -> List[str]:
    """Name the metrics that the first example of an Evaluation, and so each, is scored by."""
    with (path / EXAMPLES).open(encoding="utf-8") as lines:
        first = next(lines, "{}")
    try:
        return list(json.loads(first).get("scores", {}))
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{path / EXAMPLES} line 1 is no scored example; evaluate the model again") from error


def read_scores(path: Path, metric: str) -> Dict[str, float]:
    """Read one metric of every example, by id, in the file's order."""
    scores: Dict[str, float] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                score = float(record["scores"][metric])
                scores[record["id"]] = score
            except (ValueError, KeyError, TypeError) as error:
                raise BadInput(f"{path} line {number} lacks an id or its {metric}; evaluate the model again") from error
            if not isfinite(score):
                raise BadInput(f"{path} line {number}: {metric} is {score}, not finite; evaluate the model again")
    return scores
