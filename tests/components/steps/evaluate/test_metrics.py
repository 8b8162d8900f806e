import dataclasses

import numpy as np
from podtune.formats.evaluation import Metric, Slice
from podtune.steps.evaluate.step import metrics_of, slices_of
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.scored import Scored

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
    assert slices_of(SCORED, EvaluationSettings()) == [
        Slice("colour", "red", 1, {"f1": 100.0}, low={"f1": 100.0}, high={"f1": 100.0}),
        Slice("size", "large", 1, {"f1": 0.0}, low={"f1": 0.0}, high={"f1": 0.0}),
        Slice("size", "small", 2, {"f1": 75.0}, low={"f1": 50.0}, high={"f1": 100.0}),
    ]


def test_a_metric_keeps_its_official_value_beside_its_interval() -> None:
    assert metrics_of(SCORED, EvaluationSettings()) == {"f1": Metric(50.000001, 0.0, 100.0)}


def test_a_metric_of_the_whole_is_resampled_as_a_whole() -> None:
    scored = dataclasses.replace(
        SCORED, values={"f1": 50.0, "longest": 3.0}, corpus={"longest": lambda rows: float(rows.max() + 1)}
    )

    found = metrics_of(scored, EvaluationSettings(bootstrap_samples=200))

    assert found["longest"] == Metric(3.0, 1.0, 3.0)
    assert found["f1"] == Metric(50.0, 0.0, 100.0)
