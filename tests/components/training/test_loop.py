"""Runs of 12 steps: 10 points, batches of 3, 4 epochs; a line of the log every 2 steps, a checkpoint every 3."""

from math import inf, nan
from typing import Any, Callable, Dict, List

import pytest
from podtune.errors import BadInput, Interrupted, PodtuneError, TryAgainLater
from podtune.training.loop import Trained, train

Engines = Callable[..., Any]


def without_times(trained: Trained) -> List[Dict[str, Any]]:
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "examples_per_second")}
        for line in trained.lines
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, make_workbench: Any, make_engine: Engines) -> Any:
    """A run that nobody stopped, and its engine."""
    engine = make_engine()
    workbench = make_workbench(tmp_path_factory.mktemp("undisturbed") / "states")
    return train(workbench.run(engine, evaluate_every=4)), engine


def test_every_step_has_its_rate_and_the_log_its_lines(workbench: Any, make_engine: Engines) -> None:
    engine = make_engine()

    trained = train(workbench.run(engine))

    expected = [0.0, 0.025, 0.05, 0.045, 0.04, 0.035, 0.03, 0.025, 0.02, 0.015, 0.01, 0.005]
    assert engine.rates == pytest.approx(expected)
    assert [line["step"] for line in trained.lines] == [2, 4, 6, 8, 10, 12]
    assert [line["epoch"] for line in trained.lines] == pytest.approx([2 / 3, 4 / 3, 2, 8 / 3, 10 / 3, 4])
    assert [line["learning_rate"] for line in trained.lines] == pytest.approx(
        [0.025, 0.045, 0.035, 0.025, 0.015, 0.005]
    )
    assert set(trained.lines[0]) == {
        "step",
        "epoch",
        "loss",
        "learning_rate",
        "gradient_norm",
        "examples_per_second",
        "seconds",
    }
    assert (trained.steps_per_epoch, trained.kept_step, trained.progress.resumed) == (3, 12, 0)


def test_a_line_has_the_means_since_the_line_before(workbench: Any, make_engine: Engines) -> None:
    losses = dict(enumerate([1.0, 2.0, 4.0, 6.0, 10.0, 30.0, 2.0, 2.0, 2.0, 2.0, 2.0, 4.0]))
    norms = dict.fromkeys(range(12), 0.5)

    trained = train(workbench.run(make_engine(losses=losses, norms=norms)))

    assert [line["loss"] for line in trained.lines] == [1.5, 5.0, 20.0, 2.0, 2.0, 3.0]
    assert [line["gradient_norm"] for line in trained.lines] == [0.5] * 6
    assert trained.progress.loss_sum == 67.0


def test_the_last_steps_have_a_line_too(workbench: Any, make_engine: Engines) -> None:
    trained = train(workbench.run(make_engine(losses=dict.fromkeys(range(12), 7.0)), log_every=5))

    assert [(line["step"], line["loss"]) for line in trained.lines] == [(5, 7.0), (10, 7.0), (12, 7.0)]


def test_losses_are_fetched_late(workbench: Any, make_engine: Engines) -> None:
    engine = make_engine()

    train(workbench.run(engine, log_every=6, checkpoint_every=0))

    six_steps = ["step", "in_any"] * 5 + ["step"] + ["fetch"] * 12 + ["in_any"]
    assert engine.calls == six_steps * 2


def test_nothing_is_looked_at_within_a_device_call(workbench: Any, make_engine: Engines) -> None:
    engine = make_engine()

    train(workbench.run(engine, device_iterations=3, epochs=2, log_every=1, checkpoint_every=1))

    call = ["step"] * 3 + ["fetch"] * 6 + ["in_any", "save"]
    assert engine.calls == call * 2


@pytest.mark.parametrize("step", range(12))
def test_a_run_killed_in_any_step_ends_like_one_that_was_not(
    workbench: Any, make_engine: Engines, killed: Any, undisturbed: Any, step: int
) -> None:
    with pytest.raises(killed):
        train(workbench.run(make_engine(killed_in=f"step {step}"), evaluate_every=4))

    engine = make_engine()
    trained = train(workbench.run(engine, evaluate_every=4))

    assert engine.weights.tobytes() == undisturbed[1].weights.tobytes()
    assert without_times(trained) == without_times(undisturbed[0])
    assert trained.progress.loss_sum == undisturbed[0].progress.loss_sum
    assert trained.progress.resumed == (1 if step >= 3 else 0)
    assert engine.calls.count("step") == 12 - step // 3 * 3


@pytest.mark.parametrize("save", [1, 2, 3, 4])
def test_a_run_killed_in_a_save_continues_from_the_one_before(
    workbench: Any, make_engine: Engines, killed: Any, undisturbed: Any, save: int
) -> None:
    with pytest.raises(killed):
        train(workbench.run(make_engine(killed_in=f"save {save}"), evaluate_every=4))

    engine = make_engine()
    trained = train(workbench.run(engine, evaluate_every=4))

    assert engine.weights.tobytes() == undisturbed[1].weights.tobytes()
    assert without_times(trained) == without_times(undisturbed[0])
    assert engine.calls.count("step") == 12 - (save - 1) * 3


@pytest.mark.parametrize("calls", range(1, 13))
def test_a_run_stopped_after_any_step_continues_there(
    workbench: Any, make_engine: Engines, undisturbed: Any, calls: int
) -> None:
    workbench.stop_after = calls
    with pytest.raises(Interrupted, match=f"stopped after step {calls} of 12, whose checkpoint is saved"):
        train(workbench.run(make_engine(), evaluate_every=4))
    workbench.stop_after = 0

    engine = make_engine()
    trained = train(workbench.run(engine, evaluate_every=4))

    assert engine.weights.tobytes() == undisturbed[1].weights.tobytes()
    assert without_times(trained) == without_times(undisturbed[0])
    assert trained.progress.loss_sum == undisturbed[0].progress.loss_sum
    assert engine.calls.count("step") == 12 - calls


def test_a_run_may_be_stopped_again_and_again(workbench: Any, make_engine: Engines, undisturbed: Any) -> None:
    workbench.stop_after = 1
    for _ in range(12):
        with pytest.raises(Interrupted):
            train(workbench.run(make_engine(), evaluate_every=4))

    engine = make_engine()
    trained = train(workbench.run(engine, evaluate_every=4))

    assert engine.weights.tobytes() == undisturbed[1].weights.tobytes()
    assert without_times(trained) == without_times(undisturbed[0])
    assert trained.progress.resumed == 12


def test_joules_are_those_of_all_stretches_of_a_run(workbench: Any, make_engine: Engines) -> None:
    workbench.stop_after = 5
    with pytest.raises(Interrupted):
        train(workbench.run(make_engine(step_takes=2.0)))
    workbench.stop_after = 0

    trained = train(workbench.run(make_engine(step_takes=3.0)))

    assert trained.progress.joules == 5 * 2.0 + 7 * 3.0


def test_joules_of_a_part_of_a_run_are_not_told(workbench: Any, make_engine: Engines) -> None:
    workbench.stop_after = 5
    with pytest.raises(Interrupted):
        train(workbench.run(make_engine()))
    workbench.stop_after = 0

    trained = train(workbench.run(make_engine(step_takes=3.0)))

    assert trained.progress.joules is None


def test_seconds_leave_interruptions_out(workbench: Any, make_engine: Engines) -> None:
    workbench.stop_after = 5
    with pytest.raises(Interrupted):
        train(workbench.run(make_engine()))
    before = workbench.run(make_engine()).states.open(5).progress.seconds
    workbench.stop_after = 0

    trained = train(workbench.run(make_engine()))

    seconds = [line["seconds"] for line in trained.lines]
    assert seconds == sorted(seconds)
    assert seconds[1] < before < seconds[2] <= trained.progress.seconds


@pytest.mark.parametrize(
    ("poison", "told"),
    [
        ({"losses": {6: nan}}, "loss nan, gradient norm "),
        ({"losses": {6: inf}}, "loss inf, gradient norm "),
        ({"norms": {6: nan}}, "gradient norm nan"),
        ({"norms": {6: inf}}, "gradient norm inf"),
    ],
)
def test_a_number_that_is_none_stops_the_run(workbench: Any, make_engine: Engines, poison: Any, told: str) -> None:
    with pytest.raises(PodtuneError) as raised:
        train(workbench.run(make_engine(**poison), log_every=100, checkpoint_every=4, batch_size=3))

    message = str(raised.value)
    assert message.startswith("training diverged in step 7: loss ")
    assert told in message
    assert "begins with examples point-2, point-6, point-0; look at these" in message
    assert sorted(path.name for path in workbench.directory.glob("step-*")) == ["step-00000004"]


def test_only_the_newest_checkpoints_are_kept(workbench: Any, make_engine: Engines) -> None:
    train(workbench.run(make_engine(), checkpoint_every=2, keep_checkpoints=3))

    assert sorted(path.name for path in workbench.directory.glob("step-*")) == [
        "step-00000008",
        "step-00000010",
        "step-00000012",
    ]


def test_no_checkpoint_is_written_where_none_is_wanted(workbench: Any, make_engine: Engines) -> None:
    train(workbench.run(make_engine(), checkpoint_every=0))

    assert not list(workbench.directory.glob("step-*"))


def test_a_store_that_is_away_does_not_end_the_run(
    workbench: Any, make_engine: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    workbench.answers = [TryAgainLater("no route to s3://bucket"), None]

    trained = train(workbench.run(make_engine(), checkpoint_every=6))

    assert trained.progress.step == 12
    assert workbench.answers == []
    assert caplog.messages == ["the checkpoint of step 6 is on this machine only: no route to s3://bucket"]


def test_a_stop_tells_if_the_state_could_not_be_shared(workbench: Any, make_engine: Engines) -> None:
    workbench.answers = [TryAgainLater("no route to s3://bucket"), TryAgainLater("still none")]
    workbench.stop_after = 5

    with pytest.raises(TryAgainLater, match="still none"):
        train(workbench.run(make_engine(), checkpoint_every=6))


def test_the_best_weights_are_kept(workbench: Any, make_engine: Engines) -> None:
    reference = make_engine()
    train(workbench.run(reference, max_steps=6, warmup_steps=0, schedule="constant"))
    workbench.directory = workbench.directory.with_name("with best")
    workbench.scores = [{"score": value} for value in (1.0, 5.0, 3.0, 5.0)]

    engine = make_engine()
    settings = {"evaluate_every": 3, "checkpoint_every": 1, "keep_checkpoints": 1, "best_metric": "score"}
    trained = train(workbench.run(engine, warmup_steps=0, schedule="constant", **settings))

    assert trained.kept_step == 6
    assert engine.weights.tobytes() == reference.weights.tobytes()
    assert sorted(path.name for path in workbench.directory.glob("step-*")) == ["step-00000006", "step-00000012"]


def test_the_best_weights_outlive_kills(workbench: Any, make_engine: Engines, killed: Any) -> None:
    settings = {"evaluate_every": 3, "checkpoint_every": 5, "best_metric": "score"}
    whole = make_engine()
    workbench.scores = [{"score": value} for value in (1.0, 5.0, 3.0, 4.0)]
    train(workbench.run(whole, **settings))
    kept, workbench.directory = whole.weights.tobytes(), workbench.directory.with_name("killed")

    workbench.scores = [{"score": value} for value in (1.0, 5.0, 3.0)]
    with pytest.raises(killed):
        train(workbench.run(make_engine(killed_in="step 9"), **settings))
    workbench.scores = [{"score": value} for value in (3.0, 4.0)]
    engine = make_engine()
    trained = train(workbench.run(engine, **settings))

    assert trained.kept_step == 6
    assert engine.weights.tobytes() == kept
    assert [line["evaluation"]["score"] for line in trained.lines if "evaluation" in line] == [1.0, 5.0, 3.0, 4.0]


def test_without_a_metric_the_last_weights_are_kept(workbench: Any, make_engine: Engines) -> None:
    workbench.scores = [{"score": value} for value in (9.0, 1.0, 1.0, 1.0)]

    trained = train(workbench.run(make_engine(), evaluate_every=3))

    assert trained.kept_step == 12


def test_an_unknown_metric_is_refused(workbench: Any, make_engine: Engines) -> None:
    workbench.scores = [{"exact_match": 1.0, "f1": 2.0}]

    with pytest.raises(BadInput, match=r"training\.best_metric must be one of exact_match, f1; got 'F1'"):
        train(workbench.run(make_engine(), evaluate_every=3, best_metric="F1"))


def test_a_finished_run_is_not_trained_again(workbench: Any, make_engine: Engines) -> None:
    whole = make_engine()
    train(workbench.run(whole))

    engine = make_engine()
    trained = train(workbench.run(engine))

    assert engine.calls.count("step") == 0
    assert engine.weights.tobytes() == whole.weights.tobytes()
    assert trained.progress.step == 12


def test_other_processes_write_and_show_nothing(
    workbench: Any, make_engine: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    engine = make_engine(first=False)
    workbench.directory.mkdir()

    train(workbench.run(engine))

    assert list(workbench.directory.iterdir()) == []
    assert engine.calls.count("save") == 0
    assert caplog.records == []
