import pytest
from podtune.tasks.task import metric_named


@pytest.mark.parametrize(
    ("metric", "most", "percent"), [("f1", 100.0, True), ("bleu_4", 100.0, True), ("cider", 10.0, False)]
)
def test_every_metric_is_in_percent_but_cider(metric: str, most: float, percent: bool) -> None:
    assert metric_named(metric).highest == most
    assert metric_named(metric).in_percent is percent
