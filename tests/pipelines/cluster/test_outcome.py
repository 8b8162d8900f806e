"""What is made of runs as a real KFP showed them (tests/pipelines/recorded)."""

from typing import Any, Callable, List, Tuple

import pytest
from podtune.errors import PodtuneError, TryAgainLater
from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.outcome import failure_of_run, is_worth_a_retry, outcome_of, stop_reason
from podtune_pipelines.cluster.runs import Conditions, Run, read_run, start_run
from podtune_pipelines.cluster.waiting import Patience, follow

pytestmark = pytest.mark.local

SOON = Patience(interval=0.001, settling=5.0)

INPUT = """{
    "inputs": {
        "parameterValues": {}
    }
}
"""
"""How a log begins: KFP prints the step's input."""

LAUNCHER = """E1126 02:24:10.509244      16 launcher_v2.go:449] Component failed to execute: exit status {0}
I1126 02:24:10.811394      16 launcher_v2.go:206] publish success.
F1126 02:24:10.859685      16 main.go:59] failed to execute component: exit status {0}
"""
"""How it ends where the step failed with an exit code."""

KILLED = "F1126 02:46:10.859685      16 main.go:59] failed to execute component: signal: killed\n"


@pytest.fixture
def run(cluster: Cluster, upload: Callable[..., Any]) -> str:
    return start_run(cluster, upload(), "a run", Conditions()).id


@pytest.fixture
def read(fake_kfp: Any, cluster: Cluster, run: str) -> Callable[[str], Run]:
    """The run as a recording shows it."""

    def as_recorded(recording: str) -> Run:
        fake_kfp.progress = [recording]
        return read_run(cluster, run)

    return as_recorded


def failure(cluster: Cluster, run: Run) -> Tuple[PodtuneError, List[str]]:
    said: List[str] = []
    found = failure_of_run(cluster, run, said.append)
    assert found is not None
    return found, said


def node_of(run: Run, step: str) -> str:
    """The end of the ID of the node that has the step's log."""
    return next(each.nodes[0].rpartition("-")[2] for each in run.steps if each.name == step)


@pytest.mark.parametrize(
    ("recording", "step", "code", "message"),
    [
        ("gate", "publish", 3, "bert-tiny-squad is not released: exact_match is 96.20, below its floor of 99.99"),
        ("gate", "publish", 3, "bert-tiny-squad is not released: exact_match may be worse by more than 0.50"),
        ("racesame-B", "publish", 4, "version 1 of bert-tiny-squad is live, but this model was compared with nothing"),
        ("badsource", "fetch_data", 2, "there is no train.json in s3://mlpipeline/nothing"),
        ("exit75", "finetune", 75, "cannot list s3://models; check AWS_ENDPOINT_URL_S3, or try again later"),
        ("gpu1b", "finetune", 2, "no NVIDIA GPU is visible; run on a machine with one, or use --device cpu"),
        ("ipu2", "finetune_on_ipu", 2, "cannot POST podtune-ipu/ipujobs: access denied (403)"),
    ],
)
def test_a_failed_step_ends_the_command_with_its_own_words_and_code(
    fake_kfp: Any, cluster: Cluster, read: Any, recording: str, step: str, code: int, message: str
) -> None:
    run = read(recording)
    fake_kfp.logs = {node_of(run, step): f"{INPUT}working\nerror: {message}\n{LAUNCHER.format(code)}"}

    error, said = failure(cluster, run)

    assert error.exit_code == code
    assert str(error).startswith(f"run {run.id} failed in {step}: {message}")
    assert said == [f"  {step} | working", f"  {step} | error: {message}"]
    assert is_worth_a_retry(error) == (code == 75)
    assert (f"`podtune retry {run.id}` continues it" in str(error)) == (code == 75)
    assert ("submit it again" in str(error)) == (code == 4)


def test_a_message_of_many_lines_is_shown_whole(fake_kfp: Any, cluster: Cluster, read: Any) -> None:
    run = read("badsource")
    rows = "".join(f"  row {number}: it is empty\n" for number in range(20))
    written = f"error: train.json has 33 bad entries:\n{rows}  and 13 more\n"
    fake_kfp.logs = {node_of(run, "fetch_data"): f"{INPUT}{written}{LAUNCHER.format(2)}"}

    error, said = failure(cluster, run)

    assert str(error).startswith(f"run {run.id} failed in fetch_data: train.json has 33 bad entries; see ")
    assert (len(said), said[0]) == (22, "  fetch_data | error: train.json has 33 bad entries:")


def test_the_log_is_that_of_the_failed_executors_child(read: Any) -> None:
    """As log-failed-step.json was recorded; other nodes have none."""
    assert node_of(read("gate"), "publish") == "1376260441"


def test_a_step_that_was_killed_is_not_tried_again(fake_kfp: Any, cluster: Cluster, read: Any) -> None:
    """Out of memory: KFP shows FAILED, the launcher a signal and no exit code."""
    run = read("oom")
    fake_kfp.logs = {node_of(run, "finetune"): f"step 10: loss 2\n{KILLED}"}

    error, said = failure(cluster, run)

    assert (error.exit_code, is_worth_a_retry(error)) == (1, False)
    assert "finetune: it was killed from outside, as when memory runs out: choose a smaller batch" in str(error)
    assert said == ["  finetune | step 10: loss 2"]


def test_a_missing_service_account_is_named(cluster: Cluster, read: Any) -> None:
    """No step began: the first driver, and its three tries, failed."""
    run = read("bad-serviceaccount")

    error, said = failure(cluster, run)

    assert (error.exit_code, said) == (1, [])
    assert str(error).startswith(
        f"run {run.id} failed: root_driver could not start, as without the service account that it is to have"
    )


@pytest.mark.parametrize("recording", ["terminated-3", "terminated-8"])
def test_a_cancelled_run_is_named_as_cancelled(cluster: Cluster, read: Any, recording: str) -> None:
    """KFP's state is FAILED; only the history has CANCELING."""
    run = read(recording)

    error, _ = failure(cluster, run)

    assert run.state == "canceled"
    assert (error.exit_code, is_worth_a_retry(error)) == (1, False)
    assert str(error).startswith(f"run {run.id} was cancelled (finetune); see ")


def test_a_run_is_read_until_no_step_moves(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    """KFP wrote the run's end before its last step's."""
    fake_kfp.progress = ["kill-force106-ended", "kill-force106-ended", "kill-force106-ended-later"]
    said: List[str] = []

    follow(cluster, run, said.append, SOON)

    assert said == [
        "fetch_data: reused",
        "fetch_model: reused",
        "tokenize_squad: reused",
        "finetune: done in 130 s",
        "evaluate: done in 33 s",
        "compare: done in 12 s",
        "write_card: done in 22 s",
        "publish: running",
        "publish: done in 11 s",
    ]


@pytest.mark.parametrize("recording", ["pending-unschedulable", "kill-del101-retried"])
def test_a_pod_that_does_not_start_is_named(fake_kfp: Any, cluster: Cluster, run: str, recording: str) -> None:
    """Its first try, or a later one; KFP shows everything as RUNNING but executor(N)."""
    fake_kfp.progress = [recording, recording, recording, ("SUCCEEDED", {})]
    said: List[str] = []

    follow(cluster, run, said.append, Patience(interval=0.001, start=0.0))

    waiting = [line for line in said if line.startswith("finetune")]
    assert waiting[0] == "finetune: waiting for a machine"
    assert waiting[1].startswith("finetune has been waiting for a machine or its image since 02:")
    assert waiting[1].endswith(f" UTC; see why: kubectl -n kubeflow get pods -l pipeline/runid={run}")
    assert len(waiting) == 2


def test_a_run_whose_pod_does_not_start_may_be_given_up(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = ["pending-unschedulable"] * 100
    patience = Patience(interval=0.001, start=0.0, start_limit=0.01)

    with pytest.raises(TryAgainLater) as given_up:
        follow(cluster, run, [].append, patience)

    assert str(given_up.value).startswith(
        f"run {run} was cancelled after 0.000166667 minutes (--start-within): finetune has been waiting for a machine"
    )
    assert fake_kfp.runs[run]["state"] == "CANCELING"


def test_a_night_without_a_change_says_why(fake_kfp: Any, cluster: Cluster, read: Any) -> None:
    """The pods are gone; the log is not."""
    run = read("recurring-run-skipped")
    log = f"{INPUT}reading\nstop: data and code are those of version 3\n"
    fake_kfp.logs = {node_of(run, "check_unchanged"): log}

    assert run.stopped_early
    assert stop_reason(cluster, run) == ["stop: data and code are those of version 3"]
    fake_kfp.logs = {}
    assert stop_reason(cluster, run)[0].startswith("its log is not available: KFP has no log of podtune-")


def test_the_end_of_a_log_is_what_a_person_can_read(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = [("FAILED", {"finetune": "FAILED"})]
    fake_kfp.logs = {"finetune": "".join(f"line {number}\n" for number in range(30)) + "\x1b[31mred\x07 é\n"}

    _, said = failure(cluster, read_run(cluster, run))

    assert len(said) == 25
    assert (said[0], said[-2:]) == ("  finetune | line 6", ["  finetune | line 29", "  finetune | [31mred é"])


def test_a_run_that_was_refused_before_its_training_is_refused(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    said = "qa is not trained: the same data, model, code and settings were refused at 2026-11-27T03:12:00+00:00"
    fake_kfp.progress = [("FAILED", {"tokenize-squad": "SUCCEEDED", "check-unchanged": "FAILED"})]
    fake_kfp.logs = {"check-unchanged": f"error: {said}\n{LAUNCHER.format(3)}"}

    ended = read_run(cluster, run)

    assert outcome_of(cluster, ended) == "refused"
    failed, _ = failure(cluster, ended)
    assert (failed.exit_code, said in str(failed)) == (3, True)


@pytest.mark.parametrize(
    ("recording", "code", "outcome"),
    [
        ("gate", 3, "refused"),
        ("racesame-B", 4, "failed"),
        ("exit75", 75, "failed"),
        ("recurring-run-skipped", 0, "unchanged"),
        ("terminated-8", 0, "canceled"),
        ("kill-force106-ended-later", 0, "succeeded"),
    ],
)
def test_a_list_says_how_a_night_ended(
    fake_kfp: Any, cluster: Cluster, read: Any, recording: str, code: int, outcome: str
) -> None:
    run = read(recording)
    fake_kfp.logs = dict.fromkeys((node for step in run.steps for node in step.nodes), "")
    fake_kfp.logs = {node.rpartition("-")[2]: LAUNCHER.format(code) for node in fake_kfp.logs}

    assert outcome_of(cluster, run) == outcome
