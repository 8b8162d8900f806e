import io
from pathlib import Path
from typing import Any, Dict, List

import pytest
from podtune.formats.checkpoint import read_log
from podtune.training.log import Display, GrowingLog, write_events

LINES: List[Dict[str, Any]] = [
    {
        "step": 2,
        "epoch": 0.5,
        "loss": 3.25,
        "learning_rate": 5e-05,
        "gradient_norm": 1.5,
        "examples_per_second": 12.5,
        "seconds": 10.0,
    },
    {"step": 4, "epoch": 1.0, "evaluation": {"exact_match": 40.0, "f1": 50.5}},
]


def test_tensorboard_reads_the_events(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_events(tmp_path / "tensorboard", [*LINES, {**LINES[0], "step": 6, "loss": 1.0, "seconds": 35.0}])

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    scalars = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    first, last = events.Scalars("train/loss")
    assert [path.name for path in (tmp_path / "tensorboard").iterdir()] == ["events.out.tfevents.podtune"]
    assert scalars == {
        "train/loss": [(2, 3.25), (6, 1.0)],
        "train/learning_rate": [(2, pytest.approx(5e-05)), (6, pytest.approx(5e-05))],
        "train/gradient_norm": [(2, 1.5), (6, 1.5)],
        "train/examples_per_second": [(2, 12.5), (6, 12.5)],
        "evaluation/exact_match": [(4, 40.0)],
        "evaluation/f1": [(4, 50.5)],
    }
    assert last.wall_time - first.wall_time == pytest.approx(25.0)


def test_a_growing_log_can_be_read_at_any_time_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def seen() -> "tuple[list[int], list[int]]":
        events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
        return [event.step for event in events.Scalars("train/loss")], [line["step"] for line in read_log(tmp_path)]

    with GrowingLog(tmp_path, []) as log:
        log.add(LINES[0])
        before = seen()

    with GrowingLog(tmp_path, LINES[:1]) as log:
        log.add({**LINES[0], "step": 6, "seconds": 35.0})
        after = seen()

    assert before == ([2], [2])
    assert after == ([2, 6], [2, 6])


def test_without_a_terminal_each_line_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    with Display(steps=10, done=0) as display:
        display.advance(2)
        for line in LINES:
            display.show(line)

    assert caplog.messages == [
        "step 2 of 10, epoch 0.50: loss 3.2500, learning rate 5.00e-05, 12.5 examples/s, 0:00:40 left",
        "step 4 of 10, epoch 1.00: exact_match 40.0000, f1 50.5000",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_is_drawn(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    with Display(steps=10, done=4) as display:
        display.advance(2)
        for line in LINES:
            display.show(line)

    drawn = terminal.getvalue()
    assert "train:  40%" in drawn
    assert "loss=3.2500, rate=5.00e-05" in drawn
    assert "step 4 of 10, epoch 1.00: exact_match 40.0000, f1 50.5000\n" in drawn
    assert caplog.messages == []


def test_only_the_first_of_several_processes_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("RANK", "1")

    with Display(steps=10, done=0) as display:
        display.advance(2)

    assert terminal.getvalue() == ""


def test_argo_is_told_how_far_the_training_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "progress"))
    told = []

    with Display(steps=4, done=1) as display:
        for _ in range(3):
            display.advance(1)
            told.append((tmp_path / "progress").read_text())

    assert told == ["2/4\n", "2/4\n", "4/4\n"]


@pytest.mark.parametrize(("name", "value"), [("RANK", "1"), ("ARGO_PROGRESS_FILE", "/nowhere/progress")])
def test_what_cannot_be_told_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "progress"))
    monkeypatch.setenv(name, value)

    with Display(steps=2, done=0) as display:
        display.advance(2)

    assert not (tmp_path / "progress").exists()
