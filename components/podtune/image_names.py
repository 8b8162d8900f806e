"""The names of the images that steps run in; `python -m podtune.image_names cpu` prints one."""

import re
import sys

from podtune import __version__
from podtune.environment import REGISTRY
from podtune.errors import BadInput, ending_cleanly

_REGISTRY = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")


def image_of(device: str) -> str:
    """Name the image for a cpu, gpu or ipu, in the registry that the environment sets.

    Every step that needs no accelerator runs in the CPU's. KFP's local runner warns unless the name contains python.
    """
    return f"{registry_of(REGISTRY.value())}/python-{device}:{__version__}"


def registry_of(value: str) -> str:
    """Check the prefix of the images' names; without one it is a name that no node looks for in a public registry."""
    if value and not _REGISTRY.fullmatch(value):
        example = "registry.example.org/team"
        raise BadInput(f"{REGISTRY.name} must be a registry and a folder such as {example}; got {value!r}")
    return value or "localhost/podtune"


if __name__ == "__main__":
    with ending_cleanly():
        print(image_of(sys.argv[1]))
