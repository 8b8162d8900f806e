"""Release a model that passed the gate."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from podtune.errors import BadInput, GateRefused
from podtune.formats.checkpoint import LOG, MODEL, open_checkpoint
from podtune.formats.evaluation import EvaluationFacts, open_evaluation
from podtune.formats.model_card import open_model_card
from podtune.formats.release import EVALUATION, KIND, TRAINING, VERSION, ModelFacts, ReleaseFacts, ReleaseManifest
from podtune.formats.sealed import MANIFEST, Manifest, sealing
from podtune.formats.verdict import VerdictFacts, open_verdict
from podtune.sections import read_section, to_mapping
from podtune.steps.publish.settings import ReleaseSettings
from podtune.stores.live import live_version
from podtune.stores.releases import lost_file, publish, read_release
from podtune.stores.store import Store, open_store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """Everything of one model, verified and found to belong together."""

    checkpoint: Path
    evaluation: Path
    model_card: Path
    manifests: Mapping[str, Manifest]
    """Of the checkpoint, the evaluation and the model_card."""

    scores: EvaluationFacts
    verdict: VerdictFacts

    @property
    def files(self) -> Dict[str, Path]:
        """Path in the release to the file; the model at the top, as transformers loads it."""
        model = [name for name in self.manifests["checkpoint"].files if name.startswith(f"{MODEL}/")]
        return {
            **{name[len(MODEL) + 1 :]: self.checkpoint / name for name in model},
            **{name: self.model_card / name for name in self.manifests["model_card"].files},
            **{f"{EVALUATION}/{name}": self.evaluation / name for name in self.manifests["evaluation"].files},
            f"{EVALUATION}/{MANIFEST}": self.evaluation / MANIFEST,
            f"{TRAINING}/{LOG}": self.checkpoint / LOG,
            f"{TRAINING}/{MANIFEST}": self.checkpoint / MANIFEST,
        }

    @property
    def facts(self) -> Dict[str, Any]:
        """What the release says of the model."""
        return to_mapping(
            ModelFacts(
                task=self.scores.task,
                checkpoint=self.manifests["checkpoint"].digest,
                evaluation=self.manifests["evaluation"].digest,
                examples=self.scores.examples,
                metrics=self.scores.metrics,
                card=self.manifests["model_card"].facts.get("settings", {}),
            )
        )


def run(  # as many as the component has
    *,
    checkpoint: Path,
    evaluation: Path,
    verdict: Path,
    model_card: Path,
    published: Path,
    release: Mapping[str, Any],
    store: str,
) -> None:
    """Upload a model with its card, scores and training log, make it live, and write where it lies.

    GateRefused if the verdict says so; LostRace if another model went live since. A model that is live already,
    with the same words on its card, makes no new version.
    """
    name = read_section(ReleaseSettings, release, "release").name
    candidate = open_candidate(checkpoint, evaluation, verdict, model_card)
    if candidate.verdict.decision == "refuse":
        raise GateRefused(f"{name} is not released: {candidate.verdict.reasons[0]}")
    opened = open_store(store)
    manifest = _already_live(opened, name, candidate.facts)
    if manifest is None:
        champion = candidate.verdict.champion
        manifest = publish(opened, name, files=candidate.files, facts=candidate.facts, expected=champion)
        _log.info("%s %s is live in %s", name, manifest.version, opened.uri)
    else:
        _log.info("%s %s in %s is this very model; no new version is made", name, manifest.version, opened.uri)
    with sealing(published, KIND, VERSION) as draft:
        draft.facts.update(to_mapping(ReleaseFacts(opened.uri, name, manifest.version, manifest.digest)))


def open_candidate(checkpoint: Path, evaluation: Path, verdict: Path, model_card: Path) -> Candidate:
    """Verify the four artifacts; BadInput where one was not made from the others."""
    _, trained = open_checkpoint(checkpoint)
    scores, evaluated = open_evaluation(evaluation)
    judged, verdict_manifest = open_verdict(verdict)
    card = open_model_card(model_card)
    if scores.checkpoint != trained.digest:
        raise BadInput(f"{evaluation} holds the scores of another checkpoint than {checkpoint}; evaluate it first")
    if judged.evaluation != evaluated.digest:
        raise BadInput(f"{verdict} judges another evaluation than {evaluation}; compare it first")
    if card.facts.get("verdict") != verdict_manifest.digest:
        raise BadInput(f"{model_card} tells of another verdict than {verdict}; write the card first")
    manifests = {"checkpoint": trained, "evaluation": evaluated, "model_card": card}
    return Candidate(checkpoint, evaluation, model_card, manifests, scores, judged)


def _already_live(store: Store, name: str, facts: Mapping[str, Any]) -> Optional[ReleaseManifest]:
    """The live version if it is this model; a run that repeats itself differs only in what it was compared with."""
    live = live_version(store, name)
    if live is None:
        return None
    try:
        manifest = read_release(store, name, live.version)
    except BadInput:  # a damaged champion does not keep its successor out
        return None
    return manifest if manifest.facts == facts and lost_file(store, manifest) is None else None
