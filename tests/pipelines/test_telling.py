"""What a webhook receives of whole runs: from the local command, and from KFP's exit handler as it is compiled."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
import yaml
from kfp import local
from podtune_pipelines.graphs import arguments_of, compile_pipeline, pipeline_of, scheduled_pipeline_of
from podtune_pipelines.home import Home
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe
from podtune_pipelines.reuse import serving

SMALL = [
    "source.data=sample://squad?train=64&validation=16",
    "model.source=sample://bert?layers=1&hidden=16",
    "training.epochs=1",
    "training.precision=float32",
    "evaluation.bootstrap_samples=100",
    "gate.floors.exact_match=0.0",
    "release.notify=true",
]
_TIME = re.compile(r"at \d[-\dT:+]*\d")
PODTUNE = [sys.executable, "-m", "podtune_pipelines.cli"]


def run_small(directory: Path, *changes: str, command: str = "run") -> "subprocess.CompletedProcess[str]":
    options = [part for change in [*SMALL, *changes] for part in ("--set", change)]
    return subprocess.run(
        [*PODTUNE, command, "bert-tiny-squad", *options], cwd=directory, capture_output=True, text=True, check=False
    )


@pytest.mark.local
def test_the_local_command_tells_of_each_outcome(webhook: Any, tmp_path: Path) -> None:
    runs = [
        run_small(tmp_path),
        run_small(tmp_path),
        run_small(tmp_path, "gate.floors.exact_match=100.0"),
        run_small(tmp_path, "gate.floors.exact_match=100.0"),
        run_small(tmp_path, "gate.floors.exact_match=100.0", command="plan"),
        run_small(tmp_path, "source.data=/nonexistent"),
        run_small(tmp_path, "release.notify=false", "source.data=/nonexistent"),
    ]

    assert [one.returncode for one in runs] == [0, 0, 3, 3, 0, 2, 2]
    told = [(one["event"], one["version"], sorted(one["metrics"])) for one in webhook.messages]
    assert told == [
        ("released", "1", ["exact_match", "f1"]),
        ("skipped", "1", ["exact_match", "f1"]),
        ("refused", "1", ["exact_match", "f1"]),
        ("refused", "1", ["exact_match", "f1"]),
        ("failed", "1", []),
    ]
    assert [one["reason"] for one in webhook.messages] == [
        "there is no live release to compare with",
        "version 1 is the same model",
        "exact_match is 0.00, below its floor of 100.00",
        "exact_match is 0.00, below its floor of 100.00",
        "/nonexistent is not there; a source must be a directory or a URI",
    ]
    assert [one["consecutive"] for one in webhook.messages] == [0, 0, 1, 2, 3]
    assert len({one["run"] for one in webhook.messages}) == 5
    before = "the gate refused the same at T: exact_match is 0.00, below its floor of 100.00"
    said = [_TIME.sub("at T", one.stderr + one.stdout) for one in runs]
    assert [f"{before}; it is asked again" in one for one in said] == [number == 3 for number in range(7)]
    assert [f"{before}; a schedule would not train it" in one for one in said] == [number == 4 for number in range(7)]
    assert "error: bert-tiny-squad is not released: exact_match is 0.00" in runs[3].stderr
    assert "(as at T: nothing it depends on has changed)" in _TIME.sub("at T", runs[3].stderr)
    everything = "".join(one.stdout + one.stderr for one in runs)
    assert "secret-path" not in everything
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"secret-path" in path.read_bytes()]


@pytest.mark.local
def test_a_run_goes_on_without_its_webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_NOTIFY_URL", "http://127.0.0.1:1/secret-path")

    failed = run_small(tmp_path, "source.data=/nonexistent")

    assert failed.returncode == 2
    said = "nobody was told how the run ended: the webhook at 127.0.0.1 cannot be reached: Connection refused"
    assert failed.stderr.splitlines()[-2:] == [
        said,
        "error: /nonexistent is not there; a source must be a directory or a URI",
    ]


@pytest.fixture
def run_as_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function (define, run, changes) that runs a cluster's pipeline through KFP's local runner."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("sys.executable", "python3")
    monkeypatch.chdir(tmp_path)

    def run(define: Any, name: str, *changes: str) -> None:
        monkeypatch.setenv("PODTUNE_RUN", name)
        recipe = load_recipe("bert-tiny-squad", [*SMALL, *changes])
        home = Home(tmp_path / "home")
        arguments = arguments_of(recipe, store=str(tmp_path / "store"), workspace=str(tmp_path / "workspace"))
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "runs"))
        with serving(home.results):
            define(recipe, Placement("cpu"))(**arguments)

    return run


@pytest.mark.local
@pytest.mark.filterwarnings("ignore")
def test_kfps_exit_handler_tells_of_each_outcome(webhook: Any, run_as_compiled: Any) -> None:
    run_as_compiled(scheduled_pipeline_of, "r1")
    run_as_compiled(scheduled_pipeline_of, "r2")
    for define, name in ((pipeline_of, "r3"), (scheduled_pipeline_of, "r3b")):
        with pytest.raises(RuntimeError, match="FAILURE"):
            run_as_compiled(define, name, "gate.floors.exact_match=100.0", "training.seed=5")
    with pytest.raises(RuntimeError, match="FAILURE"):
        run_as_compiled(pipeline_of, "r4", "source.data=/nonexistent")

    told = [(one["run"], one["event"], _TIME.sub("at T", one["reason"])) for one in webhook.messages]
    low = "exact_match is 0.00, below its floor of 100.00"
    assert told == [
        ("r1", "released", "there is no live release to compare with"),
        ("r2", "skipped", "data, model, code and settings are those of live version 1 of bert-tiny-squad"),
        ("r3", "refused", low),
        ("r3b", "refused", f"the same data, model, code and settings were refused at T: {low}"),
        ("r4", "failed", "a step failed, or its pod was lost; podtune wait r4 says which, and why"),
    ]
    assert [one["consecutive"] for one in webhook.messages] == [0, 0, 1, 2, 3]
    text = webhook.messages[-1]["text"]
    assert text.splitlines()[2] == "3 runs in a row without a good end: 2 refused, 1 failed"


def compiled(*changes: str, on_this_machine: bool = False) -> List[Dict[str, Any]]:
    recipe = load_recipe("bert-tiny-squad", changes)
    text = compile_pipeline(pipeline_of(recipe, Placement("cpu", on_this_machine=on_this_machine)), {})
    return list(yaml.safe_load_all(text))


def test_only_a_recipe_that_asks_for_it_has_an_exit_handler() -> None:
    specification, platform = compiled("release.notify=true")
    silent, _ = compiled()
    here, _ = compiled("release.notify=true", on_this_machine=True)

    tasks = specification["root"]["dag"]["tasks"]
    assert tasks.keys() == {"exit-handler-1", "notify"}
    group = specification["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    assert group.keys() == silent["root"]["dag"]["tasks"].keys()
    assert "notify" not in here["root"]["dag"]["tasks"]
    assert tasks["notify"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert tasks["notify"]["inputs"]["parameters"] == {
        "release": {"componentInputParameter": "release"},
        "status": {"taskFinalStatus": {"producerTask": "exit-handler-1"}},
        "store": {"componentInputParameter": "store"},
    }
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    holders = {
        (name, pair["envVar"], held["optional"])
        for name, pod in pods.items()
        for held in pod["secretAsEnv"]
        for pair in held["keyToEnv"]
        if held["secretName"] == "podtune-notify"
    }
    assert holders == {("exec-notify", "PODTUNE_NOTIFY_URL", True), ("exec-notify", "PODTUNE_NOTIFY_LINK", True)}


def test_no_pipeline_holds_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_NOTIFY_URL", "https://hooks.example.org/CANARY7Q4F1D")
    recipe = load_recipe("bert-tiny-squad", ["release.notify=true"])

    text = compile_pipeline(scheduled_pipeline_of(recipe, Placement("gpu")), arguments_of(recipe, store="s3://m/r"))

    assert "PODTUNE_NOTIFY_URL" in text
    assert "CANARY7Q4F1D" not in text
