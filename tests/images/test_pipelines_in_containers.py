"""Pipelines through KFP's DockerRunner, every step in a container of the CPU image."""

import contextlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import docker
import pytest
from docker.types import Mount
from kfp import components, dsl, local
from kfp.local import config, docker_task_handler

pytestmark = pytest.mark.image

PREPARING = ["check-store", "fetch-data", "fetch-model", "tokenize-squad"]
STEPS = [*PREPARING, "finetune", "evaluate", "compare", "write-card", "publish"]


def run_to_the_end(client: Any, image: str, command: List[str], volumes: Dict[str, Any], **arguments: Any) -> int:
    """Run a container, say what it says, and return the status by which it ended.

    KFP 2.17 has the container removed when it ends. Where that comes before it asks for the status it answers 0, or
    raises an error of Docker's: a step that failed passes, a quick one fails. This is put in its place until
    https://github.com/kubeflow/pipelines/issues/13332 is mended.
    """
    container = client.containers.run(image, command, detach=True, volumes=volumes, **arguments)
    try:
        for line in container.logs(stream=True):
            sys.stdout.write(line.decode(errors="replace"))
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True)


@pytest.fixture
def places(tmp_path: Path) -> Dict[str, Path]:
    """What steps write to, by name; anyone may, for a container's user is nobody here."""
    made = {name: tmp_path / name for name in ("runs", "store", "workspace")}
    for path in made.values():
        path.mkdir()
        path.chmod(0o777)
    return made


@pytest.fixture
def in_containers(
    docker_host: str, places: Dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """A function that runs a pipeline as Kubernetes' restricted standard would have it, without a network."""
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    monkeypatch.setattr(docker_task_handler, "run_docker_container", run_to_the_end)
    monkeypatch.setattr(config.LocalExecutionConfig, "instance", None)
    runner = local.DockerRunner(
        mounts=[Mount(str(places[name]), str(places[name]), type="bind") for name in ("store", "workspace")],
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
    )

    def run(pipeline: Any, **arguments: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # KFP warns of every cluster setting that it ignores here
            local.init(runner, pipeline_root=str(places["runs"]))
            return pipeline(**arguments)

    yield run
    with contextlib.closing(docker.from_env()) as client:
        assert client.containers.list(all=True) == []


@pytest.fixture
def compiled(cpu_image: str, tmp_path: Path) -> Callable[..., Any]:
    """A function that compiles a recipe as a user does, for images in this machine's registry, and loads it."""

    def compile_recipe(recipe: str, *options: str) -> Any:
        target, registry = tmp_path / "pipeline.yaml", cpu_image.rpartition("/")[0]
        command = [sys.executable, "-m", "podtune_pipelines.cli", "compile", recipe, "--to", str(target), *options]
        subprocess.run(command, env={**os.environ, "PODTUNE_REGISTRY": registry}, check=True)
        return components.load_component_from_file(str(target))

    return compile_recipe


def one_step_pipeline(image: str, seconds: int, status: int) -> Any:
    """A pipeline whose one step sleeps, and ends with a status."""

    @dsl.component(base_image=image, install_kfp_package=False)
    def ending(seconds: int, status: int) -> None:
        import sys
        import time

        time.sleep(seconds)
        sys.exit(status)

    @dsl.pipeline(name="ending")
    def whole() -> None:
        ending(seconds=seconds, status=status)

    return whole


def test_a_recipe_is_released_by_steps_in_containers(
    in_containers: Callable[..., Any], compiled: Callable[..., Any], places: Dict[str, Path]
) -> None:
    pipeline = compiled("bert-tiny-squad")

    in_containers(pipeline, store=str(places["store"]), workspace=str(places["workspace"]))

    (run,) = places["runs"].glob("podtune-bert-tiny-squad-*")
    assert sorted(step.name for step in run.iterdir()) == sorted(STEPS)
    assert {path.stat().st_uid for path in run.rglob("*")} == {10001}
    (scores,) = run.glob("evaluate/metrics")
    assert json.loads(scores.read_text(encoding="utf-8"))["exact_match"] > 90
    listed = [sys.executable, "-m", "podtune_pipelines.cli", "releases", "bert-tiny-squad"]
    shown = subprocess.run([*listed, "--store", str(places["store"]), "--json"], check=True, capture_output=True)
    assert len(json.loads(shown.stdout)) == 1


def test_a_step_of_a_recipe_that_fails_fails_the_run(
    in_containers: Callable[..., Any],
    compiled: Callable[..., Any],
    places: Dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipeline = compiled("bert-tiny-squad", "--set", "source.data=/no/such/directory")

    with pytest.raises(RuntimeError, match="FAILURE"):
        in_containers(pipeline, store=str(places["store"]), workspace=str(places["workspace"]))

    assert "error: " in capsys.readouterr().out
    assert not (places["store"] / "releases").exists()


@pytest.mark.parametrize(("seconds", "status"), [(0, 3), (4, 5)])
def test_a_container_that_fails_fails_the_run_however_long_it_took(
    in_containers: Callable[..., Any], cpu_image: str, seconds: int, status: int
) -> None:
    pipeline = one_step_pipeline(cpu_image, seconds=seconds, status=status)

    with pytest.raises(RuntimeError, match="FAILURE"):
        in_containers(pipeline)


@pytest.mark.parametrize("seconds", [0, 4])
def test_a_container_that_ends_well_passes_however_quick_it_was(
    in_containers: Callable[..., Any], cpu_image: str, seconds: int
) -> None:
    in_containers(one_step_pipeline(cpu_image, seconds=seconds, status=0))
