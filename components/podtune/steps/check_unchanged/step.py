"""Decide whether a run would only reproduce the live release, one that waits for approval, or a refused model."""

import logging
from pathlib import Path
from typing import Any, List, Mapping, Optional, Tuple

from podtune import __version__
from podtune.errors import BadInput, GateRefused
from podtune.formats.base_model import BASE_MODEL
from podtune.formats.checkpoint import CHECKPOINT
from podtune.formats.evaluation import EVALUATION
from podtune.formats.facts import open_facts
from podtune.formats.features import FEATURES, FeaturesFacts
from podtune.formats.ingredients import Ingredients, ingredients_of
from podtune.formats.release import EVALUATION_FOLDER, TRAINING_FOLDER, ReleaseManifest
from podtune.steps.check_unchanged.data_change import allowed_change, live_data, require_like_live
from podtune.stores.approvals import approving_command, waiting_versions
from podtune.stores.fetching import fetch_facts
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.outcomes import Outcome, leave_outcome
from podtune.stores.refusals import refused_again
from podtune.stores.releases import lost_file, read_release
from podtune.stores.retrying import patiently
from podtune.stores.store import Store

TRAIN, STOP = "train", "stop"

_AGAIN = "change one of them or the gate's settings, or start the recipe by hand (podtune submit), which trains anyway"

_log = logging.getLogger(__name__)


def run(  # noqa: PLR0913  # as many as the component has
    prepared_data_facts: Path,
    base_model_facts: Path,
    explanation: Path,
    *,
    training: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    gate: Mapping[str, Any],
    card: Mapping[str, Any],
    release: Mapping[str, Any],
    store: str,
    device: str,
) -> str:
    """Return train or stop, and write the reason; stop only if a release has the same ingredients.

    It is the live one, or where `release.approval` is manual one that waits. GateRefused where a model of the same
    ingredients was refused, and would be again; BadInput where the data is further from the live release's than the
    gate allows.
    """
    features = open_facts(FEATURES, prepared_data_facts)
    now = Ingredients(
        features=features.digest,
        base_model=open_facts(BASE_MODEL, base_model_facts).digest,
        code=__version__,
        device=device,
        sections={"training": training, "evaluation": evaluation, "card": card},
    )
    name = str(release.get("name", ""))
    asks = release.get("approval") == "manual"
    opened = open_store(store)
    decision, reason = patiently(lambda: (_decide_by_waiting if asks else _decide)(now, opened, name))
    outcome = Outcome("skipped", reason) if decision == STOP else None
    if decision == TRAIN:
        outcome = patiently(lambda: _refused_before(now, opened, name, gate))
    if outcome is not None and release.get("notify"):
        leave_outcome(store, name, outcome)
    if outcome is not None and outcome.event == "refused":
        raise GateRefused(f"{name} is not trained: {outcome.reason}; {_AGAIN}")
    changes: List[str] = []
    if decision == TRAIN:
        changes = patiently(lambda: _data_changes(features.facts, opened, name, gate))
    explanation.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{decision}: {reason}", *(f"- {change}" for change in changes)]
    explanation.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _log.info("%s: %s", decision, reason)
    return decision


def _refused_before(now: Ingredients, store: Store, name: str, gate: Mapping[str, Any]) -> Optional[Outcome]:
    """How the run ends if a model of the same ingredients was refused, and would be again; None where it may pass."""
    found = refused_again(store, name, now.derivation, gate)
    if found is None:
        return None
    why, refusal = found
    same = f"the same data, model, code and settings were refused at {refusal.time}"
    return Outcome("refused", f"{same}: {why}", None, refusal.metrics)


def _data_changes(features: FeaturesFacts, store: Store, name: str, gate: Mapping[str, Any]) -> List[str]:
    """How the data differs from the live release's, if there is one that says; BadInput where that is too much."""
    live, most = live_data(store, name), allowed_change(gate)
    return require_like_live(features.profile, live, name, most) if live else []


def _decide(now: Ingredients, store: Store, name: str) -> Tuple[str, str]:
    live = live_version(store, name)
    if live is None:
        return TRAIN, f"no version of {name} is live in {store.uri}"
    try:
        manifest = read_release(store, name, live.version)
        lost = lost_file(store, manifest)
        if lost:
            return TRAIN, f"live version {live.version} of {name} has lost {lost}"
        changed = list(now.changes(_ingredients_of(store, manifest)))
    except BadInput as error:
        return TRAIN, f"live version {live.version} of {name} cannot be read: {' '.join(str(error).split())}"
    if changed:
        return TRAIN, f"changed since live version {live.version} of {name}: {', '.join(changed)}"
    return STOP, f"data, model, code and settings are those of live version {live.version} of {name}"


def _decide_by_waiting(now: Ingredients, store: Store, name: str) -> Tuple[str, str]:
    """Decide by the live release, then by those that wait for approval."""
    decision, reason = _decide(now, store, name)
    for version in reversed(waiting_versions(store, name)) if decision == TRAIN else ():
        if _is_made_of(now, store, name, version):
            command = approving_command(name, version, store.uri)
            waits = f"which waits for approval: {command}"
            return STOP, f"data, model, code and settings are those of version {version} of {name}, {waits}"
    return decision, reason


def _is_made_of(now: Ingredients, store: Store, name: str, version: str) -> bool:
    """Whether a version has these ingredients and is complete; one that cannot be read has not."""
    try:
        manifest = read_release(store, name, version)
        return not any(now.changes(_ingredients_of(store, manifest))) and lost_file(store, manifest) is None
    except BadInput as error:
        _log.warning("version %s of %s, which waits for approval, cannot be read: %s", version, name, error)
        return False


def _ingredients_of(store: Store, manifest: ReleaseManifest) -> Ingredients:
    """Read a release's ingredients from its Checkpoint and its Evaluation."""
    trained = fetch_facts(store, manifest, TRAINING_FOLDER, CHECKPOINT)
    evaluated = fetch_facts(store, manifest, EVALUATION_FOLDER, EVALUATION)
    return ingredients_of(trained, evaluated, manifest.facts.get("card", {}))
