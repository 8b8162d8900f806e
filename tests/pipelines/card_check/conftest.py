"""A card without a fault, in the layout of a training program's; every rule's test breaks one thing in it."""

import pytest

GOOD_CARD = """\
---
language:
- en
license: mit
library_name: transformers
pipeline_tag: question-answering
tags:
- roberta
datasets:
- rajpurkar/squad
metrics:
- exact_match
- f1
base_model: FacebookAI/roberta-base
model-index:
- name: roberta-base-squad
  results:
  - task:
      type: question-answering
    dataset:
      type: rajpurkar/squad
      name: SQuAD
      split: validation
    metrics:
    - type: exact_match
      value: 85.26963
    - type: loss
      value: 0.8123
---

# owner/roberta-base-squad

RoBERTa is a language model with a bidirectional encoder; here it marks answers in paragraphs.

A fine-tuned version of [FacebookAI/roberta-base](https://huggingface.co/FacebookAI/roberta-base) on the
[rajpurkar/squad](https://huggingface.co/datasets/rajpurkar/squad) dataset. In 2019 RoBERTa was the state of the art.

| Metric | Value | Questions right |
|---|---:|---:|
| exact_match | 85.27 | 9,013 of 10,570 |
| loss | 0.8123 | |

## Intended uses & limitations

It finds answers in English paragraphs. It does not know when a paragraph holds none.

## Training procedure

Paper link : [a paper](https://arxiv.org/abs/1907.11692)

```
python train.py \\
  --model_name_or_path FacebookAI/roberta-base \\
  --dataset_name rajpurkar/squad \\
  --num_train_epochs 2 \\
  --per_device_train_batch_size 4 \\
  --gradient_accumulation_steps 16 \\
  --learning_rate 6e-5 \\
  --weight_decay 0.01 \\
  --seed 1984 \\
  --dataloader_drop_last \\
  --output_dir squad_roberta
```

### Training hyperparameters

- learning_rate: 6e-05
- train_batch_size: 4
- eval_batch_size: 8
- seed: 1984
- num_devices: 4
- gradient_accumulation_steps: 16
- total_train_batch_size: 256
- total_eval_batch_size: 32
- weight_decay: 0.01
- num_epochs: 2.0

### Training results

| Training Loss | Epoch | Step | Validation Loss |
|:-------------:|:-----:|:----:|:---------------:|
| 1.9021 | 0.67 | 230 | 0.9514 |
| 1.1044 | 1.33 | 460 | 0.8377 |
| 0.9120 | 2.0 | 690 | 0.8123 |

```
***** train metrics *****
  "epoch": 2.0,
  "train_loss": 1.2528,
  "train_runtime": 134.5,
  "train_samples": 88568,
  "train_samples_per_second": 1316.952,
  "train_steps_per_second": 5.13

***** eval metrics *****
  "eval_exact_match": 85.26963,
  "eval_loss": 0.8123,
  "eval_samples": 10570
```
"""


@pytest.fixture
def good_card() -> str:
    """The text of a card in which no rule finds anything."""
    return GOOD_CARD
