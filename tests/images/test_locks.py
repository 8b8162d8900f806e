"""What the images install: the versions that the project is tested with, and all that the steps import."""

import ast
import re
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Dict, Iterator, Set

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "images"

NOT_INSTALLED = {"setuptools"}
"""torch and tensorboard name it for building extensions and for their server."""


def pins(lock: Path) -> Dict[str, str]:
    """Canonical name to version of every package that a lock names itself."""
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#- "]
    return {canonicalize_name(name): version for name, version in (line.rstrip(" \\").split("==") for line in lines)}


def imported(directory: Path) -> Set[str]:
    """Top-level names that the modules below a directory import."""
    return {name.split(".")[0] for path in directory.rglob("*.py") for name in _names(ast.parse(path.read_bytes()))}


def _names(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def required(name: str) -> Set[str]:
    """What a package requires on this platform, by its own metadata."""
    requirements = [Requirement(line) for line in requires(name) or []]
    needed = [one for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    return {canonicalize_name(one.name) for one in needed}


def test_the_cpu_image_holds_the_versions_that_the_project_is_tested_with() -> None:
    tested = pins(ROOT / "requirements.lock")

    locked = pins(IMAGES / "cpu" / "requirements.lock")

    assert len(locked) > 50
    assert {name: version for name, version in locked.items() if tested.get(name) != version} == {}


def test_the_cpu_image_holds_all_that_the_steps_import() -> None:
    used = imported(ROOT / "components") - set(sys.stdlib_module_names) - {"podtune", "poptorch", "pynvml"}
    distributions = packages_distributions()

    locked = pins(IMAGES / "cpu" / "requirements.lock")

    assert {"boto3", "kfp", "kubernetes", "torch", "yaml"} <= used
    assert {name for name in used if not {canonicalize_name(one) for one in distributions[name]} & set(locked)} == set()


def test_the_cpu_image_holds_all_that_its_packages_require() -> None:
    locked = set(pins(IMAGES / "cpu" / "requirements.lock"))
    cuda = set(
        pins(IMAGES / "gpu" / "requirements.lock")
    )  # which PyPI's build of torch requires; the image has another

    missing = {name: required(name) - locked - NOT_INSTALLED for name in locked - {"kfp"}}
    missing["torch"] -= cuda

    assert {name: names for name, names in missing.items() if names} == {}


def test_the_gpu_image_holds_the_cpu_images_packages_and_cuda() -> None:
    lock = IMAGES / "gpu" / "requirements.lock"

    assert "-r ../cpu/requirements.lock" in lock.read_text(encoding="utf-8").splitlines()
    assert {"nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-ml-py", "nvidia-nccl-cu13", "triton"} <= set(pins(lock))


def test_the_ipu_image_leaves_torch_and_poptorch_to_its_base_and_holds_no_kfp() -> None:
    locked = pins(IMAGES / "ipu" / "requirements.lock")

    assert {"numpy", "safetensors", "boto3"} <= set(locked)
    assert not {"torch", "poptorch", "popart", "kfp", "kubernetes"} & set(locked)
    assert locked["transformers"] == "4.46.3"


LOCKS = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("*.lock")) + sorted(IMAGES.rglob("*.lock"))]
LOCKS += [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "tests").rglob("*.lock"))]


WITHOUT_HASHES = ["requirements.lock", "images/cpu/requirements.lock", "images/gpu/requirements.lock"]
"""torch has two builds there; pip would prefer the index's, whose SHA-256 it knows beforehand."""


@pytest.mark.parametrize("lock", WITHOUT_HASHES)
def test_every_package_is_pinned(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not line.startswith(("#", "-r ")) and line.count("==") != 1] == []


@pytest.mark.parametrize("lock", sorted({*LOCKS} - {*WITHOUT_HASHES}))
def test_every_package_is_pinned_to_files_that_are_known(lock: str) -> None:
    lines = [line for line in (ROOT / lock).read_text(encoding="utf-8").splitlines() if line[:1] not in ("#", "-")]

    pinned = [line for line in lines if not line.startswith(" ")]
    assert [line for line in pinned if not re.fullmatch(r"[\w.-]+==[\w.+]+ \\", line)] == []
    hashes = [line for line in lines if line.startswith(" ")]
    assert [line for line in hashes if not re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line)] == []
    assert all(lines[lines.index(line) + 1] in hashes for line in pinned)


def test_all_locks_are_looked_at() -> None:
    assert len(LOCKS) == 7
