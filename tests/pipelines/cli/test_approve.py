"""`podtune approve`: what it asks, says and keeps; what it decides is tested in test_approving.py."""

import json
from typing import Any, List

import pytest
from podtune.errors import BadInput
from podtune.stores.approvals import Approval
from podtune.stores.store import Store
from podtune_pipelines import approving
from podtune_pipelines.cli import approve as command
from podtune_pipelines.cli.approve import approve


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """What is approved, in place of looking at a store."""
    calls: List[Any] = []

    def approving_it(store: Store, name: str, version: str, approver: approving.Approver) -> Any:
        calls.append((store.uri, name, version, approver.by, approver.reason))
        return Approval(version, 4, "2026-11-28T03:04:05+00:00", approver.by, approver.reason, "2", ["f1 is fine"])

    monkeypatch.setattr(approving, "approve", approving_it)
    monkeypatch.setenv("LOGNAME", "anna")
    return calls


def test_who_is_logged_in_approves(invoke: Any, store: Store, given: List[Any]) -> None:
    result = invoke(approve, "qa", "3", "--reason", "the card\nwas read")

    assert given == [(store.uri, "qa", "3", "anna", "the card was read")]
    assert result.stdout == "qa 3 is live, approved by anna; previously live: 2\n"
    assert result.stderr == "f1 is fine\n"


def test_another_may_be_named(invoke: Any, store: Store, given: List[Any]) -> None:
    invoke(approve, "qa", "3", "--by", "Board of <models>", "--reason", "read")

    assert given == [(store.uri, "qa", "3", "Board of <models>", "read")]


def test_secrets_are_not_kept(invoke: Any, store: Store, given: List[Any]) -> None:
    invoke(approve, "qa", "3", "--reason", "see https://me:secret@ci.example/run?token=secret")

    assert given == [(store.uri, "qa", "3", "anna", "see https://…@ci.example/run?…")]


def test_a_terminal_is_asked_for_the_reason(
    invoke: Any, store: Store, given: List[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_is_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda text: f"an answer to {text}")

    invoke(approve, "qa", "3")

    assert given == [(store.uri, "qa", "3", "anna", "an answer to reason")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--reason must say why in at most 1,000 characters; got nothing"),
        (["--reason", " \n"], "--reason must say why in at most 1,000 characters; got nothing"),
        (["--reason", "x" * 1001], "--reason must say why in at most 1,000 characters; got 1,001"),
        (["--reason", "x", "--by", "\t"], "--by must say who approves in at most 1,000 characters; got nothing"),
    ],
)
def test_without_a_word_nothing_is_approved(invoke: Any, given: List[Any], options: List[str], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        invoke(approve, "qa", "3", *options)

    assert (str(raised.value), given) == (said, [])


def test_a_user_without_a_name_is_asked_for_one(invoke: Any, given: List[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nameless)

    with pytest.raises(BadInput, match="does not say who is logged in; --by must name who approves"):
        invoke(approve, "qa", "3", "--reason", "read")


def test_what_is_live_already_stays(release: Any, invoke: Any, store: Store) -> None:
    release(80.0, None)

    assert invoke(approve, "qa", "1", "--reason", "read").stdout == "qa 1 is live already\n"

    assert json.loads(store.read("releases/qa/live/1.json") or b"")["version"] == "1"
    assert store.read("releases/qa/live/2.json") is None
