"""How a run ended, as a step that knows it leaves it for whoever tells people: an orchestrator knows well or failed.

runs/<name>/<run>/<event>.json     written once, where a recipe's release.notify is set
"""

import logging
import re
from dataclasses import asdict, dataclass, field
from typing import Dict, Literal, Optional

from podtune.environment import RUN
from podtune.errors import PodtuneError
from podtune.formats.evaluation import Metric
from podtune.formats.release import require_name
from podtune.formats.sealed import canonical_json
from podtune.parsing import parse_json
from podtune.sections import Mistakes, read_section
from podtune.stores.opening import open_store
from podtune.stores.retrying import persistently
from podtune.stores.store import Store

Event = Literal["released", "waiting", "refused", "failed", "skipped"]

_LEFT = ("released", "waiting", "skipped", "refused")
"""Events that are left: what a later try of the same run may make of the earlier ones comes first."""

_RUN = re.compile(r"[A-Za-z0-9][\w.-]{0,252}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """The end of a run."""

    event: Event
    """Waiting: the new version waits for approval. Skipped: nothing was to release, because nothing changed."""

    reason: str
    version: Optional[str] = None
    """The version that was released or waits, or that has this model already."""

    metrics: Dict[str, Metric] = field(default_factory=dict)
    """Of the model that was released, waits or was refused."""


def leave_outcome(store: str, name: str, outcome: Outcome) -> None:
    """Note in a store how this run ended, if it has a name; a note that cannot be written changes nothing else."""
    run = run_name()
    if not run:
        return
    try:
        opened = open_store(store)
        persistently(lambda: opened.create(_key(name, run, outcome.event), canonical_json(asdict(outcome))))
    except PodtuneError as error:
        _log.warning("how the run ended cannot be noted for the message on it: %s", error)


def find_outcome(store: Store, name: str, run: str) -> Optional[Outcome]:
    """How a run ended; None where it left nothing that can be read, as one that failed or was killed."""
    for event in _LEFT if run else ():
        data = store.read(_key(name, run, event))
        if data is not None:
            try:
                return read_section(Outcome, parse_json(data), "")
            except (Mistakes, ValueError):
                return None
    return None


def run_name() -> str:
    """The name of this run; empty where nobody named it."""
    return RUN.value() if _RUN.fullmatch(RUN.value()) else ""


def _key(name: str, run: str, event: str) -> str:
    require_name(name)
    return f"runs/{name}/{run}/{event}.json"
