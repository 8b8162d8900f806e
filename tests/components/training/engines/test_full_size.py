"""The published models at full size on the sixteen IPUs of their recipes, as far as tracing and the checks go.

Their weights are random; the parameters on each IPU are those of the published placements.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, List, NamedTuple

import numpy as np
import pytest
import torch
from podtune.formats.ragged import Batch, offsets_of
from podtune.sections import read_section, read_settings_file
from podtune.tasks.image_captioning.objective import CaptionObjective
from podtune.tasks.image_captioning.pretrained import PIXEL_SCALE, PIXEL_SHIFT
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.visual_question_answering.objective import LxmertObjective
from podtune.training.config import TrainingConfig
from podtune.training.engines.placement import place_on_ipus

pytestmark = pytest.mark.local

RECIPES = Path(__file__).parents[4] / "pipelines" / "podtune_pipelines" / "recipes"


class Case(NamedTuple):
    """A model with new weights, what it is for, and a batch of so many examples."""

    model: Any
    objective: Any
    batch: Callable[[int], Batch]
    length: int


def bert() -> Case:
    from transformers import BertConfig, BertForQuestionAnswering

    return Case(BertForQuestionAnswering(BertConfig()), SpanObjective(), windows, 170)


def roberta() -> Case:
    from transformers import RobertaConfig, RobertaForQuestionAnswering

    config = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1)
    return Case(RobertaForQuestionAnswering(config), SpanObjective(), windows, 170)


def lxmert(answers: int, *, soft: bool) -> Case:
    from transformers import LxmertConfig, LxmertForQuestionAnswering

    def questions(count: int) -> Batch:
        target = np.zeros((count, answers), np.float32) if soft else np.zeros(count, np.int64)
        regions = {"regions": np.zeros((count, 36, 2048), np.float16), "boxes": np.zeros((count, 36, 4), np.float32)}
        return Batch(offsets_of(np.full(count, 14)), tokens(14 * count), {**regions, "target": target})

    model = LxmertForQuestionAnswering(LxmertConfig(num_qa_labels=answers))
    return Case(model, LxmertObjective([str(answer) for answer in range(answers)], soft=soft), questions, 50)


def vit_gpt2() -> Case:
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    def images(count: int) -> Batch:
        ends = offsets_of(np.full(count, 20))
        pixels = {"pixels": np.zeros((count, 224, 224, 3), np.uint8)}
        return Batch(ends, tokens(20 * count), pixels, sequences=ends)

    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(), GPT2Config())
    config.decoder_start_token_id = config.pad_token_id = config.eos_token_id = 50256
    model = VisionEncoderDecoderModel(config)
    for name in (PIXEL_SCALE, PIXEL_SHIFT):
        model.register_buffer(name, torch.ones(3, 1, 1), persistent=False)
    return Case(model, CaptionObjective(), images, 217)


def windows(count: int) -> Batch:
    streams = {**tokens(170 * count), "segments": np.zeros(170 * count, np.int32)}
    answers = {"answer_start": np.ones(count, np.int32), "answer_end": np.ones(count, np.int32)}
    return Batch(offsets_of(np.full(count, 170)), streams, answers)


def tokens(count: int) -> Any:
    return {"tokens": np.ones(count, np.int32)}


class Examples(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.lengths)


@pytest.mark.parametrize(
    ("recipe", "make", "parameters", "stages"),
    [
        ("bert-base-uncased-squad", bert, [23_837_184, 28_351_488, 28_351_488, 28_353_026], 4),
        ("roberta-base-squad", roberta, [39_000_576, 28_351_488, 28_351_488, 28_353_026], 4),
        ("lxmert-vqa-uncased", lambda: lxmert(3129, soft=True), [25_417_728, 63_790_848, 35_439_360, 89_282_361], 4),
        ("lxmert-gqa-uncased", lambda: lxmert(1842, soft=False), [25_417_728, 63_790_848, 35_439_360, 87_304_242], 4),
        ("vit-gpt2-vizwiz", vit_gpt2, [43_269_888, 42_528_768, 77_190_912, 75_615_744], 5),
    ],
)
def test_a_published_model_is_placed_and_every_operator_is_known(
    poptorch_layer: Any, recipe: str, make: Callable[[], Case], parameters: List[int], stages: int
) -> None:
    from podtune.training.engines.poptorch_engine import PoptorchEngine

    section = read_settings_file(RECIPES / f"{recipe}.yaml")["training"]
    config = read_section(TrainingConfig, section, "training")
    case = make()
    placement = place_on_ipus(case.objective, case.model.half(), config)
    engine = PoptorchEngine(case.model, placement, config)
    rows = np.arange(config.batch_size * config.device_iterations)
    examples = Examples(lengths=np.full(len(rows), case.length), batch=lambda some: case.batch(len(some)))

    found = [
        compiled(
            engine, poptorch_layer, lambda: engine.steps(examples, np.split(rows, config.device_iterations), 0, 0.0)
        )
    ]
    engine._training.detachFromDevice()
    found.append(compiled(engine, poptorch_layer, lambda: engine.outputs(examples)))

    assert placement.parameters() == parameters
    for report in found:
        assert report["parameters"] == parameters
        assert report["stages"] == stages
        assert report["shared"] == []
        assert report["unsupported"] == {}
        assert report["without_device"] == {}
        assert report["outside_block"] == 0


class Compiled(Exception):
    """Stands for what comes after compiling: running would take a CPU minutes."""


def compiled(engine: Any, layer: Any, run: Callable[[], Any]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer, "execute", stop)
        with pytest.raises(Compiled):
            run()
    return layer.report()


def stop(*_: Any) -> None:
    raise Compiled
