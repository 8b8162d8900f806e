from typing import Any

import pytest
from podtune_pipelines.doctor import hub

pytestmark = pytest.mark.local

ANYBODY, SOMEBODY = "GET /api/models?limit=1", "GET /api/whoami-v2"


@pytest.fixture(autouse=True)
def endpoint(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "get_token", lambda: None)
    monkeypatch.setattr(hub, "HfApi", lambda: Api(answers.url))


class Api:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint


@pytest.mark.parametrize(("status", "outcome"), [(200, "ok"), (503, "warning")])
def test_without_a_token_it_has_to_answer(answers: Any, outcomes: Any, status: int, outcome: str) -> None:
    answers.told[ANYBODY] = (status, "[]")

    assert outcomes(hub.look_at_hub()) == [("Hub", outcome)]


@pytest.mark.parametrize(("status", "outcome"), [(200, "ok"), (401, "failed")])
def test_a_token_has_to_be_accepted(
    answers: Any, outcomes: Any, monkeypatch: pytest.MonkeyPatch, status: int, outcome: str
) -> None:
    monkeypatch.setattr(hub, "get_token", lambda: "token-of-me")
    answers.told[SOMEBODY] = (status, {})

    assert outcomes(hub.look_at_hub()) == [("Hub", outcome)]
    assert answers.requests[0][1]["Authorization"] == "Bearer token-of-me"


def test_one_that_cannot_be_reached_is_worth_a_warning(outcomes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "HfApi", lambda: Api("http://127.0.0.1:9"))

    assert outcomes(hub.look_at_hub()) == [("Hub", "warning")]


def test_a_password_in_its_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "HfApi", lambda: Api("http://me:canary@127.0.0.1:9"))

    (found,) = hub.look_at_hub()

    assert found.outcome == "failed"
    assert "canary" not in repr(found)
