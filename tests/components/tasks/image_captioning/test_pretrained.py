"""Loading a captioning model: a whole one, or one that is joined of two."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
from podtune.errors import BadInput
from podtune.tasks.image_captioning.pretrained import load_model
from safetensors.torch import load_file, save_file
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)

VIT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "image_size": 16}
GPT2 = {"vocab_size": 20, "n_positions": 12, "n_embd": 16, "n_layer": 1, "n_head": 2, "eos_token_id": 7}


def joined(directory: Path, encoder: Any = ViTModel, **decoder: Any) -> Path:
    """Two published models as fetch_model puts them together."""
    torch.manual_seed(3)
    encoder(ViTConfig(patch_size=8, **VIT)).save_pretrained(directory / "encoder")
    GPT2LMHeadModel(GPT2Config(**{**GPT2, **decoder})).save_pretrained(directory / "decoder")
    parts = {part: json.loads((directory / part / "config.json").read_text()) for part in ("encoder", "decoder")}
    write(directory / "config.json", {"model_type": "vision-encoder-decoder", **parts})
    return directory


def write(path: Path, values: Dict[str, Any]) -> None:
    path.write_text(json.dumps(values))


def change_config(directory: Path, **changes: Any) -> None:
    path = directory / "config.json"
    write(path, {**json.loads(path.read_text()), **changes})


@pytest.fixture
def copy(captioner: Path, tmp_path: Path) -> Path:
    """A whole model that may be changed."""
    return Path(shutil.copytree(captioner, tmp_path / "copy"))


def test_a_whole_model_keeps_its_weights_and_tokens(captioner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    model = load_model(captioner)

    expected = VisionEncoderDecoderModel.from_pretrained(captioner).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())
    assert (model.config.decoder_start_token_id, model.config.eos_token_id, model.config.pad_token_id) == (1, 0, 0)


def test_two_models_become_one_with_new_weights_between_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = joined(tmp_path)
    capsys.readouterr()

    models = []
    for _ in range(2):
        torch.manual_seed(9)
        models.append(load_model(directory))

    assert capsys.readouterr().err == ""
    first, again = (model.state_dict() for model in models)
    assert all(torch.equal(weight, again[name]) for name, weight in first.items())
    crossing = first["decoder.transformer.h.0.crossattention.c_attn.weight"]
    assert crossing.std().item() == pytest.approx(0.02, abs=0.005)
    decoder = load_file(tmp_path / "decoder" / "model.safetensors")
    assert torch.equal(
        first["decoder.transformer.h.0.attn.c_attn.weight"], decoder["transformer.h.0.attn.c_attn.weight"]
    )
    encoder = ViTModel.from_pretrained(tmp_path / "encoder").state_dict()
    assert all(torch.equal(first[f"encoder.{name}"], weight) for name, weight in encoder.items())


def test_two_models_begin_and_end_a_caption_with_the_decoders_end(tmp_path: Path) -> None:
    model = load_model(joined(tmp_path))

    for config in (model.config, model.generation_config):
        assert (config.decoder_start_token_id, config.eos_token_id, config.pad_token_id) == (7, 7, 7)
    assert model.config.decoder.add_cross_attention


def test_an_encoder_may_have_been_made_to_classify(tmp_path: Path) -> None:
    directory = joined(tmp_path, ViTForImageClassification)

    assert load_model(directory).encoder.pooler is not None


def test_models_of_different_widths_are_joined_too(tmp_path: Path) -> None:
    model = load_model(joined(tmp_path, n_embd=24))

    assert model.enc_to_dec_proj.weight.shape == (24, 16)


def test_weights_become_float32(tmp_path: Path) -> None:
    joined(tmp_path)
    GPT2LMHeadModel(GPT2Config(**GPT2)).half().save_pretrained(tmp_path / "decoder")

    assert {weight.dtype for weight in load_model(tmp_path).parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("processor", "black", "white"),
    [
        (None, [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]),
        ({"image_mean": [0.5, 0.4, 0.2], "image_std": [0.5, 0.2, 0.25]}, [-1.0, -2.0, -0.8], [1.0, 3.0, 3.2]),
        ({"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}, [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
        ({"do_normalize": False}, [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
        ({"do_normalize": False, "do_rescale": False}, [0.0, 0.0, 0.0], [255.0, 255.0, 255.0]),
        ({"rescale_factor": 2 / 255}, [-1.0, -1.0, -1.0], [3.0, 3.0, 3.0]),
    ],
)
def test_pixels_are_scaled_as_the_processor_says(copy: Path, processor: Any, black: Any, white: Any) -> None:
    if processor is not None:
        write(copy / "preprocessor_config.json", processor)

    model = load_model(copy)

    assert model.pixel_shift.flatten().tolist() == pytest.approx(black)
    assert (255 * model.pixel_scale + model.pixel_shift).flatten().tolist() == pytest.approx(white)


def test_how_pixels_are_scaled_is_not_among_the_weights(captioner: Path) -> None:
    assert not {"pixel_scale", "pixel_shift"} & load_model(captioner).state_dict().keys()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "bert"}, r"config\.json: model_type must be vision-encoder-decoder; got 'bert'$"),
        ({"encoder": {"model_type": "swin"}}, r"config\.json: encoder\.model_type must be vit; got 'swin'$"),
        ({"decoder": None}, r"config\.json: decoder\.model_type must be gpt2; got None$"),
        (
            {"encoder": {"model_type": "vit", "attention_probs_dropout_prob": 0.1}},
            r"encoder\.attention_probs_dropout_prob must be 0, as ViT's is; got 0\.1$",
        ),
    ],
)
def test_other_models_are_refused(copy: Path, changes: Dict[str, Any], message: str) -> None:
    change_config(copy, **changes)

    with pytest.raises(BadInput, match=message):
        load_model(copy)


def test_a_decoder_that_does_not_say_how_a_text_ends_is_refused(tmp_path: Path) -> None:
    joined(tmp_path, eos_token_id=None)

    with pytest.raises(BadInput, match=r"decoder\.eos_token_id must be the id of the token that .*; got None$"):
        load_model(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", None])
def test_a_configuration_that_cannot_be_read_is_refused(tmp_path: Path, content: Any) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)

    with pytest.raises(BadInput, match=r"config\.json"):
        load_model(tmp_path)


def test_a_mean_of_another_number_of_colours_is_refused(copy: Path) -> None:
    write(copy / "preprocessor_config.json", {"image_mean": [0.5]})

    with pytest.raises(BadInput, match=r"image_mean must be three numbers, for red, green and blue; got \[0\.5\]$"):
        load_model(copy)


@pytest.mark.parametrize("lost", ["encoder.layernorm.bias", "decoder.transformer.h.1.crossattention.q_attn.bias"])
def test_a_whole_model_that_lacks_weights_is_refused(copy: Path, lost: str) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights[lost]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(BadInput, match=f"lacks 1 weights, such as {lost}$"):
        load_model(copy)


def test_damaged_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"no weights")

    with pytest.raises(BadInput, match="cannot load a captioning model from"):
        load_model(copy)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    joined(tmp_path)
    (tmp_path / "decoder" / "model.safetensors").unlink()
    torch.save({}, tmp_path / "decoder" / "pytorch_model.bin")

    with pytest.raises(BadInput, match=r"cannot load a GPT-2 model from .*decoder: .* no file named model.safetensors"):
        load_model(tmp_path)


def test_what_is_new_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    load_model(joined(tmp_path))

    assert "the attention between encoder and decoder in" in caplog.text
    assert "has new weights" in caplog.text
