"""Release a model that passed the gate."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from podtune.errors import BadInput, GateRefused
from podtune.formats.artifact import Artifact
from podtune.formats.checkpoint import CHECKPOINT, LOG, MODEL, Checkpoint
from podtune.formats.evaluation import EVALUATION, Evaluation
from podtune.formats.model_card import MODEL_CARD, ModelCard
from podtune.formats.release import (
    EVALUATION_FOLDER,
    RELEASE,
    TRAINING_FOLDER,
    ModelFacts,
    ReleaseFacts,
    ReleaseManifest,
)
from podtune.formats.sealed import MANIFEST
from podtune.formats.verdict import VERDICT, Verdict
from podtune.sections import read_section, to_mapping
from podtune.steps.publish.settings import ReleaseSettings
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.releases import add_signature, lost_file, publish, read_release
from podtune.stores.retrying import patiently
from podtune.stores.signing import signer
from podtune.stores.store import Store

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

    GateRefused if the verdict says so; LostRace if another model went live since. A model that is live already,
    with the same words on its card, makes no new version.
    """
    name = read_section(ReleaseSettings, release, "release").name
    candidate = open_candidate(checkpoint, scores, verdict, model_card)
    verdict_facts = candidate.verdict.facts
    if verdict_facts.decision == "refuse":
        raise GateRefused(f"{name} is not released: {verdict_facts.reasons[0]}")
    opened, files = open_store(store), {path: of.path / file for path, (of, file) in candidate.files.items()}
    manifest = patiently(lambda: _already_live(opened, name, candidate.facts))
    if manifest is None:
        manifest = publish(
            opened,
            name,
            files=files,
            facts=to_mapping(candidate.facts),
            expected=verdict_facts.champion,
            verified={
                path: artifact.files[file] for path, (artifact, file) in candidate.files.items() if file != MANIFEST
            },
            sign=signer(),
        )
        _log.info("%s %s is live in %s", name, manifest.version, opened.uri)
    else:
        add_signature(opened, manifest, files, signer())
        _log.info("%s %s in %s is the same model; no new version is made", name, manifest.version, opened.uri)
    with RELEASE.sealing(published) as draft:
        draft.facts.update(to_mapping(ReleaseFacts(opened.uri, name, manifest.version, manifest.digest)))


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


def _already_live(store: Store, name: str, facts: ModelFacts) -> Optional[ReleaseManifest]:
    """Find the live version if it is this model; a repeated run differs only in what it was compared with."""
    live = live_version(store, name)
    if live is None:
        return None
    try:
        manifest = read_release(store, name, live.version)
        is_same = read_section(ModelFacts, manifest.facts, "").is_same_model(facts)
    except BadInput:  # a damaged champion does not keep its successor out
        return None
    return manifest if is_same and lost_file(store, manifest) is None else None
