from dataclasses import replace
from typing import Any, List, Sequence

import numpy as np
import pytest
from podtune.errors import BadInput
from podtune.sections import read_section
from podtune.steps.compare.evaluated import Champion, Evaluated, ScoredExample
from podtune.steps.compare.gate import judge
from podtune.steps.compare.settings import GateSettings
from podtune.tasks.groups import Groups

SMALL, LARGE = 120, 1380


def evaluated(small: Sequence[float], large: Sequence[float], checkpoint: str) -> Evaluated:
    """Questions of who and of what: first the few, then the many."""
    scores = {str(row): score for row, score in enumerate([*small, *large])}
    examples = {
        name: ScoredExample({"f1": score}, "", {"word": "who" if int(name) < len(small) else "what"})
        for name, score in scores.items()
    }
    mean = sum(scores.values()) / len(scores)
    return Evaluated("digest", checkpoint, "dev", {"f1": mean}, scores, ["f1"], examples)


def right(share: float, examples: int) -> List[float]:
    return [100.0 if row % 100 < 100 * share else 0.0 for row in range(examples)]


def gate(**settings: Any) -> GateSettings:
    return read_section(GateSettings, {"metric": "f1", **settings}, "gate")


OLD = evaluated(right(0.84, SMALL), right(0.84, LARGE), "old")
LOST = evaluated(right(0.60, SMALL), [100.0 if row % 100 < 87 else 0.0 for row in range(LARGE)], "new")
"""Lost on who, gained on what: better in all."""


def test_a_loss_on_a_subset_that_the_mean_hides_refuses() -> None:
    judgement = judge(LOST, Champion("3", OLD), gate())

    assert (judgement.decision, judgement.finding) == ("refuse", "worse")
    assert judgement.reasons[0] == (
        "where word is 'who' (120 of the 1,500 examples), f1 differs by -20.00 from live version 3 "
        "(95% interval for each of 2 subsets -28.29 to -11.06): worse by more than 1.00"
    )
    assert judgement.reasons[1].startswith("f1 differs by +1.")


@pytest.mark.parametrize("slices", [{"at_least": 121}, {"tolerance": 12.0}])
def test_what_is_too_small_or_tolerated_passes(slices: Any) -> None:
    assert judge(LOST, Champion("3", OLD), gate(slices=slices)).decision == "accept"


def test_a_subset_that_may_be_equal_passes() -> None:
    new = evaluated([100.0 - score for score in right(0.16, SMALL)], right(0.84, LARGE), "new")

    assert judge(new, Champion("3", OLD), gate(tolerance=5.0)).decision == "accept"


def test_the_anchor_protects_its_subsets_too() -> None:
    live = evaluated(right(0.60, SMALL), right(0.84, LARGE), "live")

    judgement = judge(LOST, Champion("3", live), gate(tolerance=4.0, slices={"tolerance": 1.0}), Champion("2", OLD))

    assert judgement.decision == "refuse"
    assert "differs by -20.00 from version 2 (the best so far)" in judgement.reasons[0]


def test_a_subset_may_have_a_floor_also_for_a_first_model() -> None:
    missed = judge(LOST, None, gate(slices={"floors": {"word": {"who": 67.0}}}))
    met = judge(LOST, None, gate(slices={"floors": {"word": {"who": 66.0}}}))
    small = judge(LOST, None, gate(slices={"floors": {"word": {"who": 67.0}}, "at_least": 121}))

    assert missed.reasons[0] == "where word is 'who', f1 is 66.67, below its floor of 67.00"
    assert [one.decision for one in (missed, met, small)] == ["refuse", "accept-first", "accept-first"]


@pytest.mark.parametrize(
    ("slices", "line"),
    [
        (
            {"names": ["length"]},
            "gate.slices must name attributes that the scored examples have: word; got 'length'",
        ),
        ({"floors": {"word": {"why": 50}}}, "gate.slices.floors.word must name one of 'what', 'who'; got 'why'"),
        ({"at_least": 1}, "gate.slices.at_least must be at least 2, of which there is an interval; got 1"),
        ({"tolerance": -1}, "gate.slices.tolerance must not be negative; got -1.0"),
    ],
)
def test_subsets_that_are_not_there_and_impossible_settings_are_named(slices: Any, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        judge(LOST, None, gate(slices=slices))

    assert str(caught.value) == line


def test_a_loss_in_one_article_alone_is_none_of_the_subset() -> None:
    lost = evaluated([0.0] * 30 + [100.0] * 90, [100.0] * LARGE, "new")
    old = evaluated([100.0] * SMALL, [100.0] * LARGE, "old")
    by_article = replace(lost, groups=Groups("article", np.arange(SMALL + LARGE) // 30))

    assert judge(lost, Champion("3", old), gate(tolerance=5.0)).finding == "worse"
    assert judge(by_article, Champion("3", old), gate(tolerance=5.0)).finding != "worse"
