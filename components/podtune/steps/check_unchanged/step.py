"""Decide whether a run would only reproduce the live release."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Tuple

from podtune import __version__
from podtune.errors import BadInput
from podtune.formats.artifact import Facts, Format
from podtune.formats.base_model import BASE_MODEL
from podtune.formats.checkpoint import CHECKPOINT
from podtune.formats.evaluation import EVALUATION
from podtune.formats.features import FEATURES
from podtune.formats.profile import read_profiles
from podtune.formats.release import EVALUATION_FOLDER, TRAINING_FOLDER, ReleaseManifest
from podtune.formats.sealed import MANIFEST, read_manifest
from podtune.steps.check_unchanged.data_change import allowed_change, live_data, require_like_live
from podtune.stores.fetching import fetch_files
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.outcomes import Outcome, leave_outcome
from podtune.stores.releases import lost_file, read_release
from podtune.stores.retrying import patiently
from podtune.stores.store import Store

TRAIN, STOP = "train", "stop"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ingredients:
    """Everything that determines a run's model: the same ingredients make the same model."""

    features: str
    """Digest, of the data and its preparation."""

    base_model: str
    """Digest."""

    code: str
    """podtune's version, which is also its images'."""

    device: str
    sections: Mapping[str, Mapping[str, Any]]
    """Training, evaluation and card, with all defaults."""

    def changes(self, before: "Ingredients") -> Iterator[str]:
        """Yield the differences from `before`, in a recipe's terms."""
        if self.features != before.features:
            yield "the data or its preparation"
        if self.base_model != before.base_model:
            yield "the pretrained model"
        if self.code != before.code:
            yield f"podtune ({before.code} then, {self.code} now)"
        if self.device != before.device:
            yield f"the device ({before.device} then, {self.device} now)"
        for name, section in self.sections.items():
            earlier = before.sections.get(name, {})
            for key in sorted({*section, *earlier}):
                if section.get(key) != earlier.get(key):
                    yield f"{name}.{key}"


def run(  # noqa: PLR0913  # as many as the component has
    prepared_data: Path,
    base_model: Path,
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
    """Return train or stop, and write the reason; stop only if the live release has the same ingredients.

    BadInput where the data is further from the live release's than the gate allows.
    """
    features = read_manifest(prepared_data, FEATURES.kind, FEATURES.version)
    now = Ingredients(
        features=features.digest,
        base_model=read_manifest(base_model, BASE_MODEL.kind, BASE_MODEL.version).digest,
        code=__version__,
        device=device,
        sections={"training": training, "evaluation": evaluation, "card": card},
    )
    name = str(release.get("name", ""))
    decision, reason = patiently(lambda: _decide(now, open_store(store), name))
    if decision == STOP and release.get("notify"):
        leave_outcome(store, name, Outcome("skipped", reason))
    changes: List[str] = []
    if decision == TRAIN:
        changes = patiently(lambda: _data_changes(features.facts, open_store(store), name, gate))
    explanation.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{decision}: {reason}", *(f"- {change}" for change in changes)]
    explanation.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _log.info("%s: %s", decision, reason)
    return decision


def _data_changes(features: Mapping[str, Any], store: Store, name: str, gate: Mapping[str, Any]) -> List[str]:
    """How the data differs from the live release's, if there is one that says; BadInput where that is too much."""
    live, most = live_data(store, name), allowed_change(gate)
    return require_like_live(read_profiles(features), live, name, most) if live else []


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


def _ingredients_of(store: Store, manifest: ReleaseManifest) -> Ingredients:
    """Read a release's ingredients from its Checkpoint and its Evaluation."""
    trained = _facts(store, manifest, TRAINING_FOLDER, CHECKPOINT)
    evaluated, card = _facts(store, manifest, EVALUATION_FOLDER, EVALUATION), manifest.facts.get("card", {})
    return Ingredients(
        features=trained.features,
        base_model=trained.base_model,
        code=trained.software.get("podtune", "an unknown version"),
        device=str(trained.hardware.get("device")),
        sections={"training": trained.training, "evaluation": evaluated.settings, "card": card},
    )


def _facts(store: Store, manifest: ReleaseManifest, folder: str, form: Format[Facts]) -> Facts:
    """Read the facts of an artifact whose manifest is in a folder of a release."""
    with tempfile.TemporaryDirectory() as directory:
        fetched = Path(directory, "release")
        fetch_files(store, manifest, fetched, f"{folder}/{MANIFEST}")
        try:
            return form.read(fetched / folder).facts
        except BadInput as error:
            raise BadInput(str(error).replace(f"{fetched}/", "")) from error
