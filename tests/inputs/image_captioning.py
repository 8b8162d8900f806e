"""Small images, caption files and captioning models, written out."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import numpy as np
import pytest
from PIL import Image
from podtune.formats.base_model import BaseModelFacts
from podtune.formats.raw_data import RawDataFacts
from podtune.formats.sealed import sealing
from podtune.sections import to_mapping
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

WriteModel = Callable[..., Path]
WriteData = Callable[..., Path]

CONFIG = {
    "model_type": "vision-encoder-decoder",
    "encoder": {"model_type": "vit", "image_size": 32},
    "decoder": {"model_type": "gpt2", "vocab_size": 262, "n_positions": 16, "eos_token_id": 0},
}
MERGES = [("Ġ", "a"), ("c", "a"), ("ca", "t"), ("o", "n"), ("Ġ", "on")]


def tokenizer_like_gpt2(merges: List[Tuple[str, str]]) -> Tokenizer:
    """<|endoftext|> 0; then the 256 bytes in the order of their characters, then the merges from 257 on."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<|endoftext|>", *alphabet, *("".join(pair) for pair in merges)]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


@pytest.fixture
def like_gpt2() -> Callable[..., Tokenizer]:
    return tokenizer_like_gpt2


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Write a BaseModel with a tokenizer like GPT-2's, or the one given, and settings, or none."""

    def written(
        *,
        name: str = "model",
        tokenizer: Optional[Tokenizer] = None,
        config: Optional[Mapping[str, Any]] = None,
        settings: Optional[Mapping[str, Any]] = None,
        processor: Optional[Mapping[str, Any]] = None,
    ) -> Path:
        with sealing(tmp_path / name, "base-model", 1) as draft:
            (tokenizer or tokenizer_like_gpt2(MERGES)).save(str(draft.path / "tokenizer.json"))
            (draft.path / "config.json").write_text(json.dumps(CONFIG if config is None else config))
            for file, content in (("tokenizer_config", settings), ("preprocessor_config", processor)):
                if content is not None:
                    (draft.path / f"{file}.json").write_text(json.dumps(content))
            draft.facts.update(to_mapping(BaseModelFacts("here", "tiny", "", "apache-2.0", "vision-encoder-decoder")))
        return tmp_path / name

    return written


def encoded(pixels: Any, kind: str = "PNG", **options: Any) -> bytes:
    """An image file of these pixels, or of this Pillow image."""
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, kind, **options)
    return stream.getvalue()


def plain(red: int, green: int, blue: int, size: Tuple[int, int] = (20, 30)) -> bytes:
    """A PNG file of one colour; size is width and height."""
    return encoded(np.full((size[1], size[0], 3), (red, green, blue), dtype=np.uint8))


def zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def captioned(captions: Mapping[str, Any], first: int = 0) -> Dict[str, Any]:
    """A caption file: file name to its captions, each a text, or a text with what else is said of it."""
    images: List[Dict[str, Any]] = []
    annotations: List[Dict[str, Any]] = []
    for number, (file, texts) in enumerate(captions.items(), start=first):
        images.append({"id": number, "file_name": file})
        for text in texts:
            annotation = {"caption": text} if isinstance(text, str) else text
            annotations.append({"id": len(annotations), "image_id": number, **annotation})
    return {"info": {}, "images": images, "annotations": annotations}


@pytest.fixture
def write_data(tmp_path: Path) -> WriteData:
    """Write RawData: split to its caption file's content and its images, as a zip, or in a folder."""

    def written(
        splits: Mapping[str, Tuple[Any, Mapping[str, bytes]]],
        *,
        folders: bool = False,
        origins: Optional[Dict[str, str]] = None,
    ) -> Path:
        files: Dict[str, str] = {}
        with sealing(tmp_path / "raw", "raw-data", 1) as draft:
            for name, (captions, images) in splits.items():
                files[f"{name}.captions"] = f"{name}.json"
                files[f"{name}.images"] = name if folders else f"{name}.zip"
                (draft.path / f"{name}.json").write_text(json.dumps(captions), encoding="utf-8")
                if folders:
                    write_files(draft.path / name, images)
                else:
                    (draft.path / f"{name}.zip").write_bytes(zipped(images))
            draft.facts.update(to_mapping(RawDataFacts("here", "tiny", "", "cc-by-4.0", files, origins or {})))
        return tmp_path / "raw"

    return written


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def caption_file() -> Callable[..., Dict[str, Any]]:
    return captioned


@pytest.fixture
def image_file() -> Callable[..., bytes]:
    return encoded


@pytest.fixture
def plain_image() -> Callable[..., bytes]:
    return plain


@pytest.fixture
def zip_file() -> Callable[[Mapping[str, bytes]], bytes]:
    return zipped
