"""The hardware and software that a model was trained on, as its card will name them."""

import math
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Iterator, Optional, Sequence, Set

import psutil

import podtune
from podtune.cores import cores

PACKAGES = ("torch", "poptorch", "transformers", "tokenizers", "safetensors", "numpy")
"""Those that compute; some may not be installed."""

_GIB = 1 << 30


def hardware(device: str, accelerators: Sequence[str], precision: str, system: Path = Path("/")) -> Dict[str, Any]:
    """The device, its name and count, what it computed in, usable cores and memory; a CPU has no accelerators.

    What a container may use is read from its control group below `system`, version 2 or 1.
    """
    return {
        "device": device,
        "name": accelerators[0] if accelerators else _processor(system),
        "count": max(1, len(accelerators)),
        "precision": precision,
        "cores": usable_cores(system),
        "memory_gib": round(_memory(system) / _GIB, 1),
    }


def software() -> Dict[str, str]:
    """Package to version: python, podtune, and every one of PACKAGES that is installed."""
    versions = {"python": platform.python_version(), "podtune": podtune.__version__}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _processor(system: Path) -> str:
    """The processor's name where Linux names it, else its architecture."""
    for line in (_read(system / "proc" / "cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def usable_cores(system: Path = Path("/")) -> int:
    """Cores that this process may use at once."""
    allotted = cores()
    return min(allotted, core_limit(system) or allotted)


def core_limit(system: Path = Path("/")) -> Optional[int]:
    """Cores that this process's control groups let run at once, rounded up; None where none sets a limit."""
    return min((limit for group in _groups(system, "cpu") for limit in _cores(group)), default=None)


def _cores(group: Path) -> Iterator[int]:
    """The limit of one control group, in version 2's file or in version 1's two."""
    second_version = (_read(group / "cpu.max") or "").split()
    first_version = [_read(group / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
    for limit in (second_version, first_version):
        if len(limit) == 2 and all(part.isdigit() for part in limit):
            yield math.ceil(int(limit[0]) / int(limit[1]))


def _memory(system: Path) -> int:
    files = ((group / name) for group in _groups(system, "memory") for name in ("memory.max", "memory.limit_in_bytes"))
    limits = (_read(path) or "" for path in files)
    return min([int(psutil.virtual_memory().total), *(int(limit) for limit in limits if limit.isdigit())])


def _groups(system: Path, controller: str) -> Iterator[Path]:
    """Where the control groups may lie that hold this process, each with all around it, whose limits hold too.

    Version 2 has one tree, version 1 one for each controller or few of them. A container may see its own group as the
    root, whatever it is called outside.
    """
    mount = system / "sys" / "fs" / "cgroup"
    places: Dict[PurePosixPath, Set[str]] = {PurePosixPath(): {"", controller}}
    for line in (_read(system / "proc" / "self" / "cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            own = PurePosixPath(path.lstrip("/"))
            for group in (own, *own.parents):
                places.setdefault(group, set()).add(controllers)
    for group, trees in places.items():
        yield from (mount / tree / group for tree in sorted(trees))


def _read(path: Path) -> Optional[str]:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
