"""The scored examples that the card and the report show, with their pictures and texts."""

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence

from podtune.formats.evaluation import Evaluation, UsageExample, read_examples, read_usage, surest_first
from podtune.formats.features import Features
from podtune.formats.previews import Picture, read_previews
from podtune.formats.profile import TRAIN
from podtune.formats.verdict import VerdictFacts
from podtune.tasks.task import Passage, Task, task_of

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


def shown_examples(features: Features, evaluation: Evaluation, verdict: VerdictFacts) -> Examples:
    """Select the examples; of the features only what a card shows is read (tasks.task.shown_files)."""
    split, task, records = evaluation.facts.split, task_of(features.facts), list(read_examples(evaluation))
    metric = str(verdict.settings.get("metric", ""))
    scores = [one["scores"].get(metric, next(iter(one["scores"].values()))) for one in records]
    surest = surest_first(records)
    ranked, full = sorted(surest, key=lambda row: -scores[row]), task.metric(metric).highest
    least = sorted((row for row in surest if scores[row] < full), key=scores.__getitem__)
    right = scores[ranked[0]] >= full
    usage = read_usage(evaluation)
    rows = {str(record["id"]): row for row, record in enumerate(records)}
    show = _Showing(features, split, task, records)
    better, worse = (
        show.examples([rows[changed.id] for changed in changes.examples], [one.champion for one in changes.examples])
        for changes in (verdict.better, verdict.worse)
    )
    return Examples(
        worst=show.examples(least[:WORST]),
        best=show.examples([row for row in ranked if not right or scores[row] >= full][:BEST]),
        better=better,
        worse=worse,
        usage=Usage(usage, str(records[usage.row]["prediction"]), right=scores[usage.row] >= full),
    )


@dataclass(frozen=True)
class _Showing:
    features: Features
    split: str
    task: Task
    records: Sequence[Record]

    def examples(self, rows: Sequence[int], champion: Sequence[str] = ()) -> List[Example]:
        """Return these rows with their pictures, texts and the champion's predictions."""
        chosen = [self.records[row] for row in rows]
        names = [str(record.get("image", "")) for record in chosen]
        pictures = read_previews(self.features.path, self.split, names)
        passages: Sequence[Optional[Passage]] = [None] * len(rows)
        if self.task.passages and self.split != TRAIN:
            passages = self.task.passages(self.features, self.split, rows)
        predictions: Sequence[Optional[str]] = champion or [None] * len(rows)
        return [Example(*parts) for parts in zip(chosen, pictures, passages, predictions)]
