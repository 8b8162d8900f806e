"""Every task's record is complete, and a record is all that a new task needs."""

import importlib
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from podtune.cards.hub_rules import TASKS as HUB_TASKS
from podtune.formats.features import FeaturesFacts
from podtune.sections import to_mapping
from podtune.steps.table import STEPS
from podtune.tasks.predicting import PredictionRequest, open_released
from podtune.tasks.task import TASKS, MetricRecord, Sample, Task, TaskWords, all_tasks, task_named, task_of
from podtune_pipelines.graphs import pipeline_of
from podtune_pipelines.needs import needs_of
from podtune_pipelines.packaged import packaged_recipes
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe, read_recipe


def lacking(task: Task) -> List[str]:
    """A sentence for each thing that a task's record lacks."""
    return [f"{task.name} {sentence}" for part in _PARTS for sentence in part(task)]


def _of_sections(task: Task) -> Iterator[str]:
    for name, section in (("features", task.features), ("evaluation", task.evaluation)):
        if not is_dataclass(section):
            yield f"has no {name} section: a frozen dataclass in settings.py"
    keys = {field.name: field for field in fields(task.evaluation)}
    for key in ("split", "bootstrap_samples", "seed"):
        if key not in keys:
            yield f"has an evaluation section without {key}"
    if any(field.default is MISSING and field.default_factory is MISSING for field in keys.values()):
        yield "has an evaluation section without a default for every key; finetune evaluates with the defaults"
    if f"expected_{task.words.rows}" not in {field.name for field in fields(task.features)}:
        yield f"has a features section without expected_{task.words.rows}, which plan reads"
    if ("expected_images" in {field.name for field in fields(task.features)}) != bool(task.bytes_an_image):
        yield "expects images and does not say their bytes_an_image, or the other way round"
    if task.preparation not in STEPS:
        yield f"is prepared by {task.preparation!r}, which is no step of steps/table.py"


def _of_metrics(task: Task) -> Iterator[str]:
    if not any(metric.higher_is_better for metric in task.metrics.values()):
        yield "has no metric of which higher is better; a gate needs one"
    for name, metric in task.metrics.items():
        if not metric.title:
            yield f"has the metric {name} without a title for the Hub"
        if not metric.highest > 0:
            yield f"has the metric {name} without a range: highest must be above 0"
        others = [other.metrics[name] for other in all_tasks() if name in other.metrics]
        if any(other.highest != metric.highest for other in others):
            yield f"has the metric {name} with another range than another task"
    for name in task.words.curves:
        if name not in task.metrics:
            yield f"draws a curve of {name}, which is none of its metrics"


def _of_words(task: Task) -> Iterator[str]:
    for field in fields(TaskWords):
        if not getattr(task.words, field.name) and field.name != "scoring":
            yield f"has no word for {field.name}"
    if task.words.hub not in HUB_TASKS:
        yield f"is called {task.words.hub!r} on the Hub, which knows no such task"
    try:
        if not task.usage.strip():
            yield "has an empty usage.md.jinja; the card says in it how to use a model"
    except (FileNotFoundError, KeyError):
        yield "has no usage.md.jinja; the card says in it how to use a model"


def _of_samples(task: Task) -> Iterator[str]:
    for name, samples in (("data_sets", task.data_sets), ("models", task.models)):
        if not samples:
            yield f"has no sample among its {name}; the demo and the tests run on samples"
        for kind, sample in samples.items():
            if not _exists(*sample.writer.split(":")):
                yield f"has the sample {kind} with a writer that is not there: {sample.writer}"
    for kind, sample in task.models.items():
        if not {"seed", "hidden", "heads"} <= sample.defaults.keys():
            yield f"has the sample model {kind} without one of seed, hidden and heads"


def _of_code(task: Task) -> Iterator[str]:
    for module, function in (("objective", "objective"), ("predicting", "predict")):
        if not _exists(f"{TASKS[task.name]}.{module}", function):
            yield f"has no function {function} in {module}.py"
    if not task.prediction.does or not task.prediction.architecture:
        yield "does not say what predict does with a model, and by what architecture it is known"
    for option in task.prediction.options:
        if option not in {field.name for field in fields(PredictionRequest)}:
            yield f"takes the option {option}, which podtune predict has not"


_PARTS = (_of_sections, _of_metrics, _of_words, _of_samples, _of_code)


def _exists(module: str, function: str) -> bool:
    try:
        return callable(getattr(importlib.import_module(module), function, None))
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("name", TASKS)
def test_a_record_is_complete(name: str) -> None:
    assert task_named(name).name == name
    assert lacking(task_named(name)) == []


def test_each_task_has_a_recipe_that_runs_on_samples() -> None:
    recipes = [load_recipe(path.stem) for path in packaged_recipes()]

    assert {recipe.task for recipe in recipes if recipe.source.data.startswith("sample://")} == set(TASKS)


def test_no_two_tasks_have_a_sample_of_one_name() -> None:
    kinds = [kind for task in all_tasks() for kind in (*task.data_sets, *task.models)]

    assert len(kinds) == len(set(kinds))


QUESTION_ANSWERING = task_named("question-answering")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metrics": {"f1": MetricRecord("")}}, "question-answering has the metric f1 without a title for the Hub"),
        (
            {"metrics": {"f1": MetricRecord("F1", highest=0.0)}},
            "question-answering has the metric f1 without a range: highest must be above 0",
        ),
        ({"preparation": "tasting"}, "question-answering is prepared by 'tasting', which is no step of steps/table.py"),
        ({"models": {}}, "question-answering has no sample among its models; the demo and the tests run on samples"),
        (
            {"data_sets": {"squad": Sample("podtune.samples.squad:draw", {})}},
            "question-answering has the sample squad with a writer that is not there: podtune.samples.squad:draw",
        ),
        (
            {"words": replace(QUESTION_ANSWERING.words, rows="cups")},
            "question-answering has a features section without expected_cups, which plan reads",
        ),
        (
            {"words": replace(QUESTION_ANSWERING.words, hub="tasting")},
            "question-answering is called 'tasting' on the Hub, which knows no such task",
        ),
        (
            {"prediction": replace(QUESTION_ANSWERING.prediction, options=("cup",))},
            "question-answering takes the option cup, which podtune predict has not",
        ),
    ],
)
def test_what_a_record_lacks_is_said_in_a_sentence(changes: Any, sentence: str) -> None:
    assert sentence in lacking(replace(QUESTION_ANSWERING, **changes))


TASTING = {
    "__init__.py": "",
    "task.py": """
from dataclasses import dataclass, field, replace
from typing import Dict

from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.task import MetricRecord, Prediction, task_named


@dataclass(frozen=True)
class CupSettings:
    expected_cups: Dict[str, int] = field(default_factory=dict)
    expected_images: Dict[str, int] = field(default_factory=dict)
    size: int = 8


_LIKE = task_named("question-answering")
TASK = replace(
    _LIKE,
    name="tasting",
    features=CupSettings,
    evaluation=EvaluationSettings,
    metrics={"sweetness": MetricRecord("Sweetness", highest=5.0)},
    words=replace(_LIKE.words, examples="sips", rows="cups", curves=("sweetness",)),
    bytes_an_image=lambda features: features.size**2,
    prediction=Prediction(does="tastes", options=("question",), architecture="ForTasting"),
)
""",
    "objective.py": "def objective(features, settings):\n    return (features, settings)\n",
    "predicting.py": "def predict(model, request):\n    return f'{request.question} Sweet.'\n",
    "usage.md.jinja": "Sip.\n",
}


@pytest.fixture
def tasting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A fourth task: a package of its own, and a line in the table of tasks."""
    folder = tmp_path / "tasting_task"
    folder.mkdir()
    for name, text in TASTING.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(TASKS, "tasting", "tasting_task")
    return task_named("tasting")


def test_a_package_and_a_line_make_a_task(tasting: Task, tmp_path: Path) -> None:
    values = to_mapping(load_recipe("bert-tiny-squad"))
    values = {**values, "task": "tasting", "features": {"expected_cups": {"train": 9}, "expected_images": {"train": 3}}}
    values["gate"] = {**values["gate"], "metric": "sweetness", "floors": {"sweetness": 2.0}}
    (tmp_path / "config.json").write_text('{"architectures": ["TongueForTasting"]}')

    recipe, model = read_recipe(values), open_released(tmp_path)

    assert lacking(tasting) == []
    assert pipeline_of(recipe, Placement("cpu")).name == "podtune-bert-tiny-squad"
    assert recipe.expected_rows == {"train": 9}
    assert needs_of(recipe, None, None).features_bytes == 3 * 64
    assert task_of(FeaturesFacts("tasting", "raw", "tokenizer", 20, {}, {})).words.examples == "sips"
    assert tasting.predict(model, PredictionRequest(question="How?")) == "How? Sweet."
    assert (model.task, tasting.usage) == (tasting, "Sip.\n")
