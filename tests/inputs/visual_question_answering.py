"""Small data sets in the published formats: rows of regions and questions; and a base model."""

import base64
import contextlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy as np
import pytest
from podtune.errors import BadInput
from podtune.formats.base_model import BaseModelFacts
from podtune.formats.raw_data import RawDataFacts
from podtune.formats.sealed import sealing
from podtune.formats.set_aside import CURE
from podtune.sections import to_mapping
from podtune.steps.extract_lxmert.reports import BadRow
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "what", "is", "it", "?", "a", "dog", "how", "many"]
KINDS = {"objects_id": "<i8", "objects_conf": "<f4", "attrs_id": "<i8", "attrs_conf": "<f4"}


def encoded(array: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def row(image: str, value: float = 0.5, regions: int = 2, **changed: Any) -> str:
    """A line of a region file: boxes from a quarter to three quarters of a picture of 640 x 480, equal features."""
    columns = {
        "img_id": image,
        "img_h": "480",
        "img_w": "640",
        **{name: encoded(np.ones(regions, dtype=kind)) for name, kind in KINDS.items()},
        "num_boxes": str(regions),
        "boxes": encoded(np.tile(np.array([160, 120, 480, 360], dtype="<f4"), (regions, 1))),
        "features": encoded(np.full((regions, 2048), value, dtype="<f4")),
    }
    columns.update({name: text if isinstance(text, str) else encoded(text) for name, text in changed.items()})
    return "\t".join(columns.values()) + "\n"


@pytest.fixture
def region_row() -> Callable[..., str]:
    return row


@pytest.fixture
def base_model(tmp_path: Path) -> Path:
    """WORDS by number; positions for 8 tokens."""
    tokenizer = Tokenizer(models.WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    with sealing(tmp_path / "model", "base-model", 1) as draft:
        tokenizer.save(str(draft.path / "tokenizer.json"))
        config = {"model_type": "lxmert", "vocab_size": len(WORDS), "max_position_embeddings": 8}
        (draft.path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        draft.facts.update(to_mapping(BaseModelFacts("here", "tiny", "", "apache-2.0", "lxmert")))
    return tmp_path / "model"


WriteData = Callable[..., Path]


@pytest.fixture
def write_data(tmp_path: Path) -> WriteData:
    """Write RawData: names such as train.questions to a text, or to what becomes JSON."""

    def written(files: Dict[str, Any], origins: Optional[Dict[str, str]] = None) -> Path:
        with sealing(tmp_path / "raw", "raw-data", 1) as draft:
            for name, content in files.items():
                text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
                (draft.path / name).write_text(text, encoding="utf-8", newline="\n")
            facts = RawDataFacts("here", "tiny", "", "cc0-1.0", {name: name for name in files}, origins or {})
            draft.facts.update(to_mapping(facts))
        return tmp_path / "raw"

    return written


def gqa_question(image: str, question: str, answer: str) -> Dict[str, Any]:
    types = {"structural": "query", "semantic": "obj", "detailed": "what"}
    return {"imageId": image, "question": question, "answer": answer, "types": types, "isBalanced": True}


def vqa_documents(
    *asked: Tuple[int, int, str, List[str]], chosen: Optional[str] = None
) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """VQA's two documents: questions as (id, image, question, what people answered)."""
    questions = [{"question_id": name, "image_id": image, "question": text} for name, image, text, _ in asked]
    annotations = [
        {
            "question_id": name,
            "image_id": image,
            "question_type": "what is",
            "answer_type": "other",
            "multiple_choice_answer": chosen or max(answers, key=answers.count, default=""),
            "answers": [{"answer": answer, "answer_confidence": "yes", "answer_id": 1} for answer in answers],
        }
        for name, image, _, answers in asked
    ]
    return (
        {"task_type": "Open-Ended", "data_subtype": "val2014", "questions": questions},
        {"data_subtype": "val2014", "annotations": annotations},
    )


@pytest.fixture
def gqa() -> Callable[..., Dict[str, Any]]:
    return gqa_question


@pytest.fixture
def vqa() -> Callable[..., Any]:
    return vqa_documents


@contextlib.contextmanager
def curing() -> Iterator[None]:
    """Take the cure that many messages end with out of them."""
    try:
        yield
    except BadInput as error:
        raise BadInput(str(error).replace(f"; {CURE}", "").replace(f"\n  {CURE}", "")) from error


def telling(told: List[BadRow]) -> Callable[[BadRow], bool]:
    """A callback that notes bad rows, and wants the regions of the others."""

    def tell(bad: BadRow) -> bool:
        told.append(bad)
        return True

    return tell
