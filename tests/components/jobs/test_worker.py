import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import certifi
import pytest
from kubernetes_api import NAMESPACE, TOKEN
from podtune.errors import BadInput, TryAgainLater
from podtune.formats.sealed import sealing
from podtune.jobs import worker
from podtune.jobs.work import Work
from podtune.jobs.worker import run
from podtune.stores.opening import open_store
from podtune.stores.sealed_objects import send


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(
        step="finetune",
        inputs={"prepared_data": str(tmp_path / "features")},
        output="checkpoint",
        arguments={"training": {}, "device": "cpu"},
        location=str(tmp_path / "job"),
    )


def test_what_is_there_already_is_not_made_again(work: Work, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with sealing(tmp_path / "checkpoint", "checkpoint", 1) as draft:
        (draft.path / "weights").write_text("abc")
    send(open_store(work.location), "output/", tmp_path / "checkpoint")

    run(work, tmp_path / "scratch")

    assert caplog.messages == [f"{work.location}/output/ is there already"]
    assert not (tmp_path / "scratch").exists()


def test_an_input_that_is_not_there_is_named(work: Work, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"/features holds no artifact: it has no manifest\.json$"):
        run(work, tmp_path / "scratch")


@pytest.fixture
def account(kubernetes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pod's service account, and the cluster's API."""
    files = {
        "token": TOKEN.partition(" ")[2],
        "namespace": f"{NAMESPACE}\n",
        "ca.crt": Path(certifi.where()).read_text(),
    }
    (tmp_path / "account").mkdir()
    for name, text in files.items():
        (tmp_path / "account" / name).write_text(text)
    monkeypatch.setattr(worker, "_ACCOUNT", tmp_path / "account")
    monkeypatch.setattr(worker, "_api", lambda: kubernetes.address)


def _fail(*arguments: Any) -> None:
    raise TryAgainLater("the step ended")


@pytest.mark.local
@pytest.mark.parametrize(("lease_seconds", "left"), [(0.0, []), (900.0, ["job"])])
def test_a_worker_deletes_its_own_job_if_nobody_waits(
    work: Work, kubernetes: Any, account: None, monkeypatch: pytest.MonkeyPatch, lease_seconds: float, left: List[str]
) -> None:
    kubernetes.jobs["job"] = {"metadata": {"name": "job"}}
    monkeypatch.setattr(worker, "_bring", lambda inputs, scratch: {})
    monkeypatch.setattr(worker, "_run_step", _fail)

    with pytest.raises(TryAgainLater):
        run(replace(work, lease_seconds=lease_seconds), Path("scratch"))

    assert list(kubernetes.jobs) == left
