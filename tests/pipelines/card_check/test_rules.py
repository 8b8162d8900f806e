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
        "model-index calls the model 'squad-run', the title 'owner/roberta-base-squad'",
    ),
    (
        "pipeline_tag: question-answering",
        "pipeline_tag: text-classification",
        "task-does-not-fit-data",
        "the task is text-classification, but SQuAD v1.1 is for question-answering",
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
        "- weight_decay: 0.01\n",
        "",
        "list-omits-command",
        "the list of settings leaves out what the command line sets: weight_decay",
    ),
    ("--seed 1984 \\", "--seed 1984\\", "continuation-glued", "no space before the backslash: --seed 1984\\"),
    (
        "--output_dir squad_roberta",
        "--output_dir vqa_roberta",
        "output-directory-names-other-data",
        "output_dir vqa_roberta names VQA v2, but the data is SQuAD v1.1",
    ),
    (
        "total_eval_batch_size: 32",
        "total_eval_batch_size: 64",
        "batch-does-not-multiply-out",
        "total_eval_batch_size 64 is 2 times per_device_eval_batch_size 8 × num_devices 4",
    ),
]

RESULTS = [
    (
        '"eval_samples": 10570',
        '"eval_samples": 10560',
        "samples-are-no-known-split",
        "eval_samples is 10,560, but SQuAD v1.1 has 10,570 validation questions",
    ),
    (
        '"eval_samples": 10570',
        '"eval_samples": 10790',
        "windows-counted-as-questions",
        "eval_samples 10,790 are windows; the metrics are over 10,570 questions",
    ),
    (
        '"train_samples_per_second": 1316.952',
        '"train_samples_per_second": 1417.1',
        "speed-contradicts-samples",
        "1417.1 samples per second for 134.5 seconds are 190,600, not 177,136",
    ),
    (
        '"train_steps_per_second": 5.13',
        '"train_steps_per_second": 10.26',
        "speed-contradicts-steps",
        "10.26 steps per second amount to 1,378.8 to 1,381.2 steps; samples, batch and epochs give 690 or 692",
    ),
    (
        "  --dataloader_drop_last \\\n",
        "",
        "partial-batch-dropped",
        "the run took 690 steps, not 692: each epoch's last batch was dropped, which the card does not say",
    ),
    (
        '"train_loss": 1.2528',
        '"train_loss": 1.2529296875',
        "loss-on-float16-grid",
        "train_loss 1.2529296875 is exactly a float16 number: only about three of its 11 digits are significant",
    ),
    (
        '"train_loss": 1.2528',
        '"train_loss": 0.2528',
        "losses-far-apart",
        "the validation loss is 3.2 times train_loss; overfitting is not discussed",
    ),
    (
        '  "eval_loss"',
        '  "epoch": 2.0,\n  "eval_loss"',
        "epoch-among-results",
        "epoch is listed among the evaluation results",
    ),
    (
        "value: 85.26963",
        "value: 85.36963",
        "results-differ",
        "exact_match is 85.27 here, but 85.36963 in the model-index",
    ),
    ("9,013 of 10,570", "9,113 of 10,570", "count-contradicts-share", "85.27 is not 9,113 of 10,570"),
]

TABLES = [
    (
        "| 1.1044 | 1.33 | 460 |",
        "| 1.1044 | 1.53 | 460 |",
        "epochs-contradict-steps",
        "no number of steps per epoch fits the columns of epochs and steps",
    ),
    (
        "| 0.9120 | 2.0 | 690 | 0.8123 |\n",
        "| 0.9120 | 1.9 | 655 | 0.8123 |\n",
        "last-step-not-in-the-table",
        "the table ends at step 655 of 690",
    ),
    (
        "| 1.1044 | 1.33 | 460 | 0.8377 |",
        "| 1.1044 | 1.33 | 460 | 0.8023 |",
        "validation-loss-rises",
        "the validation loss rises from 0.8023 at step 460 to 0.8123 while the training loss falls from 1.1044 to "
        "0.9120: overfitting is not discussed",
    ),
    (
        "| 1.1044 | 1.33 | 460 | 0.8377 |\n| 0.9120 | 2.0 | 690 | 0.8123 |",
        "| 1.1044 | 1.33 | 460 | 0.8123 |\n| 0.9120 | 2.0 | 690 | 0.8101 |",
        "headline-is-not-the-last-row",
        "the loss 0.8123 is that of step 460; the last row (step 690) has 0.8101, and no best checkpoint is mentioned",
    ),
]

PROSE = [
    (
        "RoBERTa is a language model",
        "BERT (the well-known one) is a language model",
        "another-model-described",
        "the text describes BERT, but the base model is RoBERTa",
    ),
    (
        "roberta-base-squad\n",
        "gpt2-roberta-base-squad\n",
        "base-model-incomplete",
        "the title names GPT-2, but the base model given is RoBERTa only",
    ),
    ("In 2019 RoBERTa", "RoBERTa", "superlative-undated", "state of the art is claimed without a date"),
    (
        "It does not know when a paragraph holds none.",
        "It is fast.",
        "limitations-missing",
        "the heading promises limitations, the section names none",
    ),
    (
        "answers in paragraphs",
        "answers in peopleâ€™s paragraphs",
        "encoding-broken",
        "â€™ was meant to be ’: UTF-8 was read as another encoding",
    ),
    (
        "## Training procedure",
        "Downloads last month: 13\n\n## Training procedure",
        "page-residue",
        "copied from the page around the card: Downloads last month: 13",
    ),
    (
        "[a paper](https://arxiv.org/abs/1907.11692)",
        "a paper",
        "link-lost",
        "a link is announced but missing: Paper link : a paper",
    ),
    (
        "[rajpurkar/squad](https",
        "[someone/squad](https",
        "link-label-differs",
        "the link says someone/squad, but leads to rajpurkar/squad",
    ),
    ("English paragraphs", "teh paragraphs", "misspelling", "'teh' was probably meant to be 'the'"),
]


@pytest.mark.parametrize(("good", "bad", "rule", "message"), METADATA + SETTINGS + RESULTS + TABLES + PROSE)
def test_one_fault_is_one_finding(good_card: str, good: str, bad: str, rule: str, message: str) -> None:
    assert good in good_card

    found = [(finding.rule, finding.message) for finding in check_card(good_card.replace(good, bad))]

    assert found == [(rule, message)]


def test_a_dropped_batch_shows_in_the_share(good_card: str) -> None:
    card = good_card.replace('"eval_exact_match": 85.26963', '"eval_exact_match": 85.2746212')

    found = {finding.rule: finding.message for finding in check_card(card)}

    assert found["denominator-is-not-eval-samples"] == (
        "eval_exact_match 85.2746212 is no whole number of 10,570 eval_samples, but is 9,005 of 10,560, the full "
        "batches of 32"
    )


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

    assert len(names) == len(set(names)) == 51
