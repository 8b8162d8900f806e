"""The `gate` section of a recipe: what a model has to achieve to be released."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, Literal, Optional, Tuple

from podtune.formats.profile import MOST_CHANGE
from podtune.tasks.task import metric_named


@dataclass(frozen=True)
class SliceSettings:
    """Which subsets of the examples a model may not lose either."""

    names: Tuple[str, ...] = ()
    """Attributes of the examples, such as question_word; by default all that the evaluation has."""

    at_least: int = 100
    """Examples that a subset must have to be judged; more than there are judges none."""

    tolerance: Optional[float] = None
    """In the metric's own unit: a subset must be shown to be worse by more than this, with 95% confidence for all of
    them together; by default the gate's tolerance."""

    floors: Dict[str, Dict[str, float]] = field(default_factory=dict)
    """Minimum of the gate's metric by attribute and value, such as question_word: {who: 60}."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Yield impossible settings, as (key, what is wrong)."""
        if self.at_least < 2:
            yield "at_least", f"must be at least 2, of which there is an interval; got {self.at_least}"
        if self.tolerance is not None and self.tolerance < 0:
            yield "tolerance", f"must not be negative; got {self.tolerance}"


@dataclass(frozen=True)
class GateSettings:
    """Absolute floors, and the tolerance relative to the live release and the anchor."""

    metric: str
    """Metric to compare with the live release, such as f1; each example must have it, as with accuracy and cider but
    not BLEU."""

    floors: Dict[str, float] = field(default_factory=dict)
    """Minimum by metric; any metric of the evaluation."""

    tolerance: Optional[float] = None
    """In the metric's own unit, points of percent or for cider one of 10: with 95% confidence the new model is not
    worse by more than this. By default 1.0 of a metric in percent."""

    relative_tolerance: Optional[float] = None
    """The same as a share of the release's value, such as 0.05; instead of `tolerance`. By default 0.05 of cider."""

    anchor: Optional[int] = None
    """The version that, beside the live one, no model may be worse than by more than the tolerance; by default the best
    so far by `metric` on the same examples."""

    slices: Optional[SliceSettings] = None
    """Subsets of the examples that are judged too, with `metric`; by default all of at least 100 examples."""

    other_data: Literal["refuse", "accept"] = "refuse"
    """What to do if the live release was evaluated on different examples, so that the scores cannot be paired."""

    too_few: Literal["refuse", "accept"] = "refuse"
    """What to do, in a scheduled run too, if there are too few examples to tell whether the model is as good or worse
    by more than the tolerance; one that they show to be worse is refused in any case."""

    most_data_change: float = MOST_CHANGE
    """Before training, how far the data may be from the live release's: the share by which any split has fewer or more
    examples, contexts or images, or characters, or the difference of the shares that have no answer or the most
    frequent one. More stops a scheduled run and `podtune run`; 1 allows everything."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Yield impossible settings, as (key, what is wrong)."""
        yield from self._mistakes_in_tolerance()
        if self.anchor is not None and self.anchor < 1:
            yield "anchor", f"must be a version, counted from 1; got {self.anchor}"
        if not 0 <= self.most_data_change <= 1:
            yield "most_data_change", f"must be a share from 0 to 1; got {self.most_data_change}"

    @property
    def judged_slices(self) -> SliceSettings:
        """The same with the defaults."""
        return self.slices or SliceSettings()

    def allowed_loss_of_slices(self, value: float) -> float:
        """What a subset may be worse by than one of this value."""
        own = self.judged_slices.tolerance
        return self.allowed_loss(value) if own is None else own

    def allowed_loss(self, value: float) -> float:
        """What a model may be worse by than a release of this value, in the metric's unit."""
        record = metric_named(self.metric)
        if self.tolerance is not None:
            return self.tolerance
        if self.relative_tolerance is not None:
            return self.relative_tolerance * value
        return record.tolerance * value if record.is_tolerance_relative else record.tolerance

    def _mistakes_in_tolerance(self) -> Iterator[Tuple[str, str]]:
        tolerance, relative, usual = self.tolerance, self.relative_tolerance, metric_named(self.metric).usual
        if tolerance is not None and relative is not None:
            yield "relative_tolerance", "stands beside gate.tolerance; set one of them to null"
        if relative is not None and not 0 <= relative < 1:
            yield "relative_tolerance", f"must be a share, at least 0 and below 1; got {relative}"
        if tolerance is not None and tolerance < 0:
            yield "tolerance", f"must not be negative; got {tolerance}"
        elif tolerance is not None and tolerance >= usual and not any(floor > 0 for floor in self.floors.values()):
            yield (
                "tolerance",
                f"of {tolerance:g} would accept anything, as no floor stands above 0 and {self.metric} is {usual:g} of "
                f"real models; set a floor or a smaller tolerance, such as gate.tolerance={usual / 50:g}",
            )
