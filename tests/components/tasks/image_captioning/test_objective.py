"""What training and evaluation see of a captioning model, against transformers' own loss and captions."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np
import pytest
import torch
from podtune.errors import BadInput
from podtune.tasks.image_captioning.captions import ImageCaptions
from podtune.tasks.image_captioning.objective import CaptionObjective
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.training.engines.attention import attend_within_sequences
from podtune.training.engines.sequences import running, to_device
from rounding import roundings
from transformers import VisionEncoderDecoderModel

ALL = range(6)
DEFAULT = EvaluationSettings()
CPU = torch.device("cpu")


def loaded(directory: Path, objective: CaptionObjective) -> Any:
    """The model as an engine makes it ready."""
    model = objective.load(directory)
    attend_within_sequences(objective.unpadded(model))
    return model.eval()


def outputs(
    directory: Path, images: ImageCaptions, rows: Sequence[int] = ALL, search: EvaluationSettings = DEFAULT
) -> Dict[str, torch.Tensor]:
    objective = CaptionObjective(search)
    batch = to_device(images.batch(np.array(rows)), 0, CPU, None)
    with running(batch.sequences), torch.inference_mode():
        return objective.outputs(loaded(directory, objective), batch.tensors)


def written(objective: CaptionObjective, model: Any, images: ImageCaptions, rows: Sequence[int]) -> List[List[int]]:
    batch = to_device(images.batch(np.array(rows)), 0, CPU, None)
    with running(batch.sequences), torch.inference_mode():
        found: List[List[int]] = objective.outputs(model, batch.tensors)["generated"].tolist()
    return found


def processed(images: ImageCaptions) -> torch.Tensor:
    """All images as ViT's processor prepares them."""
    return (torch.tensor(images.images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5


def transformers_loss(model: Any, images: ImageCaptions, row: int) -> float:
    """Its mean over all tokens of an image's captions, the image given once for each of them."""
    captions = range(images.captions_of[row], images.captions_of[row + 1])
    labels = torch.full((len(captions), 12), -100)
    for place, caption in enumerate(captions):
        tokens = images.tokens.row(caption)
        labels[place, : len(tokens)] = torch.tensor(tokens)
    pixels = processed(images)[row].expand(len(captions), -1, -1, -1)
    with torch.inference_mode():
        return float(model(pixel_values=pixels, labels=labels).loss)


@pytest.mark.parametrize("widths", [(16, 16), (24, 16)])
def test_the_loss_of_an_image_is_transformers_own(
    make_captioner: Callable[..., Path], tmp_path: Path, images: ImageCaptions, widths: Tuple[int, int]
) -> None:
    make_captioner(tmp_path, widths=widths)
    reference = VisionEncoderDecoderModel.from_pretrained(tmp_path).eval()
    expected = [transformers_loss(reference, images, row) for row in ALL]

    objective = CaptionObjective()
    batch = to_device(images.batch(np.arange(6)), 0, CPU, None)
    with running(batch.sequences):
        found = objective.losses(loaded(tmp_path, objective), batch.tensors)

    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx(expected, rel=roundings(160))


def test_outputs_tell_the_same_loss_as_a_sum_over_tokens(captioner: Path, images: ImageCaptions) -> None:
    objective = CaptionObjective()
    batch = to_device(images.batch(np.arange(6)), 0, CPU, None)
    with running(batch.sequences):
        losses = objective.losses(loaded(captioner, objective), batch.tensors)

    found = outputs(captioner, images)

    assert found["loss_tokens"].tolist() == [4, 14, 12, 6, 4, 13]
    means = found["loss_sum"] / found["loss_tokens"]
    assert means.tolist() == pytest.approx(losses.tolist(), rel=roundings(30))  # two sums of 14 losses


@pytest.mark.parametrize(
    "search",
    [
        EvaluationSettings(),
        EvaluationSettings(beams=1, max_length=5),
        EvaluationSettings(beams=3, max_length=8, length_penalty=0.0),
    ],
)
def test_captions_are_those_that_transformers_generates(
    captioner: Path, images: ImageCaptions, search: EvaluationSettings
) -> None:
    reference = VisionEncoderDecoderModel.from_pretrained(captioner).eval()
    longest = min(search.max_length, 12)
    written = reference.generate(
        processed(images), num_beams=search.beams, max_new_tokens=longest, length_penalty=search.length_penalty
    )

    found = outputs(captioner, images, search=search)["generated"]

    assert found.dtype == torch.int64
    assert found.shape == (6, longest)
    assert found[:, : written.shape[1] - 1].tolist() == written[:, 1:].tolist()
    assert not found[:, written.shape[1] - 1 :].any()


def test_nothing_is_printed(captioner: Path, images: ImageCaptions, capfd: pytest.CaptureFixture[str]) -> None:
    outputs(captioner, images)

    assert capfd.readouterr() == ("", "")


def test_captions_do_not_depend_on_how_images_are_put_together(captioner: Path, images: ImageCaptions) -> None:
    objective = CaptionObjective(EvaluationSettings(max_length=6))
    model = loaded(captioner, objective)

    together = written(objective, model, images, ALL)

    alone = [written(objective, model, images, [row])[0] for row in range(5)]
    assert together[:5] == alone
    assert len({tuple(caption) for caption in alone}) > 1


def test_the_decoder_attends_to_a_stream_again_after_captions_were_written(
    captioner: Path, images: ImageCaptions
) -> None:
    objective = CaptionObjective()
    model = loaded(captioner, objective)
    batch = to_device(images.batch(np.arange(6)), 0, CPU, None)

    with running(batch.sequences), torch.inference_mode():
        before = objective.losses(model, batch.tensors)
        objective.outputs(model, batch.tensors)
        after = objective.losses(model, batch.tensors)

    assert torch.equal(before, after)


def test_a_row_is_measured_by_its_captions_positions(captioner: Path) -> None:
    objective = CaptionObjective()
    model = objective.load(captioner)

    assert objective.longest(model) == 12
    assert objective.unpadded(model) is model.decoder


def test_images_of_another_size_are_refused(captioner: Path, images: ImageCaptions) -> None:
    larger = ImageCaptions(Path(), np.zeros((6, 32, 24, 3), np.uint8), images.tokens, images.captions_of)

    with pytest.raises(BadInput, match="sees images of 16 x 16 pixels; those of the features have 32 x 24: set feat"):
        outputs(captioner, larger)
