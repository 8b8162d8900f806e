import json
from typing import Any

import pytest

pytestmark = pytest.mark.local


@pytest.fixture
def run(podtune: Any, fake_kfp: Any) -> str:
    """A run that was submitted and failed after an hour."""
    found: str = json.loads(podtune("submit", "bert-tiny-squad", "--json").out)["run"]
    fake_kfp.runs[found].update(
        display_name="by hand",
        state="FAILED",
        created_at="2026-11-25T12:00:00Z",
        finished_at="2026-11-25T13:02:03Z",
    )
    return found


def test_runs_are_listed_one_a_line_the_newest_first(podtune: Any, fake_kfp: Any, run: str) -> None:
    scheduled = {"run_id": "later", "recurring_run_id": "schedule-1", "state": "RUNNING", "display_name": "weekly"}
    times = {"created_at": "2026-11-25T14:00:00Z", "finished_at": "1970-01-01T00:00:00Z"}
    fake_kfp.runs["later"] = {**fake_kfp.runs[run], **scheduled, **times}

    ended = podtune("runs")

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "later  running    2026-11-25 14:00            weekly (by schedule)",
        f"{run}  failed     2026-11-25 12:00   1:02:03  by hand",
    ]


def test_only_so_many_as_asked_for_are_listed(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.runs["later"] = {**fake_kfp.runs[run], "run_id": "later", "created_at": "2026-11-25T14:00:00Z"}

    found = json.loads(podtune("runs", "--last", "1", "--json").out)

    assert [one["id"] for one in found] == ["later"]


def test_json_says_where_a_run_is_seen(podtune: Any, fake_kfp: Any, run: str) -> None:
    (found,) = json.loads(podtune("runs", "--json").out)

    assert (found["url"], found["schedule"]) == (f"{fake_kfp.host}/#/runs/details/{run}", None)
    assert (found["created"], found["ended"]) == ("2026-11-25T12:00:00+00:00", "2026-11-25T13:02:03+00:00")


def test_a_cluster_without_runs_lists_none(podtune: Any) -> None:
    ended = podtune("runs")

    assert (ended.code, ended.out) == (0, "")
