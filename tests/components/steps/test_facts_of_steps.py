"""What the fetching and the preparing steps hand on to those that read no data."""

from importlib import import_module
from pathlib import Path
from typing import Any, Dict, List

import pytest
from podtune.formats.base_model import BASE_MODEL
from podtune.formats.facts import open_facts
from podtune.formats.features import FEATURES
from podtune.formats.raw_data import RAW_DATA
from podtune.steps.fetch_data.step import run as fetch_data
from podtune.steps.fetch_model.step import run as fetch_model

ORIGIN = {"licence": "cc0-1.0"}


@pytest.mark.parametrize(
    ("data", "model", "step", "features", "shown"),
    [
        (
            "squad?train=12&validation=6",
            "bert?hidden=32",
            "tokenize_squad",
            {"max_length": 64, "overlap": 16},
            ["validation/contexts.jsonl", "validation/question_context.npy", "validation/questions.jsonl"],
        ),
        (
            "vqa?train=12&validation=6",
            "lxmert?hidden=32",
            "extract_lxmert",
            {"labels": "soft", "minimum_answers": 1},
            [],
        ),
        (
            "captions?train=6&validation=3",
            "vit-gpt2?hidden=32",
            "prepare_captions",
            {"image_size": 64, "max_length": 16},
            ["previews/validation.jsonl"],
        ),
    ],
)
def test_facts_hold_what_a_card_shows_and_nothing_else(
    tmp_path: Path, data: str, model: str, step: str, features: Dict[str, Any], shown: List[str]
) -> None:
    places = {name: tmp_path / name for name in ("raw_data", "base_model", "prepared_data")}
    facts = {name: tmp_path / f"{name}_facts" for name in places}

    source = {"data": f"sample://{data}", "dataset": "a/b", **ORIGIN}
    fetch_data(places["raw_data"], source, raw_data_facts=facts["raw_data"])
    pretrained = {"source": f"sample://{model}", "model": "a/b", **ORIGIN}
    fetch_model(places["base_model"], pretrained, base_model_facts=facts["base_model"])
    prepare = import_module(f"podtune.steps.{step}.step").run
    prepare(*places.values(), features, prepared_data_facts=facts["prepared_data"])

    kinds: Dict[str, Any] = {"raw_data": RAW_DATA, "base_model": BASE_MODEL, "prepared_data": FEATURES}
    for name, kind in kinds.items():
        assert open_facts(kind, facts[name]).manifest == kind.open(places[name]).manifest
        files = sorted(path.relative_to(facts[name]).as_posix() for path in facts[name].rglob("*") if path.is_file())
        assert files == sorted(["artifact.json", "manifest.json", *(shown if name == "prepared_data" else [])])
        assert sum(path.stat().st_size for path in facts[name].rglob("*")) < 60_000
