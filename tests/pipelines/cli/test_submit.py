import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.local


def test_submitting_prints_the_address_of_the_run(podtune: Any, fake_kfp: Any) -> None:
    ended = podtune("submit", "bert-tiny-squad")

    assert (ended.code, ended.out) == (0, f"{fake_kfp.host}/#/runs/details/run-0004\n")
    (version,) = fake_kfp.versions.values()
    assert ended.err == f"version {version['display_name']} of podtune-bert-tiny-squad was uploaded\n"
    assert fake_kfp.runs["run-0004"]["display_name"].startswith("podtune-bert-tiny-squad 20")


def test_the_version_holds_the_recipe_and_its_places(podtune: Any, fake_kfp: Any) -> None:
    podtune("submit", "bert-tiny-squad", "--set", "training.epochs=1", "--device", "gpu", "--devices", "2")

    (upload,) = fake_kfp.uploads
    text = upload.decode().partition("\r\n\r\n")[2].rpartition("\r\n--")[0]
    spec, _ = yaml.safe_load_all(text)
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["store"]["defaultValue"] == "s3://models/podtune"
    assert parameters["workspace"]["defaultValue"] == "s3://models/training"
    assert parameters["training"]["defaultValue"]["epochs"] == 1
    container = spec["deploymentSpec"]["executors"]["exec-finetune"]["container"]
    assert container["resources"]["accelerator"]["count"] == "2"


def test_the_same_recipe_is_uploaded_once(podtune: Any, fake_kfp: Any) -> None:
    podtune("submit", "bert-tiny-squad")

    ended = podtune("submit", "bert-tiny-squad", "--json")

    assert len(fake_kfp.uploads) == 1
    assert len(fake_kfp.runs) == 2
    assert "is on the cluster already" in ended.err
    assert sorted(json.loads(ended.out)) == ["run", "url", "version"]


def test_waiting_follows_the_run_to_its_end(podtune: Any, fake_kfp: Any) -> None:
    fake_kfp.progress = [("RUNNING", {"fetch-data": "RUNNING"}), ("SUCCEEDED", {"fetch-data": "SUCCEEDED"})]

    ended = podtune("submit", "bert-tiny-squad", "--wait", "--interval", "0.01")

    assert ended.code == 0
    assert ended.out == f"{fake_kfp.host}/#/runs/details/run-0004\nsucceeded\n"
    assert ended.err.splitlines()[1:] == ["fetch_data: running", "fetch_data: done in 60 s"]


def test_a_login_that_ends_while_waiting_is_for_later_with_what_goes_on(podtune: Any, fake_kfp: Any) -> None:
    fake_kfp.fail("GET", "runs/run-0004", "login", times=9)

    ended = podtune("submit", "bert-tiny-squad", "--wait", "--interval", "0.01")

    assert (ended.code, ended.out) == (75, f"{fake_kfp.host}/#/runs/details/run-0004\n")
    assert ended.err.splitlines()[-1] == (
        f"error: {fake_kfp.host} redirects to https://dex.invalid/auth, as to a login; log in again and set "
        "KF_PIPELINES_TOKEN, KF_PIPELINES_SA_TOKEN_PATH or KF_PIPELINES_COOKIES to the new credentials; "
        "run run-0004 continues, follow it again with `podtune wait run-0004`"
    )


def test_a_run_without_cache_is_another_version_in_which_every_step_runs(podtune: Any, fake_kfp: Any) -> None:
    podtune("submit", "bert-tiny-squad")
    podtune("submit", "bert-tiny-squad", "--no-cache")

    assert [upload.count(b"enableCache: true") for upload in fake_kfp.uploads] == [5, 0]


def test_the_pipeline_root_may_come_from_the_environment(
    podtune: Any, fake_kfp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_PIPELINE_ROOT", "s3://bucket/of-the-environment")

    podtune("submit", "bert-tiny-squad")
    podtune("submit", "bert-tiny-squad", "--pipeline-root", "minio://given/root")
    podtune("schedule", "bert-tiny-squad", "--cron", "0 3 * * 1")

    roots = [run["runtime_config"]["pipeline_root"] for run in (*fake_kfp.runs.values(), *fake_kfp.recurring.values())]
    assert roots == ["s3://bucket/of-the-environment", "minio://given/root", "s3://bucket/of-the-environment"]


def test_a_wrong_pipeline_root_is_told_before_the_cluster_is_asked(podtune: Any, fake_kfp: Any) -> None:
    ended = podtune("submit", "bert-tiny-squad", "--pipeline-root", "nonsense")

    assert (ended.code, fake_kfp.requests) == (2, [])
    assert ended.err == (
        "error: --pipeline-root (or PODTUNE_PIPELINE_ROOT) must begin with minio://, s3:// or gs:// and a bucket, "
        "which is what KFP reads; got 'nonsense'\n"
    )


def test_waiting_with_json_prints_one_document(podtune: Any, fake_kfp: Any) -> None:
    ended = podtune("submit", "bert-tiny-squad", "--wait", "--json")

    assert json.loads(ended.out)["state"] == "succeeded"


def test_a_placement_is_compiled_into_the_version_and_names_the_account(
    podtune: Any, fake_kfp: Any, tmp_path: Path
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("all: {serviceAccountName: trainer, nodeSelector: {rack: '7'}}", encoding="utf-8")

    podtune("submit", "bert-tiny-squad")
    podtune("submit", "bert-tiny-squad", "--placement", str(site))
    podtune("submit", "bert-tiny-squad", "--placement", str(site), "--service-account", "other")

    assert len(fake_kfp.uploads) == 2
    assert b"rack" in fake_kfp.uploads[1]
    accounts = [run.get("service_account") for run in fake_kfp.runs.values()]
    assert accounts == [None, "trainer", "other"]


def test_every_mistake_is_told_before_the_cluster_is_asked(podtune: Any, fake_kfp: Any) -> None:
    ended = podtune(
        "submit", "bert-tiny-squad", "--store", "here", "--workspace", "", "--device", "tpu", "--devices", "0"
    )

    assert (ended.code, ended.out, fake_kfp.requests) == (2, "", [])
    assert ended.err.splitlines() == [
        "error: --store (or PODTUNE_STORE) must be an s3:// URI, which the cluster's pods share; got 'here'",
        "--workspace (or PODTUNE_WORKSPACE) must be an s3:// URI, which the cluster's pods share; got ''",
        "--device must be one of cpu, gpu, ipu; got 'tpu'",
        "--devices must be at least 1; got 0",
    ]


def test_data_on_this_machine_are_pointed_out(podtune: Any) -> None:
    ended = podtune("submit", "bert-tiny-squad", "--set", "source.data=data/squad", *SPLITS)

    assert ended.code == 0
    assert "data/squad is a local path; it has to exist in the pods, not on this machine\n" in ended.err


SPLITS = ("--set", "source.splits.train=train.json", "--set", "source.splits.validation=dev.json")


@pytest.mark.parametrize(
    ("path", "fault", "code", "message"),
    [
        ("healthz", 401, 2, "rejects your credentials (HTTP 401"),
        ("healthz", 403, 2, "denies access (HTTP 403"),
        ("/pipelines", 500, 75, "is unavailable (HTTP 500"),
    ],
)
def test_a_refusal_has_its_exit_code(
    podtune: Any, fake_kfp: Any, path: str, fault: int, code: int, message: str
) -> None:
    fake_kfp.fail("GET", path, fault, times=9)

    ended = podtune("submit", "bert-tiny-squad")

    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"error: {fake_kfp.host} {message}")
    assert "Traceback" not in ended.err


def test_a_start_whose_answer_is_lost_is_not_repeated(podtune: Any, fake_kfp: Any) -> None:
    fake_kfp.fail("POST", "/runs", "lost", times=9)

    ended = podtune("submit", "bert-tiny-squad")

    assert ended.code == 75
    assert "and may have carried out the request; check with `podtune runs` or " in ended.err
    assert len(fake_kfp.runs) == 1


def test_secrets_are_nowhere(podtune: Any, fake_kfp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KF_PIPELINES_TOKEN", "KF_PIPELINES_COOKIES", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, "canary")
    fake_kfp.token = "canary"

    ended = podtune("submit", "bert-tiny-squad", "--wait")

    assert ended.code == 0
    everything = [ended.out, ended.err, *map(str, [fake_kfp.uploads, fake_kfp.runs, fake_kfp.requests])]
    assert [text for text in everything if "canary" in text] == []


def test_an_unset_registry_is_warned_of(podtune: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODTUNE_REGISTRY")
    monkeypatch.delenv("PODTUNE_IMAGES")

    ended = podtune("submit", "bert-tiny-squad")

    assert ended.code == 0
    assert ended.err.splitlines()[0] == (
        "PODTUNE_REGISTRY is not set: only nodes that localhost/podtune/python-cpu:0.1.0 were loaded into can run "
        "this; KFP will reuse no earlier results, because a tag may come to name another image"
    )
