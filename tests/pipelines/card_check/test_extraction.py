import random

import pytest
from podtune_pipelines.card_check.check import check_card
from podtune_pipelines.card_check.extraction import claims_of, lines_of, name_of

FOLDED = (
    "--- license: mit tags: - a - b model-index: - name: owner/m results: [] --- # owner/m It is a model. "
    "## Training procedure Trained: ``` python train.py \\ --seed 1 \\ --epochs 2 ``` "
    "### Training hyperparameters Used: - seed: 1 - num_epochs: 2.0 " + "filling " * 30
)


def test_a_card_is_taken_apart(good_card: str) -> None:
    claims = claims_of(good_card)

    assert claims.title.text == "owner/roberta-base-squad"
    assert claims.command["learning_rate"].text == "6e-5"
    assert claims.command["dataloader_drop_last"].text == ""
    assert claims.listed["epochs"].text == "2.0"
    assert claims.measured["train_runtime"].value == 134.5
    assert claims.headline["exact_match"].text == "85.27"
    assert claims.base_names == ["FacebookAI/roberta-base", "FacebookAI/roberta-base", "FacebookAI/roberta-base"]
    assert claims.data is not None
    assert claims.data.title == "SQuAD v1.1"
    assert [grid.header for grid in claims.grids] == [
        ("metric", "value", "questions right"),
        ("training loss", "epoch", "step", "validation loss"),
    ]


def test_our_own_tables_are_read(golden_text) -> None:
    claims = claims_of(golden_text("write_card/README.md"))

    assert claims.listed["learning_rate"].text == "6e-05"
    assert claims.measured["train_seen"].value == 264960
    assert claims.measured["train_runtime"].value == 7384.0
    assert claims.measured["train_samples_per_second"].value == 35.88


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("lr_scheduler_warmup_ratio", "warmup_ratio"),
        ("`training.learning_rate`", "learning_rate"),
        ("`evaluation.seed`", "evaluation_seed"),
        ("Training loss", "train_loss"),
        ("Windows per second", "train_samples_per_second"),
        ("train_steps_per_second", "train_steps_per_second"),
    ],
)
def test_one_thing_has_one_name(label: str, name: str) -> None:
    assert name_of(label) == name


def test_a_hub_address_names_the_data() -> None:
    claims = claims_of("# a\n\nTrained on the [pretty](https://huggingface.co/datasets/rajpurkar/squad) dataset.\n")

    assert claims.data_names == ["rajpurkar/squad"]


def test_no_damage_stops_the_check(good_card: str) -> None:
    pieces = ["1e999", "0", "-5", "[]", "{}", "---\n", "```", "|", "| - |", "\x00", "results: 3", "- name: 4", "null"]
    chance = random.Random(0)

    for _ in range(60):
        text = good_card
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice(pieces) + text[place + chance.choice([0, 1, 3, 20, 200]) :]
        check_card(text)


def test_lost_line_breaks_are_put_back() -> None:
    lines, lost = lines_of(FOLDED)

    texts = [line.text for line in lines if line.text]
    assert lost
    assert texts[:9] == [
        "---",
        "license: mit",
        "tags:",
        "- a",
        "- b",
        "model-index:",
        "- name: owner/m",
        "  results: []",
        "---",
    ]
    assert texts[9:19] == [
        "# owner/m",
        "It is a model.",
        "## Training procedure",
        "Trained:",
        "```",
        "python train.py \\",
        "--seed 1 \\",
        "--epochs 2",
        "```",
        "### Training hyperparameters",
    ]
    assert {line.number for line in lines} == {1}


def test_a_card_with_line_breaks_is_left_alone() -> None:
    lines, lost = lines_of("---\nlicense: mit\n---\n# A - b: c\r\nlast")

    assert not lost
    assert [(line.number, line.text) for line in lines] == [
        (1, "---"),
        (2, "license: mit"),
        (3, "---"),
        (4, "# A - b: c"),
        (5, "last"),
    ]


def test_a_long_paragraph_is_no_lost_line_break() -> None:
    assert lines_of("a long line " * 100)[1] is False
