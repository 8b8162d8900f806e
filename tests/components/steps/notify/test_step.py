"""What a webhook receives of a run, whatever the orchestrator says and whatever goes wrong."""

import json
import logging
import socket
import time
from pathlib import Path
from typing import Any, Dict, List, cast

import pytest
from podtune.errors import GateRefused, Interrupted, PodtuneError
from podtune.formats.evaluation import Metric
from podtune.steps.notify import webhook as posting
from podtune.steps.notify.component import notify
from podtune.steps.notify.orchestrators import failure_in
from podtune.steps.notify.step import run, tell
from podtune.stores.live import move
from podtune.stores.opening import open_store
from podtune.stores.outcomes import Event, Outcome, leave_outcome
from podtune.stores.store import Store

pytestmark = pytest.mark.local

RELEASE = {"name": "qa", "notify": True}
F1 = {"f1": Metric(88.5, 80.25, 95.0)}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store in which version 3 is live, for the run r1."""
    monkeypatch.setenv("PODTUNE_RUN", "r1")
    monkeypatch.setattr(posting, "_PAUSE", 0.0)
    opened = open_store(str(tmp_path / "store"))
    move(opened, "qa", version="3", after=0)
    return opened


@pytest.mark.parametrize(
    ("event", "consecutive", "first"),
    [
        ("released", 0, "qa: version 3 is released"),
        ("refused", 1, "qa: a new model is refused; version 3 stays live"),
        ("skipped", 0, "qa: nothing new; version 3 stays live"),
    ],
)
def test_what_the_run_left_is_told_whatever_the_orchestrator_says(
    webhook: Any, store: Store, event: Event, consecutive: int, first: str
) -> None:
    leave_outcome(store.uri, "qa", Outcome(event, "f1 is fine", "3", F1))

    run(release=RELEASE, store=store.uri, status="RUNNING")

    link = f"{store.uri}/releases/qa"
    assert webhook.messages == [
        {
            "event": event,
            "name": "qa",
            "version": "3",
            "run": "r1",
            "reason": "f1 is fine",
            "metrics": {"f1": {"value": 88.5, "low": 80.25, "high": 95.0}},
            "consecutive": consecutive,
            "reminder": None,
            "command": None,
            "link": link,
            "text": f"{first}\nf1 is fine\nf1 88.5 (80.25 to 95); 95 % intervals\n{link}",
        }
    ]


def test_who_may_approve_gets_the_command(webhook: Any, store: Store) -> None:
    leave_outcome(store.uri, "qa", Outcome("waiting", "f1 is fine", "4", F1))

    run(release=RELEASE, store=store.uri, status="COMPLETE")

    (message,) = webhook.messages
    command, link = f"podtune approve qa 4 --store {store.uri}", f"{store.uri}/releases/qa"
    first = "qa: version 4 waits for approval; version 3 stays live"
    assert (message["event"], message["version"], message["command"]) == ("waiting", "4", command)
    assert message["text"] == f"{first}\nf1 is fine\nf1 88.5 (80.25 to 95); 95 % intervals\n{command}\n{link}"


def test_a_later_try_of_a_run_counts(webhook: Any, store: Store) -> None:
    leave_outcome(store.uri, "qa", Outcome("refused", "no", None, F1))
    leave_outcome(store.uri, "qa", Outcome("released", "yes", "3", F1))

    run(release=RELEASE, store=store.uri, status="COMPLETE")

    assert [one["event"] for one in webhook.messages] == ["released"]


def test_another_runs_end_is_not_told(webhook: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_outcome(store.uri, "qa", Outcome("released", "yes", "3", F1))
    monkeypatch.setenv("PODTUNE_RUN", "r2")

    run(release=RELEASE, store=store.uri, status="FAILED")

    (message,) = webhook.messages
    assert (message["event"], message["run"]) == ("failed", "r2")
    assert message["reason"] == "a step failed, or its pod was lost; podtune wait r2 says which, and why"


@pytest.mark.parametrize("status", ["Succeeded", "SUCCEEDED", "COMPLETE", "Succeeded null", 'Succeeded "null"'])
def test_a_run_that_ended_well_and_left_nothing_was_skipped(webhook: Any, store: Store, status: str) -> None:
    run(release=RELEASE, store=store.uri, status=status)

    (message,) = webhook.messages
    assert (message["event"], message["version"], message["metrics"]) == ("skipped", "3", {})


def end(store: Store, monkeypatch: pytest.MonkeyPatch, run_name: str, event: str) -> None:
    """Have a run end in an event."""
    monkeypatch.setenv("PODTUNE_RUN", run_name)
    if event != "failed":
        leave_outcome(store.uri, "qa", Outcome(cast(Event, event), "so it was"))
    run(release=RELEASE, store=store.uri, status="FAILED" if event in ("refused", "failed") else "COMPLETE")


@pytest.mark.parametrize(
    ("events", "counts", "line"),
    [
        ("refused refused refused", [1, 2, 3], "3 refusals in a row"),
        ("failed failed failed failed", [1, 2, 3, 4], "4 failures in a row"),
        ("refused failed refused", [1, 2, 3], "3 runs in a row without a good end: 2 refused, 1 failed"),
        ("refused refused skipped refused", [1, 2, 0, 1], ""),
        ("failed failed released failed failed", [1, 2, 0, 1, 2], ""),
    ],
)
def test_bad_ends_in_a_row_are_counted(
    webhook: Any, store: Store, monkeypatch: pytest.MonkeyPatch, events: str, counts: List[int], line: str
) -> None:
    for number, event in enumerate(events.split()):
        end(store, monkeypatch, f"r{number}", event)

    assert [one["consecutive"] for one in webhook.messages] == counts
    said = [text for text in webhook.messages[-1]["text"].splitlines() if " in a row" in text]
    assert said == ([line] if line else [])
    assert not any(" in a row" in one["text"] for one in webhook.messages[:2])


def test_another_try_of_a_run_that_failed_counts_once(
    webhook: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_name, event in (("r1", "failed"), ("r1", "failed"), ("r1", "released"), ("r2", "failed")):
        end(store, monkeypatch, run_name, event)

    told = [(one["event"], one["consecutive"]) for one in webhook.messages]
    assert told == [("failed", 1), ("failed", 1), ("released", 0), ("failed", 1)]


def test_a_run_that_somebody_stopped_is_no_failure_in_a_row(webhook: Any, store: Store) -> None:
    tell(RELEASE, store.uri, Interrupted("stopped; the same command continues"))

    assert list(store.keys("runs/")) == []


def test_another_try_tells_its_own_reason(webhook: Any, store: Store) -> None:
    for reason in ("no space left", "no route"):
        tell(RELEASE, store.uri, PodtuneError(reason))

    assert [one["reason"] for one in webhook.messages] == ["no space left", "no route"]


def node(step: str, message: str, minute: int = 0) -> Dict[str, str]:
    """As Argo writes one into {{workflow.failures}}."""
    return {
        "displayName": f"{step}(0)",
        "message": message,
        "templateName": step,
        "phase": "Failed",
        "podName": f"qa-{step}-1",
        "finishedAt": f"2026-11-28T03:0{minute}:00Z",
    }


SAID = "qa is not released: exact_match is 96.20, below its floor of 99.99"


@pytest.mark.parametrize(
    ("nodes", "code", "reason"),
    [
        ([node("publish", f"main: Error (exit code 3): {SAID}")], 3, f"publish: {SAID}"),
        ([node("publish", f"exit code 3: {SAID}"), node("pipeline", "")], 3, f"publish: {SAID}"),
        (
            [node("finetune", "exit code 143: stopped", 1), node("fetch-data", "exit code 2: no file", 2)],
            2,
            "fetch_data: no file",
        ),
        ([node("finetune", "main: OOMKilled (exit code 137)")], 1, "finetune: main: OOMKilled (exit code 137)"),
        ([node("finetune", "pod deleted")], 1, "finetune: pod deleted"),
        ([], 1, "a step failed, or its pod was lost"),
    ],
)
@pytest.mark.parametrize("quoted", [True, False])
def test_argos_failures_say_which_step_failed_and_why(
    nodes: List[Dict[str, str]], code: int, reason: str, quoted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PODTUNE_RUN", raising=False)
    failures = json.dumps(json.dumps(nodes)) if quoted else json.dumps(nodes)

    failure = failure_in(f"Failed {failures}")

    assert (failure.exit_code, str(failure)) == (code, reason)  # type: ignore[union-attr]  # it is one


@pytest.mark.parametrize("details", ["", '"', "{", '{"a": 1}', "[1, null]", '"\\x07"', "{{workflow.failures}}"])
def test_failures_that_do_not_read_are_a_failure_still(details: str) -> None:
    assert "a step failed, or its pod was lost" in str(failure_in(f"Error {details}"))


def test_a_refusal_that_left_nothing_is_one(webhook: Any, store: Store) -> None:
    tell(RELEASE, store.uri, GateRefused(SAID))

    assert [(one["event"], one["reason"]) for one in webhook.messages] == [("refused", SAID)]


@pytest.mark.parametrize(
    ("moved", "event", "reminder"),
    [
        ("2020-01-01T03:00:00+00:00", "skipped", True),
        ("2020-01-01T03:00:00+00:00", "released", False),
        ("2999-01-01T03:00:00+00:00", "skipped", False),
    ],
)
@pytest.mark.parametrize("after", [7, 7.0])
def test_days_without_a_release_are_reminded_of(
    webhook: Any, store: Store, moved: str, event: Event, reminder: bool, after: float
) -> None:
    newest = {"version": "3", "moved": moved, "nonce": "0"}
    store.create("releases/qa/live/2.json", json.dumps(newest).encode())
    leave_outcome(store.uri, "qa", Outcome(event, "so it is", "3"))

    run(release={**RELEASE, "remind_after_days": after}, store=store.uri, status="Succeeded")

    (message,) = webhook.messages
    words = message["reminder"] or ""
    assert words.startswith("no new version for ") == reminder
    assert (words in message["text"].split("\n")) == reminder


def test_a_link_leads_to_the_runs_page(webhook: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_NOTIFY_LINK", "https://kubeflow.example.org/pipeline/#/runs/details/{run}")

    run(release=RELEASE, store=store.uri, status="FAILED")

    (message,) = webhook.messages
    assert message["link"] == "https://kubeflow.example.org/pipeline/#/runs/details/r1"
    assert message["text"].endswith(f"\n{message['link']}")


def test_no_reason_calls_a_channel_or_breaks_the_text(webhook: Any, store: Store) -> None:
    tell(RELEASE, store.uri, GateRefused(f"<!channel> @all\n\x1b[31m{'x' * 5000}"))

    (message,) = webhook.messages
    assert message["text"].split("\n")[1].startswith("‹!channel› ＠all [31mxxx")
    assert message["reason"].startswith("<!channel> @all [31mx")
    assert len(message["reason"]) == 1001


def test_no_secret_is_sent_or_logged(
    webhook: Any, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN", "PODTUNE_SIGNING_KEY"):
        monkeypatch.setenv(name, "CANARY7Q4F1D")
    uris = "s3://CANARY7Q4F1D:CANARY7Q4F1D@b/k https://h/squad?sig=CANARY7Q4F1D"
    webhook.answers += [500, 500, 404, 302, 200]

    for _ in range(4):
        tell(RELEASE, store.uri, GateRefused(f"there is nothing at {uris}"))

    assert len(webhook.bodies) == 5
    assert b"CANARY7Q4F1D" not in b"".join(webhook.bodies)
    assert b"secret-path" not in b"".join(webhook.bodies)
    assert "CANARY7Q4F1D" not in caplog.text
    assert "secret-path" not in caplog.text


@pytest.mark.parametrize(
    ("answers", "requests", "said"),
    [
        ([503], 2, "told: qa: the run failed; version 3 stays live"),
        ([500, 502], 2, "nobody was told how the run ended: the webhook at 127.0.0.1 answered 502"),
        ([404], 1, "nobody was told how the run ended: the webhook at 127.0.0.1 answered 404"),
        ([302], 1, "nobody was told how the run ended: the webhook at 127.0.0.1 answered 302"),
        ([307], 1, "nobody was told how the run ended: the webhook at 127.0.0.1 answered 307"),
    ],
)
def test_a_webhook_is_asked_again_once_where_that_may_help(
    webhook: Any, store: Store, caplog: pytest.LogCaptureFixture, answers: List[int], requests: int, said: str
) -> None:
    caplog.set_level(logging.INFO, "podtune")
    webhook.answers += answers

    run(release=RELEASE, store=store.uri, status="FAILED")

    assert webhook.asked == ["/services/T0/secret-path"] * requests
    assert caplog.messages[-1] == said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://h/secret-path", "must be a https:// or http:// URL without user and password"),
        ("file:///etc/secret-path", "must be a https:// or http:// URL without user and password"),
        ("secret-path", "must be a https:// or http:// URL without user and password"),
        ("https://me:secret-path@h/", "must be a https:// or http:// URL without user and password"),
        ("https://[secret-path", "must be a https:// or http:// URL without user and password"),
        ("http://127.0.0.1:1/a secret-path", "the webhook at 127.0.0.1 cannot be asked: InvalidURL"),
        ("http://127.0.0.1:1/ü-secret-path", "the webhook at 127.0.0.1 cannot be asked: UnicodeEncodeError"),
        ("http://127.0.0.1:1/secret-path", "the webhook at 127.0.0.1 cannot be reached: Connection refused"),
    ],
)
def test_an_address_that_cannot_be_told_is_logged_without_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str, said: str
) -> None:
    monkeypatch.setenv("PODTUNE_NOTIFY_URL", url)

    run(release=RELEASE, store=store.uri, status="FAILED")

    assert said in caplog.text
    assert "secret-path" not in caplog.text


def test_a_webhook_that_does_not_answer_is_given_up(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(posting, "_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PODTUNE_NOTIFY_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        begun = time.monotonic()

        run(release=RELEASE, store=store.uri, status="FAILED")

    assert "nobody was told how the run ended" in caplog.text
    assert time.monotonic() - begun < 5


def test_nobody_is_told_without_an_address(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "podtune")
    monkeypatch.delenv("PODTUNE_NOTIFY_URL", raising=False)

    run(release=RELEASE, store=store.uri, status="FAILED")

    assert caplog.messages == [
        "release.notify is set, but PODTUNE_NOTIFY_URL is not, so that nobody is told how the run ended"
    ]


@pytest.mark.parametrize(
    ("release", "where", "status"),
    [
        ({}, "store", "Failed"),
        ({"name": "../x"}, "store", "Succeeded"),
        ({"name": 7, "remind_after_days": "soon"}, "store", "Succeeded"),
        (RELEASE, "gs://nowhere", "Succeeded"),
        (RELEASE, "", ""),
    ],
)
def test_whatever_is_wrong_the_run_has_ended_and_that_is_told(
    webhook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: Dict[str, Any], where: str, status: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODTUNE_RUN", "../..")

    run(release=release, store=where, status=status)

    (message,) = webhook.messages
    assert message["event"] in ("failed", "skipped")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_read_makes_no_run_look_well(webhook: Any) -> None:
    run(release=RELEASE, store="gs://nowhere", status="Succeeded")

    (message,) = webhook.messages
    assert (message["event"], message["version"]) == ("failed", None)
    assert message["reason"].startswith("the run ended well, but what it released cannot be read: a store must be")
    assert message["text"].startswith("qa: the run failed; what is live cannot be read\n")


def test_the_component_hands_on_kfps_status(webhook: Any, store: Store) -> None:
    from kfp.dsl import PipelineTaskFinalStatus

    status = PipelineTaskFinalStatus("COMPLETE", "projects/p", "exit-handler-1", None, None)

    notify.python_func(release=RELEASE, store=store.uri, status=status)

    assert [one["event"] for one in webhook.messages] == ["skipped"]
