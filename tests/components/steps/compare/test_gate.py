import re
from dataclasses import replace
from typing import Any, Dict, Optional, Sequence, Union

import numpy as np
import pytest
from podtune.errors import BadInput
from podtune.sections import read_section
from podtune.steps.compare.evaluated import Champion, Evaluated, ScoredExample, Unreadable
from podtune.steps.compare.gate import judge
from podtune.steps.compare.settings import GateSettings
from podtune.tasks.groups import Groups

MANY = 1000
GOOD = [100.0, 90.0, 80.0, 90.0] * MANY
IDS = [str(row) for row in range(4 * MANY)]


def scored(f1: Sequence[float], data: str = "dev", checkpoint: str = "new", ids: Sequence[str] = IDS) -> Evaluated:
    scores = dict(zip(ids, f1))
    examples = {name: ScoredExample({"f1": score}, "", {}) for name, score in scores.items()}
    return Evaluated("digest", checkpoint, data, {"f1": sum(f1) / len(f1)}, scores, ["f1"], examples)


def champion(f1: Sequence[float], **facts: Any) -> Champion:
    return Champion("3", scored(f1, **{"checkpoint": "old", **facts}))


NOT_BY_F1 = Champion("3", Evaluated("digest", "old", "dev", {"accuracy": 50.0}, {}))
UNREADABLE = Unreadable("3", "evaluation/manifest.json is damaged")
UNKNOWN = [0.0 if row % 200 < 19 else 100.0 for row in range(4 * MANY)]
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
            "f1 differs by +5.00 points from live version 3 on the same 4,000 examples "
            "(95% interval +4.93 to +5.07): better",
        ),
        (
            champion(WORSE),
            {},
            "accept",
            "f1 differs by -0.50 points from live version 3 on the same 4,000 examples (95% interval -0.57 to -0.43): "
            "not worse by more than 1.00",
        ),
        (
            champion(MUCH_WORSE),
            {},
            "refuse",
            "f1 differs by -1.50 points from live version 3 on the same 4,000 examples (95% interval -1.57 to -1.43): "
            "worse by more than 1.00",
        ),
        (
            champion(MUCH_WORSE),
            {"tolerance": 1.6},
            "accept",
            "f1 differs by -1.50 points from live version 3 on the same 4,000 examples (95% interval -1.57 to -1.43): "
            "not worse by more than 1.60",
        ),
        (
            champion(GOOD),
            {"tolerance": 0.1},
            "accept",
            "f1 differs by +0.00 points from live version 3 on the same 4,000 examples (95% interval -0.07 to +0.07): "
            "not worse by more than 0.10",
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
            champion(BETTER, ids=[*IDS[:-1], "x"]),
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


UNSURE = [100.0, 0.0, 100.0, 100.0] * 10, [0.0, 100.0, 100.0, 90.0] * 10


def test_a_better_mean_is_refused_where_chance_alone_could_have_made_it() -> None:
    new, old = UNSURE

    judgement = judge(scored(new), champion(old), GateSettings("f1"))

    assert (judgement.decision, judgement.finding, judgement.examples) == ("refuse", "too few examples to tell", 40)
    assert judgement.difference["value"] == 2.5
    assert judgement.difference["low"] < -10 < 10 < judgement.difference["high"]
    assert judgement.reasons[0].split("): ")[1].startswith("too few examples to tell, as so many show no loss below ")


def test_too_few_examples_say_how_many_would_do_and_what_else() -> None:
    new = [100.0, 0.0] * 50
    old = [*new[50:], *(100.0 - score for score in new[:50])]
    ids = [chr(0x4E00 + row) for row in range(100)]

    judgement = judge(scored(new, ids=ids), champion(old, ids=ids), GateSettings("f1", tolerance=10.0))

    told = re.fullmatch(
        r".*: too few examples to tell, as so many show no loss below (\d+\.\d\d) and the tolerance is 10\.00; "
        r"evaluate on at least (\d+) or set gate\.tolerance=(\d+\.\d+) or set gate\.too_few=accept",
        judgement.reasons[0],
    )
    assert told
    smallest, needed, tolerance = (float(number) for number in told.groups())
    assert 18 < smallest < 22  # 2.8 standard errors of 100 differences of which half are 100 off
    assert 324 < needed < 484
    assert tolerance == pytest.approx(smallest, abs=0.006)
    again = judge(scored(new, ids=ids), champion(old, ids=ids), GateSettings("f1", tolerance=tolerance))
    assert (again.decision, again.finding) == ("accept", "not worse")


def test_a_tolerance_of_zero_asks_for_no_number_of_examples() -> None:
    new, old = UNSURE

    (reason,) = judge(scored(new), champion(old), GateSettings("f1", tolerance=0.0)).reasons

    assert "evaluate on" not in reason
    assert re.search(r"and the tolerance is 0\.00; set gate\.tolerance=[\d.]+ or set gate\.too_few=accept$", reason)


def test_a_setting_accepts_where_nobody_can_tell_but_nothing_that_is_worse() -> None:
    new, old = UNSURE
    settings = GateSettings("f1", too_few="accept")

    unsure = judge(scored(new), champion(old), settings)
    worse = judge(scored(GOOD), champion(MUCH_WORSE), settings)

    assert (unsure.decision, unsure.finding) == ("accept", "too few examples to tell")
    assert unsure.reasons[0].endswith(" and the tolerance is 1.00; gate.too_few accepts it")
    assert (worse.decision, worse.finding) == ("refuse", "worse")


@pytest.mark.parametrize(
    ("live", "best", "finding", "decision"),
    [
        (BETTER, WORSE, "not worse", "accept"),
        (WORSE, BETTER, "not worse", "accept"),
        (WORSE, MUCH_WORSE, "worse", "refuse"),
        (UNKNOWN, WORSE, "too few examples to tell", "refuse"),
        (UNKNOWN, MUCH_WORSE, "worse", "refuse"),
    ],
)
def test_of_two_comparisons_the_less_favourable_counts(
    live: Sequence[float], best: Sequence[float], finding: str, decision: str
) -> None:
    anchor = Champion("2", scored(best, checkpoint="best"))

    judgement = judge(scored(GOOD), champion(live), GateSettings("f1"), anchor)

    assert (judgement.finding, judgement.decision) == (finding, decision)


def test_examples_are_paired_by_id_in_whatever_order_they_lie() -> None:
    judgement = judge(
        scored([10.0, 20.0, 30.0, 40.0] * MANY),
        champion([42.0, 32.0, 22.0, 12.0] * MANY, ids=IDS[::-1]),
        GateSettings("f1"),
    )

    assert judgement.difference == pytest.approx({"value": -2.0, "low": -2.07, "high": -1.93}, abs=0.005)


def test_gates_that_cannot_decide_are_refused_at_once() -> None:
    with pytest.raises(BadInput, match=r"anchor must be a version.*\n.*|tolerance must not be negative"):
        read_section(GateSettings, {"metric": "f1", "tolerance": -1, "anchor": 0}, "gate")


@pytest.mark.parametrize(
    ("gate", "line"),
    [
        (
            {"metric": "cider", "tolerance": 1.0},
            "gate.tolerance of 1 would accept anything, as no floor stands above 0 and cider is 1 of real models; set "
            "a floor or a smaller tolerance, such as gate.tolerance=0.02",
        ),
        (
            {"metric": "f1", "tolerance": 50.0, "floors": {"f1": 0.0}},
            "gate.tolerance of 50 would accept anything, as no floor stands above 0 and f1 is 50 of real models; set a "
            "floor or a smaller tolerance, such as gate.tolerance=1",
        ),
        (
            {"metric": "f1", "relative_tolerance": 1.0},
            "gate.relative_tolerance must be a share, at least 0 and below 1; got 1.0",
        ),
        (
            {"metric": "f1", "tolerance": 1.0, "relative_tolerance": 0.1},
            "gate.relative_tolerance stands beside gate.tolerance; set one of them to null",
        ),
        ({"metric": "f1", "anchor": 0}, "gate.anchor must be a version, counted from 1; got 0"),
    ],
)
def test_a_gate_that_would_accept_anything_or_contradicts_itself_is_a_mistake(gate: Any, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_section(GateSettings, gate, "gate")

    assert str(caught.value) == line


@pytest.mark.parametrize(
    "gate",
    [
        {"metric": "cider", "tolerance": 1.0, "floors": {"cider": 5.0}},
        {"metric": "cider", "tolerance": 0.99},
        {"metric": "f1", "tolerance": 49.0},
        {"metric": "f1", "tolerance": None, "relative_tolerance": 0.05},
    ],
)
def test_a_floor_or_a_smaller_tolerance_is_none(gate: Any) -> None:
    assert read_section(GateSettings, gate, "gate").metric == gate["metric"]


@pytest.mark.parametrize(
    ("gate", "value", "loss"),
    [
        ({"metric": "f1"}, 80.0, 1.0),
        ({"metric": "rouge_l"}, 40.0, 1.0),
        ({"metric": "cider"}, 0.8, 0.04),
        ({"metric": "cider", "tolerance": 0.1}, 0.8, 0.1),
        ({"metric": "f1", "relative_tolerance": 0.05}, 80.0, 4.0),
    ],
)
def test_a_tolerance_has_the_unit_that_is_right_for_the_metric(gate: Any, value: float, loss: float) -> None:
    assert GateSettings(**gate).allowed_loss(value) == pytest.approx(loss)


def captioned(cider: Sequence[float], checkpoint: str = "new") -> Evaluated:
    scores = dict(zip("abcd", cider))
    examples = {name: ScoredExample({"cider": score}, "", {}) for name, score in scores.items()}
    return Evaluated("digest", checkpoint, "dev", {"cider": sum(cider) / len(cider)}, scores, ["cider"], examples)


def test_captions_may_not_lose_nearly_all_of_their_cider() -> None:
    good, bad = [0.91] * 4, [0.08] * 4

    judgement = judge(captioned(bad), Champion("3", captioned(good, "old")), GateSettings("cider"))

    assert (judgement.decision, judgement.finding) == ("refuse", "worse")
    assert judgement.reasons[0].endswith("(95% interval -0.830 to -0.830): worse by more than 0.046")


def test_the_cure_of_a_relative_tolerance_is_relative() -> None:
    new, old = UNSURE

    (reason,) = judge(scored(new), champion(old), GateSettings("f1", relative_tolerance=0.9)).reasons

    assert "gate.tolerance" not in reason


def test_pairs_that_share_an_article_are_no_independent_ones() -> None:
    """Of 40 articles of 25 questions each, the model loses one whole: alone 25 questions would show it."""
    ids = [str(row) for row in range(1000)]
    old, new = [100.0] * 1000, [0.0] * 25 + [100.0] * 975
    articles = Groups("article", np.repeat(np.arange(40), 25))

    alone = judge(scored(new, ids=ids), champion(old, ids=ids), GateSettings("f1"))
    grouped = judge(replace(scored(new, ids=ids), groups=articles), champion(old, ids=ids), GateSettings("f1"))

    assert (alone.finding, grouped.finding) == ("worse", "too few examples to tell")
    assert "(95% interval by article -" in grouped.reasons[0]
