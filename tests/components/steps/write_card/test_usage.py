import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from podtune.steps.write_card.readme import card_body
from podtune.steps.write_card.tables import template_values

MAKE_MODEL = """
import sys
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForQuestionAnswering, PreTrainedTokenizerFast

words = sys.argv[2].split()
vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(words)])}
tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer.post_processor = processors.TemplateProcessing(
    single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
)
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
                               sep_token="[SEP]", model_input_names=["input_ids", "token_type_ids", "attention_mask"])
fast.save_pretrained(sys.argv[1])
torch.manual_seed(0)
config = BertConfig(vocab_size=len(vocabulary), hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                    intermediate_size=8, max_position_embeddings=384)
BertForQuestionAnswering(config).save_pretrained(sys.argv[1])
"""


def ran_code_of(contents: Any, directory: Path) -> str:
    """What the card's Python code prints when it is run there."""
    code = re.search(r"```python\n(.*?)```", card_body(template_values(contents), picture=None), re.DOTALL)
    assert code
    ran = subprocess.run(
        [sys.executable, "-c", code.group(1)], cwd=directory, check=True, capture_output=True, encoding="utf-8"
    )
    return ran.stdout


@pytest.mark.local
def test_the_card_shows_code_that_answers(contents, tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", card_body(template_values(contents()), picture=None), re.DOTALL)
    assert code
    context = re.search(r'context = "(.*)"', code.group(1))
    assert context
    model = tmp_path / "bert-base-uncased-squad"
    subprocess.run([sys.executable, "-c", MAKE_MODEL, str(model), context.group(1)], check=True)

    answer = ran_code_of(contents(), tmp_path).strip()
    assert answer
    assert answer in context.group(1)


@pytest.mark.local
@pytest.mark.parametrize(("labels", "least"), [("soft", 0.0), ("hard", 1 / 16)])
def test_the_card_shows_code_that_answers_about_stored_regions(
    visual_run: Any, contents: Any, tmp_path: Path, labels: str, least: float
) -> None:
    from podtune.samples.models import write_lxmert

    visual_run.facts["features"]["settings"]["labels"] = labels
    write_lxmert(tmp_path / "lxmert-vqa-uncased", seed=0, hidden=16, heads=2)
    config = tmp_path / "lxmert-vqa-uncased" / "config.json"
    values = json.loads(config.read_text()) | {"id2label": {str(label): f"answer {label}" for label in range(16)}}
    config.write_text(json.dumps(values))
    np.save(tmp_path / "features.npy", np.ones((1, 36, 2048), dtype=np.float16))
    np.save(tmp_path / "boxes.npy", np.full((1, 36, 4), 0.5, dtype=np.float32))

    probability, answer = ran_code_of(contents(), tmp_path).split(maxsplit=1)

    assert least < float(probability) < 1
    assert answer.startswith("answer ")


@pytest.mark.local
def test_the_card_shows_code_that_describes_a_photograph(captioning_run: Any, contents: Any, tmp_path: Path) -> None:
    from podtune.samples.models import write_vit_gpt2

    write_vit_gpt2(tmp_path / "vit-gpt2-vizwiz", seed=0, hidden=16, heads=2)
    Image.new("RGB", (64, 48), "red").save(tmp_path / "photo.jpg")

    assert ran_code_of(contents(), tmp_path).endswith("\n")
