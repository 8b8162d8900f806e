"""What two values and a rule prove is found; what has another explanation is not."""

from typing import List, Tuple

import pytest
from podtune_pipelines.card_check.check import check_card


def found_in(card: str) -> List[Tuple[str, str]]:
    findings = check_card(card)
    return [(one.rule, one.message) for one in findings if one.severity != "metadata" or one.rule == "results-empty"]


def qa_card(body: str, front: str = "datasets: [squad]", title: str = "bert-base-squad") -> str:
    return f"---\n{front}\n---\n# {title}\n\nFor question answering.\n\n{body}\n"


def course(settings: str, *rows: str) -> str:
    listed = "\n".join(f"- {setting}" for setting in settings.split(", "))
    header = "| Training Loss | Epoch | Step |\n|:---:|:---:|:---:|\n"
    return f"{listed}\n\n{header}" + "\n".join(f"| 1.0 | {row} |" for row in rows)


SQUAD_V2 = """\
| exact | {exact} |
| f1 | {f1} |
| total | {total} |
| HasAns_exact | 80.68488529014844 |
| HasAns_f1 | 86.78245127423482 |
| HasAns_total | 5928 |
| NoAns_exact | 88.1412952060555 |
| NoAns_f1 | 88.1412952060555 |
| NoAns_total | 5945 |
"""
RIGHT = {"exact": "84.41842836688285", "f1": "87.4628460501696", "total": "11873"}


def indexed(metric: str, value: str, data: str = "squad") -> str:
    dataset = f"{{type: {data}, name: a, split: validation}}"
    results = f"[{{dataset: {dataset}, metrics: [{{type: {metric}, value: {value}}}]}}]"
    return f"datasets: [{data}]\nmodel-index:\n- name: bert-base-squad\n  results: {results}"


@pytest.mark.parametrize(
    ("card", "rule", "message"),
    [
        (
            qa_card(course("train_batch_size: 16, seed: 42", "1.0 | 250", "2.0 | 500", "3.0 | 750")),
            "data-used-in-part",
            "step 750 at epoch 3.0 with 16 rows a step is at most 4,015 rows an epoch, but SQuAD v1.1 has 87,599 "
            "training questions, and the card names no part of them",
        ),
        (
            qa_card("train_samples = 4000"),
            "data-used-in-part",
            "train_samples is at most 4,000 rows an epoch, but SQuAD v1.1 has 87,599 training questions, and the card "
            "names no part of them",
        ),
        (
            qa_card(course("train_batch_size: 32, seed: 42", "1.0 | 5533", "2.0 | 11066", "3.0 | 16599")),
            "steps-contradict-data",
            "step 16599 at epoch 3.0 with 32 rows a step is 177,025 to 177,087 rows an epoch, 2 times the 88,524 "
            "training windows of SQuAD v1.1",
        ),
        (
            qa_card(course("train_batch_size: 16, training_steps: 600", "1.0 | 5533", "2.0 | 11066")),
            "table-exceeds-settings",
            "the table reaches step 11066, but training_steps is 600",
        ),
        (
            qa_card(SQUAD_V2.format(**{**RIGHT, "f1": "88.4628460501696"})),
            "answers-do-not-add-up",
            "f1 is 88.4628460501696, but with and without an answer 86.78245127423482 of 5928 and 88.1412952060555 of "
            "5945: together 87.4628",
        ),
        (
            qa_card(SQUAD_V2.format(**{**RIGHT, "total": "11973"}).replace("| exact | 84.41842836688285 |\n", "")),
            "answers-do-not-add-up",
            "HasAns_total 5928 and NoAns_total 5945 do not add up to total 11973",
        ),
        (
            qa_card("", indexed("exact_match", "79.5998")),
            "impossible-share",
            "exact_match 79.5998 is no whole number of right answers: 8,413.70 of 10,570 questions of SQuAD v1.1's "
            "validation split",
        ),
        (
            qa_card("eval_exact = 80.1234\neval_total = 11873"),
            "impossible-share",
            "exact_match 80.1234 is no whole number of right answers: 9,513.05 of 11,873 questions",
        ),
        (
            qa_card("- Exact Match: 88.85\n- F1: 0.818"),
            "f1-below-exact-match",
            "f1 0.818 is below exact_match 88.85: a right answer has an f1 of 1",
        ),
        (
            qa_card("", title="t5-base-qg-hl-squadv2"),
            "data-differs",
            "the data is SQuAD v2.0 here, but SQuAD v1.1 in the front matter's datasets",
        ),
        (
            qa_card("- **License:** CC BY-NC-SA 4.0", "license: cc-by-4.0"),
            "licence-differs",
            "the licence is cc-by-nc-sa-4.0 here, but cc-by-4.0 in the front matter",
        ),
        (
            qa_card("A fine-tuned version of [a/bert-large](https://huggingface.co/a/bert-large)."),
            "size-differs",
            "the name bert-base-squad says base, but the base model a/bert-large is large",
        ),
        (
            qa_card("- train_batch_size: 32\n- gradient_accumulation_steps: 1\n- total_train_batch_size: 16"),
            "batch-does-not-multiply-out",
            "total_train_batch_size is 16, but per_device_train_batch_size 32 × gradient_accumulation_steps 1 is 32",
        ),
        (
            qa_card("- Accuracy: 0.93", "model-index:\n- name: bert-base-squad\n  results: []"),
            "results-empty",
            "model-index has no results, but the text gives accuracy 0.93",
        ),
    ],
)
def test_a_certain_fault_is_found_with_its_proof(card: str, rule: str, message: str) -> None:
    assert found_in(card) == [(rule, message)]


SILENT = {
    "accumulated steps drop an epoch's last batches": qa_card(
        course(
            "train_batch_size: 32, gradient_accumulation_steps: 4, total_train_batch_size: 128",
            "0.99 | 83",
            "1.99 | 166",
        ),
        "datasets: [own/data]",
    ),
    "the accumulation is not listed": qa_card(
        course("learning_rate: 1e-4", "13.33 | 400", "26.66 | 800", "39.98 | 1200"), "datasets: [own/data]"
    ),
    "streamed epochs have no known length": qa_card(
        course("train_batch_size: 32, training_steps: 5000", "0.2 | 1000", "1.04 | 2000", "2.07 | 4000")
    ),
    "an early stop": qa_card(course("train_batch_size: 16, num_epochs: 9", "1.0 | 5533", "2.0 | 11066")),
    "a few rows were left out, and the card says so": qa_card(
        "Trained on the first 4,000 questions.\n\n" + course("train_batch_size: 16, seed: 4", "1.0 | 250", "2.0 | 500")
    ),
    "a row is a paragraph, for generating questions": qa_card(
        course("train_batch_size: 64, seed: 42", "3.39 | 1000", "6.78 | 2000")
    ),
    "shorter windows are more": qa_card(course("train_batch_size: 32, seed: 42", "1.0 | 6100", "2.0 | 12200")),
    "windows of another length": qa_card("eval_exact = 80.33\neval_samples = 11955\neval_total = 11873"),
    "the Trainer cuts seconds": qa_card(
        "- num_epochs: 3\n\ntrain_runtime = 0:04:44.21\ntrain_samples = 131823\ntrain_samples_per_second = 1391.43",
        "datasets: [squad_v2]",
    ),
    "a loss is no result": qa_card("- Loss: 1.58", "model-index:\n- name: bert-base-squad\n  results: []"),
    "results of another split": qa_card("On test:\n\n- Exact Match: 70.1", indexed("exact_match", "80.0")),
    "results of another data set": qa_card("", indexed("exact_match", "80.0") + "\nlicense: mit").replace(
        "datasets: [squad]", "datasets: [squad, squad_v2]"
    ),
    "all scores of SQuAD 2.0 add up": qa_card(SQUAD_V2.format(**RIGHT), "datasets: [squad_v2]"),
    "two decimals prove no count": qa_card("", indexed("exact_match", "79.59")),
    "a part was scored": qa_card("Scored on a subset.", indexed("exact_match", "79.5998")),
    "a run is counted": qa_card("", title="distilbert-finetuned-squad-2"),
    "the base model was trained on another version": qa_card(
        "Fine-tuned from deepset/roberta-base-squad2.", title="roberta-base-squad2-tuned"
    ),
    "both versions are named": qa_card("Trained on SQuAD 2.0, after SQuAD 1.1."),
    "the licence is spelt out": qa_card("License: Apache License, Version 2.0", "license: apache-2.0"),
    "the data has another licence": qa_card("The data is released under CC BY 4.0.", "license: mit"),
    "a teacher's size": qa_card("Fine-tuned from a/bert-small.", title="distilled-bert-base"),
    "another family's size": qa_card("Fine-tuned from a/roberta-large.", title="knowledge-base-qa"),
    "factors that the list leaves out": qa_card(
        "- train_batch_size: 2\n- gradient_accumulation_steps: 16\n- total_train_batch_size: 256"
    ),
    "a command that is given twice": qa_card("- seed: 3\n\n```\ntrain --seed 3\ntrain --seed 4\n```"),
    "an organisation's new name": qa_card("[google/bert](https://huggingface.co/google-bert/bert)"),
}


@pytest.mark.parametrize("card", SILENT.values(), ids=SILENT.keys())
def test_what_has_another_explanation_is_not_claimed(card: str) -> None:
    assert found_in(card) == []


def test_an_identifier_is_compared_with_a_title_only_if_that_is_one_too(good_card: str) -> None:
    card = good_card.replace("# owner/roberta-base-squad\n", "# RoBERTa for questions\n")

    assert check_card(card) == []


def test_norwegian_and_exponents_are_valid_metadata() -> None:
    card = qa_card("", "language: no\n" + indexed("exact_match", "8e1"))

    assert [one.message for one in check_card(card) if one.rule == "hub-rules-broken"] == [
        "model-index[0].results[0].task.type must be a task that the Hub lists; got None"
    ]
