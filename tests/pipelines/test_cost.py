from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune_pipelines.cli.plan import plan
from podtune_pipelines.cost import Cost, cost_of, require_price
from podtune_pipelines.home import Home
from podtune_pipelines.plan import make_plan
from podtune_pipelines.recipe import load_recipe


@pytest.mark.parametrize(
    ("seconds", "devices", "price", "cost"),
    [
        (1800.0, 1, 2.5, Cost(device_hours=0.5, amount=1.25)),
        (7200.0, 16, 0.25, Cost(device_hours=32.0, amount=8.0)),
        (3600.0, 4, 0.0, Cost(device_hours=4.0, amount=0.0)),
    ],
)
def test_a_price_is_for_one_device_and_one_hour(seconds: float, devices: int, price: float, cost: Cost) -> None:
    assert cost_of(seconds, devices, price) == cost


@pytest.mark.parametrize(("price", "given"), [(-1.0, "-1.0"), (float("nan"), "nan"), (float("inf"), "inf")])
def test_what_is_no_price_is_refused(tmp_path: Path, price: float, given: str) -> None:
    with pytest.raises(BadInput) as refused:
        plan("minilm-squad", device="cpu", home=tmp_path, fetch=False, price=price, as_json=False)

    assert str(refused.value) == f"--price must be what one device costs in an hour, such as 2.5; got {given}"


def test_nothing_is_a_price_too() -> None:
    require_price(0.0)


def test_a_run_on_ipus_costs_what_its_published_speed_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_plan(load_recipe("roberta-base-squad"), Home(tmp_path), "ipu", fetch=False, price=2.5)

    assert made.ipu is not None
    assert made.cost is not None
    assert made.cost.device_hours == pytest.approx(690 * 256 / 1316.952 / 3600 * made.ipu.ipus)

    plan("roberta-base-squad", device="ipu", home=tmp_path, fetch=False, price=2.5, as_json=False)

    assert "cost: about 0.60 device-hours, 1.49 at the price given" in capsys.readouterr().out


def test_a_cost_that_is_not_known_is_not_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan("minilm-squad", device="cpu", home=tmp_path, fetch=False, price=2.5, as_json=False)

    printed = capsys.readouterr().out
    assert "cost:" not in printed
    assert "time: unknown until the data is fetched" in printed
