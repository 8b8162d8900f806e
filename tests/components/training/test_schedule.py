"""The expected rates were read off transformers 5.23: get_scheduler(…) with AdamW, one scheduler step a step."""

from typing import Any, Dict

import hypothesis.strategies as st
import pytest
from hypothesis import given
from podtune.training.config import TrainingConfig
from podtune.training.schedule import learning_rate


def config(**settings: Any) -> TrainingConfig:
    return TrainingConfig(**{"epochs": 1, "batch_size": 1, "learning_rate": 6e-5, **settings})


@pytest.mark.parametrize(
    ("settings", "steps", "rates"),
    [
        pytest.param(
            {"schedule": "linear", "warmup_ratio": 0.1},
            1035,
            {
                0: 0.0,
                1: 5.76923076923077e-07,
                103: 5.942307692307693e-05,
                104: 6e-05,
                105: 5.993555316863588e-05,
                517: 3.338345864661654e-05,
                1034: 6.444683136412459e-08,
            },
            id="linear, the warm-up rounded up to 104 steps",
        ),
        pytest.param(
            {"schedule": "cosine", "warmup_steps": 69},
            690,
            {
                0: 0.0,
                1: 8.695652173913044e-07,
                68: 5.91304347826087e-05,
                69: 6e-05,
                70: 5.9999616109930536e-05,
                345: 3.520944533000792e-05,
                689: 3.8389006946637494e-10,
            },
            id="cosine",
        ),
        pytest.param(
            {"schedule": "constant", "warmup_steps": 5},
            20,
            {0: 0.0, 1: 1.2e-05, 4: 4.8e-05, 5: 6e-05, 19: 6e-05},
            id="constant after a warm-up",
        ),
        pytest.param(
            {"schedule": "linear"}, 10, {0: 6e-05, 1: 5.4e-05, 9: 6e-06}, id="linear without warm-up starts at the peak"
        ),
        pytest.param({"schedule": "constant"}, 10, {0: 6e-05, 9: 6e-05}, id="constant"),
    ],
)
def test_rates_are_those_of_transformers(settings: Dict[str, Any], steps: int, rates: Dict[int, float]) -> None:
    found = {step: learning_rate(config(**settings), step, steps) for step in rates}

    assert found == pytest.approx(rates, rel=1e-12, abs=0.0)


def test_the_rate_moves_once_a_device_call() -> None:
    settings = config(schedule="linear", warmup_steps=4, device_iterations=2)

    rates = [learning_rate(settings, step, 12) for step in range(12)]

    expected = [0.0, 0.0, 3e-05, 3e-05, 6e-05, 6e-05, 4.5e-05, 4.5e-05, 3e-05, 3e-05, 1.5e-05, 1.5e-05]
    assert rates == pytest.approx(expected, rel=1e-12)


@given(st.sampled_from(["linear", "cosine", "constant"]), st.floats(0.0, 1.0), st.integers(1, 200))
def test_a_rate_lies_between_zero_and_the_peak(schedule: str, warmup_ratio: float, steps: int) -> None:
    settings = config(schedule=schedule, warmup_ratio=warmup_ratio)

    rates = [learning_rate(settings, step, steps) for step in range(steps)]

    assert min(rates) >= 0.0
    assert max(rates) <= 6e-05
