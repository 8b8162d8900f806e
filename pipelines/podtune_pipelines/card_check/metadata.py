"""Rules on metadata that is missing or invalid; every public function is one."""

import re

from podtune.cards.hub_rules import breaches

from podtune_pipelines.card_check.claims import Claims, Found

EXPECTED = ("license", "language", "library_name", "pipeline_tag", "datasets", "metrics", "base_model", "model-index")

SCORES = ("accuracy", "exact_match", "f1", "precision", "recall", "bleu", "rouge1", "rougel", "cider", "wer", "cer")
"""What a model-index is for; a loss is not."""

_PLACEHOLDER = re.compile(r"more information needed|lorem ipsum", re.IGNORECASE)
_GENERATED = re.compile(r"generated automatically|remove this comment")


def front_matter_missing(claims: Claims) -> Found:
    """The card does not start with a metadata block."""
    fault = claims.front.fault or ""
    if fault.startswith("is missing"):
        yield 1, f"front matter {fault}"


def front_matter_unreadable(claims: Claims) -> Found:
    """The metadata block is not YAML."""
    fault = claims.front.fault or ""
    if fault and not fault.startswith("is missing"):
        yield 1, f"front matter {fault}"


def hub_rules_broken(claims: Claims) -> Found:
    """The Hub refuses or ignores a value."""
    if not claims.front.fault:
        yield from ((breach.line, f"{breach.key} {breach.text}") for breach in breaches(claims.front))


def metadata_missing(claims: Claims) -> Found:
    """A key that the Hub indexes is missing."""
    yield from ((1, f"the front matter has no {key}") for key in EXPECTED if not claims.front.values.get(key))


def results_empty(claims: Claims) -> Found:
    """The model-index has no results, but the text has some."""
    scores = {name: claims.figure(name) for name in SCORES}
    told = ", ".join(f"{name} {score.text}" for name, score in scores.items() if score)
    if told and any(model.get("results") == [] for model in claims.models):
        yield claims.front.line("model-index[0].results"), f"model-index has no results, but the text gives {told}"


def model_name_differs(claims: Claims) -> Found:
    """The model-index has another identifier for the model than the title."""
    title = claims.title.text.rpartition("/")[2]
    for number, model in enumerate(claims.models):
        name = str(model.get("name", "")).rpartition("/")[2]
        ids = all(re.fullmatch(r"\w+(?:[-_.]\w+)+", text) for text in (name, title))
        if ids and re.sub(r"\W|_", "", name).lower() != re.sub(r"\W|_", "", title).lower():
            line = claims.front.line(f"model-index[{number}].name")
            yield line, f"model-index calls the model {name!r}, the title {title!r}"


def placeholder_left(claims: Claims) -> Found:
    """A part was never written."""
    for line in claims.said:
        if _PLACEHOLDER.search(line.text):
            yield line.number, f"a placeholder is left: {line.text.strip()[:60]}"


def generated_comment_left(claims: Claims) -> Found:
    """The comment that asks to be removed is still there."""
    for opened, line in enumerate(claims.said):
        if line.text.lstrip().startswith("<!--"):
            comment = " ".join(near.text for near in claims.said[opened : opened + 3]).partition("-->")[0]
            if _GENERATED.search(comment):
                yield line.number, "the comment of the program that generated the card is still there"
