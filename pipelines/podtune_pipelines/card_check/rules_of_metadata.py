"""Rules on what a card tells machines."""

import re
from typing import Iterator, Tuple

from podtune.cards.hub_rules import front_matter_breaches

from podtune_pipelines.card_check.claims import Claims

Found = Iterator[Tuple[int, str]]

EXPECTED = (
    "license",
    "language",
    "library_name",
    "pipeline_tag",
    "datasets",
    "metrics",
    "base_model",
    "model-index",
)


def front_matter_missing(claims: Claims) -> Found:
    """Nothing at the top of the card is meant for machines."""
    fault = claims.front.fault or ""
    if fault.startswith("is missing") and not claims.breaks_lost:
        yield 1, f"front matter {fault}"


def front_matter_unreadable(claims: Claims) -> Found:
    """There is a block, and it is not YAML."""
    fault = claims.front.fault or ""
    if fault and not fault.startswith("is missing"):
        yield 1, f"front matter {fault}"


def line_breaks_lost(claims: Claims) -> Found:
    """Headings and lists stand in the middle of lines, so that neither front matter nor Markdown is read."""
    if claims.breaks_lost:
        yield 1, "the card's line breaks are lost: its front matter cannot be read, and headings stand within lines"


def hub_rules_broken(claims: Claims) -> Found:
    """What the Hub refuses or ignores."""
    if not claims.front.fault:
        yield from ((breach.line, f"{breach.key} {breach.text}") for breach in front_matter_breaches(claims.front))


def metadata_missing(claims: Claims) -> Found:
    """What the Hub finds a model by."""
    for key in EXPECTED:
        if not claims.metadata.get(key):
            yield 1, f"the front matter has no {key}"


def results_empty(claims: Claims) -> Found:
    """The model-index says that there are no results; the text gives some."""
    index = claims.metadata.get("model-index")
    models = index if isinstance(index, list) else []
    given = [name for name in claims.measured if name.startswith("eval_") and name != "eval_samples"]
    named = sorted({*claims.headline, *(name[len("eval_") :] for name in given)})
    if named and any(isinstance(model, dict) and model.get("results") == [] for model in models):
        yield claims.line_of(r"results: *\[\]"), f"model-index has no results, but the text gives {', '.join(named)}"


def model_name_differs(claims: Claims) -> Found:
    """The model-index names another model than the title."""
    index = claims.metadata.get("model-index")
    for number, model in enumerate(index if isinstance(index, list) else []):
        name = model.get("name") if isinstance(model, dict) else None
        title = claims.title.value
        if isinstance(name, str) and title and name.rpartition("/")[2] != title.rpartition("/")[2]:
            line = claims.front.line(f"model-index[{number}].name")
            yield line, f"model-index calls the model {name!r}, the title {title!r}"


def task_does_not_fit_data(claims: Claims) -> Found:
    """The task in the metadata is not the one that the data set is for."""
    data = claims.data
    given = [str(task["type"]) for task in claims.indexed("task")]
    given += [tag for tag in [claims.metadata.get("pipeline_tag")] if isinstance(tag, str)]
    for task in dict.fromkeys(given) if data else []:
        if data and task != data.task:
            yield claims.line_of(re.escape(task)), f"the task is {task}, but {data.title} is for {data.task}"
