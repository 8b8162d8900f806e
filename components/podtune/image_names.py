"""The image each step runs in; the only place that knows."""

import os
import re

from podtune import __version__
from podtune.errors import BadInput

REGISTRY_VARIABLE = "PODTUNE_REGISTRY"
"""Names where a cluster pulls the images from; read when a pipeline is compiled."""

_REGISTRY = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")


def registry_of(given: str) -> str:
    """What stands before the images' names: what was given, or podtune, which only this machine's images have."""
    if given and not _REGISTRY.fullmatch(given):
        example = "registry.example.org/team"
        raise BadInput(f"{REGISTRY_VARIABLE} must be a registry and a folder such as {example}; got {given!r}")
    return given or "podtune"


REGISTRY = registry_of(os.environ.get(REGISTRY_VARIABLE, ""))

CPU = f"{REGISTRY}/python-cpu:{__version__}"
"""Every step that needs no accelerator. KFP's local runner warns unless the name says python."""

GPU = f"{REGISTRY}/python-gpu:{__version__}"
"""Training and evaluation on NVIDIA GPUs."""

IPU = f"{REGISTRY}/python-ipu:{__version__}"
"""What IPUJobs run: training and evaluation on Graphcore IPUs."""
