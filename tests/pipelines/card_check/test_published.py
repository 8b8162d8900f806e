"""What is wrong with five published cards: in excerpts that show the same faults, and in the cards themselves.

The excerpts keep the figures and the layout; the words are ours. The cards are not ours to keep: their directory is
named by PODTUNE_PUBLISHED_CARDS.
"""

import os
from pathlib import Path
from typing import Dict, Set

import pytest
from podtune_pipelines.card_check.check import check_card

PUBLISHED = os.environ.get("PODTUNE_PUBLISHED_CARDS", "")

LXMERT_VQA = """\
---
license: apache-2.0
datasets:
- Graphcore/vqa-lxmert
metrics:
- accuracy
model-index:
- name: vqa
  results:
  - task:
      type: question-answering
    dataset:
      name: Graphcore/vqa-lxmert
      type: Graphcore/vqa-lxmert
      args: vqa
    metrics:
    - type: accuracy
      value: 0.7242196202278137
---

<!-- generated automatically, remove this comment -->

# Graphcore/lxmert-vqa-uncased

Made for the makerâ€™s hardware. LXMERT is a model of pictures and words, and the state-of-the-art on VQA.

## Intended uses & limitations

Fine-tuned from [unc-nlp/lxmert-base-uncased](https://huggingface.co/unc-nlp/lxmert-base-uncased).
- Loss: 0.0009
- Accuracy: 0.7242

```
python run_vqa.py \\
  --dataset_name Graphcore/vqa-lxmert \\
  --max_seq_length 512 \\
  --per_device_train_batch_size 1 \\
  --learning_rate 5e-5 \\
  --loss_scaling 16384 \\
  --weight_decay 0.01 \\
  --dataloader_drop_last \\
  --replace_qa_head
```

- learning_rate: 5e-05
- train_batch_size: 1
- eval_batch_size: 8
- total_train_batch_size: 64
- total_eval_batch_size: 128

```
***** train metrics *****
  "epoch": 4.0,
  "train_loss": 0.0060005393999575125,
  "train_runtime": 13854.802,
  "train_samples": 443757,
  "train_samples_per_second": 128.116,
  "train_steps_per_second": 2.002

***** eval metrics *****
  "eval_accuracy": 0.7242196202278137,
  "eval_loss": 0.0008745193481445312,
  "eval_samples": 214354
```
"""

LXMERT_GQA = """\
Graphcore/lxmert-gqa-uncased
BERT (an older model) is an encoder that was jointly pertaining pairs. It was state-of-the-art.
Model description
LXMERT is an encoder of pictures anad words.
Paper link : the paper on LXMERT
Intended uses & limitations
Fine-tuned from unc-nlp/lxmert-base-uncased.
- Loss: 1.9326
- Accuracy: 0.5934
python run_vqa.py \\
--dataset_name Graphcore/gqa-lxmert \\
--max_seq_length 512 \\
--weight_decay 0.01 \\
--dataloader_drop_last
Training hyperparameters
- learning_rate: 1e-05
- train_batch_size: 1
- eval_batch_size: 8
- total_train_batch_size: 64
- total_eval_batch_size: 128
***** train metrics *****
"epoch": 4.0,
"train_loss": 0.6123406731570221,
"train_runtime": 29986.2288,
"train_samples": 943000,
"train_samples_per_second": 125.791,
"train_steps_per_second": 1.965
***** eval metrics *****
"eval_accuracy": 0.5933514030612245,
"eval_loss": 1.9326171875,
"eval_samples": 12576,
Framework versions
- Downloads last month
- 13
"""

BERT_SQUAD = """\
---
license: apache-2.0
datasets:
- squad
model-index:
- name: Graphcore/bert-base-uncased-squad
  results: []
---

# Graphcore/bert-base-uncased-squad

Made for the makerâ€™s hardware. BERT is an encoder, jointly pertaining pairs, and the state-of-the-art.

## Intended uses & limitations

A fine-tuned version of [Graphcore/bert-base-uncased](https://huggingface.co/Graphcore/bert-base-uncased).

- [HuggingFace/squad](https://huggingface.co/datasets/squad)

```
python run_qa.py \\
  --dataset_name squad \\
  --per_device_train_batch_size 2 \\
  --gradient_accumulation_steps 16 \\
  --learning_rate 9e-5 \\
  --max_seq_length 384 \\
  --seed 42\\
  --warmup_ratio 0.2 \\
  --output_dir squad_v2_bert_base
```

- learning_rate: 6e-05
- train_batch_size: 2
- eval_batch_size: 2
- seed: 42
- gradient_accumulation_steps: 16
- total_train_batch_size: 256
- total_eval_batch_size: 32
- lr_scheduler_warmup_ratio: 0.1

```
{
    "epoch": 3.0,
    "eval_exact_match": 81.79754020813624,
    "eval_f1": 88.84840994541061,
    "eval_samples": 10784
}
```
"""

ROBERTA_SQUAD = (
    "--- license: apache-2.0 datasets: - squad model-index: - name: Graphcore/roberta-base-squad results: [] --- "
    "# Graphcore/roberta-base-squad BERT (an older model) is an encoder, jointly pertaining pairs. "
    "## Model description RoBERTa is a longer trained encoder and the state-of-the-art. "
    "## Intended uses & limitations A fine-tuned version of [HuggingFace/roberta-base]"
    "(https://huggingface.co/roberta-base). "
    "## Training procedure Command line: ``` python run_qa.py \\ --model_name_or_path roberta-base \\ "
    "--dataset_name squad \\ --per_device_train_batch_size 4 \\ --learning_rate 6e-5 \\ --weight_decay 0.01 ``` "
    "### Training hyperparameters Used: - learning_rate: 6e-05 - train_batch_size: 4 - eval_batch_size: 2 "
    "- total_train_batch_size: 256 - total_eval_batch_size: 40 - num_epochs: 2.0 "
    "### Training results ``` ***** train metrics ***** epoch = 2.0 train_loss = 1.2528 train_runtime = 0:02:14.50 "
    "train_samples = 88568 train_samples_per_second = 1316.952 train_steps_per_second = 5.13 ***** eval metrics ***** "
    "epoch = 2.0 eval_exact_match = 85.2696 eval_f1 = 91.7455 eval_samples = 10790 ```"
)

VIT_GPT2_VIZWIZ = """\
---
license: apache-2.0
tags:
- image-captioning
model-index:
- name: ViTGPT2I2A
  results: []
---

<!-- generated automatically, remove this comment -->

# ViTGPT2I2A

A fine-tuned version of [google/vit-base-patch16-224-in21k](https://huggingface.co/google/vit-base-patch16-224-in21k)
on the vizwiz dataset.
- Loss: 0.0708

## Intended uses & limitations

More information needed

- learning_rate: 2e-05
- train_batch_size: 2
- num_devices: 2
- total_train_batch_size: 4
- num_epochs: 5.0

| Training Loss | Epoch | Step  | Validation Loss |
|:-------------:|:-----:|:-----:|:---------------:|
| 0.1528        | 0.17  | 1000  | 0.0869          |
| 0.0739        | 1.19  | 7000  | 0.0740          |
| 0.0654        | 2.9   | 17000 | 0.0708          |
| 0.0616        | 3.24  | 19000 | 0.0712          |
| 0.0615        | 3.76  | 22000 | 0.0711          |
| 0.0574        | 4.44  | 26000 | 0.0715          |
| 0.0579        | 4.95  | 29000 | 0.0715          |
"""

EXPECTED: Dict[str, Set[str]] = {
    "000-lxmert-vqa-uncased.md": {
        "metadata-missing",
        "hub-rules-broken",
        "generated-comment-left",
        "encoding-broken",
    },
    "001-lxmert-gqa-uncased.md": {"denominator-is-not-eval-samples", "front-matter-missing", "metadata-missing"},
    "002-bert-base-uncased-squad.md": {
        "command-contradicts-list",
        "results-empty",
        "metadata-missing",
        "encoding-broken",
    },
    "003-roberta-base-squad.md": {"front-matter-missing", "metadata-missing"},
    "004-vit-gpt2-vizwiz.md": {
        "data-used-in-part",
        "metadata-missing",
        "generated-comment-left",
        "placeholder-left",
    },
}

EXCERPTS = {
    "000-lxmert-vqa-uncased.md": LXMERT_VQA,
    "001-lxmert-gqa-uncased.md": LXMERT_GQA,
    "002-bert-base-uncased-squad.md": BERT_SQUAD,
    "003-roberta-base-squad.md": ROBERTA_SQUAD,
    "004-vit-gpt2-vizwiz.md": VIT_GPT2_VIZWIZ,
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_faults_of_a_published_card_are_found_in_its_excerpt(name: str) -> None:
    assert {finding.rule for finding in check_card(EXCERPTS[name])} == EXPECTED[name]


@pytest.mark.skipif(not PUBLISHED, reason="PODTUNE_PUBLISHED_CARDS names no directory of the five published cards")
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_faults_of_a_published_card_are_found(name: str) -> None:
    text = (Path(PUBLISHED) / name).read_text(encoding="utf-8")

    assert {finding.rule for finding in check_card(text)} == EXPECTED[name]


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        (
            LXMERT_GQA,
            "denominator-is-not-eval-samples",
            "accuracy 0.5933514030612245 is no whole number of 12576 eval_samples, but 7,443 of 12,544, the full "
            "batches of 128",
        ),
        (
            BERT_SQUAD,
            "results-empty",
            "model-index has no results, but the text gives exact_match 81.79754020813624, f1 88.84840994541061",
        ),
        (
            VIT_GPT2_VIZWIZ,
            "data-used-in-part",
            "step 29000 at epoch 4.95 with 4 rows a step is at most 23,467 rows an epoch, but VizWiz-Captions has "
            "117,155 training captions, and the card names no part of them",
        ),
    ],
)
def test_the_arithmetic_is_told(text: str, rule: str, message: str) -> None:
    assert [finding.message for finding in check_card(text) if finding.rule == rule] == [message]
