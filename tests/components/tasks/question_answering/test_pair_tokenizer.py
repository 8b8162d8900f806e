import json
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.formats.base_model import load_tokenizer
from podtune.tasks.question_answering.pair_tokenizer import open_pair_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers, processors


def by_words(template: Any) -> Tokenizer:
    """A tokenizer of words with [CLS] 0, [SEP] 1 and this template for pairs."""
    words = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "one": 3, "two": 4}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.add_special_tokens(["[CLS]", "[SEP]", "[UNK]"])
    if template:
        special = [("[CLS]", 0), ("[SEP]", 1)]
        words.post_processor = processors.TemplateProcessing(single="$A", pair=template, special_tokens=special)
    return words


def test_berts_template_is_read_from_its_tokenizer(write_model: Any) -> None:
    pair = open_pair_tokenizer(write_model("bert"), max_length=66)

    assert (pair.before, pair.between, pair.after) == ((2,), (3,), (3,))
    assert pair.special_tokens == 3
    assert pair.vocabulary_size == 226


def test_robertas_template_has_two_separators_between(write_model: Any) -> None:
    pair = open_pair_tokenizer(write_model("roberta"), max_length=64)

    assert (pair.before, pair.between, pair.after) == ((0,), (2, 2), (2,))
    assert pair.special_tokens == 4


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("modernbert", ((0,), (2,), (2,))),
        ("xlm-roberta", ((0,), (2, 2), (2,))),
        ("albert", ((0,), (2,), (2,))),
    ],
)
def test_a_template_for_pairs_is_read_as_it_is_written(write_model: Any, kind: str, parts: Any) -> None:
    pair = open_pair_tokenizer(write_model(kind), max_length=64)

    assert (pair.before, pair.between, pair.after) == parts


def test_truncation_and_padding_of_the_file_are_switched_off(write_model: Any, tokenizers: Any) -> None:
    tokenizer = tokenizers["bert"]()
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=5)

    pair = open_pair_tokenizer(write_model(tokenizer=tokenizer), max_length=64)

    assert len(pair.tokenizer.encode("the the the the the the").ids) == 8
    assert len(pair.tokenizer.encode("the").ids) == 3


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, r"tokenizer\.json has no template for pairs; each text of a pair needs special tokens on both sides$"),
        ("[CLS] $A $B [SEP]", r"tokenizer\.json has no template for pairs"),
        ("$A [SEP] $B [SEP]", r"tokenizer\.json has no template for pairs"),
        ("[SEP] $A [SEP] $B [CLS]", r"starts pairs with token 1; they must start with the classifier, 0$"),
        ("[CLS] $B [SEP] $A [SEP]", r"encodes a text in a pair otherwise than alone"),
    ],
)
def test_other_templates_are_refused(write_model: Any, template: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        open_pair_tokenizer(write_model(tokenizer=by_words(template)), max_length=64)


@pytest.mark.parametrize("place", ["file", "settings"])
def test_padding_on_the_left_is_refused(write_model: Any, tokenizers: Any, place: str) -> None:
    tokenizer = tokenizers["bert"]()
    if place == "file":
        tokenizer.enable_padding(direction="left")
    settings = {"padding_side": "left"} if place == "settings" else {}

    with pytest.raises(BadInput, match=r"pads on the left; question answering needs a tokenizer that pads on the rig"):
        open_pair_tokenizer(write_model(tokenizer=tokenizer, settings=settings), max_length=64)


def test_a_tokenizer_with_more_ids_than_the_model_does_not_fit(write_model: Any) -> None:
    with pytest.raises(BadInput, match=r"config\.json: vocab_size is 225; the tokenizer's ids go up to 225, "):
        open_pair_tokenizer(write_model(config={"vocab_size": 225}), max_length=64)


@pytest.mark.parametrize(
    ("kind", "positions"), [("bert", 66), ("roberta", 64), ("xlm-roberta", 64), ("modernbert", 66)]
)
def test_windows_longer_than_the_models_positions_are_refused(write_model: Any, kind: str, positions: int) -> None:
    path = write_model(kind)

    open_pair_tokenizer(path, max_length=positions)
    with pytest.raises(BadInput, match=rf"features\.max_length must be at most {positions}, .*; got {positions + 1}$"):
        open_pair_tokenizer(path, max_length=positions + 1)


def test_a_model_without_a_fast_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"tokenizer\.json is missing; the model needs a fast tokenizer's file$"):
        open_pair_tokenizer(tmp_path, max_length=64)


def test_a_damaged_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")

    with pytest.raises(BadInput, match=r"tokenizer\.json is not a tokenizer that can be read: "):
        open_pair_tokenizer(tmp_path, max_length=64)


@pytest.mark.parametrize(
    ("text", "message"),
    [("[", "is cut off: its JSON ends unfinished after 1 characters"), ("[]", "must hold an object; got list")],
)
def test_a_damaged_configuration_is_refused(write_model: Any, text: str, message: str) -> None:
    path = write_model()
    (path / "config.json").write_text(text)

    with pytest.raises(BadInput, match=rf"config\.json {message}"):
        open_pair_tokenizer(path, max_length=64)


def test_a_classifier_may_be_written_as_an_object(write_model: Any) -> None:
    path = write_model(settings={"cls_token": {"content": "[SEP]"}})

    with pytest.raises(BadInput, match=r"starts pairs with token 2; they must start with the classifier, 3$"):
        open_pair_tokenizer(path, max_length=64)
    assert json.loads((path / "tokenizer_config.json").read_text())["cls_token"] == {"content": "[SEP]"}


def test_a_template_without_its_tokens_is_refused(tmp_path: Path) -> None:
    tokenizer = by_words("[CLS] $A [SEP] $B:1 [SEP]:1")
    content = json.loads(tokenizer.to_str())
    del content["post_processor"]["special_tokens"]["[SEP]"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))

    with pytest.raises(BadInput, match=r"tokenizer\.json is not a tokenizer that can be read: no entry found for key$"):
        load_tokenizer(tmp_path / "tokenizer.json")
