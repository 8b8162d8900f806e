import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import pytest
from podtune.formats.evaluation import EVALUATION, EXAMPLES, PREDICTIONS, EvaluationFacts, Metric
from podtune.formats.release import ReleaseManifest
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.releases import publish


@pytest.fixture
def make_evaluation(tmp_path: Path) -> Callable[..., Path]:
    """A function (name, scores, **facts) that writes an Evaluation whose examples have these scores, by f1 at first."""

    def make(
        name: str,
        scores: Sequence[float],
        ids: Sequence[str] = (),
        metric: str = "f1",
        numbers: Sequence[Any] = (),
        **facts: Any,
    ) -> Path:
        mean = sum(scores) / len(scores)
        found = EvaluationFacts(
            **{
                "task": "question-answering",
                "checkpoint": name,
                "features": "features",
                "split": "validation",
                "data": "dev",
                "examples": len(scores),
                "rows": len(scores),
                "loss": 1.0,
                "metrics": {metric: Metric(mean, 0.0, 100.0)},
                "slices": [],
                "settings": {},
                "seconds": 1.0,
                **facts,
            }
        )
        with EVALUATION.sealing(tmp_path / name) as draft:
            names = ids or (list("abcdefgh") if len(scores) <= 8 else [str(row) for row in range(len(scores))])
            records: List[Dict[str, Any]] = [{"id": id, "scores": {metric: score}} for id, score in zip(names, scores)]
            for record, number in zip(records, numbers):
                record["group"] = number
            lines = [json.dumps(record) + "\n" for record in records]
            (draft.path / EXAMPLES).write_text("".join(lines), encoding="utf-8")
            (draft.path / PREDICTIONS).write_text("{}", encoding="utf-8")
            draft.facts.update(asdict(found))
        return tmp_path / name

    return make


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def release(store: DirectoryStore) -> Callable[..., ReleaseManifest]:
    """A function (evaluation, expected) that releases a model with this Evaluation as `qa`."""

    def publish_evaluation(evaluation: Path, expected: Optional[str] = None) -> ReleaseManifest:
        files: Mapping[str, Path] = {f"evaluation/{path.name}": path for path in evaluation.iterdir()}
        return publish(store, "qa", files=files, facts={}, expected=expected)

    return publish_evaluation
