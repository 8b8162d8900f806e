from typing import Any, Dict

import pytest
from podtune.sections import Mistakes, read_section
from podtune.training.config import TrainingConfig

GIVEN = {"epochs": 3, "batch_size": 128, "learning_rate": 6e-5}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"epochs": 0}, "training.epochs must be at least 1; got 0"),
        ({"learning_rate": 0.0}, "training.learning_rate must be above 0; got 0.0"),
        ({"dropout": 1.0}, "training.dropout must be from 0 to below 1; got 1.0"),
        (
            {"warmup_ratio": 0.1, "warmup_steps": 5},
            "training.warmup_steps and warmup_ratio exclude each other; set one",
        ),
        ({"betas": [0.9, 1.0]}, "training.betas must be two numbers from 0 to below 1; got [0.9, 1.0]"),
        ({"best_metric": "f1"}, "training.best_metric needs intermediate evaluations; set evaluate_every"),
        (
            {"best_metric": "loss", "evaluate_every": 5},
            "training.best_metric must be a metric of which more is better, such as f1; got 'loss'",
        ),
        (
            {"device_iterations": 2, "max_steps": 3},
            "training.max_steps must be a multiple of device_iterations 2; got 3",
        ),
        (
            {"device_iterations": 2, "last_batch": "kept"},
            "training.last_batch must be dropped with device_iterations above 1: a call has whole batches",
        ),
        ({"device_iterations": 0, "max_steps": 3}, "training.device_iterations must be at least 1; got 0"),
    ],
)
def test_settings_that_cannot_be_trained_are_refused(settings: Dict[str, Any], line: str) -> None:
    with pytest.raises(Mistakes) as raised:
        read_section(TrainingConfig, {**GIVEN, **settings}, "training")

    assert raised.value.lines == [line]


def test_the_published_settings_are_accepted() -> None:
    settings = {**GIVEN, "device_iterations": 2, "warmup_ratio": 0.1, "max_gradient_norm": 0.0, "weight_decay": 0.01}

    assert read_section(TrainingConfig, settings, "training").device_iterations == 2
