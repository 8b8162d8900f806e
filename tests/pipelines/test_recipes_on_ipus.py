"""The small recipes trained and evaluated on IPUs, whole steps, as `podtune run` starts them.

Once in this process, with its torch, and once in the Python of the IPU image, which is what PopTorch is made for.
"""

import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest
import torch
from podtune.formats.checkpoint import CHECKPOINT, read_log
from podtune.sections import to_mapping
from podtune.steps.evaluate.step import run as evaluate
from podtune.steps.finetune.step import run as finetune
from podtune_pipelines.home import Home
from podtune_pipelines.local_run import prepare_locally
from podtune_pipelines.recipe import Recipe, load_recipe

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]
FLOOR = Path(os.environ.get("PODTUNE_FLOOR_PYTHON", ROOT / ".venv-floor" / "bin" / "python"))
SHORT = ("training.max_steps=6", "training.log_every=1", "training.precision=float32", "training.epsilon=1e-4")
SMALL: Dict[str, List[str]] = {
    "bert-tiny-squad": ["source.data=sample://squad?train=400&validation=40"],
    "lxmert-vqa-tiny": ["source.data=sample://vqa?train=240&validation=30"],
    "lxmert-gqa-tiny": ["source.data=sample://gqa?train=240&validation=30"],
    "vit-gpt2-tiny": [
        "source.data=sample://captions?train=200&validation=12",
        "evaluation.beams=2",
        "evaluation.max_length=6",
    ],
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small models gain nothing from more, and wait for each other where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Trained(NamedTuple):
    """What training and evaluating a recipe gave."""

    losses: List[float]
    scores: Dict[str, float]
    hardware: Dict[str, Any]


class Prepared(NamedTuple):
    recipe: Recipe
    features: Path
    base_model: Path
    on_cpu: Trained


def trained(recipe: Recipe, features: Path, base_model: Path, directory: Path, device: str) -> Trained:
    training, scoring = to_mapping(recipe.training), to_mapping(recipe.evaluation)
    checkpoint = directory / "checkpoint"
    finetune(features, base_model, checkpoint, training=training, device=device, workspace=str(directory / "workspace"))
    scores = evaluate(features, checkpoint, directory / "evaluation", evaluation=scoring, device=device)
    losses = [line["loss"] for line in read_log(checkpoint)]
    return Trained(losses, scores, CHECKPOINT.open(checkpoint).facts.hardware)


@pytest.fixture(scope="module", params=sorted(SMALL))
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A recipe with its features and its model, and what a CPU makes of them."""
    directory = tmp_path_factory.mktemp("recipe")
    recipe = load_recipe(request.param, [*SMALL[request.param], *SHORT])
    features = prepare_locally(recipe, Home(directory / "home"), "cpu")
    (base_model,) = (directory / "home" / "runs").glob("*/fetch-model/base_model")
    return Prepared(recipe, features, base_model, trained(recipe, features, base_model, directory, "cpu"))


@pytest.fixture(params=["here", "floor"])
def poptorch_python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python in which `import poptorch` needs no IPUs (tests/poptorch_layer)."""
    if request.param == "here":
        request.getfixturevalue("poptorch_layer")
        return
    if not FLOOR.exists():
        pytest.skip("needs the IPU image's Python: run `make .venv-floor/installed`")
    package = ROOT / "tests" / "poptorch_layer" / "package"
    monkeypatch.setenv("PODTUNE_IPU_PYTHON", str(FLOOR))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package), str(ROOT / "tests")]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.usefixtures("poptorch_python")
def test_losses_and_scores_are_those_of_a_cpu(prepared: Prepared, tmp_path: Path) -> None:
    recipe, features, base_model, on_cpu = prepared

    found = trained(recipe, features, base_model, tmp_path, "ipu")

    assert len(found.losses) == 6
    assert found.losses == pytest.approx(on_cpu.losses, abs=1e-4)
    assert found.losses[-1] < found.losses[0]
    assert found.scores == pytest.approx(on_cpu.scores, abs=1e-3)
    assert (found.hardware["device"], found.hardware["name"], found.hardware["count"]) == (
        "ipu",
        "Graphcore IPU (Mk2)",
        2,
    )
