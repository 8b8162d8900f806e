import random

import pytest
from podtune_pipelines.card_check.check import check_card
from podtune_pipelines.card_check.extraction import claims_of, name_of


def test_a_card_is_taken_apart(good_card: str) -> None:
    claims = claims_of(good_card)

    assert claims.title.text == "owner/roberta-base-squad"
    assert [value.text for value in claims.command["learning_rate"]] == ["6e-5"]
    assert [value.text for value in claims.command["dataloader_drop_last"]] == [""]
    assert claims.listed["epochs"].text == "2.0"
    assert {name: number.text for name, number in claims.results[0].figures.items()} == {
        "exact_match": "85.26963",
        "loss": "0.8123",
    }
    assert claims.base_names == ["FacebookAI/roberta-base", "FacebookAI/roberta-base", "FacebookAI/roberta-base"]
    assert claims.data is not None
    assert claims.data.title == "SQuAD v1.1"
    assert [grid.header for grid in claims.grids] == [
        ("metric", "value", "questions right"),
        ("training loss", "epoch", "step", "validation loss"),
    ]


def test_our_own_tables_are_read(golden_text) -> None:
    claims = claims_of(golden_text("write_card/README.md"))

    figures = {name: claims.figure(name) for name in ("train_seen", "train_runtime", "train_samples_per_second")}
    assert claims.listed["learning_rate"].text == "6e-05"
    assert {name: number.value for name, number in figures.items() if number} == {
        "train_seen": 264960,
        "train_runtime": 7384.0,
        "train_samples_per_second": 35.88,
    }


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("lr_scheduler_warmup_ratio", "warmup_ratio"),
        ("`training.learning_rate`", "learning_rate"),
        ("`evaluation.seed`", "evaluation_seed"),
        ("Training loss", "train_loss"),
        ("Windows per second", "train_samples_per_second"),
        ("train_steps_per_second", "train_steps_per_second"),
        ("eval_exact_match", "exact_match"),
        ("HasAns_exact", "hasans_exact"),
        ("eval_samples", "eval_samples"),
    ],
)
def test_one_thing_has_one_name(label: str, name: str) -> None:
    assert name_of(label) == name


@pytest.mark.parametrize(
    "text",
    [
        '{"exact": 79.87, "total": 11873}',
        '{\n  "exact": 79.87,\n  "total": 11873\n}',
        "  eval_exact = 79.87\n  eval_total =   11873",
        "- Exact Match: 79.87\n- Total: 11873",
        "| metric | val |\n|---|---|\n| exact | 79.87 |\n| total | 11873 |",
        "| Exact match | Total |\n|---|---|\n| 79.87 | 11873 |",
    ],
)
def test_numbers_that_stand_together_are_one_block(text: str) -> None:
    blocks = claims_of(f"# a\n\n{text}\n\n- Total: 3\n").blocks

    found = [{name: number.text for name, number in block.items()} for block in blocks]
    assert {"exact_match": "79.87", "total": "11873"} in found


def test_a_name_with_two_values_in_a_block_has_none() -> None:
    (block,) = claims_of("- f1: 3.0\n- f1: 4.0\n- loss: 1.0\n").blocks

    assert list(block) == ["loss"]


def test_a_comment_in_code_is_no_title_and_a_list_in_code_no_setting() -> None:
    claims = claims_of("```python\n# Train your model\n- seed: 4\n```\n## A name\n")

    assert claims.title.text == "A name"
    assert claims.listed == {}


def test_a_hub_address_names_the_data() -> None:
    claims = claims_of("# a\n\nTrained on the [pretty](https://huggingface.co/datasets/rajpurkar/squad) dataset.\n")

    assert claims.data is not None
    assert claims.data.title == "SQuAD v1.1"


def test_no_damage_stops_the_check(good_card: str) -> None:
    pieces = ["1e999", "0", "-5", "[]", "{}", "---\n", "```", "|", "| - |", "\x00", "results: 3", "- name: 4", "null"]
    chance = random.Random(0)

    for _ in range(60):
        text = good_card
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice(pieces) + text[place + chance.choice([0, 1, 3, 20, 200]) :]
        check_card(text)
