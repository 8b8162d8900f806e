"""What a card says in words, worked out from the records."""

from typing import Dict, Optional

from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.wording import count, decimal, setting, signed
from podtune.tasks.units import in_percent

DECISIONS = {
    "accept": "The gate accepted this model for release.",
    "accept-first": "The gate accepted this model for release; there was no live release to compare it with.",
    "refuse": "The gate refused this model: it is not released.",
}


def sentences(contents: Contents) -> Dict[str, Optional[str]]:
    """Every sentence that the templates place, by name; None where there is nothing to say."""
    return {
        "verdict_sentence": DECISIONS[contents.records.verdict.decision],
        "units_sentence": _units(contents),
        "loss_sentence": contents.words.loss.format(rows=_rows(contents)),
        "loss_note": contents.words.loss_in_short.format(rows=_rows(contents)),
        "champion_sentence": _champion(contents),
        "overfitting_sentence": _overfitting(contents),
        "attribution": _attribution(contents),
    }


def _rows(contents: Contents) -> str:
    return f"{count(contents.records.evaluation.rows)} {contents.words.rows}"


def _units(contents: Contents) -> Optional[str]:
    others = [result for result in contents.results if not in_percent(result.name)]
    named = " and ".join(f"{result.name} from 0 to {setting(result.highest)}" for result in others)
    return f"Metrics are in percent, but {named}." if others else None


def _champion(contents: Contents) -> Optional[str]:
    verdict = contents.records.verdict
    if verdict.champion is None:
        return None
    beginning = f"The live release was {verdict.champion}"
    difference = verdict.difference
    if "value" not in difference:
        return f"{beginning}; nothing could be paired with it."
    interval = f"95 % interval {signed(difference['low'])} to {signed(difference['high'])}"
    return (
        f"{beginning}. Over the same {contents.words.examples} this model's {verdict.settings.get('metric')} "
        f"differs by {signed(difference['value'])} ({interval})."
    )


def _overfitting(contents: Contents) -> Optional[str]:
    ratio = contents.training.overfitted
    if ratio is None:
        return None
    return f"The validation loss is {decimal(ratio, 1)} times the training loss at the end: the model overfits."


def _attribution(contents: Contents) -> str:
    raw_data = contents.records.raw_data
    models = [_origin(made.model, made.revision, made.licence) for made in contents.base_models]
    return (
        f"Trained on {_origin(raw_data.dataset, raw_data.revision, raw_data.licence)}. "
        f"Built on {', and on '.join(models)}. "
        f"This model is under the licence {_licence(contents)}."
    )


def _origin(name: str, revision: str, licence: str) -> str:
    return f"{name}{f', revision {revision}' if revision else ''}, under the licence {licence}"


def _licence(contents: Contents) -> str:
    card = contents.card
    return card.licence if card.licence != "other" else f"{card.licence_name} ({card.licence_link})"
