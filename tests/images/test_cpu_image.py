"""What the CPU image holds and how it runs."""

from typing import Any, Dict

import pytest
from podtune.steps.table import STEPS

pytestmark = pytest.mark.image

RESTRICTED = ("--rm", "--network=none", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
"""As a pod under Kubernetes' restricted standard runs it, without a network."""


def said(engine: Any, image: str, *command: str) -> str:
    """What a command says in a container of the image."""
    return str(engine.podman("run", *RESTRICTED, image, *command))


def test_it_runs_as_a_numbered_user_other_than_root(engine: Any, cpu_image: str, configuration: Dict[str, Any]) -> None:
    assert configuration["User"] == "10001:0"
    assert said(engine, cpu_image, "id", "-u").strip() == "10001"


def test_it_holds_no_compiler_and_its_environment_no_pip(engine: Any, cpu_image: str) -> None:
    unwanted = "for it in gcc cc g++ make git curl; do command -v $it; done; ls /opt/podtune/bin | grep pip; true"

    assert said(engine, cpu_image, "sh", "-c", unwanted) == ""


def test_the_build_leaves_no_file_behind(engine: Any, cpu_image: str) -> None:
    files = "find /tmp -mindepth 1; find / -xdev -name 'podtune*.whl' 2>/dev/null; true"

    assert said(engine, cpu_image, "sh", "-c", files) == ""


def test_its_configuration_holds_no_secret_and_nothing_of_the_machine_that_built_it(
    configuration: Dict[str, Any],
) -> None:
    names = sorted(line.split("=")[0] for line in configuration["Env"])

    assert names == ["HOME", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "USER"]


def test_every_step_starts_without_kfp(engine: Any, cpu_image: str) -> None:
    script = f"for step in {' '.join(STEPS)}; do python3 -m podtune $step --help | head -n 1 | cut -d ' ' -f 1; done"

    answers = said(engine, cpu_image, "sh", "-c", script).split()

    assert len(STEPS) >= 12
    assert answers == ["usage:"] * len(STEPS)


def test_kfp_is_there_for_its_executor_alone(engine: Any, cpu_image: str) -> None:
    script = """
import os, importlib
os.environ["_KFP_RUNTIME"] = "true"
import kfp.dsl.executor_main, podtune.artifacts
for name in ("kfp_server_api", "kfp_kubernetes", "google.cloud.storage"):
    try:
        importlib.import_module(name)
    except ImportError:
        print("no", name)
"""

    answer = said(engine, cpu_image, "python3", "-c", script)

    assert answer == "no kfp_server_api\nno kfp_kubernetes\nno google.cloud.storage\n"


def test_torch_is_the_one_for_cpus(engine: Any, cpu_image: str) -> None:
    assert said(engine, cpu_image, "python3", "-c", "import torch; print(torch.version.cuda)") == "None\n"
