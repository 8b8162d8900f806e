"""The Hub, played by a server that answers what huggingface_hub asks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.sources.checksums import Sum
from podtune.sources.source import open_source

pytestmark = pytest.mark.local

REVISION = "0123456789abcdef0123456789abcdef01234567"
CORRECT = "correct it or set HF_TOKEN"
SQUAD = "hf://datasets/rajpurkar/squad"


@pytest.fixture
def squad(hub: Any) -> Any:
    files = {"README.md": b"read", "plain_text/train.parquet": b"PAR1train", "plain_text/small.json": b"{}"}
    hub.add("datasets/rajpurkar/squad", files, large=("plain_text/train.parquet",))
    return hub


def _bring(tmp_path: Path, name: str = "plain_text/train.parquet", uri: str = SQUAD) -> bytes:
    open_source(uri, REVISION).bring(name, tmp_path / "out", None)
    return (tmp_path / "out").read_bytes()


def test_large_and_small_files_of_a_data_set_are_brought(squad: Any, tmp_path: Path) -> None:
    assert _bring(tmp_path) == b"PAR1train"
    assert _bring(tmp_path, "small.json", uri=f"{SQUAD}/plain_text") == b"{}"


def test_the_files_directly_in_a_model_are_listed(hub: Any) -> None:
    hub.add("models/google-bert/tiny", {"config.json": b"{}", "onnx/model.onnx": b"x", "model.safetensors": b"x"})

    assert open_source("hf://google-bert/tiny", REVISION).names() == ["config.json", "model.safetensors"]


def test_a_download_is_continued_by_the_next_call(squad: Any, tmp_path: Path) -> None:
    squad.web.fails()  # its description arrives
    squad.web.fails(cut=4)
    squad.web.fails(status=503, times=5)
    with pytest.raises(TryAgainLater):
        _bring(tmp_path)

    assert _bring(tmp_path) == b"PAR1train"
    assert squad.web.asked("Range")[-1] == "bytes=4-"


def test_what_is_in_the_cache_is_not_downloaded_again(squad: Any, tmp_path: Path) -> None:
    _bring(tmp_path)
    before = len(squad.web.requests)
    (tmp_path / "out").unlink()

    assert _bring(tmp_path) == b"PAR1train"
    assert [path for path, _ in squad.web.requests[before:]] == [
        f"/api/datasets/rajpurkar/squad/revision/{REVISION}?blobs=true"
    ]


@pytest.mark.parametrize(("name", "kind"), [("train.parquet", "SHA-256"), ("small.json", "Git id")])
def test_a_file_that_is_not_what_the_hub_says_is_refused(squad: Any, tmp_path: Path, name: str, kind: str) -> None:
    squad.web.fails()  # its description arrives
    squad.web.fails(flip=True)

    with pytest.raises(
        BadInput, match=rf"squad@{REVISION}/plain_text/{name} has the {kind} [0-9a-f]+; the Hub says [0-9a-f]+"
    ):
        _bring(tmp_path, f"plain_text/{name}")


def test_a_file_that_is_not_what_the_recipe_says_is_refused(squad: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=rf"train\.parquet has the SHA-256 [0-9a-f]+; the recipe says {'0' * 64}"):
        open_source(SQUAD, REVISION).bring("plain_text/train.parquet", tmp_path / "out", Sum("0" * 64, "the recipe"))


def test_the_token_reaches_the_hub_only(squad: Any, another_web: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    (large,) = (path for path in squad.web.files if path.startswith("/large/"))
    another_web.files[large] = squad.web.files.pop(large)
    (resolved,) = squad.web.redirects
    squad.web.redirects[resolved] = another_web.address + large

    assert _bring(tmp_path) == b"PAR1train"
    assert set(squad.web.asked("Authorization")) == {"Bearer hf_secret"}
    assert another_web.asked("Authorization") == [None]


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (404, "RevisionNotFound", BadInput, f"{SQUAD} has no revision {REVISION}; correct it"),
        (404, "RepoNotFound", BadInput, f"there is no {SQUAD} on the Hub, or it is private; {CORRECT}"),
        (404, "", BadInput, f"there is no {SQUAD} on the Hub, or it is private; {CORRECT}"),
        (401, "", BadInput, f"cannot read {SQUAD}: the Hub answers 401; check HF_TOKEN and HF_ENDPOINT"),
        (403, "GatedRepo", BadInput, f"{SQUAD} is gated; accept its terms on the Hub and set HF_TOKEN"),
        (403, "", BadInput, f"cannot read {SQUAD}: the Hub answers 403; check HF_TOKEN and HF_ENDPOINT"),
        (503, "", TryAgainLater, f"cannot read {SQUAD}: the Hub answers 503; try again later"),
        (429, "", TryAgainLater, f"cannot read {SQUAD}: the Hub answers 429; try again later"),
    ],
)
def test_refusals_are_put_in_words(squad: Any, tmp_path: Path, status: int, code: str, kind: Any, message: str) -> None:
    squad.web.refusals[squad.info("datasets/rajpurkar/squad")] = (status, {"X-Error-Code": code} if code else {})

    with pytest.raises(kind) as failure:
        _bring(tmp_path)

    assert str(failure.value) == message


def test_a_missing_file_is_named_with_the_revision(squad: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=rf"there is no test\.json in {SQUAD} at revision {REVISION}"):
        _bring(tmp_path, "test.json")


def test_another_commit_than_the_pinned_one_is_refused(squad: Any, tmp_path: Path) -> None:
    info = squad.info("datasets/rajpurkar/squad")
    squad.web.files[info] = json.dumps({**json.loads(squad.web.files[info]), "sha": "f" * 40}).encode()

    with pytest.raises(BadInput, match=f"the Hub has {SQUAD} at {'f' * 40}, not at revision {REVISION}"):
        _bring(tmp_path)


def test_an_unreachable_hub_is_worth_another_try(squad: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(TryAgainLater, match=f"cannot read {SQUAD} from http://127.0.0.1:9: .*; check HF_ENDPOINT"):
        _bring(tmp_path)


def test_offline_mode_is_named(squad: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(BadInput, match="HF_HUB_OFFLINE forbids it; unset it"):
        _bring(tmp_path)


def test_the_environment_names_the_hub(squad: Any, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from podtune.sources.source import open_source;"
        f"open_source({SQUAD!r}, {REVISION!r}).bring('plain_text/train.parquet', Path({str(tmp_path / 'out')!r}), None)"
    )

    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "HF_ENDPOINT": squad.web.address})

    assert (tmp_path / "out").read_bytes() == b"PAR1train"
