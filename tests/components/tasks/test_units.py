import pytest
from podtune.tasks.units import highest, in_percent


@pytest.mark.parametrize(
    ("metric", "most", "percent"), [("f1", 100.0, True), ("bleu_4", 100.0, True), ("cider", 10.0, False)]
)
def test_every_metric_is_in_percent_but_cider(metric: str, most: float, percent: bool) -> None:
    assert highest(metric) == most
    assert in_percent(metric) is percent
