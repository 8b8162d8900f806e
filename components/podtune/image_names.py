"""The image each step runs in; the only place that knows. python -m podtune.image_names cpu prints one."""

import re
import sys

from podtune import __version__
from podtune.environment import REGISTRY
from podtune.errors import BadInput, ending_cleanly

_REGISTRY = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")


def image_of(device: str) -> str:
    """The image for a cpu, gpu or ipu, in the registry that the environment names.

    A cpu's is that of every step that needs no accelerator. KFP's local runner warns unless the name says python.
    """
    return f"{registry_of(REGISTRY.value())}/python-{device}:{__version__}"


def registry_of(given: str) -> str:
    """What stands before the images' names: what was given, or podtune, which only this machine's images have."""
    if given and not _REGISTRY.fullmatch(given):
        example = "registry.example.org/team"
        raise BadInput(f"{REGISTRY.name} must be a registry and a folder such as {example}; got {given!r}")
    return given or "podtune"


if __name__ == "__main__":
    with ending_cleanly():
        print(image_of(sys.argv[1]))
