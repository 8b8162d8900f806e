"""What differs between types, with transformers' own tiny models of each."""

from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch
from podtune.errors import BadInput
from podtune.formats.checkpoint import architecture_of
from podtune.tasks.predicting import PredictionRequest, open_released
from podtune.tasks.question_answering.encoding import encode_split
from podtune.tasks.question_answering.model_types import MODEL_TYPES, positions_of
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.pair_tokenizer import open_pair_tokenizer
from podtune.tasks.question_answering.predicting import predict
from podtune.tasks.question_answering.questions import Answer, Question
from podtune.tasks.question_answering.settings import WindowSettings
from podtune.tasks.question_answering.squad import SquadSplit
from podtune.tasks.question_answering.window_cutting import cut_windows
from podtune.tasks.question_answering.windows import QuestionWindows, open_windows, write_windows
from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.engines.states import save_model
from transformers import AutoConfig, AutoModel, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

SIZES = {"vocab_size": 20, "hidden_size": 4, "num_hidden_layers": 3, "num_attention_heads": 1, "intermediate_size": 4}
TOKENS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    """Tiny tensors gain nothing from a second thread, and wait for it where the machine is busy."""
    torch.set_num_threads(1)


def config_of(model_type: str, **changes: Any) -> Any:
    return AutoConfig.for_model(model_type, **{**SIZES, **TOKENS, **changes})


def head_of(model: Any) -> torch.nn.Linear:
    head: torch.nn.Linear = model.classifier if hasattr(model, "classifier") else model.qa_outputs
    return head


@pytest.mark.parametrize("model_type", MODEL_TYPES)
@pytest.mark.parametrize("labels", [1, 3])
def test_a_base_of_another_task_gets_a_new_head(tmp_path: Path, model_type: str, labels: int) -> None:
    """As models have that were fine-tuned on MNLI, or to score pairs."""
    AutoModelForSequenceClassification.from_config(config_of(model_type, num_labels=labels)).save_pretrained(tmp_path)

    torch.manual_seed(1)
    model = SpanObjective().load(tmp_path)
    torch.manual_seed(1)
    same = SpanObjective().load(tmp_path)

    assert head_of(model).out_features == model.config.num_labels == 2
    assert torch.equal(head_of(model).weight, head_of(same).weight)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_fine_tuned_models_head_is_kept(tmp_path: Path, model_type: str) -> None:
    trained = AutoModelForQuestionAnswering.from_config(config_of(model_type))
    trained.save_pretrained(tmp_path)

    assert torch.equal(head_of(SpanObjective().load(tmp_path)).weight, head_of(trained).weight)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_saved_model_says_its_architecture(tmp_path: Path, model_type: str) -> None:
    model = AutoModelForQuestionAnswering.from_config(config_of(model_type))

    save_model(model, {name: weight.detach() for name, weight in model.named_parameters()}, tmp_path)

    assert architecture_of(tmp_path).startswith(f"{type(model).__name__}: 3 layers, ")


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_weights_of_another_shape_than_the_configurations_are_refused(tmp_path: Path, model_type: str) -> None:
    AutoModel.from_config(config_of(model_type)).save_pretrained(tmp_path)
    config_of(model_type, vocab_size=21).save_pretrained(tmp_path)

    with pytest.raises(BadInput, match=r"has 1 weights of another shape than config\.json says, such as .*emb"):
        SpanObjective().load(tmp_path)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_layers_that_the_configuration_does_not_have_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, model_type: str
) -> None:
    groups = {"num_hidden_groups": 3} if model_type == "albert" else {}
    AutoModel.from_config(config_of(model_type, **groups)).save_pretrained(tmp_path)
    fewer = {"num_hidden_groups": 2} if model_type == "albert" else {}
    config_of(model_type, num_hidden_layers=2, **fewer).save_pretrained(tmp_path)

    SpanObjective().load(tmp_path)

    assert any("are of no layer that its config.json has; they are not used" in line for line in caplog.messages)


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 1}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "camembert", "max_position_embeddings": 514}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 0}, 513),
        ({"model_type": "modernbert", "max_position_embeddings": 8192, "pad_token_id": 50283}, 8192),
        ({"model_type": "t5"}, None),
    ],
)
def test_positions_are_counted_from_the_first_that_a_token_has(config: Dict[str, Any], positions: int) -> None:
    assert positions_of(config) == positions


TOKENIZER_OF = {"distilbert": "bert", "electra": "bert", "camembert": "xlm-roberta"}
CONTEXT = "the bell é 東京 🙂 paris, the door"


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_base_learns_an_answer_and_the_saved_model_gives_it(tmp_path: Path, tokenizers: Any, model_type: str) -> None:
    base, tuned = tmp_path / "base", tmp_path / "tuned"
    wide = {"hidden_size": 16, "num_attention_heads": 2, "vocab_size": 300, "max_position_embeddings": 66}
    AutoModel.from_config(config_of(model_type, **wide)).save_pretrained(base)
    tokenizers[TOKENIZER_OF.get(model_type, model_type)]().save(str(base / "tokenizer.json"))
    windows = windows_of(base, tmp_path)

    engine = open_engine(SpanObjective(), base, TrainingConfig(epochs=1, batch_size=1, learning_rate=1e-2), "cpu")
    for step in range(30):
        engine.steps(windows, [np.array([0])], step, 1e-2)
    engine.save_model(tuned)
    (tuned / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    reply = predict(open_released(tuned), PredictionRequest(question="the town", context=CONTEXT))

    assert reply.values[0]["answer"].strip(",") == "paris"


def windows_of(base: Path, features: Path) -> QuestionWindows:
    """The window of one question, as it is cut and read."""
    question = Question("q", "the town", (Answer("paris", CONTEXT.index("paris")),), is_impossible=False, context=0)
    split, pair = SquadSplit([question], [CONTEXT], "train.json"), open_pair_tokenizer(base, 64)
    encoded, settings = encode_split(pair.tokenizer, split), WindowSettings(64, 16)
    write_windows(cut_windows(features / "train", split, encoded, pair=pair, settings=settings), [question], [CONTEXT])
    return open_windows(features, "train")
