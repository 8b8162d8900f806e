import io
from typing import List

import pytest
from podtune_pipelines.run_log import RunLog


def shown(lines: List[str], seconds: "List[float] | None" = None) -> List[str]:
    """What the terminal shows for these lines of a run of eight steps, read at these times."""
    terminal, times = io.StringIO(), iter([0.0, *(seconds or [])])
    log = RunLog(io.StringIO(), terminal, 8, clock=lambda: next(times, 0.0))
    for line in lines:
        log.write(f"{line}\n")
    return terminal.getvalue().splitlines()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("04:31:21.845 - INFO - Executing task \x1b[96m'tokenize-squad'\x1b[0m", ["[1/8] tokenize_squad"]),
        ("Task fetch-data cache hit (key=0123456789ab); skipping execution.", ["[1/8] fetch_data (reused)"]),
        ("    [KFP Executor 2026-11-21 04:31:21,713 INFO]: step 10 of 20: loss 1.2", ["  step 10 of 20: loss 1.2"]),
        ("    [KFP Executor 2026-11-21 04:31:21,713 INFO]: Got executor_input:", []),
        ('    {"inputs": {', []),
        ("04:31:21.845 - INFO - Task \x1b[96m'publish'\x1b[0m outputs:", []),
        ("", []),
        ("    [KFP Executor x INFO]: image \x1b[2Jcat\u202e.jpg\x07", ["  image [2Jcat.jpg"]),
    ],
)
def test_a_person_sees_what_the_steps_say(line: str, expected: List[str]) -> None:
    assert shown([line]) == expected


def test_a_person_sees_which_step_of_how_many_runs_and_how_long_each_took() -> None:
    lines = [
        "Task fetch-data cache hit (key=0123456789ab); skipping execution.",
        "04:31:21.845 - INFO - Executing task 'finetune'",
        "05:32:21.845 - INFO - Task 'finetune' finished with status \x1b[92mSUCCESS\x1b[0m",
        "05:32:21.845 - INFO - Executing task 'evaluate'",
        "05:32:33.845 - INFO - Task 'evaluate' finished with status \x1b[91mFAILURE\x1b[0m",
    ]

    assert shown(lines, [1, 10, 3670.4, 3671, 3683]) == [
        "[1/8] fetch_data (reused)",
        "[2/8] finetune",
        "  done in 1:01:00",
        "[3/8] evaluate",
        "  ended after 0:00:12",
    ]


def test_everything_is_kept_in_the_file_and_lines_may_come_in_pieces() -> None:
    everything, terminal = io.StringIO(), io.StringIO()
    log = RunLog(everything, terminal, 8)

    log.write("noise\n    [KFP Executor x INFO]: st")
    log.write("ep 1\nrest")

    assert everything.getvalue() == "noise\n    [KFP Executor x INFO]: step 1\nrest"
    assert terminal.getvalue() == "  step 1\n"
