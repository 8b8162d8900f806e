"""Each rule finds one thing broken in a good card, and no other rule minds."""

from typing import Tuple

import pytest
from podtune_pipelines.card_check.check import RULES, check_card

Case = Tuple[str, str, str, str]

METADATA = [
    ("license: mit\n", "", "metadata-missing", "the front matter has no license"),
    (
        "license: mit",
        "license: mitt",
        "hub-rules-broken",
        "license must be an identifier that the Hub lists, such as apache-2.0, or other; got 'mitt'",
    ),
    (
        "name: roberta-base-squad",
        "name: squad-run",
        "model-name-differs",
        "model-index calls the model 'squad-run', the title 'roberta-base-squad'",
    ),
    (
        "It finds answers in English",
        "[More Information Needed] It finds",
        "placeholder-left",
        "a placeholder is left: [More Information Needed] It finds paragraphs. It does not k",
    ),
    (
        "## Intended",
        "<!-- This card was generated automatically. -->\n\n## Intended",
        "generated-comment-left",
        "the comment of the program that generated the card is still there",
    ),
]

SETTINGS = [
    (
        "--learning_rate 6e-5",
        "--learning_rate 7e-5",
        "command-contradicts-list",
        "learning_rate is 7e-5 in the command line, but 6e-05 in the list",
    ),
    (
        "--seed 1984 \\",
        "--seed 1985 \\",
        "command-contradicts-list",
        "seed is 1985 in the command line, but 1984 in the list",
    ),
    (
        "total_eval_batch_size: 32",
        "total_eval_batch_size: 64",
        "batch-does-not-multiply-out",
        "total_eval_batch_size is 64, but per_device_eval_batch_size 8 × num_devices 4 is 32",
    ),
]

RESULTS = [
    (
        '"train_samples_per_second": 1316.952',
        '"train_samples_per_second": 1417.1',
        "speed-contradicts-samples",
        "1417.1 samples per second for 134.5 seconds are at least 190,445, but 177,136 are all of 2 epochs of "
        "train_samples",
    ),
    (
        '"train_steps_per_second": 5.13',
        '"train_steps_per_second": 10.26',
        "speed-contradicts-steps",
        "10.26 steps per second for 134.5 seconds are at least 1,378, but 2 epochs of 88568 train_samples in batches "
        "of 256 have 692",
    ),
    (
        '"train_samples": 88568',
        '"train_samples": 177136',
        "steps-contradict-samples",
        "step 690 at epoch 2.0 with 256 rows a step is 87,809 to 89,215 rows an epoch, but train_samples is 177136",
    ),
    (
        "9,013 of 10,570",
        "9,113 of 10,570",
        "count-contradicts-share",
        "85.27 is not 9,113 of 10,570, which is 86.2157%",
    ),
    (
        '"eval_loss": 0.8123',
        '"eval_loss": 0.8123,\n  "eval_f1": 84.1',
        "f1-below-exact-match",
        "f1 84.1 is below exact_match 85.26963: a right answer has an f1 of 1",
    ),
]

TABLES = [
    (
        "| 1.1044 | 1.33 | 460 |",
        "| 1.1044 | 1.53 | 460 |",
        "epochs-contradict-steps",
        "step 230 at epoch 0.67 and step 460 at epoch 1.53: no number of batches an epoch, 16 a step, gives both",
    ),
    (
        "| 0.9120 | 2.0 | 690 |",
        "| 0.9120 | 2.0 | 690 | 0.8123 |\n| 0.9120 | 3.0 | 1035 |",
        "table-exceeds-settings",
        "the table reaches epoch 3.0, but num_epochs is 2",
    ),
]

PROSE = [
    (
        "roberta-base-squad",
        "roberta-large-squad",
        "size-differs",
        "the name owner/roberta-large-squad says large, but the base model FacebookAI/roberta-base is base",
    ),
    (
        "It finds answers in English",
        "This model is released under the Apache License, Version 2.0. It finds",
        "licence-differs",
        "the licence is apache-2.0 here, but mit in the front matter",
    ),
    (
        "It finds answers in English",
        "It was trained on SQuAD 2.0 and finds",
        "data-differs",
        "the data is SQuAD v2.0 here, but SQuAD v1.1 in the front matter's datasets",
    ),
    (
        "    dataset:\n      type: rajpurkar/squad\n",
        "    dataset:\n      type: rajpurkar/squad_v2\n",
        "data-differs",
        "the model-index names SQuAD v2.0, but the front matter's datasets SQuAD v1.1, and the text no second data set",
    ),
    (
        "answers in paragraphs",
        "answers in peopleâ€™s paragraphs",
        "encoding-broken",
        "â€™ was meant to be ’: UTF-8 was read as another encoding",
    ),
    (
        "[rajpurkar/squad](https",
        "[rajpurkar/squad-it](https",
        "link-label-differs",
        "the link says rajpurkar/squad-it, but leads to rajpurkar/squad",
    ),
]


@pytest.mark.parametrize(("good", "bad", "rule", "message"), METADATA + SETTINGS + RESULTS + TABLES + PROSE)
def test_one_fault_is_one_finding(good_card: str, good: str, bad: str, rule: str, message: str) -> None:
    assert good in good_card

    found = [(finding.rule, finding.message) for finding in check_card(good_card.replace(good, bad))]

    assert found == [(rule, message)]


def test_a_good_card_has_no_finding(good_card: str) -> None:
    assert check_card(good_card) == []


def test_our_own_card_has_no_finding(golden_text) -> None:
    assert check_card(golden_text("write_card/README.md")) == []


def test_a_text_of_the_data_in_a_cards_code_is_no_claim_of_the_card(golden_text) -> None:
    card, claim = golden_text("write_card/README.md"), "--learning_rate 5 eval_loss: 3.5 train_samples = 5"
    in_python = card.replace('question = "', f'question = "{claim}', 1)
    in_shell = card.replace("--question '", f"--question '{claim}", 1)

    assert card not in (in_python, in_shell)
    assert check_card(in_python) == check_card(in_shell) == []


@pytest.mark.parametrize(
    ("source", "rule", "message"),
    [
        (
            "hf://datasets/rajpurkar/squad_v2",
            "source-has-another-name",
            "rajpurkar/squad is said to come from hf://datasets/rajpurkar/squad_v2, which is rajpurkar/squad_v2",
        ),
        (
            "/data/own questions",
            "source-does-not-show-the-name",
            "rajpurkar/squad was read from /data/own questions; nothing in the card shows that it is what the Hub has",
        ),
        (
            "s3://bucket/squad",
            "source-does-not-show-the-name",
            "rajpurkar/squad was read from s3://bucket/squad; nothing in the card shows that it is what the Hub has",
        ),
    ],
)
def test_a_name_is_compared_with_its_source(golden_text, source: str, rule: str, message: str) -> None:
    card = golden_text("write_card/README.md").replace(
        "| Source | `hf://datasets/rajpurkar/squad` ", f"| Source | `{source}` "
    )

    (finding,) = check_card(card)

    assert (finding.rule, finding.message) == (rule, message)
    assert card.splitlines()[finding.line - 1].startswith("| Source |")


def test_a_finding_stands_at_its_line(good_card: str) -> None:
    (finding,) = check_card(good_card.replace("--learning_rate 6e-5", "--learning_rate 7e-5"))

    assert good_card.splitlines()[finding.line - 1] == "  --learning_rate 6e-5 \\"
    assert finding.severity == "contradiction"


def test_every_rule_is_in_the_table_once() -> None:
    names = [rule.__name__ for rules in RULES.values() for rule in rules]

    assert len(names) == len(set(names)) == 29
