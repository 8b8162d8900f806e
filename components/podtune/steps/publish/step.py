"""Release a model that passed the gate, or have it wait for approval."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from podtune.errors import BadInput, GateRefused
from podtune.formats.artifact import Artifact
from podtune.formats.checkpoint import CHECKPOINT, LOG, MODEL, Checkpoint
from podtune.formats.evaluation import EVALUATION, Evaluation
from podtune.formats.ingredients import ingredients_of
from podtune.formats.model_card import BILL_OF_MATERIALS, MODEL_CARD, PROVENANCE, README, RECIPE, REPORT, ModelCard
from podtune.formats.release import (
    EVALUATION_FOLDER,
    RELEASE,
    TRAINING_FOLDER,
    ModelFacts,
    ReleaseFacts,
    ReleaseManifest,
    State,
)
from podtune.formats.sealed import MANIFEST, entry_of
from podtune.formats.verdict import VERDICT, Verdict
from podtune.plain_text import one_line, without_credentials
from podtune.sections import read_section, to_mapping
from podtune.steps.publish.settings import ReleaseSettings
from podtune.stores.approvals import approving_command, waiting_versions
from podtune.stores.live import live_version, now
from podtune.stores.opening import open_store
from podtune.stores.outcomes import Outcome, leave_outcome
from podtune.stores.refusals import Refusal, remember_refusal
from podtune.stores.releases import add_signature, propose, publish, read_release, repair
from podtune.stores.retrying import patiently
from podtune.stores.signing import signer
from podtune.stores.store import Store

_RECORD = (
    README,
    REPORT,
    PROVENANCE,
    BILL_OF_MATERIALS,
    f"{EVALUATION_FOLDER}/{MANIFEST}",
    f"{TRAINING_FOLDER}/{LOG}",
    f"{TRAINING_FOLDER}/{MANIFEST}",
)
"""Files of a release with times or the machine in them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """The artifacts of one model, verified to belong together."""

    checkpoint: Checkpoint
    evaluation: Evaluation
    verdict: Verdict
    model_card: ModelCard

    @property
    def files(self) -> Dict[str, Tuple[Artifact[Any], str]]:
        """Path in the release to an artifact and a file of it; the model at the top, as transformers loads it."""
        model = [name for name in self.checkpoint.files if name.startswith(f"{MODEL}/")]
        return {
            **{name[len(MODEL) + 1 :]: (self.checkpoint, name) for name in model},
            **{name: (self.model_card, name) for name in self.model_card.files},
            **{f"{EVALUATION_FOLDER}/{name}": (self.evaluation, name) for name in self.evaluation.files},
            f"{EVALUATION_FOLDER}/{MANIFEST}": (self.evaluation, MANIFEST),
            f"{TRAINING_FOLDER}/{LOG}": (self.checkpoint, LOG),
            f"{TRAINING_FOLDER}/{MANIFEST}": (self.checkpoint, MANIFEST),
        }

    @property
    def contents(self) -> Dict[str, Path]:
        """SHA-256 to a file of that content."""
        paths = {artifact.path / file: artifact.files.get(file) for artifact, file in self.files.values()}
        return {(entry or entry_of(path)).sha256: path for path, entry in paths.items()}

    @property
    def facts(self) -> ModelFacts:
        """The release's facts about the model."""
        scores = self.evaluation.facts
        return ModelFacts(
            task=scores.task,
            checkpoint=self.checkpoint.digest,
            evaluation=self.evaluation.digest,
            examples=scores.examples,
            metrics=scores.metrics,
            card=self.model_card.facts.settings,
            data=scores.data,
            anchors=self.verdict.facts.anchors,
            grouped_by=scores.grouped_by,
        )

    @property
    def refusal(self) -> Refusal:
        """What is put on record of a model that the gate refused."""
        judged, scores = self.verdict.facts, self.evaluation.facts
        made_of = ingredients_of(self.checkpoint.facts, scores, self.model_card.facts.settings)
        return Refusal(
            derivation=made_of.derivation,
            time=now(),
            reason=one_line(without_credentials(judged.reasons[0])),
            metrics=scores.metrics,
            live=judged.champion,
            anchor=judged.anchor,
            gate=judged.settings,
            readable=judged.could_compare,
        )


def run(  # as many as the component has
    *,
    checkpoint: Path,
    scores: Path,
    verdict: Path,
    model_card: Path,
    published: Path,
    release: Mapping[str, Any],
    store: str,
) -> None:
    """Upload a model with its card, scores and training log, make it live, and record where it is.

    Where `release.approval` is manual it becomes a candidate, which a person makes live. GateRefused if the verdict
    says so; LostRace if another model went live since. A model that is live or waits already, with the same words on
    its card, makes no new version.
    """
    settings = read_section(ReleaseSettings, release, "release")
    name = settings.name
    candidate = open_candidate(checkpoint, scores, verdict, model_card)
    reasons, metrics = candidate.verdict.facts.reasons, candidate.evaluation.facts.metrics
    if candidate.verdict.facts.decision == "refuse":
        earlier = remember_refusal(store, name, candidate.refusal)
        _note(settings, store, Outcome("refused", reasons[0], None, metrics))
        again = f" (as at {earlier.time}: nothing it depends on has changed)" if earlier else ""
        raise GateRefused(f"{name} is not released: {reasons[0]}{again}")
    opened = open_store(store)
    manifest = patiently(lambda: _already_live(opened, name, candidate))
    if manifest is not None:
        add_signature(opened, manifest, candidate.contents, signer())
        _log.info("%s %s in %s is the same model; no new version is made", name, manifest.version, opened.uri)
        end = Outcome("skipped", f"version {manifest.version} is the same model", manifest.version, metrics)
    elif settings.approval == "manual":
        manifest = _propose(opened, name, candidate)
        command = approving_command(name, manifest.version, opened.uri)
        _log.info("%s %s waits for approval in %s: %s", name, manifest.version, opened.uri, command)
        end = Outcome("waiting", reasons[0], manifest.version, metrics)
    else:
        manifest = _release(opened, name, candidate, publish)
        _log.info("%s %s is live in %s", name, manifest.version, opened.uri)
        end = Outcome("released", reasons[0], manifest.version, metrics)
    state: State = "candidate" if end.event == "waiting" else "live"
    with RELEASE.sealing(published) as draft:
        draft.facts.update(to_mapping(ReleaseFacts(opened.uri, name, manifest.version, manifest.digest, state)))
    _note(settings, store, end)


def _propose(store: Store, name: str, candidate: Candidate) -> ReleaseManifest:
    """Have the model wait for approval; one that waits with the same recipe is the same candidate."""
    recipe = candidate.model_card.files.get(RECIPE)
    for version in reversed(patiently(lambda: waiting_versions(store, name))):
        manifest = _same_model(store, name, version, candidate)
        if manifest is not None and manifest.files.get(RECIPE) == recipe:
            add_signature(store, manifest, candidate.contents, signer())
            return manifest
    return _release(store, name, candidate, propose)


def _release(store: Store, name: str, candidate: Candidate, how: Callable[..., ReleaseManifest]) -> ReleaseManifest:
    """Publish or propose all that belongs to a model."""
    return how(
        store,
        name,
        files={path: artifact.path / file for path, (artifact, file) in candidate.files.items()},
        facts=to_mapping(candidate.facts),
        expected=candidate.verdict.facts.champion,
        verified={path: artifact.files[file] for path, (artifact, file) in candidate.files.items() if file != MANIFEST},
        record=[path for path in candidate.files if path in _RECORD],
        sign=signer(),
    )


def _note(settings: ReleaseSettings, store: str, outcome: Outcome) -> None:
    """Leave word of the outcome for the message on the run, if one is wanted."""
    if settings.notify:
        leave_outcome(store, settings.name, outcome)


def open_candidate(checkpoint: Path, evaluation: Path, verdict: Path, model_card: Path) -> Candidate:
    """Open and verify the four artifacts; BadInput if one was not made from the others."""
    trained, scored = CHECKPOINT.open(checkpoint), EVALUATION.open(evaluation)
    judged, card = VERDICT.open(verdict), MODEL_CARD.open(model_card)
    if scored.facts.checkpoint != trained.digest:
        raise BadInput(f"{evaluation} holds scores of a different checkpoint than {checkpoint}; evaluate it first")
    if judged.facts.evaluation != scored.digest:
        raise BadInput(f"{verdict} judges a different evaluation than {evaluation}; compare it first")
    if card.facts.verdict != judged.digest:
        raise BadInput(f"{model_card} describes a different verdict than {verdict}; write the card first")
    return Candidate(trained, scored, judged, card)


def _already_live(store: Store, name: str, candidate: Candidate) -> Optional[ReleaseManifest]:
    """Find the live version if it is this model, and repair it."""
    live = live_version(store, name)
    return _same_model(store, name, live.version, candidate) if live else None


def _same_model(store: Store, name: str, version: str, candidate: Candidate) -> Optional[ReleaseManifest]:
    """Return a version if it is this model, and repair it; a repeated run differs only in its comparison."""
    try:
        manifest = read_release(store, name, version)
        is_same = read_section(ModelFacts, manifest.facts, "").is_same_model(candidate.facts)
    except BadInput:  # a damaged champion does not keep its successor out
        return None
    return manifest if is_same and repair(store, manifest, candidate.contents) else None
