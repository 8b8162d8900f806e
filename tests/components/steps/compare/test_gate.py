from typing import Any, Dict, Optional, Sequence, Union

import pytest
from podtune.errors import BadInput
from podtune.sections import read_section
from podtune.steps.compare.evaluated import Champion, Evaluated, ScoredExample, Unreadable
from podtune.steps.compare.gate import judge
from podtune.steps.compare.settings import GateSettings

GOOD = [100.0, 90.0, 80.0, 90.0]


def scored(f1: Sequence[float], data: str = "dev", checkpoint: str = "new", ids: str = "abcd") -> Evaluated:
    scores = dict(zip(ids, f1))
    examples = {name: ScoredExample({"f1": score}, "", {}) for name, score in scores.items()}
    return Evaluated("digest", checkpoint, data, {"f1": sum(f1) / len(f1)}, scores, ["f1"], examples)


def champion(f1: Sequence[float], **facts: Any) -> Champion:
    return Champion("3", scored(f1, **{"checkpoint": "old", **facts}))


NOT_BY_F1 = Champion("3", Evaluated("digest", "old", "dev", {"accuracy": 50.0}, {}))
UNREADABLE = Unreadable("3", "evaluation/manifest.json is damaged")
WORSE, MUCH_WORSE, BETTER = ([value + shift for value in GOOD] for shift in (0.5, 1.5, -5.0))

REMEDY = "evaluate this model on the same examples, or set gate.other_data to accept to leave it to the floors"


@pytest.mark.parametrize(
    ("against", "gate", "decision", "reason"),
    [
        (None, {}, "accept-first", "there is no live release to compare with"),
        (
            champion(BETTER),
            {},
            "accept",
            "f1 differs by +5.00 points from live version 3 on the same 4 examples (95% interval +5.00 to +5.00): "
            "not worse by more than 1.00",
        ),
        (
            champion(WORSE),
            {},
            "accept",
            "f1 differs by -0.50 points from live version 3 on the same 4 examples (95% interval -0.50 to -0.50): "
            "not worse by more than 1.00",
        ),
        (
            champion(MUCH_WORSE),
            {},
            "refuse",
            "f1 differs by -1.50 points from live version 3 on the same 4 examples (95% interval -1.50 to -1.50): "
            "it may be worse by more than 1.00",
        ),
        (
            champion(MUCH_WORSE),
            {"tolerance": 1.5},
            "accept",
            "f1 differs by -1.50 points from live version 3 on the same 4 examples (95% interval -1.50 to -1.50): "
            "not worse by more than 1.50",
        ),
        (
            champion(GOOD),
            {"tolerance": 0.0},
            "accept",
            "f1 differs by +0.00 points from live version 3 on the same 4 examples (95% interval +0.00 to +0.00): "
            "not worse by more than 0.00",
        ),
        (champion(MUCH_WORSE, checkpoint="new"), {}, "accept", "live version 3 is the same model"),
        (
            UNREADABLE,
            {"other_data": "accept"},
            "refuse",
            "the scores of live version 3 cannot be read (evaluation/manifest.json is damaged); roll back to a "
            "readable version, or release under another name",
        ),
        (
            champion(BETTER, data="other"),
            {},
            "refuse",
            f"live version 3 was evaluated on different examples, so the models cannot be compared; {REMEDY}",
        ),
        (
            champion(MUCH_WORSE, data="other"),
            {"other_data": "accept"},
            "accept",
            "live version 3 was evaluated on different examples, so the models cannot be compared; "
            "gate.other_data leaves it to the floors",
        ),
        (
            champion(BETTER, ids="abcx"),
            {},
            "refuse",
            f"live version 3 was evaluated on different examples, so the models cannot be compared; {REMEDY}",
        ),
        (
            NOT_BY_F1,
            {},
            "refuse",
            f"live version 3 was not scored by f1, but by accuracy, so the models cannot be compared; {REMEDY}",
        ),
    ],
)
def test_every_case_has_its_decision_and_its_reason(
    against: Optional[Union[Champion, Unreadable]], gate: Dict[str, Any], decision: str, reason: str
) -> None:
    judgement = judge(scored(GOOD), against, GateSettings(metric="f1", **gate))

    assert judgement.decision == decision
    assert judgement.reasons == [reason]


@pytest.mark.parametrize("against", [None, champion(BETTER), UNREADABLE, champion(BETTER, data="other")])
def test_below_a_floor_a_model_is_refused_whatever_is_live(against: Optional[Union[Champion, Unreadable]]) -> None:
    judgement = judge(scored(GOOD), against, GateSettings("f1", {"f1": 90.01}, other_data="accept"))

    assert judgement.decision == "refuse"
    assert judgement.reasons[0] == "f1 is 90.00, below its floor of 90.01"
    assert len(judgement.reasons) == 2


def test_a_floor_that_is_just_met_is_met() -> None:
    judgement = judge(scored(GOOD), None, GateSettings("f1", {"f1": 90.0}))

    assert judgement.decision == "accept-first"
    assert judgement.reasons[1:] == ["f1 is 90.00, at or above its floor of 90.00"]


def test_a_better_mean_is_refused_where_chance_alone_could_have_made_it() -> None:
    new, old = [100.0, 0.0, 100.0, 100.0], [0.0, 100.0, 100.0, 90.0]

    judgement = judge(scored(new), champion(old), GateSettings("f1"))

    assert judgement.decision == "refuse"
    assert judgement.difference["value"] == 2.5
    assert judgement.difference["low"] < -40 < 40 < judgement.difference["high"]


def test_examples_are_paired_by_id_in_whatever_order_they_lie() -> None:
    judgement = judge(
        scored([10.0, 20.0, 30.0, 40.0]), champion([42.0, 32.0, 22.0, 12.0], ids="dcba"), GateSettings("f1")
    )

    assert judgement.difference == {"value": -2.0, "low": -2.0, "high": -2.0}


def test_gates_that_cannot_decide_are_refused_at_once() -> None:
    with pytest.raises(
        BadInput, match=r"tolerance must not be negative.*\n.*seed must not.*\n.*samples must be at least 1"
    ):
        read_section(GateSettings, {"metric": "f1", "tolerance": -1, "seed": -1, "bootstrap_samples": 0}, "gate")
