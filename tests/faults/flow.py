"""A finished run of each task, and each of its steps over given artifacts."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple

from podtune.formats.base_model import BASE_MODEL
from podtune.formats.checkpoint import CHECKPOINT, LOG
from podtune.formats.facts import write_facts
from podtune.formats.features import FEATURES
from podtune.formats.raw_data import RAW_DATA
from podtune.tasks.task import shown_files

from faults.inputs_of_tasks import TASKS, prepared, section
from faults.processes import Work, ending_of, step
from faults.training import INPUTS, settings_of, undisturbed

_LARGE: Dict[str, Any] = {
    "raw_data": RAW_DATA,
    "base_model": BASE_MODEL,
    "prepared_data": FEATURES,
    "checkpoint": CHECKPOINT,
}
"""Artifacts of which most steps have the facts only."""

STEPS: Dict[str, Tuple[Tuple[str, ...], str]] = {
    "PREPARATION": (("raw_data", "base_model"), "prepared_data"),
    "finetune": (("prepared_data", "base_model"), "checkpoint"),
    "evaluate": (("prepared_data", "checkpoint"), "scores"),
    "compare": (("scores",), "verdict"),
    "write_card": ((*(f"{name}_facts" for name in _LARGE), "scores", "verdict"), "model_card"),
    "publish": (("checkpoint", "scores", "verdict", "model_card"), "published"),
}
"""Step to the artifacts it reads, and the one it makes."""


def step_of(name: str, task: str, artifacts: Mapping[str, Path], folder: Path, *, before: Work = lambda: None) -> Work:
    """The work of a step of the flow, whose output goes to `folder`, with its sections beside it."""
    inputs, output = STEPS[name]
    given: Dict[str, Any] = {**{artifact: artifacts[artifact] for artifact in inputs}, output: folder / output}
    sections = _SECTIONS[name]
    given.update({each: section(folder, each, _section(each, task)) for each in sections})
    if name in ("compare", "publish"):
        given["store"] = folder / "store"
    if name == "finetune":
        given["workspace"] = folder / "workspace"
    if name == "write_card":
        given.update(readme=folder / "card.md", report=folder / "card.html")
    return step(TASKS[task]["preparation"] if name == "PREPARATION" else name, given, before=before)


_SECTIONS = {
    "PREPARATION": ("features",),
    "finetune": ("training",),
    "evaluate": ("evaluation",),
    "compare": ("gate", "release"),
    "write_card": ("source", "model", "features", "training", "evaluation", "gate", "card", "release"),
    "publish": ("release",),
}


def _section(name: str, task: str) -> Dict[str, Any]:
    given = TASKS[task]
    sections: Dict[str, Dict[str, Any]] = {
        "source": {"data": given["data"], "dataset": "a/b", "licence": "cc0-1.0"},
        "model": {"source": given["model"], "model": "a/b", "licence": "cc0-1.0"},
        "features": given["features"],
        "training": settings_of(task, "dropout"),
        "evaluation": {},
        "gate": {"metric": given["metric"]},
        "card": {"licence": "cc0-1.0", "description": "A model."},
        "release": {"name": "qa"},
    }
    return sections[name]


@lru_cache(maxsize=None)
def finished(task: str) -> Dict[str, Path]:
    """The artifacts of a task's whole run."""
    folder = INPUTS / task / "flow"
    made = {**prepared(INPUTS, task), "checkpoint": undisturbed(task, "dropout")}
    folder.mkdir(parents=True)
    for name, of in _LARGE.items():
        files = {"prepared_data": shown_files(FEATURES.read(made["prepared_data"])), "checkpoint": [LOG]}
        write_facts(of, made[name], folder / f"{name}_facts", files.get(name, []))
        made[f"{name}_facts"] = folder / f"{name}_facts"
    for name in ("evaluate", "compare", "write_card", "publish"):
        ending = ending_of(step_of(name, task, made, folder))
        assert ending.code == 0, ending
        made[STEPS[name][1]] = folder / STEPS[name][1]
    return made
