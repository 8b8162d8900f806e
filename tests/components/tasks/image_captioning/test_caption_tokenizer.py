import json
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.tasks.image_captioning.caption_tokenizer import encode_captions, open_caption_tokenizer

DECODER = {"vocab_size": 262, "n_positions": 16, "eos_token_id": 0}


def test_a_caption_ends_with_the_end_of_the_text(write_model: Any) -> None:
    tokenizer = open_caption_tokenizer(write_model(), 16, 32)

    tokens, cut = encode_captions(tokenizer, ["cat on", "a", "cat"], 16)

    assert tokens.values.tolist() == [259, 261, 0, 65, 0, 259, 0]
    assert tokens.offsets.tolist() == [0, 3, 5, 7]
    assert str(tokens.values.dtype) == "int32"
    assert cut == 0
    assert (tokenizer.end, tokenizer.vocabulary_size) == (0, 262)


def test_a_long_caption_is_cut_and_still_ends(write_model: Any) -> None:
    tokenizer = open_caption_tokenizer(write_model(), 3, 32)

    tokens, cut = encode_captions(tokenizer, ["cat on cat", "cat on"], 3)

    assert tokens.values.tolist() == [259, 261, 0, 259, 261, 0]
    assert cut == 1


def test_a_caption_that_spells_the_end_does_not_end_there(write_model: Any) -> None:
    tokenizer = open_caption_tokenizer(write_model(), 16, 32)

    tokens, _ = encode_captions(tokenizer, ["a<|endoftext|>"], 16)

    assert tokens.values.tolist().index(0) == len(tokens.values) - 1 == 14


def test_a_tokenizers_own_limits_are_not_applied(write_model: Any, tmp_path: Path) -> None:
    model = write_model()
    settings = json.loads((model / "tokenizer.json").read_text())
    padding = {"strategy": {"Fixed": 8}, "direction": "Right", "pad_id": 0, "pad_type_id": 0, "pad_token": "x"}
    settings["padding"] = {**padding, "pad_to_multiple_of": None}
    settings["truncation"] = {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}
    (model / "tokenizer.json").write_text(json.dumps(settings))

    tokens, _ = encode_captions(open_caption_tokenizer(model, 16, 32), ["cat on"], 16)

    assert tokens.values.tolist() == [259, 261, 0]


@pytest.mark.parametrize("named", ["a", {"content": "a", "lstrip": False}])
def test_the_tokenizers_settings_say_what_ends_a_text(write_model: Any, named: Any) -> None:
    assert open_caption_tokenizer(write_model(settings={"eos_token": named}), 16, 32).end == 65


def test_else_the_model_says_it(write_model: Any) -> None:
    config = {"model_type": "gpt2", **DECODER, "eos_token_id": 5}

    assert open_caption_tokenizer(write_model(config=config, settings={}), 16, 32).end == 5


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"settings": {"eos_token": "<end>"}},
            "model names no token that ends a text; tokenizer_config.json must have an eos_token it knows",
        ),
        (
            {"config": {"decoder": {"n_positions": 16}}},
            "model names no token that ends a text; tokenizer_config.json must have an eos_token it knows",
        ),
        (
            {"config": {"decoder": {**DECODER, "vocab_size": 261}}},
            "config.json: the tokenizer's vocabulary must be at most 261, the model's vocab_size; got 262",
        ),
        (
            {"config": {"decoder": {**DECODER, "n_positions": 15}}},
            "features.max_length must be at most 15, the model's n_positions; got 16",
        ),
        (
            {"config": {"decoder": DECODER, "encoder": {"image_size": 224}}},
            "config.json says of the model; got 32",
        ),
        (
            {"processor": {"resample": 3}},
            "preprocessor_config.json: resample must be 2, bilinear, as images are stored; got 3",
        ),
        (
            {"processor": {"do_center_crop": True}},
            "preprocessor_config.json: do_center_crop must be false; images are stored whole",
        ),
    ],
)
def test_a_model_that_does_not_fit_is_refused(write_model: Any, model: Any, message: str) -> None:
    with pytest.raises(BadInput) as error:
        open_caption_tokenizer(write_model(**model), 16, 32)

    assert str(error.value).endswith(message)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tokenizer.json", None, r"tokenizer\.json is missing; the model needs a fast tokenizer's file$"),
        ("tokenizer.json", "{}", r"tokenizer\.json is not a tokenizer that can be read: "),
        ("config.json", "[]", r"config\.json must hold an object; got list$"),
        ("config.json", "{", r"config\.json is cut off: its JSON ends unfinished after 1 characters$"),
    ],
)
def test_damaged_files_are_named(write_model: Any, file: str, content: Any, message: str) -> None:
    model = write_model()
    (model / file).unlink()
    if content is not None:
        (model / file).write_text(content)

    with pytest.raises(BadInput, match=message):
        open_caption_tokenizer(model, 16, 32)
