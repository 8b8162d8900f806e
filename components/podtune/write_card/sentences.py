"""What a card says in words, worked out from the records."""

from typing import Dict, Optional

from podtune.write_card.contents import Contents
from podtune.write_card.wording import decimal, signed

DECISIONS = {
    "accept": "The gate accepted this model for release.",
    "accept-first": "The gate accepted this model for release; there was no live release to compare it with.",
    "refuse": "The gate refused this model: it is not released.",
}


def sentences(contents: Contents) -> Dict[str, Optional[str]]:
    """Every sentence that the templates place, by name; None where there is nothing to say."""
    return {
        "verdict_sentence": DECISIONS[contents.records.verdict.decision],
        "champion_sentence": _champion(contents),
        "overfitting_sentence": _overfitting(contents),
        "attribution": _attribution(contents),
    }


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
    raw_data, base_model = contents.records.raw_data, contents.records.base_model
    data, model = (f", revision {made.revision}" if made.revision else "" for made in (raw_data, base_model))
    return (
        f"Trained on {raw_data.dataset}{data}, under the licence {raw_data.licence}. "
        f"Built on {base_model.model}{model}, under the licence {base_model.licence}. "
        f"This model is under the licence {_licence(contents)}."
    )


def _licence(contents: Contents) -> str:
    card = contents.card
    return card.licence if card.licence != "other" else f"{card.licence_name} ({card.licence_link})"
