"""Hold the prepared data against the live release's, before anything is paid for."""

import logging
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from podtune.errors import BadInput
from podtune.formats.evaluation import EVALUATION
from podtune.formats.profile import MOST_CHANGE, SHARES, Change, SplitProfile, changes_between, enough
from podtune.formats.release import EVALUATION_FOLDER
from podtune.sections import read_section
from podtune.stores.fetching import fetch_facts
from podtune.stores.live import live_version
from podtune.stores.releases import read_release
from podtune.stores.store import Store
from podtune.tasks.task import task_named

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LiveData:
    """What the live release records of its data."""

    version: str
    task: str
    profile: Dict[str, SplitProfile]
    """Empty in releases of earlier versions."""


@dataclass(frozen=True)
class _Limit:
    """What this step reads of the gate section."""

    most_data_change: float = MOST_CHANGE


def allowed_change(gate: Mapping[str, Any]) -> float:
    """Read how far the data may be from the live release's."""
    return read_section(_Limit, {key: gate[key] for key in vars(_Limit()) if key in gate}, "gate").most_data_change


def live_data(store: Store, name: str) -> Optional[LiveData]:
    """Read the profile of the live release's data; None where nothing is live, or it cannot be read."""
    live = live_version(store, name)
    if live is None:
        return None
    try:
        facts = fetch_facts(store, read_release(store, name, live.version), EVALUATION_FOLDER, EVALUATION)
    except BadInput as error:
        why = " ".join(str(error).split())
        _log.warning("the data is not compared with that of live version %s of %s: %s", live.version, name, why)
        return None
    return LiveData(live.version, facts.task, facts.profile)


def require_like_live(prepared: Mapping[str, SplitProfile], live: LiveData, name: str, most: float) -> List[str]:
    """Return what differs from the live release's data, in words; BadInput where anything does by more than `most`."""
    if not prepared or not live.profile:
        _log.info("live version %s of %s records no figures of its data, which are not compared", live.version, name)
        return []
    changes = changes_between(live.profile, prepared)
    too_large = [change for change in changes if change.size > most]
    if too_large:
        listed = "; ".join(_in_words(change, live.task) for change in too_large)
        allowing = f"--set gate.most_data_change={enough(max(change.size for change in too_large))}"
        raise BadInput(
            f"the data is not like that of live version {live.version} of {name}: {listed}; gate.most_data_change "
            f"allows {most:.0%}, so nothing is trained; mend the data, or allow it once: {allowing}"
        )
    return [_in_words(change, live.task) for change in changes]


def _in_words(change: Change, task: str) -> str:
    form = "{:.1%}" if change.figure in SHARES else "{:,.0f}"
    values = f"{form.format(change.before)} then, {form.format(change.now)} now"
    return f"{change.split}, {task_named(task).words.figure(change.figure)}: {values} ({change.size:.0%})"
