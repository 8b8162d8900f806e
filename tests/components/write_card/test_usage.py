import re
import subprocess
import sys
from pathlib import Path

import pytest
from podtune.write_card.readme import card_body

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


@pytest.mark.local
def test_the_card_shows_code_that_answers(contents, tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", card_body(contents(), picture=None), re.DOTALL)
    assert code
    context = re.search(r'context = "(.*)"', code.group(1))
    assert context
    model = tmp_path / "bert-base-uncased-squad"
    subprocess.run([sys.executable, "-c", MAKE_MODEL, str(model), context.group(1)], check=True)

    ran = subprocess.run(
        [sys.executable, "-c", code.group(1)], cwd=tmp_path, check=True, capture_output=True, encoding="utf-8"
    )

    answer = ran.stdout.strip()
    assert answer
    assert answer in context.group(1)
