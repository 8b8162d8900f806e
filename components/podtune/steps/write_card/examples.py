"""The scored examples that the card and the report show, with their pictures and texts."""

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence

from podtune.formats.evaluation import Evaluation, read_examples
from podtune.formats.features import Features
from podtune.formats.raw_data import RawData
from podtune.formats.verdict import VerdictFacts
from podtune.steps.write_card.pictures import Picture, read_pictures
from podtune.tasks.task import Passage, Task, UsageExample, task_of

WORST = 20
BEST = 6

Record = Mapping[str, Any]
"""A scored example as the Evaluation has it."""


@dataclass(frozen=True)
class Example:
    """A scored example, and what it is about."""

    record: Record
    picture: Optional[Picture] = None
    passage: Optional[Passage] = None
    champion: Optional[str] = None
    """What the live release predicted; None where that is not told."""


@dataclass(frozen=True)
class Usage:
    """The example that the card's code is shown with."""

    example: UsageExample
    prediction: str
    right: bool
    """Whether it has the full score."""


@dataclass(frozen=True)
class Examples:
    """Scored examples by the gate's metric; of equally good ones the surest come first."""

    worst: List[Example]
    """None with the full score."""

    best: List[Example]
    """All with the full score, if any has it."""

    better: List[Example]
    """Than the live release's."""

    worse: List[Example]
    usage: Usage


def shown_examples(raw_data: RawData, features: Features, evaluation: Evaluation, verdict: VerdictFacts) -> Examples:
    """Select the examples."""
    split, task, records = evaluation.facts.split, task_of(features.facts), list(read_examples(evaluation))
    metric = str(verdict.settings.get("metric", ""))
    scores = [one["scores"].get(metric, next(iter(one["scores"].values()))) for one in records]
    surest = sorted(range(len(records)), key=lambda row: -records[row].get("probability", 0.0))
    ranked, full = sorted(surest, key=lambda row: -scores[row]), task.metric(metric).highest
    least = sorted((row for row in surest if scores[row] < full), key=scores.__getitem__)
    best = [row for row in ranked if scores[row] == scores[ranked[0]]]
    right = scores[ranked[0]] >= full
    usage = task.usage_example(features, split, records, best)
    rows = {str(record["id"]): row for row, record in enumerate(records)}
    show = _Showing(raw_data, features, split, task, records)
    better, worse = (
        show.examples([rows[changed.id] for changed in changes.examples], [one.champion for one in changes.examples])
        for changes in (verdict.better, verdict.worse)
    )
    return Examples(
        worst=show.examples(least[:WORST]),
        best=show.examples((best if right else ranked)[:BEST]),
        better=better,
        worse=worse,
        usage=Usage(usage, str(records[usage.row]["prediction"]), right),
    )


@dataclass(frozen=True)
class _Showing:
    raw_data: RawData
    features: Features
    split: str
    task: Task
    records: Sequence[Record]

    def examples(self, rows: Sequence[int], champion: Sequence[str] = ()) -> List[Example]:
        """Return these rows with their pictures, texts and the champion's predictions."""
        chosen = [self.records[row] for row in rows]
        pictures = read_pictures(self.raw_data, self.split, [str(record.get("image", "")) for record in chosen])
        passages: Sequence[Optional[Passage]] = (
            self.task.passages(self.features, self.split, rows) if self.task.passages else [None] * len(rows)
        )
        predictions: Sequence[Optional[str]] = champion or [None] * len(rows)
        return [Example(*parts) for parts in zip(chosen, pictures, passages, predictions)]
