"""The machine: Python, packages, the directory for runs, and what it computes with."""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Iterator

from packaging.requirements import Requirement
from podtune import __version__
from podtune.errors import BadInput
from podtune.training.step_process import poptorch_python

from podtune_pipelines.doctor.findings import Finding, failed, not_checked, ok, warning

_GIBIBYTE = 1 << 30
_ROOM = 20 * _GIBIBYTE
"""Less than this is not enough for the published recipes' data, features and checkpoints."""

_FIND_IPUS = "import poptorch; print(poptorch.ipuHardwareIsAvailable(1))"


def check_packages() -> Iterator[Finding]:
    """Check that the installed versions are those that podtune requires."""
    python = ".".join(map(str, sys.version_info[:3]))
    unfit = [reason for name in requires("podtune") or [] for reason in _unfit(Requirement(name))]
    if unfit:
        remedy = "install podtune with its requirements into an environment of its own"
        yield failed("packages", "; ".join(unfit), remedy)
    else:
        versions = ", ".join(f"{name} {version(name)}" for name in ("kfp", "torch", "transformers", "boto3"))
        yield ok("packages", f"podtune {__version__} on Python {python}; {versions}")


def check_home(home: Path) -> Iterator[Finding]:
    """Check that the directory for runs is writable, and how much space is left."""
    free = free_bytes(home)
    space = f"{home} is writable, {free / _GIBIBYTE:.1f} GiB are free"
    if free < _ROOM:
        yield warning("home", space, "free some space or set --home to a larger disk for anything but small recipes")
    else:
        yield ok("home", space)


def free_bytes(directory: Path) -> int:
    """Free bytes where a directory is or would be created; an error if nothing can be written."""
    there = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    if not there.is_dir():
        raise BadInput(f"{there} is a file; choose another directory")
    with tempfile.NamedTemporaryFile(dir=there):
        return shutil.disk_usage(there).free


def check_processor() -> Iterator[Finding]:
    """Report which instructions matrix products use."""
    import torch
    from podtune.training.engines.cpu import has_avx512_bfloat16, multiplies_in_tiles

    avx512 = torch.backends.cpu.get_cpu_capability() == "AVX512"
    instructions = {"AVX-512": avx512, "bfloat16": has_avx512_bfloat16(), "AMX": multiplies_in_tiles()}
    parts = [name for name, there in instructions.items() if there]
    cores = len(os.sched_getaffinity(0))
    yield ok("processor", f"{cores} cores, {', '.join(parts) or 'no AVX-512'}; {torch.get_num_threads()} threads")


def check_gpus(required: bool, elsewhere: bool) -> Iterator[Finding]:
    """Report the GPUs that torch sees; none is a failure if they are required here and not on a cluster."""
    import torch

    if torch.cuda.is_available():
        gpus = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
        yield ok("GPUs", ", ".join(f"{gpu.name} with {gpu.total_memory / _GIBIBYTE:.0f} GiB" for gpu in gpus))
    elif required and elsewhere:
        yield not_checked("GPUs", "this machine has none; the cluster's are checked through Kubernetes")
    elif required:
        found = f"torch sees none (its CUDA: {torch.version.cuda or 'none'})"
        yield failed("GPUs", found, "install the NVIDIA driver and a CUDA build of torch")


def check_ipus(elsewhere: bool) -> Iterator[Finding]:
    """Check whether PopTorch finds an IPU here."""
    try:
        python = poptorch_python("ipu") or sys.executable
    except BadInput as error:
        if not elsewhere:
            raise
        yield not_checked("IPUs", f"none on this machine ({error})", "only `podtune run --device ipu` needs them here")
        return
    answer = answer_of([python, "-c", _FIND_IPUS])
    if answer.returncode == 0 and answer.stdout.strip() == "True":
        yield ok("IPUs", f"PopTorch of {python} finds them")
    else:
        remedy = "enable Graphcore's SDK in this shell, and check with gc-info that there is a partition"
        yield failed("IPUs", f"PopTorch of {python} finds none", remedy)


def answer_of(command: "list[str]") -> "subprocess.CompletedProcess[str]":
    """Run a program of this machine, whatever it ends with."""
    return subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)  # noqa: S603


def _unfit(requirement: Requirement) -> Iterator[str]:
    """Why an installed package does not meet a requirement."""
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
        return
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        yield f"{requirement.name} is missing"
        return
    if not requirement.specifier.contains(installed, prereleases=True):
        yield f"{requirement.name} is {installed} but must be {requirement.specifier}"
