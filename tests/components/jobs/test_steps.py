"""Whole steps in processes of their own, their worker's command really run: on this machine's CPU, through S3."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import boto3
import pytest
import torch
from moto.server import ThreadedMotoServer
from podtune.formats.checkpoint import CHECKPOINT
from podtune.formats.evaluation import EVALUATION
from podtune.jobs.computation import Computation, compute
from podtune.jobs.ipujob import IpuJob
from podtune.jobs.work import Work
from podtune.sections import to_mapping
from podtune.steps.evaluate.step import run as evaluate
from podtune.steps.fetch_data.step import run as fetch_data
from podtune.steps.fetch_model.step import run as fetch_model
from podtune.steps.finetune.step import run as finetune
from podtune.steps.tokenize_squad.step import run as tokenize_squad
from podtune.stores.opening import open_store
from podtune.stores.sealed_objects import send

pytestmark = pytest.mark.local

SETTINGS: Dict[str, Any] = {
    "epochs": 1,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "precision": "float32",
    "dropout": 0.0,
    "checkpoint_every": 10,
    "max_steps": 80,
    "ipu": {"layers_per_ipu": [1, 1], "row_tokens": 128, "gradient_accumulation": 4},
}
LONG = {**SETTINGS, "max_steps": 400, "epochs": 100}
ENDLESS = {**SETTINGS, "max_steps": 100_000, "epochs": 100_000}
PATIENCE = 600.0

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dict[str, str]]:
    """An S3 server; the environment that leads to it, which is this process's own meanwhile."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    names = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_REGION": "us-east-1"}
    environment = {**names, "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}", "AWS_EC2_METADATA_DISABLED": "true"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for bucket in ("artifacts", "work"):
            boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1").create_bucket(
                Bucket=bucket
            )
        yield environment
    server.stop()


@pytest.fixture(scope="module")
def artifacts(s3: Dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """features, base_model, and what finetune and evaluate make of them here; the first three also in S3."""
    torch.set_num_threads(1)  # as the worker has
    here = tmp_path_factory.mktemp("artifacts")
    source = {"data": "sample://squad?seed=1", "dataset": "podtune/sample-squad", "licence": "cc0-1.0"}
    fetch_data(here / "raw_data", source)
    model = {"source": "sample://bert?seed=1", "model": "podtune/bert-tiny", "licence": "apache-2.0"}
    fetch_model(here / "base_model", model)
    tokenize_squad(here / "raw_data", here / "base_model", here / "features", {"max_length": 128, "overlap": 32})
    arguments = {"device": "cpu", "workspace": str(here / "workspace")}
    finetune(here / "features", here / "base_model", here / "checkpoint", training=SETTINGS, **arguments)
    evaluate(here / "features", here / "checkpoint", here / "evaluation", evaluation={}, device="cpu")
    for name in ("features", "base_model", "checkpoint"):
        send(open_store(f"s3://artifacts/{name}"), "", here / name)
    return here


@pytest.fixture
def start(s3: Dict[str, str], artifacts: Path, kubeconfig: Path, tmp_path: Path) -> Iterator[Start]:
    """A function that starts a step by its name."""
    started: List["subprocess.Popen[str]"] = []

    def begin(step: str, section: str, settings: Dict[str, Any], **changes: str) -> "subprocess.Popen[str]":
        (tmp_path / f"{section}.json").write_text(json.dumps(settings))
        inputs = {"prepared-data": "s3://artifacts/features", section: str(tmp_path / f"{section}.json")}
        arguments = {**inputs, "workspace": f"s3://work/{tmp_path.name}", **changes}
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "podtune",
                step,
                *(f"--{name}={value}" for name, value in arguments.items()),
            ],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def start_finetune(start: Start, tmp_path: Path) -> Start:
    arguments = {"base-model": "s3://artifacts/base_model", "checkpoint": str(tmp_path / "checkpoint")}
    return lambda settings, **changes: start("finetune_on_ipu", "training", settings, **{**arguments, **changes})


def output_of(process: "subprocess.Popen[str]") -> Tuple[str, str]:
    """What a step that ends well writes."""
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return output, errors


def left_in(uri: str) -> List[str]:
    return list(open_store(uri).keys(""))


def wait_until(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.1)


def has_trained(uri: str) -> bool:
    """Whether an intermediate checkpoint is in the workspace."""
    return any("/step-" in key and key.endswith("manifest.json") for key in left_in(uri))


def test_an_ipujob_scores_as_the_step_does(
    start: Start, node: List[Any], kubernetes: Any, artifacts: Path, tmp_path: Path
) -> None:
    arguments = {"checkpoint": "s3://artifacts/checkpoint", "scores": str(tmp_path / "evaluation")}

    output, errors = output_of(start("evaluate_on_ipu", "evaluation", {}, **arguments))

    assert "created IPUJob evaluate-" in errors
    here = EVALUATION.open(artifacts / "evaluation").facts
    there = EVALUATION.open(tmp_path / "evaluation").facts
    assert there.metrics == here.metrics
    assert json.loads(output)["exact_match"] == here.metrics["exact_match"].value
    assert json.loads(output)["examples"] == here.examples
    assert kubernetes.jobs == {}


def test_a_step_that_was_killed_finds_its_job_again(
    start_finetune: Start, node: List[Any], kubernetes: Any, artifacts: Path, tmp_path: Path
) -> None:
    killed = start_finetune(SETTINGS)
    wait_until(lambda: has_trained(f"s3://work/{tmp_path.name}"))
    os.killpg(node[0].pid, signal.SIGSTOP)
    killed.kill()
    again = start_finetune(SETTINGS)
    wait_until(lambda: len(kubernetes.asked("POST")) == 2)
    os.killpg(node[0].pid, signal.SIGCONT)

    output, errors = output_of(again)

    assert "joining IPUJob finetune-" in errors
    assert "sending the output to s3://work/" in errors
    assert "canary" not in output + errors
    facts = CHECKPOINT.open(tmp_path / "checkpoint").facts
    assert (facts.steps, facts.resumed) == (80, 0)
    weights = [path / "model/model.safetensors" for path in (tmp_path / "checkpoint", artifacts / "checkpoint")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if "checkpoint" in path.name) == ["checkpoint"]
    assert kubernetes.pods_made == 1
    assert kubernetes.jobs == {}
    assert {key.split("/")[1] for key in left_in(f"s3://work/{tmp_path.name}")} == {"step-00000070", "step-00000080"}


def test_a_step_that_is_stopped_leaves_no_job_and_can_be_continued(
    start_finetune: Start, node: List[Any], kubernetes: Any, tmp_path: Path
) -> None:
    stopped = start_finetune(LONG)
    wait_until(lambda: has_trained(f"s3://work/{tmp_path.name}"))
    stopped.send_signal(signal.SIGTERM)
    _, errors = stopped.communicate(timeout=PATIENCE)
    jobs = dict(kubernetes.jobs)
    wait_until(lambda: node[0].poll() is not None)

    output_of(start_finetune(LONG))

    assert stopped.returncode == 143
    assert "was cancelled, as its step was" in errors
    assert jobs == {}
    assert node[0].returncode == 143
    facts = CHECKPOINT.open(tmp_path / "checkpoint").facts
    assert (facts.steps, facts.resumed) == (400, 1)


def test_ipus_train_and_score(
    ipus: None, start: Start, start_finetune: Start, node: List[Any], kubernetes: Any, tmp_path: Path
) -> None:
    output_of(start_finetune({**SETTINGS, "max_steps": 4}))
    trained = CHECKPOINT.open(tmp_path / "checkpoint").facts
    send(open_store("s3://artifacts/of_ipus"), "", tmp_path / "checkpoint")

    arguments = {"checkpoint": "s3://artifacts/of_ipus", "scores": str(tmp_path / "evaluation")}
    output_of(start("evaluate_on_ipu", "evaluation", {}, **arguments))

    assert (trained.steps, trained.hardware["device"], trained.hardware["count"]) == (4, "ipu", 2)
    scored = EVALUATION.open(tmp_path / "evaluation").facts
    assert scored.checkpoint == CHECKPOINT.open(tmp_path / "checkpoint").digest
    assert kubernetes.pods_made == 2


def test_what_a_killed_step_did_not_take_is_taken(
    artifacts: Path, kubernetes: Any, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    inputs = {"prepared_data": "s3://artifacts/features", "base_model": "s3://artifacts/base_model"}
    workspace = f"s3://work/{tmp_path.name}"
    work = Computation("finetune", inputs, "checkpoint", {"training": SETTINGS}, {"ipus": 2}, workspace, "image")
    kubernetes.jobs[work.name()] = {"metadata": {"name": work.name()}}
    send(open_store(f"{workspace}/ipujobs/{work.name()}"), "output/", artifacts / "checkpoint")

    compute(work, IpuJob(), tmp_path / "checkpoint")

    assert CHECKPOINT.open(tmp_path / "checkpoint").facts.steps == 80
    assert kubernetes.jobs == {}
    assert left_in(workspace) == []


def test_what_the_worker_refuses_the_step_refuses(start_finetune: Start, node: List[Any], kubernetes: Any) -> None:
    swapped = {"base-model": "s3://artifacts/checkpoint"}

    process = start_finetune(SETTINGS, **swapped)
    _, errors = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith("error: /")
    assert errors.splitlines()[-1].endswith("/base_model holds checkpoint, not base-model")
    assert kubernetes.jobs == {}


def test_a_worker_for_which_nobody_waits_ends_with_its_state_saved(
    s3: Dict[str, str], artifacts: Path, tmp_path: Path
) -> None:
    workspace = f"s3://work/{tmp_path.name}"
    work = Work(
        step="finetune",
        inputs={"prepared_data": "s3://artifacts/features", "base_model": "s3://artifacts/base_model"},
        output="checkpoint",
        arguments={"training": ENDLESS, "device": "cpu", "workspace": workspace},
        location=f"{workspace}/ipujobs/finetune-1",
        lease_seconds=15.0,
    )
    command = [sys.executable, "-m", "podtune.jobs.worker", json.dumps(to_mapping(work)), str(tmp_path / "scratch")]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "error: the worker ended because nobody waits for it any more; start the step again, it continues"
    )
    assert has_trained(workspace)
    assert not any("ipujobs" in key for key in left_in(workspace))


def test_a_trainjob_goes_on_after_one_of_its_nodes_was_asked_to_end(
    start: Start, nodes: List[Any], kubernetes: Any, tmp_path: Path
) -> None:
    places = {"base-model": "s3://artifacts/base_model", "checkpoint": str(tmp_path / "checkpoint"), "nodes": "2x1"}
    step = start("finetune_on_nodes", "training", LONG, **places)
    wait_until(lambda: has_trained(f"s3://work/{tmp_path.name}"))

    nodes[1].send_signal(signal.SIGTERM)
    _, errors = output_of(step)

    assert "created TrainJob finetune-" in errors
    assert "continuing after step " in errors
    facts = CHECKPOINT.open(tmp_path / "checkpoint").facts
    assert (facts.steps, facts.resumed) == (400, 1)
    assert [process.returncode for process in nodes] == [143, 143, 0, 0]
    assert kubernetes.jobs == {}
    assert not any("trainjobs" in key for key in left_in(f"s3://work/{tmp_path.name}"))


def test_a_nodes_own_mistake_ends_a_trainjob_with_its_message(
    start: Start, nodes: List[Any], kubernetes: Any, tmp_path: Path
) -> None:
    places = {"base-model": "s3://artifacts/base_model", "checkpoint": str(tmp_path / "checkpoint"), "nodes": "2x1"}
    step = start("finetune_on_nodes", "training", {**SETTINGS, "batch_size": 100_000}, **places)

    _, errors = step.communicate(timeout=PATIENCE)

    assert step.returncode == 2
    assert "one optimizer step takes 100000 (training.batch_size)" in errors.splitlines()[-1]
    assert kubernetes.jobs == {}
