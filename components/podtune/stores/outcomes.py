"""How a run ended, as a step that knows it leaves it for whoever tells people: an orchestrator knows well or failed.

    runs/<name>/<run>/<event>.json     written once, where a recipe's release.notify is set

What failed otherwise is noted by whoever tells of it.
"""

import logging
import re
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from typing import Dict, List, Literal, Optional, Sequence, Set, cast

from podtune.environment import RUN
from podtune.errors import PodtuneError
from podtune.formats.evaluation import Metric
from podtune.formats.release import NAME, require_name
from podtune.formats.sealed import canonical_json
from podtune.parsing import parse_json
from podtune.sections import Mistakes, read_section
from podtune.stores.opening import open_store
from podtune.stores.retrying import persistently
from podtune.stores.store import Store

Event = Literal["released", "waiting", "refused", "failed", "skipped"]

_LEFT = ("released", "waiting", "skipped", "refused")
"""Events that are left: what a later try of the same run may make of the earlier ones comes first."""

_ENDS = (*_LEFT, "failed")

_BAD = ("refused", "failed")

_MANY = 3
"""Bad ends in a row that are told as such."""

RUNS = "runs/"

_NOTE = re.compile(rf"{RUNS}[^/]+/(?P<run>[^/]+)/(?P<event>{'|'.join(_ENDS)})\.json")

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


@dataclass(frozen=True)
class Ended:
    """A run that left word of its end."""

    run: str
    event: Event
    modified: float
    """When it did, in seconds since 1970 by the store's clock."""


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


def ended_runs(store: Store, name: str) -> List[Ended]:
    """The runs that left word of their end, the last first."""
    found: Dict[str, Ended] = {}
    for ended in _notes(store, name).values():
        before = found.get(ended.run)
        if before is None or _ENDS.index(ended.event) < _ENDS.index(before.event):
            found[ended.run] = ended
    return sorted(found.values(), key=lambda ended: (-ended.modified, ended.run))


def old_notes(store: Store, name: str, before: float) -> List[str]:
    """Notes left before a time (seconds since 1970), by their keys, but for those of the last bad ends in a row."""
    counted = {one.run for one in bad_in_a_row(ended_runs(store, name))}
    notes = _notes(store, name)
    return [key for key, one in notes.items() if one.modified <= before and one.run not in counted]


def noted_names(store: Store) -> Set[str]:
    """Names of which a run left word of its end."""
    return {name for name in (key.split("/")[1] for key in _notes(store)) if NAME.fullmatch(name)}


def bad_in_a_row(ended: Sequence[Ended]) -> List[Ended]:
    """The last runs that were refused or failed, the last first, up to one that ended well."""
    return list(takewhile(lambda one: one.event in _BAD, ended))


def in_a_row(events: Sequence[Event]) -> str:
    """Words on so many bad ends without a good one between them; empty where they are few."""
    refused, failed = events.count("refused"), events.count("failed")
    if refused + failed < _MANY:
        return ""
    if refused and failed:
        return f"{refused + failed} runs in a row without a good end: {refused} refused, {failed} failed"
    return f"{refused} refusals in a row" if refused else f"{failed} failures in a row"


def run_name() -> str:
    """The name of this run; empty where nobody named it."""
    return RUN.value() if _RUN.fullmatch(RUN.value()) else ""


def _notes(store: Store, name: str = "") -> Dict[str, Ended]:
    """Every note, by its key, of one name or of all; a workspace in the same place has other objects there."""
    found = ((one, _NOTE.fullmatch(one.key)) for one in store.listing(f"{RUNS}{name}/" if name else RUNS))
    return {one.key: Ended(match["run"], cast(Event, match["event"]), one.modified) for one, match in found if match}


def _key(name: str, run: str, event: str) -> str:
    require_name(name)
    return f"{RUNS}{name}/{run}/{event}.json"
