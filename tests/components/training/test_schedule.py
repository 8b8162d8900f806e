"""The expected rates were read off transformers 5.23: get_scheduler(…) with AdamW, one scheduler step a step."""

from dataclasses import replace
from typing import Any, Dict

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from podtune.errors import BadInput
from podtune.training.config import TrainingConfig
from podtune.training.schedule import Order, learning_rate


def config(epochs: int, batch_size: int, device_iterations: int = 1, max_steps: int = 0) -> TrainingConfig:
    return TrainingConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=1e-5,
        device_iterations=device_iterations,
        max_steps=max_steps,
    )


@pytest.mark.parametrize(
    ("rows", "epochs", "batch_size", "iterations", "steps_per_epoch", "steps"),
    [
        pytest.param(88_524, 3, 128, 2, 690, 2_070, id="BERT: 345 calls of two steps, 1,035 calls in all"),
        pytest.param(88_568, 2, 256, 1, 345, 690, id="RoBERTa"),
        pytest.param(443_757, 4, 32, 2, 13_866, 55_464, id="LXMERT on VQA: 6,933 calls, 27,732 in all"),
        pytest.param(10, 3, 3, 1, 3, 9, id="one row is left over"),
        pytest.param(11, 1, 3, 2, 2, 2, id="half a call is left over"),
        pytest.param(4, 2, 4, 1, 1, 2, id="one batch"),
    ],
)
def test_an_epoch_is_whole_device_calls(
    rows: int, epochs: int, batch_size: int, iterations: int, steps_per_epoch: int, steps: int
) -> None:
    order = Order(rows, config(epochs, batch_size, iterations))

    assert (order.steps_per_epoch, order.steps) == (steps_per_epoch, steps)


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs", "steps", "consumed"),
    [
        pytest.param(23_431, 4, 5, 29_290, 117_155, id="ViT-GPT2 on VizWiz: 5,858 an epoch"),
        pytest.param(10, 3, 2, 8, 20, id="a batch of one row ends each epoch"),
        pytest.param(9, 3, 2, 6, 18, id="nothing is left over"),
    ],
)
def test_a_last_batch_that_is_kept_has_the_rows_that_are_left(
    rows: int, batch_size: int, epochs: int, steps: int, consumed: int
) -> None:
    order = Order(rows, replace(config(epochs, batch_size), last_batch="kept"))

    assert order.steps == steps
    assert order.consumed(order.steps) == consumed
    assert sorted(np.concatenate([order.rows(step) for step in range(order.steps_per_epoch)])) == list(range(rows))


@pytest.mark.parametrize(("steps", "rows"), [(0, 0), (2, 6), (3, 9), (4, 12), (9, 27)])
def test_rows_are_counted_once_an_epoch(steps: int, rows: int) -> None:
    assert Order(10, config(3, 3)).consumed(steps) == rows


@pytest.mark.parametrize(("max_steps", "steps"), [(4, 4), (9, 9), (100, 9)])
def test_max_steps_ends_a_run_early(max_steps: int, steps: int) -> None:
    assert Order(10, config(3, 3, max_steps=max_steps)).steps == steps


def test_seed_and_epoch_decide_the_order_on_every_machine() -> None:
    order = Order(10, config(3, 3))

    batches = [order.rows(step).tolist() for step in range(9)]

    assert batches == [
        [4, 8, 1],
        [9, 3, 6],
        [0, 7, 2],
        [1, 2, 8],
        [5, 3, 9],
        [6, 0, 4],
        [2, 6, 0],
        [3, 4, 9],
        [7, 5, 8],
    ]


def test_a_step_has_the_same_rows_whichever_was_asked_for_before() -> None:
    order = Order(10, config(3, 3))
    order.rows(8)

    assert order.rows(1).tolist() == [9, 3, 6]


@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 3))
def test_no_row_comes_twice_in_an_epoch(rows: int, batch_size: int, iterations: int) -> None:
    rows += batch_size * iterations
    order = Order(rows, config(2, batch_size, iterations))

    for epoch in range(2):
        steps = range(epoch * order.steps_per_epoch, (epoch + 1) * order.steps_per_epoch)
        seen = [row for step in steps for row in order.rows(step).tolist()]
        assert len(set(seen)) == len(seen) == order.steps_per_epoch * batch_size
        assert set(seen) <= set(range(rows))


@pytest.mark.parametrize(
    ("rows", "iterations", "message"),
    [
        (
            7,
            1,
            "there are 7 rows to train on, and one optimizer step takes 8 (training.batch_size); give more data or a",
        ),
        (0, 1, "there are 0 rows to train on, and one optimizer step takes 8"),
        (15, 2, "there are 15 rows to train on, and one call to the device takes 16 (training.batch_size 8 × "),
    ],
)
def test_data_smaller_than_one_call_is_refused(rows: int, iterations: int, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        Order(rows, config(1, 8, iterations))

    assert str(raised.value).startswith(message)


def config_of_rates(**settings: Any) -> TrainingConfig:
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
    found = {step: learning_rate(config_of_rates(**settings), step, steps) for step in rates}

    assert found == pytest.approx(rates, rel=1e-12, abs=0.0)


def test_the_rate_moves_once_a_device_call() -> None:
    settings = config_of_rates(schedule="linear", warmup_steps=4, device_iterations=2)

    rates = [learning_rate(settings, step, 12) for step in range(12)]

    expected = [0.0, 0.0, 3e-05, 3e-05, 6e-05, 6e-05, 4.5e-05, 4.5e-05, 3e-05, 3e-05, 1.5e-05, 1.5e-05]
    assert rates == pytest.approx(expected, rel=1e-12)


@given(st.sampled_from(["linear", "cosine", "constant"]), st.floats(0.0, 1.0), st.integers(1, 200))
def test_a_rate_lies_between_zero_and_the_peak(schedule: str, warmup_ratio: float, steps: int) -> None:
    settings = config_of_rates(schedule=schedule, warmup_ratio=warmup_ratio)

    rates = [learning_rate(settings, step, steps) for step in range(steps)]

    assert min(rates) >= 0.0
    assert max(rates) <= 6e-05
