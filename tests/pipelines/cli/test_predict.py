import json
from pathlib import Path
from typing import Any

import pytest
import torch
from podtune.errors import BadInput
from podtune.formats.release import ModelFacts
from podtune.sections import to_mapping
from podtune.stores.releases import publish
from podtune.stores.store import Store
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForQuestionAnswering

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "mount", "everest", "k2", "is", "high"]
FIRST, LAST = WORDS.index("mount"), WORDS.index("everest")
CONTEXT = "no no no no no no no no no no no no no no no no no no no mount everest is high"


def marking_model() -> BertForQuestionAnswering:
    """A BERT of 16 positions, all weights zero but for two words: answers run from `mount` to `everest`."""
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    model = BertForQuestionAnswering(BertConfig(vocab_size=len(WORDS), max_position_embeddings=16, **sizes))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        model.bert.embeddings.word_embeddings.weight[FIRST, 0] = 1.0
        model.bert.embeddings.word_embeddings.weight[LAST, 1] = 1.0
        model.qa_outputs.weight[0, 0] = model.qa_outputs.weight[1, 1] = 1.0
    return model


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A released model with a tokenizer of whole words."""
    marking_model().save_pretrained(tmp_path / "model")
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(tmp_path / "model" / "tokenizer.json"))
    return tmp_path / "model"


def test_the_answer_comes_with_its_probability(directory: Path, ask: Any) -> None:
    assert ask(directory, "--question", "What is high?", "--context", "mount everest") == "0.9114  mount everest\n"


def test_a_context_longer_than_the_model_is_read_in_windows(directory: Path, ask: Any, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(CONTEXT, encoding="utf-8")

    printed = ask(directory, "--question", "What is high?", "--context-file", tmp_path / "text.txt", "--json")

    (answer,) = json.loads(printed)
    assert (answer["answer"], answer["start"], answer["end"]) == ("mount everest", 57, 70)
    assert 0 < answer["probability"] < 1


def test_the_best_answers_differ_from_each_other(directory: Path, ask: Any) -> None:
    printed = ask(directory, "--question", "What?", "--context", CONTEXT, "--top", 3, "--json")

    answers = json.loads(printed)
    assert len({(answer["start"], answer["end"]) for answer in answers}) == 3
    assert [answer["probability"] for answer in answers] == sorted(
        (answer["probability"] for answer in answers), reverse=True
    )


def test_no_answer_is_possible_where_it_is_allowed(directory: Path, ask: Any) -> None:
    arguments = (
        directory,
        "--question",
        "What is high?",
        "--context",
        "k2 everest mount",
        "--allow-no-answer",
        "--top",
        9,
    )

    assert "  (no answer)\n" in ask(*arguments)


def test_a_checkpoint_is_asked_by_its_own_directory(directory: Path, ask: Any) -> None:
    printed = ask(directory.parent, "--question", "What?", "--context", "mount everest")

    assert printed.endswith("  mount everest\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--question", "What?"], "give the text either as --context or as --context-file"),
        (["--question", "What?", "--context", "k2", "--context-file", "x"], "give the text either as --context or as"),
        (["--question", "What?", "--context-file", "nowhere"], "cannot read the context from nowhere: No such file"),
        (["--question", " ", "--context", "k2"], "the question is empty; give a text"),
        (["--question", "What?", "--context", "\n"], "the context is empty; give a text"),
        (
            ["--question", "k2 " * 14, "--context", "k2"],
            "the question has 14 tokens, but the model reads 16 at once, a piece of the context among them; shorten it",
        ),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_line(directory: Path, ask: Any, arguments: Any, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        ask(directory, *arguments)

    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_a_directory_without_a_model_is_told_from_one_with(tmp_path: Path, ask: Any) -> None:
    with pytest.raises(BadInput, match=r"holds no model: it has no config\.json; give a directory that `podtune downl"):
        ask(tmp_path / "nowhere", "--question", "What?", "--context", "k2")


@pytest.mark.parametrize(("text", "mistake"), [("{", "is cut off: its JSON"), ("[]", "must hold an object; got list")])
def test_a_configuration_that_is_none_is_named(directory: Path, ask: Any, text: str, mistake: str) -> None:
    (directory / "config.json").write_text(text)

    with pytest.raises(BadInput, match=rf"config\.json {mistake}"):
        ask(directory, "--question", "What?", "--context", "k2")


def test_a_model_that_was_never_fine_tuned_is_refused(directory: Path, ask: Any) -> None:
    marking_model().bert.save_pretrained(directory)

    with pytest.raises(BadInput, match=r"names BertModel, not one of …ForQuestionAnswering, .*; fine-tune it first$"):
        ask(directory, "--question", "What?", "--context", "k2")


def test_a_text_that_is_not_utf_8_is_named(directory: Path, ask: Any, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")

    with pytest.raises(BadInput, match=r"latin\.txt is not UTF-8: byte 3 cannot be read; save the text as UTF-8$"):
        ask(directory, "--question", "What?", "--context-file", tmp_path / "latin.txt")


def test_a_text_comes_from_stdin(directory: Path, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for option in ("--context", "--context-file"):
        printed = ask(directory, "--question", "What is high?", option, "-", given=b"mount everest")
        assert printed == "0.9114  mount everest\n"


def test_a_released_model_is_asked_by_its_name(directory: Path, ask: Any, store: Store, tmp_path: Path) -> None:
    facts = ModelFacts("question-answering", "c", "e", 1, {}, {})
    files = {path.name: path for path in directory.iterdir()}
    publish(store, "qa", files=files, facts=to_mapping(facts), expected=None)
    options = ("--store", store.uri, "--home", tmp_path / "home")

    answers = [ask("qa", "--question", "What?", "--context", "mount everest", *options) for _ in range(2)]

    assert answers == ["0.9114  mount everest\n"] * 2
    assert (tmp_path / "home" / "models" / "qa-1" / "release.json").is_file()


def test_a_name_that_is_not_released_is_answered_with_those_that_are(ask: Any, store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        ask("qa", "--question", "What?", "--context", "text", "--store", store.uri)

    assert str(raised.value) == f"qa is no directory, and {store.uri} has no live model of that name; it is empty"
