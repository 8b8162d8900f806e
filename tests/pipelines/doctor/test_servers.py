from pathlib import Path
from typing import Any, Tuple

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune_pipelines.doctor import servers
from podtune_pipelines.doctor.servers import check_hub, check_kfp

HEALTH = "GET /apis/v2beta1/healthz"

pytestmark = pytest.mark.local


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "SA_TOKEN_PATH", "COOKIES", "CA_FILE", "UI_ENDPOINT"):
        monkeypatch.delenv(f"KF_PIPELINES_{name}", raising=False)


def test_without_an_address_nothing_is_known(outcomes: Any) -> None:
    assert outcomes(check_kfp("")) == [("KFP", "not checked")]


@pytest.mark.parametrize(
    ("health", "outcome", "said"),
    [
        ({"apiServerTagName": "2.17.1", "multi_user": True}, "ok", "runs KFP 2.17.1"),
        ({"tag_name": "v2.18.0-rc.1"}, "ok", "runs KFP v2.18.0-rc.1"),
        ({"apiServerTagName": "2.5.0"}, "warning", "runs KFP 2.5.0"),
        ({"multi_user": False}, "ok", "answers without its version; make sure that it is KFP 2.17 or later"),
    ],
)
def test_a_version_is_compared_with_ours(answers: Any, health: Any, outcome: str, said: str) -> None:
    answers.told[HEALTH] = (200, health)

    (found,) = check_kfp(answers.url)

    assert (found.outcome, found.found) == (outcome, f"{answers.url} {said}")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, "<!doctype html>"), "answers with a web page instead of its API's health"),
        ((302, ""), "redirects, as to a login"),
        ((401, {}), "answers with HTTP 401 instead of its API's health"),
        ((503, {}), "answers with HTTP 503"),
    ],
)
def test_any_other_answer_has_failed(answers: Any, answer: Tuple[int, Any], said: str) -> None:
    answers.told[HEALTH] = answer

    (found,) = check_kfp(answers.url)

    assert (found.outcome, found.found) == ("failed", f"{answers.url} {said}")


def test_who_we_are_goes_along(answers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("token-in-a-file\n")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("KF_PIPELINES_COOKIES", "session=1")
    answers.told[HEALTH] = (200, {})

    list(check_kfp(answers.url))

    headers = answers.requests[0][1]
    assert (headers["Authorization"], headers["Cookie"]) == ("Bearer token-in-a-file", "session=1")


def test_an_address_that_nobody_serves_is_for_later() -> None:
    with pytest.raises(TryAgainLater, match=r"^http://127\.0\.0\.1:9/apis/v2beta1/healthz cannot be reached \("):
        list(check_kfp("http://127.0.0.1:9"))


def test_an_address_with_a_password_is_not_asked() -> None:
    with pytest.raises(BadInput) as raised:
        list(check_kfp("http://me:canary@127.0.0.1:9"))

    assert "canary" not in str(raised.value)


ANYBODY, SOMEBODY = "GET /api/models?limit=1", "GET /api/whoami-v2"


@pytest.fixture(autouse=True)
def endpoint(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "get_token", lambda: None)
    monkeypatch.setattr(servers, "HfApi", lambda: Api(answers.url))


class Api:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint


@pytest.mark.parametrize(("status", "outcome"), [(200, "ok"), (503, "warning")])
def test_without_a_token_it_has_to_answer(answers: Any, outcomes: Any, status: int, outcome: str) -> None:
    answers.told[ANYBODY] = (status, "[]")

    assert outcomes(check_hub()) == [("Hub", outcome)]


@pytest.mark.parametrize(("status", "outcome"), [(200, "ok"), (401, "failed")])
def test_a_token_has_to_be_accepted(
    answers: Any, outcomes: Any, monkeypatch: pytest.MonkeyPatch, status: int, outcome: str
) -> None:
    monkeypatch.setattr(servers, "get_token", lambda: "token-of-me")
    answers.told[SOMEBODY] = (status, {})

    assert outcomes(check_hub()) == [("Hub", outcome)]
    assert answers.requests[0][1]["Authorization"] == "Bearer token-of-me"


def test_one_that_cannot_be_reached_is_worth_a_warning(outcomes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "HfApi", lambda: Api("http://127.0.0.1:9"))

    assert outcomes(check_hub()) == [("Hub", "warning")]


def test_a_password_in_its_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "HfApi", lambda: Api("http://me:canary@127.0.0.1:9"))

    (found,) = check_hub()

    assert found.outcome == "failed"
    assert "canary" not in repr(found)
