"""Whole runs of fetch_model, from every kind of source, and what is refused."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from podtune.errors import BadInput
from podtune.formats.base_model import BASE_MODEL, BaseModelFacts, DecoderFacts
from podtune.steps.fetch_model.step import run

REVISION = "0123456789abcdef0123456789abcdef01234567"
TAKEN = ["config.json", "manifest.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]

Files = Dict[str, bytes]
WriteFiles = Callable[..., Path]


def _model(source: Any, **others: Any) -> Dict[str, Any]:
    return {"source": str(source), "model": "google-bert/tiny", "licence": "apache-2.0", **others}


def _names(directory: Path) -> List[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


def _changed(files: Files, name: str, **values: Any) -> Files:
    return {**files, name: json.dumps({**json.loads(files[name]), **values}).encode()}


def test_only_what_is_needed_is_taken(model_files: Files, write_files: WriteFiles, tmp_path: Path) -> None:
    published = write_files(model_files)

    run(tmp_path / "base", _model(published))

    opened = BASE_MODEL.open(tmp_path / "base")
    assert opened.facts == BaseModelFacts(str(published), "google-bert/tiny", "", "apache-2.0", "bert")
    assert _names(tmp_path / "base") == TAKEN
    assert (tmp_path / "base" / "model.safetensors").read_bytes() == model_files["model.safetensors"]
    assert opened.files["vocab.txt"].sha256 == hashlib.sha256(model_files["vocab.txt"]).hexdigest()


def test_settings_of_images_and_of_writing_are_taken_along(
    model_files: Files, write_files: WriteFiles, tmp_path: Path
) -> None:
    files = {**model_files, "preprocessor_config.json": b'{"size": 224}', "generation_config.json": b"{}"}

    run(tmp_path / "base", _model(write_files(files)))

    assert _names(tmp_path / "base") == sorted([*TAKEN, "generation_config.json", "preprocessor_config.json"])


def test_a_model_that_writes_about_pictures_has_its_decoders_vocabulary(
    model_files: Files, write_files: WriteFiles, tmp_path: Path
) -> None:
    config = {"model_type": "vision-encoder-decoder", "encoder": {}, "decoder": {"vocab_size": 5}}
    published = write_files({**model_files, "config.json": json.dumps(config).encode()})

    run(tmp_path / "base", _model(published))

    assert BASE_MODEL.open(tmp_path / "base").facts.model_type == "vision-encoder-decoder"


def test_a_second_run_gives_the_same(model_files: Files, write_files: WriteFiles, tmp_path: Path) -> None:
    published = write_files(model_files)
    run(tmp_path / "base", _model(published))
    first = BASE_MODEL.open(tmp_path / "base").digest

    run(tmp_path / "base", _model(published))

    assert BASE_MODEL.open(tmp_path / "base").digest == first
    assert _names(tmp_path / "base") == TAKEN


def test_weights_in_several_files_are_taken_with_their_index(
    sharded: Files, write_files: WriteFiles, tmp_path: Path
) -> None:
    run(tmp_path / "base", _model(write_files(sharded)))

    assert _names(tmp_path / "base") == [
        "config.json",
        "manifest.json",
        "model-1-of-2.safetensors",
        "model-2-of-2.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ]


def test_the_weights_may_be_pinned(model_files: Files, write_files: WriteFiles, tmp_path: Path) -> None:
    published = write_files(model_files)
    digest = hashlib.sha256(model_files["model.safetensors"]).hexdigest()

    run(tmp_path / "base", _model(published, sha256=digest))

    with pytest.raises(BadInput, match=rf"model\.safetensors has the SHA-256 {digest}; model\.sha256 says {'0' * 64}"):
        run(tmp_path / "base", _model(published, sha256="0" * 64))
    BASE_MODEL.open(tmp_path / "base")


def test_a_bucket_is_read(bucket: Any, model_files: Files, tmp_path: Path) -> None:
    for name, content in model_files.items():
        bucket(f"models/tiny/{name}", content)

    run(tmp_path / "base", _model("s3://inputs/models/tiny"))

    assert BASE_MODEL.open(tmp_path / "base").facts.source == "s3://inputs/models/tiny"
    assert _names(tmp_path / "base") == TAKEN


@pytest.mark.local
def test_the_hub_is_read_at_a_revision(hub: Any, model_files: Files, tmp_path: Path) -> None:
    hub.add("models/google-bert/tiny", model_files, large=("model.safetensors", "pytorch_model.bin"))

    run(tmp_path / "base", _model("hf://google-bert/tiny", revision=REVISION))

    facts = BASE_MODEL.open(tmp_path / "base").facts
    assert facts == BaseModelFacts("hf://google-bert/tiny", "google-bert/tiny", REVISION, "apache-2.0", "bert")
    assert _names(tmp_path / "base") == TAKEN
    assert [path for path, _ in hub.web.requests if path.endswith((".bin", ".py", ".md"))] == []


@pytest.mark.local
def test_weights_of_a_model_with_code_are_not_even_fetched(hub: Any, model_files: Files, tmp_path: Path) -> None:
    files = _changed(model_files, "config.json", auto_map={"AutoModel": "modeling_bert.Bert"})
    hub.add("models/google-bert/tiny", files)

    with pytest.raises(BadInput, match="has auto_map: it needs code of its own, which podtune never runs"):
        run(tmp_path / "base", _model("hf://google-bert/tiny", revision=REVISION))

    assert [path for path, _ in hub.web.requests if "safetensors" in path] == []
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_hidden_layers": 10**7}, "at most 1,000 for num_hidden_layers; got 10000000"),
        ({"num_hidden_layers": {"vision": 10**7}}, "at most 1,000 for num_hidden_layers; got 10000000"),
        ({"decoder": {"n_layer": 1001}}, "at most 1,000 for n_layer; got 1001"),
        ({"num_labels": 10**9}, "at most 100,000 for num_labels; got 1000000000"),
        ({"hidden_size": 10**30}, "at most 9,223,372,036,854,775,807 for hidden_size; got 1000000"),
    ],
)
def test_no_model_is_made_without_end(
    change: Any, words: str, model_files: Files, write_files: WriteFiles, tmp_path: Path
) -> None:
    source = write_files(_changed(model_files, "config.json", **change), "endless")

    with pytest.raises(BadInput, match=rf"config\.json of .*/endless must have {words}"):
        run(tmp_path / "base", _model(str(source)))


def test_a_sample_is_made(tmp_path: Path) -> None:
    run(tmp_path / "base", _model("sample://bert?seed=3&layers=1&hidden=8"))

    facts = BASE_MODEL.open(tmp_path / "base").facts
    assert (facts.source, facts.model_type) == ("sample://bert?seed=3&layers=1&hidden=8", "bert")
    assert _names(tmp_path / "base") == TAKEN
    assert json.loads((tmp_path / "base" / "config.json").read_text())["num_hidden_layers"] == 1


def test_two_published_models_become_one(
    encoder_files: Files, decoder_files: Files, write_files: WriteFiles, tmp_path: Path
) -> None:
    encoder, decoder = write_files(encoder_files, "vit"), write_files(decoder_files, "gpt2")
    writing = {"source": str(decoder), "model": "openai-community/gpt2", "licence": "mit"}

    run(tmp_path / "base", _model(encoder, decoder=writing))

    facts = BASE_MODEL.open(tmp_path / "base").facts
    assert facts == BaseModelFacts(
        str(encoder),
        "google-bert/tiny",
        "",
        "apache-2.0",
        "vision-encoder-decoder",
        DecoderFacts(str(decoder), "openai-community/gpt2", "", "mit"),
    )
    assert _names(tmp_path / "base") == [
        "config.json",
        "decoder",
        "decoder/config.json",
        "decoder/model.safetensors",
        "encoder",
        "encoder/config.json",
        "encoder/model.safetensors",
        "manifest.json",
        "merges.txt",
        "preprocessor_config.json",
        "tokenizer.json",
    ]
    assert json.loads((tmp_path / "base" / "config.json").read_text()) == {
        "model_type": "vision-encoder-decoder",
        "encoder": {"model_type": "vit", "hidden_size": 2},
        "decoder": {"model_type": "gpt2", "vocab_size": 5},
    }


@pytest.mark.parametrize(
    ("files", "change", "words"),
    [
        ("vit", {"config.json": b'{"auto_map": {}}'}, r"config\.json of .*/vit has auto_map"),
        ("vit", {"model.safetensors": b""}, r"model\.safetensors of .*/vit is cut off"),
        ("gpt2", {"config.json": b'{"model_type": "gpt2"}'}, r"config\.json of .*/gpt2 must have a whole number vocab"),
        (
            "gpt2",
            {"config.json": b'{"model_type": "gpt2", "vocab_size": 3}'},
            r"tokenizer\.json of .*/gpt2 does not fit",
        ),
        ("gpt2", {"tokenizer_config.json": b'{"auto_map": {}}'}, r"tokenizer_config\.json of .*/gpt2 has auto_map"),
    ],
)
def test_each_of_two_models_is_checked(
    encoder_files: Files,
    decoder_files: Files,
    write_files: WriteFiles,
    tmp_path: Path,
    files: str,
    change: Files,
    words: str,
) -> None:
    encoder, decoder = write_files(encoder_files, "vit"), write_files(decoder_files, "gpt2")
    write_files(change, files)

    with pytest.raises(BadInput, match=words):
        run(tmp_path / "base", _model(encoder, decoder={"source": str(decoder), "model": "gpt2", "licence": "mit"}))

    assert not (tmp_path / "base").exists()


def test_a_decoders_weights_may_be_pinned(
    encoder_files: Files, decoder_files: Files, write_files: WriteFiles, tmp_path: Path
) -> None:
    encoder, decoder = write_files(encoder_files, "vit"), write_files(decoder_files, "gpt2")
    pinned = {"source": str(decoder), "model": "gpt2", "licence": "mit", "sha256": "0" * 64}

    with pytest.raises(
        BadInput, match=r"/gpt2/model\.safetensors has the SHA-256 .*; model\.decoder\.sha256 says 0000"
    ):
        run(tmp_path / "base", _model(encoder, decoder=pinned))


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (["config.json"], r"is no complete model: it has no config\.json"),
        (["tokenizer.json"], r"has no tokenizer\.json; podtune needs a fast tokenizer: have transformers save one"),
        (["model.safetensors"], r"has its weights in pytorch_model\.bin only; podtune reads model\.safetensors, never"
            " pickles: convert it first"),
        (["model.safetensors", "pytorch_model.bin"], "has no weights; podtune reads"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_whole_is_refused(
    model_files: Files, write_files: WriteFiles, tmp_path: Path, missing: List[str], words: str
) -> None:
    published = write_files({name: content for name, content in model_files.items() if name not in missing})

    with pytest.raises(BadInput, match=f"{published} {words}"):
        run(tmp_path / "base", _model(published))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", b"{", r"config\.json of .* is cut off: its JSON ends unfinished"),
        ("config.json", b"[]", r"config\.json of .* must hold an object; got list"),
        ("config.json", b"{}", r"config\.json of .* must name a model_type, such as bert; got None"),
        ("config.json", b'{"model_type": "vit"}', "must have a whole number vocab_size; got None"),
        ("tokenizer_config.json", b'{"auto_map": {}}', r"tokenizer_config\.json of .* has auto_map"),
        ("tokenizer.json", b"{}", r"tokenizer\.json of .* is not a tokenizer that can be read: "),
        ("model.safetensors", b"", r"model\.safetensors of .* is cut off, damaged or no safetensors file: header too"),
        ("model.safetensors", b"\x80pickle and more of it", "is cut off, damaged or no safetensors file"),
    ],
)
def test_a_damaged_file_is_refused(
    model_files: Files, write_files: WriteFiles, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    published = write_files({**model_files, name: content})

    with pytest.raises(BadInput, match=words):
        run(tmp_path / "base", _model(published))

    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0"])
def test_weights_of_another_length_are_refused(
    model_files: Files, write_files: WriteFiles, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    published = write_files({**model_files, "model.safetensors": change(model_files["model.safetensors"])})

    with pytest.raises(BadInput, match="no safetensors file: incomplete metadata, file not fully covered"):
        run(tmp_path / "base", _model(published))


def test_a_tokenizer_that_does_not_fit_the_model_is_refused(
    model_files: Files, write_files: WriteFiles, tmp_path: Path
) -> None:
    published = write_files(_changed(model_files, "config.json", vocab_size=4))

    with pytest.raises(BadInput) as failure:
        run(tmp_path / "base", _model(published))

    assert str(failure.value) == (
        f"tokenizer.json of {published} does not fit the model: its ids go up to 4, but vocab_size in config.json is 4"
    )


@pytest.mark.parametrize(
    ("weight_map", "words"),
    [
        ({"first": "model-1-of-2.safetensors", "x": "model-2-of-2.safetensors"}, "has no x, which model.safetensors"),
        ({"first": "model-3-of-2.safetensors"}, "is no complete model: it has no model-3-of-2.safetensors"),
        ({"first": "../secret.safetensors"}, "must map each tensor to a .safetensors file beside it"),
        ({"first": "pytorch_model.bin"}, "must map each tensor to a .safetensors file beside it"),
        ({}, "must map each tensor to a .safetensors file beside it"),
        ([], "must map each tensor to a .safetensors file beside it"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(
    sharded: Files, write_files: WriteFiles, tmp_path: Path, weight_map: Any, words: str
) -> None:
    published = write_files(_changed(sharded, "model.safetensors.index.json", weight_map=weight_map))

    with pytest.raises(BadInput) as failure:
        run(tmp_path / "base", _model(published))

    assert words in str(failure.value)


def test_one_sum_is_not_taken_for_several_files(sharded: Files, write_files: WriteFiles, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has its weights in several files, so model\.sha256 must be left out"):
        run(tmp_path / "base", _model(write_files(sharded), sha256="0" * 64))


@pytest.mark.local
@pytest.mark.parametrize(("sha256", "code"), [("", 0), ("0" * 64, 2)])
def test_the_program_ends_with_one_line(
    model_files: Files, write_files: WriteFiles, tmp_path: Path, sha256: str, code: int
) -> None:
    (tmp_path / "model.json").write_text(json.dumps(_model(write_files(model_files), sha256=sha256)))

    command = [
        "-m",
        "podtune",
        "fetch_model",
        "--base-model",
        tmp_path / "base",
        "--model",
        tmp_path / "model.json",
    ]
    ended = subprocess.run([sys.executable, *command], check=False, capture_output=True, text=True)

    assert ended.returncode == code
    assert (tmp_path / "base").exists() is (code == 0)
    assert len(ended.stderr.splitlines()) == (1 if code else 0)


def test_a_link_out_of_the_model_is_refused(model_files: Files, write_files: WriteFiles, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("CANARY")
    del model_files["vocab.txt"]
    published = write_files(model_files)
    (published / "vocab.txt").symlink_to(tmp_path / "secret.txt")

    with pytest.raises(BadInput) as refused:
        run(tmp_path / "base_model", {"source": str(published)})

    assert str(refused.value) == f"{published}/vocab.txt is a link out of the model; put the file itself there"
    assert not (tmp_path / "base_model").exists()


def test_the_hubs_own_cache_is_read(model_files: Files, write_files: WriteFiles, tmp_path: Path) -> None:
    blobs = write_files(model_files, "cache/blobs")
    snapshot = tmp_path / "cache" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    for name in model_files:
        (snapshot / name).symlink_to(f"../../blobs/{name}")

    run(tmp_path / "base_model", {"source": str(snapshot)})

    assert (tmp_path / "base_model" / "vocab.txt").read_bytes() == (blobs / "vocab.txt").read_bytes()


def test_a_pointer_of_git_lfs_is_called_that(model_files: Files, write_files: WriteFiles, tmp_path: Path) -> None:
    model_files["model.safetensors"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"
    published = write_files(model_files)

    with pytest.raises(BadInput) as refused:
        run(tmp_path / "base_model", {"source": str(published)})

    assert str(refused.value).startswith(f"model.safetensors of {published} is a Git LFS pointer")
