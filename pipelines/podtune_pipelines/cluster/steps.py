"""The steps of a run, read from Argo's nodes, which KFP lists as the run's tasks.

A step X has a node `X-driver`, which prepares it, and a node `X` with an `executor` that starts with it: the pod that
does the work, SKIPPED where an earlier result is reused. Where Argo may try nodes again, each is listed twice, X and
X(0), and an executor's children are its tries, executor(0), executor(1), … A node does not tell its own ID, only
its children's; nodes that were omitted have no state, and others, of artifacts, no name. (KFP 2.17, as recorded.)
"""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Iterable, List, Optional, Tuple

from podtune.steps.table import STEPS

_TRY = re.compile(r"\(\d+\)$")


@dataclass(frozen=True)
class Step:
    """One step of a run."""

    name: str
    state: str
    """waiting (its pod has not started), running, reused, succeeded, skipped, failed, …"""

    started: Optional[str]
    ended: Optional[str]
    """ISO 8601, UTC."""

    nodes: Tuple[str, ...]
    """IDs of the nodes that may hold its log, the likeliest first."""

    @property
    def is_moving(self) -> bool:
        """Whether its state will change."""
        return self.state in ("pending", "waiting", "running", "canceling")


def steps_of(tasks: Iterable[Any]) -> List[Step]:
    """A run's steps in the order in which they started; drivers only where they failed in place of their step."""
    nodes = sorted((task for task in tasks if task.display_name and task.state), key=lambda task: task.start_time)
    executors = [node for node in nodes if _TRY.sub("", node.display_name) == "executor"]
    newest = {_name(node): node for node in nodes}
    steps = [_step(name, node, executors) for name, node in newest.items() if name in STEPS]
    if not any(step.state == "failed" for step in steps):
        drivers = [(name, node) for name, node in newest.items() if name.endswith("_driver")]
        steps += [_step(name, node, executors) for name, node in drivers if node.state == "FAILED"]
    return sorted(steps, key=lambda step: step.started or "9")


def _step(name: str, node: Any, executors: List[Any]) -> Step:
    own = [executor for executor in executors if executor.start_time == node.start_time]
    state = state_of(node.state)
    tries = [child for executor in own if executor.state == node.state for child in _children(executor)]
    if state == "succeeded" and node.end_time == node.start_time and _has(own, "SKIPPED"):
        state = "reused"
    # A try after the first has a start of its own
    tried = own if not _has(own, "FAILED") else [each for each in executors if each.start_time >= node.start_time]
    if state == "running" and _has(tried, "PENDING"):
        state = "waiting"
    nodes = tuple(reversed(tries)) or tuple(_children(node))
    return Step(name, state, moment(node.start_time), moment(node.end_time), nodes)


def _name(node: Any) -> str:
    """A node's name as a step's, such as fetch_data; that of a try has its number."""
    return str(node.display_name).replace("-", "_")


def _children(node: Any) -> List[str]:
    return [str(child.pod_name) for child in node.child_tasks or [] if child.pod_name]


def _has(executors: List[Any], state: str) -> bool:
    return any(executor.state == state for executor in executors)


def state_of(state: Any) -> str:
    """KFP's name of a state in lower case; pending where it has none yet."""
    return str(state or "pending").lower()


def moment(time: Optional[datetime]) -> Optional[str]:
    """A time of KFP's in ISO 8601; None for one that is yet to come, which KFP reports as the year 1970 or 1."""
    if time is None or time.year < 2000:
        return None
    return time.astimezone(timezone.utc).isoformat(timespec="seconds")
