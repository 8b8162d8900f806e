"""The sentences of the card and the report."""

from typing import Dict, Optional

from podtune.steps.write_card.contents import NOT_STATED, Contents
from podtune.steps.write_card.wording import count, decimal, setting, signed
from podtune.tasks.intervals import interval_title

DECISIONS = {
    "accept": "The gate accepted this model for release.",
    "accept-first": "The gate accepted this model for release; there was no live release to compare it with.",
    "refuse": "The gate refused this model: it is not released.",
}


def sentences(contents: Contents) -> Dict[str, Optional[str]]:
    """Write the sentences of the templates, by name; None where there is nothing to say."""
    words, ratio = contents.words, contents.training.overfitted
    rows = f"{count(contents.records.evaluation.rows)} {words.rows}"
    overfitting = f"The validation loss is {decimal(ratio or 0, 1)} times the final training loss: the model overfits."
    return {
        "verdict_sentence": _decision(contents),
        "units_sentence": _units(contents),
        "intervals_sentence": _intervals(contents),
        "interval_title": interval_title(contents.records.evaluation.grouped_by),
        "difference_title": interval_title(contents.records.verdict.grouped_by),
        "loss_sentence": words.loss.format(rows=rows),
        "loss_note": words.loss_in_short.format(rows=rows),
        "made_sentence": _made(contents),
        "champion_sentence": _champion(contents),
        "changes_sentence": _changes(contents),
        "overfitting_sentence": overfitting if ratio else None,
        "overlap_sentence": _overlap(contents),
        "data_sentence": _unknown_data(contents),
        "attribution": _attribution(contents),
    }


def _decision(contents: Contents) -> str:
    verdict = contents.records.verdict
    if verdict.finding != "too few examples to tell":
        return DECISIONS[verdict.decision]
    unknown = f"Too few {contents.words.examples} were scored to tell whether it is as good as an earlier release."
    return f"{DECISIONS[verdict.decision]} {unknown}"


def _intervals(contents: Contents) -> str:
    """Say what the intervals take account of."""
    evaluation, examples = contents.records.evaluation, contents.words.examples
    name, sampled = evaluation.grouped_by, contents.sampled_metrics
    counted = f"each of these {examples} counts for itself"
    if name:
        counted = (
            f"{examples} of the same {name} count as one observation, of which there are {count(evaluation.groups)}"
        )
    others = " and ".join(contents.task.metric(metric).title for metric in sampled)
    samples = count(int(evaluation.settings.get("bootstrap_samples", 0)))
    sampling = f"; those of {others} are bootstrap intervals from {samples} resamplings" if sampled else ""
    return f"Intervals are 95% intervals{f' by {name}' if name else ''}: {counted}{sampling}."


def _units(contents: Contents) -> Optional[str]:
    others = [result for result in contents.results if not result.metric.in_percent]
    named = " and ".join(f"{result.metric.title} (0 to {setting(result.metric.highest)})" for result in others)
    return f"Metrics are percentages, except {named}." if others else None


def _made(contents: Contents) -> str:
    facts = contents.records.checkpoint
    when = f" on {facts.finished[:10]}" if facts.finished else ""
    return f"Trained by podtune {facts.software.get('podtune', '(of an unknown version)')}{when}."


def _champion(contents: Contents) -> Optional[str]:
    verdict = contents.records.verdict
    if verdict.champion is None:
        return None
    beginning = f"The live release was version {verdict.champion}"
    if not verdict.difference:
        unpaired = "; its scores cannot be compared with this model's"
        return f"{beginning}{'' if verdict.differences else unpaired}."
    metric = contents.task.metric(str(verdict.settings.get("metric"))).title
    difference = verdict.difference
    title = interval_title(verdict.grouped_by)
    interval = f"{title} {signed(difference['low'])} to {signed(difference['high'])}"
    return (
        f"{beginning}. On the same {contents.words.examples}, this model's {metric} "
        f"differs by {signed(difference['value'])} ({interval})."
    )


def _changes(contents: Contents) -> Optional[str]:
    """Count the examples that changed; where one is right or wrong, say that."""
    verdict, words = contents.records.verdict, contents.words
    if not verdict.differences:
        return None
    metric = contents.task.metric(str(verdict.settings.get("metric")))
    better, worse = count(verdict.better.count), count(verdict.worse.count)
    if metric.is_share:
        return f"Of the {words.examples}, {better} are newly right and {worse} newly wrong."
    return f"By {metric.title}, {better} {words.examples} score higher than before and {worse} lower."


def _overlap(contents: Contents) -> Optional[str]:
    """Say how many of the scored examples stand in the training split too, and what such a count cannot see."""
    split, words = contents.records.evaluation.split, contents.words
    found = contents.records.features.profile.get(split)
    if found is None or found.overlap is None:
        return None
    return (
        f"{count(found.overlap.normalised)} of {count(found.examples)} {split} {words.examples} stand in the training "
        f"split too, compared by {words.duplicates}. What says or shows the same otherwise is not counted."
    )


def _unknown_data(contents: Contents) -> Optional[str]:
    verdict = contents.records.verdict
    if verdict.champion is None or verdict.champion_profile:
        return None
    return f"The data is not compared with that of version {verdict.champion}, of which no figures can be read."


def _attribution(contents: Contents) -> str:
    raw_data, card = contents.records.raw_data, contents.card
    models = [_origin(made.model or made.source, made.revision, made.licence) for made in contents.base_models]
    licence = card.licence if card.licence != "other" else f"{card.licence_name} ({card.licence_link})"
    released = f"This model is released under the licence {licence}." if licence else f"Its licence is {NOT_STATED}."
    data = _origin(raw_data.dataset or raw_data.source, raw_data.revision, raw_data.licence)
    return f"Trained on {data}. Based on {' and '.join(models)}. {released}"


def _origin(name: str, revision: str, licence: str) -> str:
    return f"{name} ({f'revision {revision}, ' if revision else ''}licence {licence or NOT_STATED})"
