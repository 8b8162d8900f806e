"""The artifacts of a finished run, made without training."""

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

from podtune.formats import checkpoint, evaluation, model_card, verdict
from podtune.formats.artifact import Format
from podtune.formats.sealed import read_manifest


class Run:
    """The artifacts of a finished run, each made from the one before."""

    def __init__(self, directory: Path) -> None:
        self.checkpoint = directory / "checkpoint"
        self.evaluation = directory / "evaluation"
        self.verdict = directory / "verdict"
        self.model_card = directory / "model_card"

    def write(
        self,
        weights: str,
        *,
        decision: str = "accept-first",
        reasons: Optional[List[str]] = None,
        champion: Optional[str] = None,
        description: str = "A model.",
        seconds: float = 1.5,
        gate: str = "metric: f1",
    ) -> Dict[str, Path]:
        _seal(checkpoint.CHECKPOINT, self.checkpoint, {**CHECKPOINT, "seconds": seconds}, {
            "model/config.json": "{}",
            "model/model.safetensors": weights,
            "log.jsonl": f'{{"step": 1, "loss": 0.5, "seconds": {seconds}}}\n',
            "tensorboard/events": "…",
        })  # fmt: skip
        facts = {**EVALUATION, "checkpoint": _digest(self.checkpoint), "seconds": seconds}
        _seal(evaluation.EVALUATION, self.evaluation, facts, {
            "predictions.json": '{"q1": "Denver"}',
            "examples.jsonl": "".join(_example(number, weights) for number in range(12)),
        })  # fmt: skip
        judged = {
            "decision": decision,
            "reasons": reasons or ["every floor is reached"],
            "evaluation": _digest(self.evaluation),
            "champion": champion,
            "champion_metrics": {},
            "difference": {},
            "settings": {"metric": "f1"},
            "anchors": {"f1": champion or ""},
        }
        _seal(verdict.VERDICT, self.verdict, judged, {})
        earlier = dict.fromkeys(("raw_data", "base_model", "features", "checkpoint", "evaluation"), "0" * 64)
        settings = {"description": description}
        card = {"name": "qa", "settings": settings, **earlier, "verdict": _digest(self.verdict)}
        _seal(model_card.MODEL_CARD, self.model_card, card, {
            "README.md": f"# qa\n\n{description}\n\nCompared with {champion}, trained in {seconds} s.\n",
            "report.html": "<!doctype html>",
            "figures/loss.png": "PNG",
            "recipe.yaml": f"name: qa\ngate: {{{gate}}}\n",
        })  # fmt: skip
        return {name: getattr(self, name) for name in ("checkpoint", "evaluation", "verdict", "model_card")}


CHECKPOINT: Dict[str, Any] = {
    "task": "question-answering",
    "features": "f" * 64,
    "base_model": "b" * 64,
    "training": {"epochs": 1.0},
    "steps": 1,
    "steps_per_epoch": 1,
    "examples_seen": 12,
    "kept_step": 1,
    "train_loss": 0.5,
    "seconds": 1.5,
    "resumed": 0,
    "hardware": {"device": "cpu"},
    "software": {"python": "3.11"},
}

EVALUATION: Dict[str, Any] = {
    "task": "question-answering",
    "features": "f" * 64,
    "split": "validation",
    "data": "d" * 64,
    "examples": 12,
    "rows": 14,
    "loss": 0.25,
    "metrics": {"f1": {"value": 88.5, "low": 80.25, "high": 95.0}},
    "slices": [],
    "settings": {},
    "seconds": 0.5,
}


def _example(number: int, weights: str) -> str:
    return json.dumps({"id": f"q{number}", "weights": weights, "scores": {"f1": 88.5}}) + "\n"


def _seal(form: Format[Any], path: Path, facts: Dict[str, Any], files: Dict[str, str]) -> None:
    with form.sealing(path) as draft:
        draft.facts.update(facts)
        for name, content in files.items():
            (draft.path / name).parent.mkdir(parents=True, exist_ok=True)
            (draft.path / name).write_text(content)


def _digest(path: Path) -> str:
    kind = "model-card" if path.name == "model_card" else path.name
    return read_manifest(path, kind, 1).digest
