"""Captioning on rows of one length, as it is compiled for IPUs, against the same on a stream of tokens."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np
import pytest
import torch
from podtune.errors import BadInput
from podtune.tasks.image_captioning.captions import ImageCaptions
from podtune.tasks.image_captioning.objective import CaptionObjective
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.training.config import TrainingConfig
from podtune.training.engines.placement import place_on_ipus
from podtune.training.engines.sequences import running, to_device
from podtune.training.fixed_shapes import PackedRows, Program, pack_rows
from podtune.training.ipu import IpuConfig
from rounding import roundings

ALL = range(6)
CPU = torch.device("cpu")
ROWS = IpuConfig(layers_per_ipu=(1, 1, 1, 1), row_tokens=14, gradient_accumulation=1)


def streamed(directory: Path, images: ImageCaptions, search: EvaluationSettings) -> Dict[str, torch.Tensor]:
    """What the objective puts out on a stream of captions."""
    pytest.importorskip("transformers", minversion="4.53", reason="captions in a stream need transformers 4.53")
    from podtune.training.engines.attention import attend_within_sequences

    objective = CaptionObjective(search)
    model = objective.load(directory).eval()
    attend_within_sequences(objective.unpadded(model))
    batch = to_device(images.batch(np.arange(6)), 0, CPU, None)
    with running(batch.sequences), torch.inference_mode():
        return objective.outputs(model, batch.tensors)


def transformers_losses(directory: Path, images: ImageCaptions) -> np.ndarray:
    """Its own mean over the tokens of each image's captions."""
    model = CaptionObjective().load(directory).eval()
    pixels = (torch.tensor(images.images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
    labels = [torch.full((1, 12), -100) for _ in range(10)]
    for caption, row in enumerate(labels):
        tokens = torch.tensor(images.tokens.row(caption))
        row[0, : len(tokens)] = tokens
    owners = np.repeat(np.arange(6), np.diff(images.captions_of))
    with torch.inference_mode():
        means = [
            float(model(pixel_values=pixels[owner][None], labels=row).loss)
            for owner, row in zip(owners.tolist(), labels)
        ]
    sums = np.bincount(owners, weights=np.array(means) * images.tokens.lengths)
    return sums / np.bincount(owners, weights=images.tokens.lengths)


def graph_of(directory: Path, search: EvaluationSettings = EvaluationSettings(), config: IpuConfig = ROWS) -> Any:  # noqa: B008  # frozen
    objective = CaptionObjective(search)
    return objective.fixed_shape(objective.load(directory).eval(), config)


def packed_rows(images: ImageCaptions, rows: Sequence[int] = ALL, total: int = 7) -> PackedRows:
    """Images in a row each, and rows without one."""
    return pack_rows(images, [[row] for row in rows], total)


def trained(graph: Any, rows: PackedRows, weights: np.ndarray) -> torch.Tensor:
    inputs = {name: torch.tensor(array) for name, array in graph.inputs(rows, weights).items()}
    with torch.no_grad():
        loss: torch.Tensor = graph.training(**inputs)
    return loss


def called(graph: Any, calls: List[Dict[str, Tuple[int, ...]]]) -> Program:
    """A program that runs on this machine, and notes the shapes of its inputs."""

    def run(inputs: Dict[str, np.ndarray]) -> List[np.ndarray]:
        calls.append({name: array.shape for name, array in inputs.items()})
        with torch.inference_mode():
            outputs = graph.predicting(**{name: torch.tensor(array) for name, array in inputs.items()})
        return [values.numpy() for values in outputs]

    return run


def ending(row: int, calls: List[Dict[str, Tuple[int, ...]]]) -> Program:
    """A program that ends the caption of one row at once, and goes on with token 5 in the others."""

    def run(inputs: Dict[str, np.ndarray]) -> List[np.ndarray]:
        calls.append({name: array.shape for name, array in inputs.items()})
        rows = len(inputs["pixels"])
        ids = np.tile(np.array([5, 6], dtype=np.int32), (rows, 1, 1))
        ids[row] = [0, 5]
        scores = np.tile(np.log(np.array([0.75, 0.25], dtype=np.float32)), (rows, 1, 1))
        return [np.zeros(inputs["tokens"].shape, dtype=np.float32), scores, ids]

    return run


@pytest.mark.parametrize("widths", [(16, 16), (24, 16)])
def test_the_loss_is_the_weighted_sum_of_transformers_own(
    make_captioner: Callable[..., Path], tmp_path: Path, images: ImageCaptions, widths: Tuple[int, int]
) -> None:
    directory = make_captioner(tmp_path, widths=widths)
    weights = np.array([0.5, 1.0, 2.0, 0.25, 3.0, 1.5], dtype=np.float32)
    expected = (transformers_losses(directory, images) * weights).sum()
    graph = graph_of(directory)

    found = trained(graph, packed_rows(images), weights)

    assert found.shape == ()
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(expected, rel=roundings(160))


def test_inputs_are_of_one_shape_whatever_the_captions(captioner: Path, images: ImageCaptions) -> None:
    inputs = graph_of(captioner).inputs(packed_rows(images, rows=[2]), np.ones(1, dtype=np.float32))

    assert {name: (array.shape, str(array.dtype)) for name, array in inputs.items()} == {
        "pixels": ((7, 3, 16, 16), "uint8"),
        "before": ((7, 14), "int32"),
        "positions": ((7, 14), "int32"),
        "caption": ((7, 14), "int32"),
        "tokens": ((7, 14), "int32"),
        "weights": ((7, 14), "float32"),
    }


def test_captions_of_an_image_follow_one_another_in_its_row(captioner: Path, images: ImageCaptions) -> None:
    first, second = images.tokens.row(4).tolist(), images.tokens.row(5).tolist()

    inputs = graph_of(captioner).inputs(packed_rows(images, rows=[2]), np.full(1, 6.0, dtype=np.float32))

    assert inputs["tokens"][0].tolist() == [*first, *second, 0, 0]
    assert inputs["before"][0].tolist() == [1, *first[:-1], 1, *second[:-1], 0, 0]
    assert inputs["positions"][0].tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]
    assert inputs["caption"][0].tolist() == [1] * 3 + [2] * 9 + [0, 0]
    assert inputs["weights"][0].tolist() == [0.5] * 12 + [0, 0]
    assert not any(array[1:].any() for array in inputs.values())


@pytest.mark.parametrize(
    "search",
    [
        EvaluationSettings(),
        EvaluationSettings(beams=1, max_length=5),
        EvaluationSettings(beams=2, length_penalty=2.0),
        EvaluationSettings(beams=3, max_length=8, length_penalty=0.0),
    ],
)
def test_what_is_put_out_is_what_the_stream_puts_out(
    captioner: Path, images: ImageCaptions, search: EvaluationSettings
) -> None:
    expected = streamed(captioner, images, search)
    graph = graph_of(captioner, search)

    found = graph.predict(packed_rows(images), called(graph, []))

    assert found["generated"].dtype == np.int64
    assert found["generated"].tolist() == expected["generated"].tolist()
    assert found["loss_tokens"].tolist() == [4, 14, 12, 6, 4, 13]
    assert found["loss_sum"].dtype == np.float32
    assert found["loss_sum"] == pytest.approx(expected["loss_sum"].numpy(), rel=roundings(160))


@pytest.mark.parametrize(("row_tokens", "width"), [(14, 24), (30, 30)])
def test_one_program_predicts(captioner: Path, images: ImageCaptions, row_tokens: int, width: int) -> None:
    calls: List[Dict[str, Tuple[int, ...]]] = []
    graph = graph_of(captioner, EvaluationSettings(beams=2), replace(ROWS, row_tokens=row_tokens))

    graph.predict(packed_rows(images), called(graph, calls))

    texts = dict.fromkeys(("before", "positions", "caption", "tokens"), (7, width))
    assert all(call == {"pixels": (7, 3, 16, 16), **texts, "selected": (7, 2)} for call in calls)
    assert len(calls) > 2


def test_rows_without_an_image_are_not_waited_for(captioner: Path, images: ImageCaptions) -> None:
    calls: List[Dict[str, Tuple[int, ...]]] = []
    graph = graph_of(captioner, EvaluationSettings(beams=1))

    found = graph.predict(packed_rows(images, rows=[0]), ending(0, calls))

    assert found["generated"].tolist() == [[0] * 12]
    assert len(calls) == 2


def test_captions_are_written_until_the_last_has_ended(captioner: Path, images: ImageCaptions) -> None:
    calls: List[Dict[str, Tuple[int, ...]]] = []
    graph = graph_of(captioner, EvaluationSettings(beams=1))

    found = graph.predict(packed_rows(images, rows=[0, 1]), ending(0, calls))

    assert found["generated"].tolist() == [[0] * 12, [5] * 12]
    assert len(calls) == 13


def test_layers_are_placed_in_the_order_in_which_an_image_passes_them(
    make_captioner: Callable[..., Path], tmp_path: Path
) -> None:
    objective = CaptionObjective()
    model = objective.load(make_captioner(tmp_path, widths=(24, 16)))
    graph = objective.fixed_shape(model, ROWS)
    names = {id(module): name for name, module in model.named_modules()}

    parts = graph.parts([0, 1, 2, 3], 3)

    found = [(names[id(module)].replace("encoder.encoder.layer.", "encoder.layers."), ipu) for module, ipu in parts]
    assert graph.layers == 4
    assert found == [
        ("encoder.embeddings", 0),
        ("encoder.layers.0", 0),
        ("encoder.layers.1", 1),
        ("encoder.layernorm", 1),
        ("enc_to_dec_proj", 1),
        ("decoder.transformer.wte", 2),
        ("decoder.transformer.wpe", 2),
        ("decoder.transformer.h.0", 2),
        ("decoder.transformer.h.1", 3),
        ("decoder.transformer.ln_f", 3),
        ("decoder.lm_head", 2),
    ]


def test_a_head_with_weights_of_its_own_is_on_the_last_ipu(captioner: Path) -> None:
    objective = CaptionObjective()
    model = objective.load(captioner)
    model.decoder.lm_head.weight = torch.nn.Parameter(model.decoder.lm_head.weight.detach().clone())

    parts = objective.fixed_shape(model, ROWS).parts([0, 1, 2, 3], 3)

    assert parts[-1] == (model.decoder.lm_head, 3)


def test_a_table_that_tokens_are_written_with_cannot_be_looked_up_in_parts(captioner: Path) -> None:
    objective = CaptionObjective()
    ipu = replace(ROWS, row_tokens=12, embedding_serialization_factor=2, execution="sharded")
    training = TrainingConfig(epochs=1, batch_size=1, learning_rate=1e-3, ipu=ipu)

    with pytest.raises(BadInput, match="factor must be 1 for a model that also writes with its table of tokens; got 2"):
        place_on_ipus(objective, objective.load(captioner), training)


def test_weights_that_are_shared_take_memory_once_and_a_stage_more(captioner: Path) -> None:
    objective = CaptionObjective()
    ipu = replace(ROWS, row_tokens=12, gradient_accumulation=9)
    training = TrainingConfig(epochs=1, batch_size=9, learning_rate=1e-3, ipu=ipu)

    parts = place_on_ipus(objective, objective.load(captioner), training)

    assert parts.stages == 5
    assert parts.parameters() == [5144, 1992, 4912, 4432]


def test_several_images_in_a_row_are_refused(captioner: Path) -> None:
    packed = replace(ROWS, packing=2)

    with pytest.raises(BadInput, match="packing must be 1: an image has a row of its own; got 2"):
        graph_of(captioner, config=packed)


def test_captions_that_are_longer_than_a_row_are_refused(captioner: Path, images: ImageCaptions) -> None:
    short = replace(ROWS, row_tokens=13)
    graph = graph_of(captioner, config=short)

    with pytest.raises(BadInput, match="row_tokens is 13; a row of the features has 14"):
        graph.inputs(packed_rows(images), np.ones(6, dtype=np.float32))
    with pytest.raises(BadInput, match="row_tokens is 13; a row of the features has 14"):
        graph.predict(packed_rows(images), called(graph, []))


def test_images_of_another_size_are_refused(captioner: Path, images: ImageCaptions) -> None:
    larger = ImageCaptions(Path(), np.zeros((6, 32, 24, 3), np.uint8), images.tokens, images.captions_of)

    with pytest.raises(BadInput, match="sees images of 16 x 16 pixels; those of the features have 32 x 24: set feat"):
        graph_of(captioner).inputs(packed_rows(larger), np.ones(6, dtype=np.float32))


@pytest.mark.skipif(torch.__version__.startswith("2.0."), reason="float16 on a CPU needs torch 2.1")
def test_float16_finds_nearly_the_same_loss(captioner: Path, images: ImageCaptions) -> None:
    objective = CaptionObjective()
    expected = transformers_losses(captioner, images).sum()
    graph = objective.fixed_shape(objective.load(captioner).eval().half(), ROWS)

    found = trained(graph, packed_rows(images), np.ones(6, dtype=np.float32))

    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(expected, rel=1e-2)
