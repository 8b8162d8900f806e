"""The artifacts of each task, made once by its own steps of generated data."""

import json
from pathlib import Path
from typing import Any, Dict

from faults.processes import ending_of, step

TASKS: Dict[str, Dict[str, Any]] = {
    "question-answering": {
        "preparation": "tokenize_squad",
        "data": "sample://squad?train=24&validation=8",
        "model": "sample://bert?hidden=32",
        "features": {"max_length": 64, "overlap": 16},
        "metric": "f1",
    },
    "visual-question-answering": {
        "preparation": "extract_lxmert",
        "data": "sample://vqa?train=36&validation=12",
        "model": "sample://lxmert?hidden=32",
        "features": {"labels": "soft", "minimum_answers": 1},
        "metric": "accuracy",
    },
    "image-captioning": {
        "preparation": "prepare_captions",
        "data": "sample://captions?train=24&validation=6",
        "model": "sample://vit-gpt2?hidden=32",
        "features": {"captions_per_image": 1, "max_length": 16, "image_size": 64},
        "metric": "cider",
    },
}


def section(folder: Path, name: str, values: Dict[str, Any]) -> Path:
    """A section of a recipe in a file."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(values))
    return path


def prepared(folder: Path, task: str) -> Dict[str, Path]:
    """The paths of a task's RawData, BaseModel and Features below a folder, made where they are not there yet."""
    given, made = TASKS[task], {name: folder / task / name for name in ("raw_data", "base_model", "prepared_data")}
    if not made["prepared_data"].exists():
        (folder / task).mkdir(parents=True, exist_ok=True)
        source = section(folder / task, "source", {"data": given["data"], "dataset": "a/b", "licence": "cc0-1.0"})
        model = section(folder / task, "model", {"source": given["model"], "model": "a/b", "licence": "cc0-1.0"})
        features = section(folder / task, "features", given["features"])
        for work in (
            step("fetch_data", {"raw_data": made["raw_data"], "source": source}),
            step("fetch_model", {"base_model": made["base_model"], "model": model}),
            step(given["preparation"], {**made, "features": features}),
        ):
            ending = ending_of(work)
            assert ending.code == 0, ending
    return made
