"""Image captioning: write a sentence on what an image shows."""

from podtune.tasks.image_captioning.captions import open_captions
from podtune.tasks.image_captioning.scores import score_captions
from podtune.tasks.image_captioning.settings import CaptionSettings, EvaluationSettings
from podtune.tasks.task import Metric, Prediction, Sample, Task, Words


def _bytes_an_image(features: CaptionSettings) -> int:
    """Pixels of three bytes."""
    return features.image_size**2 * 3


TASK = Task(
    name="image-captioning",
    features=CaptionSettings,
    evaluation=EvaluationSettings,
    preparation="prepare_captions",
    metrics={
        **{f"bleu_{order}": Metric(f"BLEU-{order}") for order in (1, 2, 3, 4)},
        "rouge_l": Metric("ROUGE-L"),
        "cider": Metric("CIDEr-D", highest=10.0),
        "meteor": Metric(
            "METEOR",
            remedy="which is scored only where its Java program is installed: install it where evaluate runs and "
            "evaluate again, or take the floor away",
        ),
    },
    notes={"padded_loss": "the loss as the published recipe counts it, with the padding after each caption"},
    words=Words(
        examples="images",
        rows="images",
        hub="image-to-text",
        title="Image Captioning",
        scoring="A caption is compared with all true ones of its image, in the words that the published metrics cut.",
        loss="The loss is the mean cross-entropy over the tokens of the learnt captions of the {rows}, the end of the "
        "text included and padding left out.",
        loss_in_short="cross-entropy, mean over tokens without padding",
        curves=("cider", "bleu_4", "meteor", "rouge_l"),
        truths="true captions",
        parts="Where it does well",
    ),
    bytes_an_image=_bytes_an_image,
    images=lambda features, split: open_captions(features.path, split).images,
    data_sets={
        "captions": Sample(
            "podtune.samples.captions:write_sample", {"seed": "1", "train": "2000", "validation": "200"}
        ),
    },
    models={
        "vit-gpt2": Sample("podtune.samples.models:write_vit_gpt2", {"seed": "1", "hidden": "64", "heads": "2"}),
    },
    prediction=Prediction(does="describes a picture", options=("image",), architecture="VisionEncoderDecoderModel"),
    open_examples=lambda features, split: open_captions(features.path, split),
    score=lambda features, *scored: score_captions(features.path, *scored),
)
