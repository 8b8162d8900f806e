import io

import pytest
from podtune_pipelines.run_log import RunLog, wanted


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("04:31:21.845 - INFO - Executing task \x1b[96m'tokenize-squad'\x1b[0m", "tokenize_squad"),
        (
            "Task fetch-data cache hit (key=0123456789ab); skipping execution.",
            "fetch_data (reused)",
        ),
        ("    [KFP Executor 2026-11-21 04:31:21,713 INFO]: step 10 of 20: loss 1.2", "  step 10 of 20: loss 1.2"),
        ("    [KFP Executor 2026-11-21 04:31:21,713 INFO]: Got executor_input:", None),
        ('    {"inputs": {', None),
        ("04:31:21.845 - INFO - Task \x1b[96m'publish'\x1b[0m outputs:", None),
        ("", None),
    ],
)
def test_a_person_sees_what_the_steps_say(line: str, shown: "str | None") -> None:
    assert wanted(line) == shown


def test_everything_is_kept_in_the_file_and_lines_may_come_in_pieces() -> None:
    everything, terminal = io.StringIO(), io.StringIO()
    log = RunLog(everything, terminal)

    log.write("noise\n    [KFP Executor x INFO]: st")
    log.write("ep 1\nrest")

    assert everything.getvalue() == "noise\n    [KFP Executor x INFO]: step 1\nrest"
    assert terminal.getvalue() == "  step 1\n"
