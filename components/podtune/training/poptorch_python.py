"""The Python that has PopTorch: Graphcore's SDK brings it for Python 3.8, while pipelines need a newer one."""

import shutil
from importlib.util import find_spec
from typing import Optional

from podtune.environment import IPU_PYTHON
from podtune.errors import BadInput


def poptorch_python(device: str) -> Optional[str]:
    """The interpreter in which a step for a device has to run; None where this one will do.

    BadInput where it is for IPUs, and no interpreter with PopTorch is known.
    """
    if device != "ipu" or find_spec("poptorch"):
        return None
    named = IPU_PYTHON.value()
    found = shutil.which(named) if named else None
    if found is None:
        given = f"{IPU_PYTHON.name} is {named!r}" if named else f"{IPU_PYTHON.name} is not set"
        raise BadInput(
            "this Python has no PopTorch, which comes with Graphcore's SDK for a Python of its own; set "
            f"{IPU_PYTHON.name} to that one's path, with podtune installed in it; {given}"
        )
    return found
