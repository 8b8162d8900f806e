import pytest
from podtune.steps.write_card.curves import Curve, curves_of


def test_the_log_becomes_curves(contents) -> None:
    curves = curves_of(contents().records)

    assert curves.loss.steps == (69, 207, 690, 1035, 1380, 1935, 2070)
    assert curves.learning_rate.values[1] == 6e-5
    assert curves.validation["f1"] == Curve((690, 1380), (85.9, 88.0))
    assert curves.kept == (2070, 1.0187)
    assert curves.epoch_ends == [690, 1380]


def test_many_epochs_are_not_marked(finished_run, contents) -> None:
    finished_run.facts["checkpoint"].update(steps=2070, steps_per_epoch=10)

    assert curves_of(contents().records).epoch_ends == []


def test_a_long_curve_is_smoothed_over_its_neighbours() -> None:
    curve = Curve(tuple(range(80)), tuple([0.0, 1.0] * 40))

    smoothed = curve.smoothed()

    assert smoothed.values[:3] == pytest.approx((1 / 3, 0.5, 0.4))
    assert smoothed.values[40] == pytest.approx(0.4)


def test_a_short_curve_is_left_alone() -> None:
    curve = Curve((1, 2, 3), (5.0, 1.0, 9.0))

    assert curve.smoothed() == curve


def test_a_long_curve_is_thinned_to_means() -> None:
    curve = Curve((1, 2, 3, 4, 5), (1.0, 3.0, 5.0, 7.0, 9.0))

    assert curve.thinned(2) == Curve((2.0, 4.5), (3.0, 8.0))
    assert Curve((), ()).thinned(2) == Curve((), ())


def test_gradients_and_speed_are_curves_where_they_were_logged(finished_run, contents) -> None:
    finished_run.log[2].update(gradient_norm=1.5, examples_per_second=40.0)

    curves = curves_of(contents().records)

    assert (curves.gradient_norm, curves.speed) == (Curve((690,), (1.5,)), Curve((690,), (40.0,)))
