import hashlib
import json
from pathlib import Path
from typing import Dict

import pytest
from podtune.samples.captions import WORDINGS
from podtune.samples.models import caption_tokenizer, write_vit_gpt2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample") / "model"
    write_vit_gpt2(directory, 1, hidden=16, heads=2)
    return directory


def digests(directory: Path) -> Dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


def test_every_word_of_the_samples_captions_is_one_token() -> None:
    tokenizer = caption_tokenizer()
    text = WORDINGS[2][0].format("red circle", "blue cross", "gray floor")

    tokens = tokenizer.encode(f"{text[0].upper()}{text[1:]}.").tokens

    assert " ".join(tokens) == "ĠA Ġred Ġcircle Ġto Ġthe Ġleft Ġof Ġa Ġblue Ġcross Ġon Ġa Ġgray Ġfloor ."


def test_other_words_survive_too() -> None:
    tokenizer = caption_tokenizer()

    assert tokenizer.decode(tokenizer.encode("Zwölf Äpfel, 3 €!").ids).strip() == "Zwölf Äpfel, 3 €!"


def test_the_files_are_those_of_transformers(model: Path) -> None:
    assert sorted(path.name for path in model.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_a_seed_gives_the_same_files_and_another_seed_other_weights(model: Path, tmp_path: Path) -> None:
    for name, seed in (("again", 1), ("other", 2)):
        write_vit_gpt2(tmp_path / name, seed, hidden=16, heads=2)

    first, again, other = (digests(path) for path in (model, tmp_path / "again", tmp_path / "other"))
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


def test_transformers_loads_it_and_writes_with_it(model: Path) -> None:
    import numpy as np
    from transformers import AutoTokenizer, VisionEncoderDecoderModel, ViTImageProcessorPil

    tokenizer = AutoTokenizer.from_pretrained(model)
    processor = ViTImageProcessorPil.from_pretrained(model)
    loaded = VisionEncoderDecoderModel.from_pretrained(model)

    pixels = processor(np.zeros((30, 40, 3), np.uint8), return_tensors="pt").pixel_values
    written = loaded.generate(pixels, max_new_tokens=5)
    assert tokenizer.encode(" a red circle") == caption_tokenizer().encode("a red circle").ids
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("<|endoftext|>", 0)
    assert pixels.shape == (1, 3, 64, 64)
    assert pixels.unique().tolist() == [-1.0]
    assert written[0, 0] == 0
    assert json.loads((model / "generation_config.json").read_text())["decoder_start_token_id"] == 0
