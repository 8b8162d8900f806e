import ast
import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
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


TRICKY = """He said "it's ``` `$HOME` \\n 100%", then\n```\nleft\u2028\u202ehere\x00.  東京 """ + "and so on " * 12


def code_of(contents: Any, language: str) -> str:
    code = re.search(rf"```{language}\n(.*?)\n```\n", card_body(template_values(contents), picture=None), re.DOTALL)
    assert code
    return code.group(1)


def ran_code_of(contents: Any, directory: Path) -> str:
    """What the card's Python code prints when it is run where the release was downloaded to."""
    for name, content in contents.records.examples.usage.example.files.items():
        (directory / contents.name / name).write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-c", code_of(contents, "python")],
        cwd=directory,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return ran.stdout


def with_text(contents: Any, text: str) -> Any:
    """The same, whose code asks this question about this text."""
    usage = contents.records.examples.usage
    example = replace(usage.example, values={"question": text, "context": text})
    examples = replace(contents.records.examples, usage=replace(usage, example=example, prediction=text))
    return replace(contents, records=replace(contents.records, examples=examples))


def test_the_code_is_python_whatever_the_text_has(literal_contents: Any) -> None:
    code = code_of(with_text(literal_contents, TRICKY), "python")

    values = {
        target.id: ast.literal_eval(line.value)
        for line in ast.parse(code).body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name) and target.id in {"question", "context"}
    }
    assert values == {"question": TRICKY, "context": TRICKY}
    assert max(map(len, code.splitlines())) < 120


def test_the_command_is_for_a_shell_whatever_the_text_has(literal_contents: Any) -> None:
    command = shlex.split(code_of(with_text(literal_contents, TRICKY), "sh").replace("\\\n", ""))

    assert command[:4] == ["podtune", "predict", "bert-base-uncased-squad", "--question"]
    assert command[4] == command[6]
    assert command[6].startswith("""He said "it's ``` `$HOME` \\n 100%", then ``` left here. 東京 and so on""")


def test_a_model_that_was_never_right_is_not_said_to_be(finished_run: Any, contents: Any) -> None:
    for example in finished_run.examples:
        example["scores"] = {"exact_match": 0.0, "f1": 0.0}

    card = card_body(template_values(contents()), picture=None)

    assert "This model answered none right in its evaluation; to this one its answer was `the warm air rises" in card


def test_a_question_that_was_rightly_not_answered_is_said_to_be_one(literal_contents: Any) -> None:
    usage = replace(literal_contents.records.examples.usage, prediction="")
    examples = replace(literal_contents.records.examples, usage=usage)
    changed = replace(literal_contents, records=replace(literal_contents.records, examples=examples))

    assert "to which this model rightly gave no answer" in card_body(template_values(changed), picture=None)


@pytest.mark.local
def test_the_card_shows_code_that_answers(contents: Any, tmp_path: Path) -> None:
    context = "It rains because the warm air rises quickly."
    model = tmp_path / "bert-base-uncased-squad"
    subprocess.run([sys.executable, "-c", MAKE_MODEL, str(model), context], check=True)

    answer = ran_code_of(with_text(contents(), context), tmp_path).strip()

    assert answer
    assert answer in context


@pytest.mark.local
@pytest.mark.parametrize(("labels", "least"), [("soft", 0.0), ("hard", 1 / 16)])
def test_the_card_shows_code_that_answers_about_the_regions_beside_it(
    visual_run: Any, contents: Any, tmp_path: Path, labels: str, least: float
) -> None:
    from podtune.samples.models import write_lxmert

    visual_run.facts["features"]["settings"]["labels"] = labels
    write_lxmert(tmp_path / "lxmert-vqa-uncased", seed=0, hidden=16, heads=2)
    config = tmp_path / "lxmert-vqa-uncased" / "config.json"
    values = json.loads(config.read_text()) | {"id2label": {str(label): f"answer {label}" for label in range(16)}}
    config.write_text(json.dumps(values))

    probability, answer = ran_code_of(contents(), tmp_path).split(maxsplit=1)

    assert least < float(probability) < 1
    assert answer.startswith("answer ")


@pytest.mark.local
def test_the_card_shows_code_that_describes_the_picture_beside_it(
    captioning_run: Any, contents: Any, tmp_path: Path
) -> None:
    from podtune.samples.models import write_vit_gpt2

    write_vit_gpt2(tmp_path / "vit-gpt2-vizwiz", seed=0, hidden=16, heads=2)

    assert ran_code_of(contents(), tmp_path).endswith("\n")
