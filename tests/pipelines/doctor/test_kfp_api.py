from pathlib import Path
from typing import Any, Tuple

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune_pipelines.doctor.kfp_api import look_at_kfp

HEALTH = "GET /apis/v2beta1/healthz"

pytestmark = pytest.mark.local


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "SA_TOKEN_PATH", "COOKIES", "CA_FILE", "UI_ENDPOINT"):
        monkeypatch.delenv(f"KF_PIPELINES_{name}", raising=False)


def test_without_an_address_nothing_is_known(outcomes: Any) -> None:
    assert outcomes(look_at_kfp("")) == [("KFP", "not checked")]


@pytest.mark.parametrize(
    ("health", "outcome", "said"),
    [
        ({"apiServerTagName": "2.17.1", "multi_user": True}, "ok", "runs KFP 2.17.1"),
        ({"tag_name": "v2.18.0-rc.1"}, "ok", "runs KFP v2.18.0-rc.1"),
        ({"apiServerTagName": "2.5.0"}, "warning", "runs KFP 2.5.0"),
        ({"multi_user": False}, "ok", "answers; it does not tell its version, so see that it is KFP 2.17 or later"),
    ],
)
def test_a_version_is_compared_with_ours(answers: Any, health: Any, outcome: str, said: str) -> None:
    answers.told[HEALTH] = (200, health)

    (found,) = look_at_kfp(answers.url)

    assert (found.outcome, found.found) == (outcome, f"{answers.url} {said}")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, "<!doctype html>"), "answers with a web page instead of its API's health"),
        ((302, ""), "answers with HTTP 302 instead of its API's health"),
        ((401, {}), "answers with HTTP 401 instead of its API's health"),
        ((503, {}), "answers with HTTP 503"),
    ],
)
def test_any_other_answer_has_failed(answers: Any, answer: Tuple[int, Any], said: str) -> None:
    answers.told[HEALTH] = answer

    (found,) = look_at_kfp(answers.url)

    assert (found.outcome, found.found) == ("failed", f"{answers.url} {said}")


def test_who_we_are_goes_along(answers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("token-in-a-file\n")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("KF_PIPELINES_COOKIES", "session=1")
    answers.told[HEALTH] = (200, {})

    list(look_at_kfp(answers.url))

    headers = answers.requests[0][1]
    assert (headers["Authorization"], headers["Cookie"]) == ("Bearer token-in-a-file", "session=1")


def test_an_address_that_nobody_serves_is_for_later() -> None:
    with pytest.raises(TryAgainLater, match=r"^http://127\.0\.0\.1:9/apis/v2beta1/healthz cannot be reached \("):
        list(look_at_kfp("http://127.0.0.1:9"))


def test_an_address_with_a_password_is_not_asked() -> None:
    with pytest.raises(BadInput) as raised:
        list(look_at_kfp("http://me:canary@127.0.0.1:9"))

    assert "canary" not in str(raised.value)
