"""Rules on metadata that is missing or invalid; every public function is one."""

import re

from podtune.cards.hub_rules import breaches

from podtune_pipelines.card_check.claims import Claims, Found

EXPECTED = ("license", "language", "library_name", "pipeline_tag", "datasets", "metrics", "base_model", "model-index")

PLACEHOLDER = re.compile(r"more information needed|lorem ipsum|\bTODO\b|\bTBD\b|\bxxx+\b|<fill", re.IGNORECASE)


def front_matter_missing(claims: Claims) -> Found:
    """The card does not start with a metadata block."""
    fault = claims.front.fault or ""
    if fault.startswith("is missing") and not claims.breaks_lost:
        yield 1, f"front matter {fault}"


def front_matter_unreadable(claims: Claims) -> Found:
    """The metadata block is not YAML."""
    fault = claims.front.fault or ""
    if fault and not fault.startswith("is missing"):
        yield 1, f"front matter {fault}"


def line_breaks_lost(claims: Claims) -> Found:
    """Headings and lists are inside lines, so that neither front matter nor Markdown can be parsed."""
    if claims.breaks_lost:
        yield 1, "the card's line breaks are lost: its front matter cannot be read, and headings are inside lines"


def hub_rules_broken(claims: Claims) -> Found:
    """The Hub refuses or ignores a value."""
    if not claims.front.fault:
        yield from ((breach.line, f"{breach.key} {breach.text}") for breach in breaches(claims.front))


def metadata_missing(claims: Claims) -> Found:
    """A key that the Hub indexes is missing."""
    yield from ((1, f"the front matter has no {key}") for key in EXPECTED if not claims.metadata.get(key))


def model_name_differs(claims: Claims) -> Found:
    """The model-index names another model than the title."""
    title = claims.title.text
    for number, model in enumerate(claims.models):
        name = model.get("name")
        if isinstance(name, str) and title and name.rpartition("/")[2] != title.rpartition("/")[2]:
            line = claims.front.line(f"model-index[{number}].name")
            yield line, f"model-index calls the model {name!r}, the title {title!r}"


def task_does_not_fit_data(claims: Claims) -> Found:
    """The task in the metadata is not the one that the data set is for."""
    data, tag = claims.data, claims.metadata.get("pipeline_tag")
    tasks = [str(task["type"]) for task in claims.indexed("task")] + ([tag] if isinstance(tag, str) else [])
    for task in dict.fromkeys(tasks):
        if data.task and task != data.task:
            yield claims.line_of(re.escape(task)), f"the task is {task}, but {data.title} is for {data.task}"


def placeholder_left(claims: Claims) -> Found:
    """A part was never written."""
    for line in claims.lines:
        if PLACEHOLDER.search(line.text):
            yield line.number, f"a placeholder is left: {line.text.strip()[:60]}"


def generated_comment_left(claims: Claims) -> Found:
    """The comment that asks to be removed is still there."""
    for match in re.finditer(r"<!--[^>]{0,300}(?:generated automatically|remove this comment)", claims.text):
        yield claims.line_at(match.start()), "the comment of the program that generated the card is still there"
