"""Decide whether a run would only reproduce the live release, or one that waits for approval."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping, Tuple

from podtune import __version__
from podtune.errors import BadInput
from podtune.formats.artifact import Facts, Format
from podtune.formats.base_model import BASE_MODEL
from podtune.formats.checkpoint import CHECKPOINT
from podtune.formats.evaluation import EVALUATION
from podtune.formats.features import FEATURES
from podtune.formats.release import EVALUATION_FOLDER, TRAINING_FOLDER, ReleaseManifest
from podtune.formats.sealed import MANIFEST, read_manifest
from podtune.stores.approvals import approving_command, waiting_versions
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
    card: Mapping[str, Any],
    release: Mapping[str, Any],
    store: str,
    device: str,
) -> str:
    """Return train or stop, and write the reason; stop only if a release has the same ingredients.

    It is the live one, or where `release.approval` is manual one that waits.
    """
    now = Ingredients(
        features=read_manifest(prepared_data, FEATURES.kind, FEATURES.version).digest,
        base_model=read_manifest(base_model, BASE_MODEL.kind, BASE_MODEL.version).digest,
        code=__version__,
        device=device,
        sections={"training": training, "evaluation": evaluation, "card": card},
    )
    name = str(release.get("name", ""))
    asks = release.get("approval") == "manual"
    decision, reason = patiently(lambda: (_decide_by_waiting if asks else _decide)(now, open_store(store), name))
    if decision == STOP and release.get("notify"):
        leave_outcome(store, name, Outcome("skipped", reason))
    explanation.parent.mkdir(parents=True, exist_ok=True)
    explanation.write_text(f"{decision}: {reason}\n", encoding="utf-8")
    _log.info("%s: %s", decision, reason)
    return decision


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
