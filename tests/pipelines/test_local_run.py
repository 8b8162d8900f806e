"""The whole pipeline through KFP's local runner, every step a process of its own, made small."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import List

import psutil
import pytest
from podtune.errors import TryAgainLater
from podtune.training.log import EVENTS
from podtune_pipelines.home import Home
from podtune_pipelines.local_run import run_locally
from podtune_pipelines.recipe import load_recipe

pytestmark = pytest.mark.local

PODTUNE = [sys.executable, "-m", "podtune_pipelines.cli"]

LABELS = ("report:", "card:", "answers:", "checkpoint:", "log:", "download:")

SMALL = [
    "source.data=sample://squad?train=64&validation=16",
    "model.source=sample://bert?layers=1&hidden=16",
    "training.epochs=1",
    "training.precision=float32",
    "gate.floors.exact_match=0.0",
]


def podtune(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*PODTUNE, *arguments], cwd=home, capture_output=True, text=True, check=False)


def run_small(home: Path, *changes: str) -> "subprocess.CompletedProcess[str]":
    return podtune(home, "run", "bert-tiny-squad", "--json", *_options([*SMALL, *changes]))


def _options(changes: List[str]) -> List[str]:
    return [part for change in changes for part in ("--set", change)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory, with python3 in its path, in which the small recipe has run once."""
    directory = tmp_path_factory.mktemp("lib-python3.11")
    finished = run_small(directory)
    assert finished.returncode == 0, finished.stderr
    released = json.loads(finished.stdout)
    assert (released["name"], released["version"]) == ("bert-tiny-squad", "1")
    return directory


def test_a_run_leaves_its_artifacts_a_release_and_a_log(home: Path) -> None:
    assert sorted(path.name for path in (home / ".podtune").iterdir()) == [
        "locks",
        "logs",
        "reuse",
        "runs",
        "store",
        "sums",
        "tensorboard",
        "training",
    ]
    (curves,) = (home / ".podtune" / "tensorboard").iterdir()
    assert re.fullmatch(r"bert-tiny-squad-\d{4}(-\d\d){5}", curves.name)
    assert [path.name for path in curves.iterdir()] == [EVENTS]
    assert "Executing task" in (home / ".podtune" / "logs" / "bert-tiny-squad.log").read_text()
    assert list((home / ".podtune" / "training").iterdir()) == []
    (recipe,) = (home / ".podtune" / "runs").rglob("recipe.yaml")
    assert load_recipe(str(recipe)) == load_recipe("bert-tiny-squad", SMALL)


FEW = ["features.minimum_answers=1", "gate.floors.accuracy=0.0"]
SMALL_PICTURES = {
    "lxmert-vqa-tiny": ["source.data=sample://vqa?train=60&validation=12", *FEW],
    "lxmert-gqa-tiny": ["source.data=sample://gqa?train=60&validation=12", *FEW],
    "vit-gpt2-tiny": ["source.data=sample://captions?train=40&validation=10", "gate.floors.cider=0.0"],
}


@pytest.mark.parametrize("recipe", SMALL_PICTURES)
def test_what_is_learnt_of_pictures_is_released_too(tmp_path: Path, recipe: str) -> None:
    finished = podtune(tmp_path, "run", recipe, "--json", *_options([*SMALL_PICTURES[recipe], "training.epochs=1"]))

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["name"] == recipe


def test_a_run_ends_with_what_there_is_to_look_at_and_to_do(home: Path) -> None:
    finished, refused = run_small(home), run_small(home, "gate.floors.exact_match=100.0")

    for ended, code in ((finished, 0), (refused, 3)):
        assert ended.returncode == code
        shown = dict(line.split(":", 1) for line in ended.stderr.splitlines() if line.startswith(LABELS))
        found = {label: home / path.strip() for label, path in shown.items() if label != "download"}
        assert found.keys() == {"report", "card", "answers", "checkpoint", "log"}
        assert all(path.exists() for path in found.values())
        assert ("download" in shown) == (code == 0)


def test_the_live_release_does_not_depend_on_the_working_directory(home: Path, tmp_path: Path) -> None:
    here = podtune(home, "releases", "bert-tiny-squad", "--json").stdout
    elsewhere = podtune(tmp_path, "releases", "bert-tiny-squad", "--json", "--home", str(home / ".podtune")).stdout

    assert json.loads(elsewhere) == json.loads(here)
    assert not (tmp_path / ".podtune").exists()


def test_a_second_run_reuses_what_is_unchanged_and_says_so(home: Path) -> None:
    finished = run_small(home)

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["version"] == "1"
    for step in ("fetch_data", "fetch_model", "tokenize_squad", "finetune", "evaluate"):
        assert f"{step} (reused)" in finished.stderr


def test_another_learning_rate_reuses_the_preparation_and_releases_again(home: Path) -> None:
    finished = run_small(home, "training.learning_rate=5e-4", "gate.tolerance=49.0")

    assert finished.returncode == 0, finished.stderr
    assert "tokenize_squad (reused)" in finished.stderr
    assert "finetune (reused)" not in finished.stderr
    assert json.loads(finished.stdout)["version"] == "2"


def test_a_checkpoint_that_was_removed_is_trained_again_and_evaluated_anew(home: Path) -> None:
    for folder in (home / ".podtune" / "runs").glob("*/finetune"):
        shutil.rmtree(folder)

    healed, again = (run_small(home, "gate.tolerance=49.0") for _ in range(2))

    assert (healed.returncode, again.returncode) == (0, 0), healed.stderr + again.stderr
    assert "tokenize_squad (reused)" in healed.stderr
    assert "evaluate (reused)" not in healed.stderr
    assert "evaluate (reused)" in again.stderr


def test_a_refused_model_ends_the_run_with_its_reason_and_stays_unreleased(home: Path) -> None:
    before = podtune(home, "releases", "bert-tiny-squad", "--json").stdout

    finished = run_small(home, "gate.floors.exact_match=100.0")

    assert finished.returncode == 3
    assert finished.stderr.splitlines()[-1].startswith("error: ")
    assert "exact_match" in finished.stderr.splitlines()[-1]
    assert podtune(home, "releases", "bert-tiny-squad", "--json").stdout == before


def test_data_unlike_the_live_releases_ends_the_run_before_training(home: Path) -> None:
    finished = run_small(home, "source.data=sample://squad?train=24&validation=16")

    assert finished.returncode == 2
    assert finished.stderr.count("error: ") == 1
    assert "of bert-tiny-squad: train, questions: 64 then, 24 now (62%)" in finished.stderr
    assert "gate.most_data_change allows 30%, so nothing is trained" in finished.stderr
    newest = max((home / ".podtune" / "runs").iterdir(), key=lambda path: path.stat().st_mtime)
    assert sorted(path.name for path in newest.iterdir()) == ["fetch-data", "tokenize-squad"]


def test_bad_input_is_one_line_and_exit_code_2(home: Path) -> None:
    (home / "train.json").write_text('{"version": "1.1", "data": [')
    (home / "validation.json").write_text("{}")

    finished = run_small(home, f"source.data={home}")

    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
    assert "train.json" in finished.stderr.splitlines()[-1]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)], ids=str)
def test_a_signal_saves_the_state_and_the_same_command_continues(home: Path, sent: signal.Signals, code: int) -> None:
    changes = [*SMALL, "training.epochs=400", "training.learning_rate=2e-4", f"training.seed={code}"]
    command = [*PODTUNE, "run", "bert-tiny-squad", *_options(changes)]
    with subprocess.Popen(command, cwd=home, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "step 10 of" in line:
                break
        second = podtune(home, "run", "bert-tiny-squad", *_options(changes))
        process.send_signal(sent)
        rest = process.stderr.read()
    assert process.returncode == code, rest
    assert "start again to continue" in rest.splitlines()[-1]
    assert len(list((home / ".podtune" / "training").iterdir())) == 1
    assert second.returncode == 75
    assert second.stderr.splitlines()[-1].startswith(
        f"error: a run of bert-tiny-squad in .podtune is under way in process {process.pid} on "
    )

    continued = podtune(home, "run", "bert-tiny-squad", *_options([*changes, "gate.tolerance=49.0"]))

    assert continued.returncode == 0, continued.stderr
    assert "continuing after step" in continued.stderr


def test_a_run_that_is_killed_leaves_no_process_and_the_same_command_continues(home: Path) -> None:
    changes = [*SMALL, "training.epochs=100", "training.learning_rate=2e-4", "training.seed=9"]
    command = [*PODTUNE, "run", "bert-tiny-squad", *_options(changes)]
    with subprocess.Popen(command, cwd=home, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "step 10 of" in line:
                break
        steps = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        gone, alive = psutil.wait_procs(steps, timeout=60)

    continued = podtune(home, "run", "bert-tiny-squad", *_options([*changes, "gate.tolerance=49.0"]))

    assert (len(gone) > 0, alive) == (True, [])
    assert continued.returncode == 0, continued.stderr
    assert "continuing after step" in continued.stderr


def test_the_plan_counts_measures_and_says_what_is_reused(home: Path) -> None:
    planned = podtune(home, "plan", "bert-tiny-squad", "--json", *_options([*SMALL, "training.epochs=3"]))

    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert plan["counted_from"] == "features"
    assert plan["splits"]["train"]["examples"] == 64
    assert plan["splits"]["validation"]["examples"] == 16
    assert plan["steps"]["tokenize_squad"] == "reused"
    assert plan["steps"]["finetune"] == "runs"
    assert plan["updates"]["rows_consumed"] == plan["updates"]["steps"] * 32
    assert plan["duration"]["training_seconds"] > 0


@pytest.mark.parametrize(
    ("recipe", "calls_per_epoch", "calls", "steps", "batch_size", "rows_per_call"),
    [
        ("bert-base-uncased-squad", 345, 1035, 2070, 128, 256),
        ("roberta-base-squad", 345, 690, 690, 256, 256),
        ("lxmert-vqa-uncased", 6_933, 27_732, 55_464, 32, 64),
        ("lxmert-gqa-uncased", 14_734, 58_936, 117_872, 32, 64),
        ("vit-gpt2-vizwiz", 5_858, 29_290, 29_290, 4, 4),
    ],
)
def test_the_published_recipes_plan_the_cards_steps(
    tmp_path: Path, recipe: str, calls_per_epoch: int, calls: int, steps: int, batch_size: int, rows_per_call: int
) -> None:
    planned = podtune(tmp_path, "plan", recipe, "--json")

    updates = json.loads(planned.stdout)["updates"]
    assert updates["calls_per_epoch"] == calls_per_epoch
    assert updates["calls"] == calls
    assert updates["steps"] == steps
    assert updates["batch_size"] == batch_size
    assert updates["rows_per_call"] == rows_per_call


def test_a_run_without_room_for_temporary_files_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1_000))
    home = Home(tmp_path / "home")

    with pytest.raises(TryAgainLater) as error:
        run_locally(load_recipe("bert-tiny-squad"), home, str(tmp_path / "store"), "cpu")

    wanted = f"no space left in {tmp_path}, where temporary files go; free some, or set TMPDIR"
    assert str(error.value) == wanted
