"""Models that the gate refused, on record so that no schedule trains one again: the same ingredients make the same.

refusals/<name>/<derivation>/<sha256>.json    written once, by whoever was refused; named by its own SHA-256
"""

import hashlib
import logging
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from podtune.errors import PodtuneError
from podtune.formats.evaluation import Metric
from podtune.formats.release import NAME, require_name
from podtune.formats.sealed import canonical_json
from podtune.parsing import parse_json
from podtune.sections import Mistakes, read_section
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.retrying import persistently
from podtune.stores.store import Store

REFUSALS = "refusals/"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """A model that was not released, and what that depended on."""

    derivation: str
    """Of its ingredients (formats/ingredients.py)."""

    time: str
    """ISO 8601, UTC."""

    reason: str
    """The decisive one."""

    metrics: Dict[str, Metric]
    """The model's."""

    live: Optional[str]
    """Version that was live; None if none was. The best so far follows from it."""

    anchor: Optional[str]
    """Version of the anchor."""

    gate: Dict[str, Any]
    """The recipe's gate section with all defaults."""

    readable: bool
    """Whether the scores of both versions could be read; once they are restored the gate may decide otherwise."""

    def why(self, gate: Mapping[str, Any], live: Optional[str]) -> str:
        """Why a gate of these settings refuses the same model while this version is live; empty where it may not."""
        floors = gate.get("floors")
        for metric, floor in floors.items() if isinstance(floors, Mapping) else ():
            value = self.metrics[metric].value if metric in self.metrics else None
            if value is not None and isinstance(floor, (int, float)) and value < floor:
                return f"{metric} is {value:.2f}, below its floor of {floor:.2f}"
        return self.reason if self.readable and live == self.live and gate == self.gate else ""


def remember_refusal(store: str, name: str, refusal: Refusal) -> Optional[Refusal]:
    """Put a refusal on record, or return the earlier one that stands; what the store does not take is logged only."""
    try:
        opened = open_store(store)
        return persistently(lambda: _remember(opened, name, refusal))
    except PodtuneError as error:
        _log.warning("the refusal cannot be put on record, so that a schedule trains this model again: %s", error)
        return None


def standing_refusal(
    store: Store, name: str, derivation: str, *, gate: Mapping[str, Any], live: Optional[str]
) -> Optional[Refusal]:
    """The newest refusal of these ingredients that this gate would repeat while this version is live."""
    found = (_read(store, key) for key in store.keys(f"{_prefix(name)}{derivation}/"))
    standing = [one for one in found if one and one.derivation == derivation and one.why(gate, live)]
    return max(standing, key=_time, default=None)


def refused_again(store: Store, name: str, derivation: str, gate: Mapping[str, Any]) -> Optional[Tuple[str, Refusal]]:
    """Why this gate would refuse these ingredients now, and the refusal that says so; None where they may pass."""
    live = live_version(store, name)
    version = live.version if live else None
    found = standing_refusal(store, name, derivation, gate=gate, live=version)
    return (found.why(gate, version), found) if found else None


def refusals(store: Store, name: str) -> Dict[str, Optional[Refusal]]:
    """Each record's key to what it says; to None where it is damaged, or of another version of podtune."""
    return {key: _read(store, key) for key in store.keys(_prefix(name))}


def refused_against(store: Store, name: str, live: Optional[str]) -> List[Refusal]:
    """Models that were refused while this version was live, in the order in which they were."""
    return sorted((one for one in refusals(store, name).values() if one and one.live == live), key=_time)


def stale_refusals(store: Store, name: str, before: float) -> List[str]:
    """Records written before a time (seconds since 1970) that are not of the version that is live now, by their keys.

    One that goes costs at most a training.
    """
    live = live_version(store, name)
    old = [one.key for one in store.listing(_prefix(name)) if one.modified <= before]
    found = {key: _read(store, key) for key in old}
    return [key for key, one in found.items() if one is None or one.live != (live.version if live else None)]


def refused_names(store: Store) -> Set[str]:
    """Names of which a refusal is on record."""
    return {name for name in (key.split("/")[1] for key in store.keys(REFUSALS)) if NAME.fullmatch(name)}


def _remember(store: Store, name: str, refusal: Refusal) -> Optional[Refusal]:
    earlier = standing_refusal(store, name, refusal.derivation, gate=refusal.gate, live=refusal.live)
    if earlier is None:
        data = canonical_json(asdict(refusal))
        store.create(f"{_prefix(name)}{refusal.derivation}/{hashlib.sha256(data).hexdigest()}.json", data)
    return earlier


def _read(store: Store, key: str) -> Optional[Refusal]:
    data = store.read(key)
    if data is None:  # pruned at this moment
        return None
    try:
        if f"{hashlib.sha256(data).hexdigest()}.json" != key.rpartition("/")[2]:
            raise ValueError
        return read_section(Refusal, parse_json(data), "")
    except (Mistakes, ValueError, RecursionError):
        _log.warning("%s in %s is damaged, or of another version of podtune; it counts as absent", key, store.uri)
        return None


def _time(refusal: Refusal) -> str:
    return refusal.time


def _prefix(name: str) -> str:
    require_name(name)
    return f"{REFUSALS}{name}/"
