"""Image captioning: write a sentence on what an image shows."""

from podtune.formats.base_model import VISION_ENCODER_DECODER
from podtune.tasks.image_captioning.captions import open_captions
from podtune.tasks.image_captioning.scores import SLICES, score_captions
from podtune.tasks.image_captioning.settings import CaptionSettings, EvaluationSettings
from podtune.tasks.task import MetricRecord, Prediction, Sample, Task, TaskWords

TASK = Task(
    name="image-captioning",
    features=CaptionSettings,
    evaluation=EvaluationSettings,
    preparation="prepare_captions",
    metrics={
        **{f"bleu_{order}": MetricRecord(f"BLEU-{order}") for order in (1, 2, 3, 4)},
        "rouge_l": MetricRecord("ROUGE-L"),
        "cider": MetricRecord(
            "CIDEr-D", highest=10.0, usual=1.0, tolerance=0.05, is_tolerance_relative=True, spread=0.6
        ),
        "meteor": MetricRecord(
            "METEOR",
            remedy="which is computed only where its Java program is installed: install it where evaluate runs and "
            "evaluate again, or remove the floor",
        ),
    },
    slices=SLICES,
    notes={"padded_loss": "the loss as the published recipe computes it, padding included"},
    words=TaskWords(
        examples="images",
        rows="images",
        hub="image-to-text",
        title="Image Captioning",
        scoring="Each caption is scored against all reference captions of its image, tokenized as in published scores.",
        loss="The loss is the mean cross-entropy over the caption tokens of the {rows}, with the end of the text and "
        "without padding.",
        loss_in_short="cross-entropy, mean over tokens, padding excluded",
        curves=("cider", "bleu_4", "meteor", "rouge_l"),
        truths="reference captions",
        text="caption",
        source="image",
        answer="caption",
        duplicates="the image's file, or its pixels as they are stored",
    ),
    bytes_an_image=lambda features: features.image_size**2 * 3,  # red, green and blue
    data_sets={
        "captions": Sample(
            "podtune.samples.captions:write_captioned_images", {"seed": "1", "train": "2000", "validation": "200"}
        )
    },
    models={"vit-gpt2": Sample("podtune.samples.models:write_vit_gpt2", {"seed": "1", "hidden": "64", "heads": "2"})},
    prediction=Prediction(does="describes a picture", options=("image",), architecture="VisionEncoderDecoderModel"),
    model_types=(VISION_ENCODER_DECODER,),
    parts=("vit", "gpt2"),
    open_examples=lambda features, split: open_captions(features.path, split),
    score=lambda features, *scored: score_captions(features.path, *scored),
)
