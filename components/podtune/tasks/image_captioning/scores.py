"""From an engine's outputs to what a captioning model scores, every image exactly once."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence

import numpy as np

from podtune.errors import BadInput, PodtuneError
from podtune.formats.base_model import TOKENIZER
from podtune.formats.ragged import Array
from podtune.tasks.image_captioning.captions import ImageRecord, open_captions, read_records
from podtune.tasks.image_captioning.meteor import meteor, meteor_statistics
from podtune.tasks.image_captioning.metrics import ORDERS, Words, bleu, bleu_statistics, cider, rouge_l
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.tasks.image_captioning.words import caption_words
from podtune.tasks.scored import Scored, require_finite, require_one_each

SLICES = {"caption_length": ("up to 9 words", "10 to 14 words", "15 words or more"), "text_detected": ("yes", "no")}
"""What images are divided by, and the values in their order."""

Corpus = Dict[str, Callable[[Array], float]]


def score_captions(features: Path, split: str, outputs: Mapping[str, Array], settings: EvaluationSettings) -> Scored:
    """Score the caption generated for every image of a split.

    `outputs` has for each image generated (token ids, int64 [images, length]), loss_sum and loss_tokens over its true
    captions. BLEU, ROUGE-L and METEOR are in percent, CIDEr-D goes from 0 to 10. With a `padded_length` in `settings`
    padded_loss is noted, the loss as a program counts it that pads its captions to so many tokens.
    """
    images = read_records(features / split)
    require_one_each(outputs, len(images), "images")
    for image in images:
        if not image.references:
            raise PodtuneError(f"image {image.id!r} has no caption to be scored against; make the features again")
    require_finite("loss of image", outputs["loss_sum"], lambda row: images[row].id)
    predictions = caption_texts(features, outputs["generated"])
    words = [caption_words(text) for text in predictions]
    references = [[caption_words(text) for text in image.references] for image in images]
    metrics = {"rouge_l": rouge_l(words, references), "cider": cider(words, references)}
    corpus = _corpus(words, references)
    everything = np.arange(len(images))
    return Scored(
        metrics=metrics,
        values={
            **{name: value_over(everything) for name, value_over in corpus.items()},
            **{name: float(values.mean()) for name, values in metrics.items()},
        },
        loss=float(outputs["loss_sum"].sum(dtype=np.float64) / outputs["loss_tokens"].sum()),
        records=_records(images, predictions, references, metrics),
        predictions=[{"image_id": int(image.id), "caption": text} for image, text in zip(images, predictions)],
        corpus=corpus,
        notes=_notes(features, split, outputs["loss_sum"], settings.padded_length),
    )


def caption_length(references: Sequence[Words]) -> str:
    """How many words an image's true captions have on average; part of what makes it hard."""
    words = sum(len(reference) for reference in references) / len(references)
    if words < 10:
        return "up to 9 words"
    return "10 to 14 words" if words < 15 else "15 words or more"


def caption_texts(features: Path, generated: Array) -> List[str]:
    """The captions as text on one line each, without the marks of their beginning and end."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(features / TOKENIZER))
    return [" ".join(text.split()) for text in tokenizer.decode_batch(generated.tolist(), skip_special_tokens=True)]


def _notes(features: Path, split: str, loss_sums: Array, padded_length: int) -> Dict[str, float]:
    """The loss with padding counted as tokens that are predicted for certain; nothing for a length of 0."""
    if not padded_length:
        return {}
    lengths = open_captions(features, split).tokens.lengths
    if padded_length < lengths.max():
        raise BadInput(
            f"evaluation.padded_length must be at least {lengths.max()}, the tokens of the longest caption in "
            f"{features}; got {padded_length}"
        )
    return {"padded_loss": float(loss_sums.sum(dtype=np.float64) / (len(lengths) * padded_length))}


def _corpus(words: Sequence[Words], references: Sequence[Sequence[Words]]) -> Corpus:
    """Metrics that are no mean over images, as functions of image rows."""
    statistics = bleu_statistics(words, references)
    corpus: Corpus = {f"bleu_{order + 1}": partial(_bleu_over, statistics, order) for order in range(ORDERS)}
    counted = meteor_statistics(words, references)
    if counted is not None:
        corpus["meteor"] = lambda rows: meteor(counted[rows])
    return corpus


def _bleu_over(statistics: Array, order: int, rows: Array) -> float:
    return float(bleu(statistics[rows])[order])


def _records(
    images: Sequence[ImageRecord],
    predictions: Sequence[str],
    references: Sequence[Sequence[Words]],
    metrics: Mapping[str, Array],
) -> List[Dict[str, Any]]:
    percents = {name: values.tolist() for name, values in metrics.items()}
    return [
        {
            "id": image.id,
            "image": image.file,
            "prediction": predictions[row],
            "answers": list(image.references),
            "scores": {name: values[row] for name, values in percents.items()},
            "slices": {"caption_length": caption_length(references[row]), **image.slices},
        }
        for row, image in enumerate(images)
    ]
