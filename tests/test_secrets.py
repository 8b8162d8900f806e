"""No credential reaches a parameter, a compiled file, a log or an artifact: planted ones are looked for."""

import json
import os
import subprocess
import sys
import threading
import uuid
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, List

import pytest
from podtune.errors import BadInput
from podtune.formats.sums import sha256_of
from podtune.jobs.ipujob import manifest_of
from podtune.jobs.work import Work
from podtune.samples.sample import DATA_SETS, write_sample
from podtune.stores.opening import open_store
from podtune_pipelines.argo.workflow import text_of, workflow_template
from podtune_pipelines.cluster.runs import Conditions
from podtune_pipelines.compiled_graph import graph_of, scheduled_graph_of
from podtune_pipelines.graphs import arguments_of, compile_to, pipeline_of, scheduled_pipeline_of
from podtune_pipelines.packaged import packaged_recipes
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe

MARK = "CANARY7Q4F1D"
CANARIES = {
    "AWS_ACCESS_KEY_ID": MARK,
    "AWS_SECRET_ACCESS_KEY": f"{MARK}/{MARK}+",
    "AWS_SESSION_TOKEN": f"session-{MARK}",
    "HF_TOKEN": f"hf_{MARK}",
    "KF_PIPELINES_TOKEN": f"token-{MARK}",
    "KF_PIPELINES_COOKIES": f"session={MARK}",
}
PLACES = {"store": "s3://models/podtune", "workspace": "s3://models/training"}
PASSWORD = f"s3://{MARK}:{MARK}/{MARK}@models"

RECIPES = [path.stem for path in packaged_recipes()]
PIPELINES = [
    (name, device)
    for name in RECIPES
    for device in ("cpu", "gpu", "ipu")
    if device != "ipu" or load_recipe(name).training.ipu is not None
]


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)


def leaks_below(directory: Path) -> List[str]:
    """The files that show secrets."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return [str(path) for path in files if MARK.encode() in path.read_bytes()]


def test_a_planted_secret_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"AWS_SECRET_ACCESS_KEY={CANARIES['AWS_SECRET_ACCESS_KEY']}")

    assert leaks_below(tmp_path) == [f"{tmp_path}/log"]


@pytest.mark.parametrize(("recipe", "device"), PIPELINES)
def test_a_compiled_pipeline_holds_no_secret(tmp_path: Path, recipe: str, device: str) -> None:
    loaded, placement = load_recipe(recipe), Placement(device)
    arguments = arguments_of(loaded, **PLACES)

    compile_to(pipeline_of(loaded, placement), arguments, tmp_path / "pipeline.yaml")

    assert (tmp_path / "pipeline.yaml").stat().st_size > 10_000
    assert leaks_below(tmp_path) == []


def test_an_ipujob_names_its_secret_and_does_not_hold_it() -> None:
    work = Work("finetune", {"prepared_data": "s3://a/b"}, "checkpoint", {"training": {"epochs": 2}}, "s3://a/c")

    manifest = json.dumps(manifest_of("finetune-0123456789abcdef", work, ipus=16, image="podtune/python-ipu:0.1.0"))

    assert "podtune-s3" in manifest
    assert MARK not in manifest


def test_a_pipeline_root_with_a_password_is_refused() -> None:
    with pytest.raises(BadInput, match="must not hold a user or password"):
        Conditions(pipeline_root=PASSWORD)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_schedule_and_a_workflow_hold_no_secret(tmp_path: Path, recipe: str) -> None:
    loaded, placement = load_recipe(recipe), Placement("gpu")
    arguments = arguments_of(loaded, **PLACES)

    compile_to(scheduled_pipeline_of(loaded, placement), arguments, tmp_path / "schedule.yaml")
    graphs = [graph_of(loaded, placement, arguments), scheduled_graph_of(loaded, placement, arguments)]
    (tmp_path / "argo.yaml").write_text(text_of([workflow_template(graph, arguments) for graph in graphs]))

    assert leaks_below(tmp_path) == []


PODTUNE = [sys.executable, "-m", "podtune_pipelines.cli"]
SMALL = [
    "source.data=sample://squad?train=64&validation=16",
    "model.source=sample://bert?layers=1&hidden=16",
    "training.epochs=1",
    "training.precision=float32",
    "gate.floors.exact_match=0.0",
]


def podtune(directory: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own, all of whose output is kept."""
    given = {**os.environ, "PODTUNE_CACHE": str(directory / "cache"), **environment}
    return subprocess.run([*PODTUNE, *arguments], cwd=directory, env=given, capture_output=True, text=True, check=False)


@pytest.mark.local
def test_a_run_leaves_no_secret_on_the_disk_the_terminal_or_the_store(tmp_path: Path, moto_server: Any) -> None:
    server = {**moto_server.environment(), **CANARIES}
    changes = [part for change in SMALL for part in ("--set", change)]
    with pytest.MonkeyPatch.context() as patch:
        moto_server.use(patch)
        store = open_store(f"s3://models/{uuid.uuid4().hex}")

    ran = podtune(tmp_path, "run", "bert-tiny-squad", "--store", store.uri, *changes, **server)

    assert ran.returncode == 0, ran.stderr
    assert MARK not in ran.stdout + ran.stderr
    assert len(next((tmp_path / ".podtune" / "logs").iterdir()).read_text()) > 10_000
    assert leaks_below(tmp_path) == []
    keys = list(store.keys(""))
    assert len(keys) > 10
    assert [key for key in keys if MARK.encode() in (store.read(key) or b"")] == []


SIGNED = f"https://h.example/squad?sig={MARK}"
IN_A_NAME = ["--set", f"source.splits.train=train.json?sig={MARK}"]


@pytest.mark.local
def test_a_signature_reaches_nothing_that_a_run_leaves(tmp_path: Path) -> None:
    files = write_sample("sample://squad?train=64&validation=16", DATA_SETS, tmp_path)
    sums = [f"source.sha256.{split}={sha256_of(tmp_path / name)}" for split, name in files.items()]
    asked: List[str] = []

    class Signed(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), Signed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        changes = [f"source.data={address}", *sums, *SMALL[1:]]
        settings = [part for change in changes for part in ("--set", change)]

        ran = podtune(tmp_path, "run", "bert-tiny-squad", *settings, PODTUNE_SIGNED_URLS=f"{address}/?sig={MARK}")
        server.shutdown()

    assert ran.returncode == 0, ran.stderr
    assert sorted(asked) == [f"/train.json?sig={MARK}", f"/validation.json?sig={MARK}"]
    assert MARK not in ran.stdout + ran.stderr
    assert leaks_below(tmp_path) == []


WITH_PASSWORD = f"http://me:{MARK}@127.0.0.1:9"
UNREACHABLE = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_REGION": "us-east-1"}


@pytest.mark.local
@pytest.mark.parametrize(
    ("arguments", "environment", "exit_code"),
    [
        (["download", "qa", "--to", "qa", "--store", "s3://models/qa"], UNREACHABLE, 75),
        (["releases", "qa", "--store", PASSWORD], {}, 2),
        (["run", "bert-tiny-squad", "--store", PASSWORD], {}, 2),
        (["compile", "bert-tiny-squad", "--to", "pipeline.yaml", "--store", PASSWORD], {}, 2),
        (["compile", "bert-tiny-squad", "--to", "pipeline.yaml", "--set", f"source.data={PASSWORD}"], {}, 2),
        (["argo", "bert-tiny-squad", "--to", "argo.yaml", "--workspace", PASSWORD], {}, 2),
        (["run", "minilm-squad", "--set", f"model.source={PASSWORD}"], {}, 2),
        (["run", "bert-tiny-squad", "--set", f"source.data={SIGNED}"], {}, 2),
        (["run", "bert-tiny-squad", "--set", f"source.data=https://h.example/squad#{MARK}"], {}, 2),
        (["plan", "minilm-squad", "--set", f"source.splits.train={SIGNED}"], {}, 2),
        (["plan", "minilm-squad", "--set", "source.data=https://h.example", *IN_A_NAME], {}, 2),
        (["run", "minilm-squad", "--set", f"model.source={SIGNED}"], {}, 2),
        (["run", "minilm-squad", "--set", f"training={SIGNED}"], {}, 2),
        (["run", "minilm-squad", "--set", SIGNED], {}, 2),
        (["run", "minilm-squad", "--set", f"training.steps={SIGNED}"], {}, 2),
        (["run", SIGNED], {}, 2),
        (["compile", "bert-tiny-squad", "--to", "pipeline.yaml", "--set", f"source.data={SIGNED}"], {}, 2),
        (["argo", "bert-tiny-squad", "--to", "argo.yaml", "--set", f"source.data={SIGNED}"], {}, 2),
        (["releases", "qa", "--store", f"s3://models/a?{MARK}"], UNREACHABLE, 2),
        (
            ["download", "qa", "--to", "qa", "--store", "s3://models/qa"],
            {"AWS_ENDPOINT_URL_S3": WITH_PASSWORD},
            2,
        ),
        (
            ["submit", "bert-tiny-squad", "--store", "s3://a/b", "--workspace", "s3://a/c"],
            {"KF_PIPELINES_ENDPOINT": "http://127.0.0.1:9"},
            75,
        ),
        (
            ["submit", "bert-tiny-squad", "--store", "s3://a/b", "--workspace", "s3://a/c"],
            {"KF_PIPELINES_ENDPOINT": WITH_PASSWORD},
            2,
        ),
        (
            ["submit", "bert-tiny-squad", "--store", PASSWORD, "--workspace", "s3://a/c"],
            {"KF_PIPELINES_ENDPOINT": "http://127.0.0.1:9"},
            2,
        ),
        (["doctor", "--store", "s3://models/qa", "--host", "http://127.0.0.1:9"], UNREACHABLE, 1),
        (["doctor", "--store", PASSWORD, "--host", WITH_PASSWORD], UNREACHABLE, 1),
        (
            ["doctor", "--store", "s3://models/qa"],
            {
                "AWS_ENDPOINT_URL_S3": WITH_PASSWORD,
                "HF_ENDPOINT": WITH_PASSWORD,
            },
            1,
        ),
    ],
)
def test_a_command_that_fails_shows_no_secret(
    tmp_path: Path, arguments: List[str], environment: Dict[str, str], exit_code: int
) -> None:
    alone = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", "KUBECONFIG": "/nonexistent"}

    failed = podtune(tmp_path, *arguments, **{**alone, **environment})

    assert failed.returncode == exit_code, failed.stderr
    assert "Traceback" not in failed.stderr
    assert MARK not in failed.stdout + failed.stderr
    assert leaks_below(tmp_path) == []


@pytest.mark.local
@pytest.mark.parametrize(
    ("source", "environment", "exit_code"),
    [
        ({"data": "s3://absent/squad"}, {}, 2),
        ({"data": "s3://models/squad"}, UNREACHABLE, 75),
        ({"data": "hf://datasets/rajpurkar/squad", "revision": "0" * 40}, {"HF_ENDPOINT": "http://127.0.0.1:9"}, 75),
        (
            {"data": "hf://datasets/rajpurkar/squad", "revision": "0" * 40},
            {"HF_ENDPOINT": WITH_PASSWORD},
            75,
        ),
    ],
)
def test_a_step_that_fails_shows_no_secret(
    tmp_path: Path, moto_server: Any, source: Dict[str, str], environment: Dict[str, str], exit_code: int
) -> None:
    section = {
        **source,
        "dataset": "SQuAD",
        "licence": "cc-by-4.0",
        "splits": {"train": "train.json", "validation": "dev.json"},
    }
    (tmp_path / "source.json").write_text(json.dumps(section))
    command = [sys.executable, "-m", "podtune", "fetch_data", "--raw-data", "raw", "--source", "source.json"]
    left = {"PODTUNE_CACHE": str(tmp_path / "cache"), "PODTUNE_MESSAGE_FILE": str(tmp_path / "message.json")}
    given = {**os.environ, **moto_server.environment(), **CANARIES, **left, **environment}

    failed = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)

    assert failed.returncode == exit_code, failed.stderr
    assert (tmp_path / "message.json").exists()
    assert MARK not in failed.stdout + failed.stderr
    assert leaks_below(tmp_path) == []


@pytest.mark.local
@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_server_that_refuses_the_key_is_told_of_without_it(tmp_path: Path, swift_server: Any, wrong: str) -> None:
    right = {**swift_server.environment(), "AWS_SESSION_TOKEN": ""}
    given = {**right, wrong: CANARIES[wrong]}

    failed = podtune(tmp_path, "download", "qa", "--to", "qa", "--store", "s3://models/qa", **given)

    assert failed.returncode == 2
    assert "the store does not accept the credentials" in failed.stderr
    assert MARK not in failed.stderr
    assert swift_server.secret not in failed.stderr
