from typing import Any, Dict, Sequence

import pytest
from podtune.formats.verdict import ChangedExample, Changes, Difference, SliceDifference
from podtune.steps.compare.differences import Differences, differences_of
from podtune.steps.compare.evaluated import Evaluated, ScoredExample
from podtune.steps.compare.settings import GateSettings

GATE = GateSettings("exact_match")


def evaluated(checkpoint: str, ids: str, scores: Dict[str, Sequence[Any]], data: str = "dev") -> Evaluated:
    """Examples whose prediction is the checkpoint's name and their id; the first two are small."""
    examples = {
        name: ScoredExample(
            {metric: values[row] for metric, values in scores.items()},
            prediction=f"{checkpoint} {name}",
            slices={"size": "small" if row < 2 else "large"},
        )
        for row, name in enumerate(ids)
    }
    return Evaluated("digest", checkpoint, data, {}, {}, list(scores), examples)


NEW = evaluated("new", "abcd", {"exact_match": [100.0, 100.0, 0.0, 100.0], "f1": [100.0, 100.0, 50.0, 100.0]})
OLD = evaluated("old", "abcd", {"exact_match": [0.0, 0.0, 100.0, 100.0], "f1": [50.0, 50.0, 100.0, 100.0]})


def test_every_metric_of_the_examples_is_paired() -> None:
    metrics = differences_of(NEW, OLD, GATE).metrics

    assert {name: (found.champion, found.value) for name, found in metrics.items()} == {
        "exact_match": (50.0, 25.0),
        "f1": (75.0, 12.5),
    }
    assert metrics["f1"].low < 0 < metrics["f1"].high


def test_every_slice_is_paired_too() -> None:
    large, small = differences_of(NEW, OLD, GATE).slices

    assert (large.name, large.value, large.metrics["f1"].value) == ("size", "large", -25.0)
    assert small == SliceDifference(
        "size",
        "small",
        {"exact_match": Difference(0.0, 100.0, -100.0, 100.0), "f1": Difference(50.0, 50.0, -100.0, 100.0)},
    )


def test_what_changed_is_told_with_the_champions_prediction() -> None:
    found = differences_of(NEW, OLD, GATE)

    assert found.better == Changes(2, [ChangedExample("a", "old a"), ChangedExample("b", "old b")])
    assert found.worse == Changes(1, [ChangedExample("c", "old c")])


def test_the_largest_changes_come_first_and_only_a_few_are_told() -> None:
    ids = "abcdefgh"
    new = evaluated("new", ids, {"exact_match": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]})
    old = evaluated("old", ids, {"exact_match": [0.0] * 8})

    better = differences_of(new, old, GATE).better

    assert (better.count, [one.id for one in better.examples]) == (8, ["h", "g", "f", "e", "d", "c"])


@pytest.mark.parametrize(
    "old",
    [
        evaluated("old", "abcx", {"exact_match": [0.0] * 4}),
        evaluated("old", "abcd", {"exact_match": [0.0] * 4}, data="other"),
    ],
)
def test_other_examples_are_not_paired(old: Evaluated) -> None:
    assert differences_of(NEW, old, GATE) == Differences()


@pytest.mark.parametrize("value", [None, "much", float("nan")])
def test_a_metric_that_is_not_always_a_number_is_left_out(value: Any) -> None:
    old = evaluated("old", "abcd", {"exact_match": [value, 0.0, 0.0, 0.0], "f1": [50.0, 50.0, 100.0, 100.0]})

    found = differences_of(NEW, old, GATE)

    assert list(found.metrics) == ["f1"]
    assert found.better == found.worse == Changes()
