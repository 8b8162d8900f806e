"""How many tests a whole run skips, and why; `make check` fails where it skipped others: correct the table then.

What make installs itself (OpenStack Swift, the manifests' tools) has no line: with it, nothing is skipped for its lack.
"""

import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Iterable, List, Tuple

import torch

FLOOR = sys.version_info < (3, 9)
"""Whether this is `make test-floor`: a part of the tests, with the IPU image's libraries."""

GPU = torch.cuda.is_available()
TOOLS = ("podman", "runc", "debootstrap")
DISK = 8
"""GiB free that the CPU image, its base and their layers are built in."""

LACKS = [
    *(f"{tool} is not installed" for tool in TOOLS if not shutil.which(tool)),
    *(["this is not root"] if os.geteuid() else []),
    *([f"less than {DISK} GiB of disk are free"] if shutil.disk_usage(Path(__file__).parent).free < DISK << 30 else []),
]
"""Why no test runs in a container."""

CONTAINERS = not LACKS
FLOOR_PYTHON = Path(__file__).parent.parent / ".venv-floor" / "bin" / "python"
POPTORCH = bool(os.environ.get("POPTORCH_SRC"))

EXPECTED: List[Tuple[str, bool, int]] = [
    # A part of the reason, whether it holds here, the tests that it concerns
    (r"needs an NVIDIA GPU", not GPU, 16 if FLOOR else 27),
    (r"a machine without a GPU runs it", GPU, 0 if FLOOR else 1),
    (r"make test-images would run this", not CONTAINERS and not FLOOR, 13),
    (r"needs PopTorch's sources", not POPTORCH, 6),
    (r"needs the IPU image's Python", not FLOOR_PYTHON.exists() and not FLOOR, 4),
    (r"docker-registry is not installed", not shutil.which("docker-registry") and not FLOOR, 2),
    (r"kubectl is not installed", not shutil.which("kubectl") and not FLOOR, 76),
    (r"needs a cluster: PODTUNE_E2E_HOST", not os.environ.get("PODTUNE_E2E_HOST") and not FLOOR, 12),
    (r"needs a cluster: PODTUNE_E2E_ARGO_NAMESPACE", not os.environ.get("PODTUNE_E2E_ARGO_NAMESPACE") and not FLOOR, 6),
    (r"IPUJOB_CRD must name", not Path(os.environ.get("IPUJOB_CRD", "")).is_file() and not FLOOR, 3),
    (r"PODTUNE_PUBLISHED_CARDS names no directory", not os.environ.get("PODTUNE_PUBLISHED_CARDS") and not FLOOR, 5),
    (r"required is: .4\.53.|torch 2\.1", FLOOR, 46),
]


def differences(reasons: Iterable[str]) -> List[str]:
    """What was skipped and should not have been, or the other way round; nothing where all is as expected."""
    counted = Counter(_line_of(reason) for reason in reasons)
    expected = {pattern: tests if holds else 0 for pattern, holds, tests in EXPECTED}
    return [
        f"{found} tests were skipped as {reason!r}; tests/skips.py expects {expected.get(reason, 0)}"
        for reason, found in sorted({**dict.fromkeys(expected, 0), **counted}.items())
        if found != expected.get(reason, 0)
    ]


def _line_of(reason: str) -> str:
    """The table's line for a reason, or the reason itself where it has none."""
    return next((pattern for pattern, _, _ in EXPECTED if re.search(pattern, reason)), reason)
