import dataclasses

import numpy as np
from podtune.formats.evaluation import Metric, Slice
from podtune.steps.evaluate.step import metrics_of, slices_of
from podtune.tasks.groups import Groups
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.scored import Scored
from podtune.tasks.task import task_named

TASK = task_named("question-answering")

SCORED = Scored(
    metrics={"f1": np.array([100.0, 50.0, 0.0])},
    values={"f1": 50.000001},
    loss=1.0,
    records=[
        {"id": "a", "slices": {"size": "small", "colour": "red"}},
        {"id": "b", "slices": {"size": "small"}},
        {"id": "c", "slices": {"size": "large"}},
    ],
    predictions={},
)


def test_slices_have_their_own_means() -> None:
    assert slices_of(SCORED, TASK) == [
        Slice("colour", "red", 1, {"f1": 100.0}, low={"f1": 0.0}, high={"f1": 100.0}),
        Slice("size", "large", 1, {"f1": 0.0}, low={"f1": 0.0}, high={"f1": 100.0}),
        Slice("size", "small", 2, {"f1": 75.0}, low={"f1": 0.0}, high={"f1": 100.0}),
    ]


def test_a_metric_keeps_its_official_value_beside_its_interval() -> None:
    assert metrics_of(SCORED, TASK, EvaluationSettings()) == {"f1": Metric(50.000001, 0.0, 100.0)}


def test_a_metric_of_the_whole_is_resampled_as_a_whole() -> None:
    scored = dataclasses.replace(
        SCORED, values={"f1": 50.0, "longest": 3.0}, corpus={"longest": lambda rows: float(rows.max() + 1)}
    )

    found = metrics_of(scored, TASK, EvaluationSettings(bootstrap_samples=200))

    assert found["longest"] == Metric(3.0, 1.0, 3.0)
    assert found["f1"] == Metric(50.0, 0.0, 100.0)


def test_examples_that_share_something_make_wider_intervals() -> None:
    right = np.repeat([100.0, 0.0, 100.0, 100.0] * 5, 10)
    records = [{"id": str(row), "slices": {"colour": "red"}} for row in range(200)]
    alone = Scored({"f1": right}, {"f1": 75.0}, 1.0, records, {})
    grouped = dataclasses.replace(alone, groups=Groups("article", np.repeat(np.arange(20), 10)))

    (before,), (after,) = slices_of(alone, TASK), slices_of(grouped, TASK)

    assert after.high["f1"] - after.low["f1"] > 2.5 * (before.high["f1"] - before.low["f1"])
    assert metrics_of(grouped, TASK, EvaluationSettings())["f1"] == Metric(75.0, after.low["f1"], after.high["f1"])
