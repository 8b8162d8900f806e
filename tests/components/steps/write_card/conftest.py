"""A finished run on disk, every figure of it written down here."""

import copy
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, Mapping

import numpy as np
import pytest
from PIL import Image
from podtune.formats.base_model import BASE_MODEL as BASE
from podtune.formats.checkpoint import CHECKPOINT as TRAINED
from podtune.formats.evaluation import write_usage
from podtune.formats.facts import write_facts
from podtune.formats.features import FEATURES as PREPARED
from podtune.formats.previews import write_previews
from podtune.formats.ragged import Ragged, save_array
from podtune.formats.raw_data import RAW_DATA as RAW
from podtune.formats.raw_data import DataFile
from podtune.formats.sealed import read_manifest, sealing
from podtune.steps.evaluate.usage import usage_of
from podtune.tasks.image_captioning.captions import ImageRecord, write_captions
from podtune.tasks.question_answering.questions import Answer, Question, write_questions
from podtune.tasks.task import shown_files

RAW_DATA = {
    "source": "hf://datasets/rajpurkar/squad",
    "dataset": "rajpurkar/squad",
    "revision": "7b6d24c440a36b6815f21b70d25016731768db1f",
    "licence": "cc-by-sa-4.0",
    "splits": {"train": "train.json", "validation": "validation.json"},
}
BASE_MODEL = {
    "source": "hf://google-bert/bert-base-uncased",
    "model": "google-bert/bert-base-uncased",
    "revision": "86b5e0934494bd15c9632b12f734a8a67f723594",
    "licence": "apache-2.0",
    "model_type": "bert",
}
FEATURES = {
    "task": "question-answering",
    "tokenizer": "5" * 64,
    "vocabulary_size": 30522,
    "settings": {"max_length": 384, "overlap": 128},
    "splits": {
        "train": {"examples": 87599, "rows": 88524, "tokens": 15119899, "digest": "a" * 64},
        "validation": {"examples": 10570, "rows": 10784, "tokens": 1897984, "digest": "b" * 64},
    },
    "profile": {
        "train": {
            "examples": 87599,
            "sources": 18889,
            "text_lengths": [1, 31, 56, 98, 25651],
            "source_lengths": [151, 291, 678, 1311, 3706],
            "without_answer": 0,
            "answers": 63336,
            "most_frequent": 244,
        },
        "validation": {
            "examples": 10570,
            "sources": 2067,
            "text_lengths": [12, 31, 57, 99, 197],
            "source_lengths": [157, 351, 700, 1338, 4063],
            "without_answer": 0,
            "answers": 8685,
            "most_frequent": 34,
            "overlap": {"exact": 0, "normalised": 0, "sources": 0, "texts": 8, "named": []},
        },
    },
}
CHECKPOINT = {
    "task": "question-answering",
    "training": {
        "epochs": 3,
        "batch_size": 128,
        "learning_rate": 6e-05,
        "seed": 42,
        "schedule": "linear",
        "warmup_ratio": 0.1,
        "warmup_steps": 0,
        "weight_decay": 0.01,
        "betas": [0.9, 0.999],
        "epsilon": 1e-08,
        "max_gradient_norm": 0.0,
        "precision": "auto",
        "device_iterations": 2,
        "max_steps": 0,
        "best_metric": "",
    },
    "steps": 2070,
    "steps_per_epoch": 690,
    "examples_seen": 264960,
    "kept_step": 2070,
    "train_loss": 1.2168,
    "seconds": 7384.0,
    "resumed": 1,
    "hardware": {
        "device": "cpu",
        "name": "AMD EPYC 9B45",
        "count": 1,
        "precision": "bfloat16",
        "cores": 2,
        "memory_gib": 24,
    },
    "finished": "2026-10-02T08:15:00+00:00",
    "software": {"podtune": "0.1.0", "python": "3.11.14", "torch": "2.13.0+cpu", "transformers": "5.23.0"},
}
EVALUATION = {
    "task": "question-answering",
    "split": "validation",
    "data": "b" * 64,
    "examples": 10570,
    "rows": 10784,
    "loss": 1.0187,
    "metrics": {
        "exact_match": {"value": 81.79754020813624, "low": 81.05014191106906, "high": 82.54493850520341},
        "f1": {"value": 88.84840994541061, "low": 88.29183211930521, "high": 89.40498777151601},
    },
    "slices": [
        {"name": "question_word", "value": "who", "examples": 1061, "metrics": {"exact_match": 86.1, "f1": 89.5}},
        {
            "name": "question_word",
            "value": "why",
            "examples": 151,
            "metrics": {"exact_match": 49.0, "f1": 74.2},
            "low": {"exact_match": 41.06, "f1": 68.31},
            "high": {"exact_match": 56.95, "f1": 79.8},
        },
        {"name": "windows", "value": "1", "examples": 10366, "metrics": {"exact_match": 81.9, "f1": 88.9}},
        {"name": "windows", "value": "2 or more", "examples": 204, "metrics": {"exact_match": 76.5, "f1": 86.0}},
    ],
    "settings": {"split": "validation", "n_best": 20, "max_answer_length": 30, "bootstrap_samples": 1000, "seed": 0},
    "seconds": 301.2,
    "grouped_by": "article",
    "groups": 48,
}
VERDICT = {
    "decision": "accept",
    "reasons": [
        "f1 is 88.85, at least the floor of 87.50",
        "f1 is not worse than the live release by more than 1.00",
    ],
    "champion": "7",
    "champion_metrics": {"exact_match": 81.2, "f1": 88.41},
    "champion_profile": {
        "train": {
            "examples": 80000,
            "sources": 18889,
            "text_lengths": [1, 31, 56, 98, 25651],
            "source_lengths": [151, 291, 678, 1311, 3706],
            "without_answer": 0,
            "answers": 60123,
            "most_frequent": 240,
        },
    },
    "difference": {"value": 0.44, "low": 0.02, "high": 0.86},
    "settings": {"metric": "f1", "floors": {"f1": 87.5}, "tolerance": 1.0},
    "differences": {"f1": {"champion": 88.41, "value": 0.44, "low": 0.02, "high": 0.86}},
    "slices": [
        {
            "name": "question_word",
            "value": "why",
            "metrics": {"f1": {"champion": 73.0, "value": 1.2, "low": -0.5, "high": 2.9}},
        }
    ],
    "better": {"count": 421, "examples": [{"id": "57330", "champion": "the Deformation"}]},
    "worse": {"count": 377, "examples": [{"id": "57332", "champion": "warm air rises"}]},
    "history": [
        {"version": "6", "created": "2026-08-01T10:00:00+00:00", "examples": 10570, "metrics": {"f1": 87.9}},
        {"version": "7", "created": "2026-09-01T10:00:00+00:00", "examples": 10570, "metrics": {"f1": 88.41}},
    ],
    "grouped_by": "article",
}
NOT_PAIRED: Dict[str, Any] = {
    "champion_profile": {},
    "differences": {},
    "slices": [],
    "better": {},
    "worse": {},
    "history": [],
}
CARD = {
    "licence": "apache-2.0",
    "language": ["en"],
    "description": "BERT-base (uncased), fine-tuned to mark the answer to an English question in a paragraph.",
    "intended_use": "Extractive question answering over English prose.",
    "limits": "It always marks an answer, also where the paragraph holds none.",
    "tags": ["squad"],
    "reference": {
        "source": "Graphcore/bert-base-uncased-squad",
        "metrics": {"exact_match": 81.79754020813624, "f1": 91.7},
    },
}
LOG = [
    {"step": 690 * part // 10, "epoch": part / 10, "loss": loss, "learning_rate": rate}
    for part, loss, rate in ((1, 4.1, 2e-5), (3, 2.2, 6e-5), (10, 1.4, 4.4e-5), (15, 1.1, 3.3e-5))
] + [
    {"step": 690, "epoch": 1.0, "evaluation": {"exact_match": 78.2, "f1": 85.9, "loss": 1.16}},
    {"step": 1380, "epoch": 2.0, "loss": 0.9, "learning_rate": 2.2e-5},
    {"step": 1380, "epoch": 2.0, "evaluation": {"exact_match": 80.9, "f1": 88.0, "loss": 1.05}},
    {"step": 1935, "epoch": 2.8, "loss": 0.84, "learning_rate": 4.4e-6},
    {"step": 2070, "epoch": 3.0, "loss": 0.8, "learning_rate": 0.0},
]
EXAMPLES = [
    {
        "id": f"5733{number}",
        "question": question,
        "answers": answers,
        "prediction": prediction,
        "start": start,
        "probability": 0.4375 + number / 8,
        "scores": {"exact_match": exact_match, "f1": f1},
        "slices": {"question_word": "what", "windows": "1"},
    }
    for number, (question, answers, prediction, start, exact_match, f1) in enumerate(
        [
            ("What did Luther start?", ["the Reformation"], "Reformation", 38, 100.0, 100.0),
            ("What is <b>bold</b> | here?", ["a *star*", "the star"], "nothing", 15, 0.0, 0.0),
            ("Why does it rain?", ["warm air rises"], "the warm air rises quickly", 17, 0.0, 75.0),
        ]
    )
]
CONTEXTS = [
    'On "31 October 1517" Luther began the Reformation; it\'s said he nailed `95` theses to a door.',
    "Here <i>is</i> nothing bold but a *star*, the star.",
    "It rains because the warm air rises quickly.",
]
VISUAL_FEATURES = {
    "vocabulary_size": 30522,
    "settings": {"labels": "soft", "max_length": 20, "regions": 36},
    "splits": {
        "train": {"examples": 443757, "rows": 443757, "tokens": 3994000, "digest": "a" * 64},
        "validation": {"examples": 214354, "rows": 214354, "tokens": 1929000, "digest": "b" * 64},
    },
    "details": {
        "answers": 3129,
        "train": {"questions": 443757, "images": 82783, "out_of_vocabulary": 10012},
        "validation": {"questions": 214354, "images": 40504, "out_of_vocabulary": 12345},
    },
    "profile": {
        "train": {
            "examples": 443757,
            "sources": 82783,
            "text_lengths": [9, 17, 28, 48, 100],
            "source_lengths": [],
            "without_answer": 1234,
            "answers": 20000,
            "most_frequent": 84615,
        },
        "validation": {
            "examples": 214354,
            "sources": 40504,
            "text_lengths": [9, 17, 28, 48, 99],
            "source_lengths": [],
            "without_answer": 600,
            "answers": 12000,
            "most_frequent": 40000,
            "overlap": {"exact": 2, "normalised": 3, "sources": 4, "texts": 180000, "named": ["262148000"]},
        },
    },
}
VISUAL_EVALUATION = {
    "examples": 214354,
    "rows": 214354,
    "loss": 0.00087452,
    "metrics": {"accuracy": {"value": 72.42, "low": 72.25, "high": 72.6}},
    "slices": [{"name": "answer_type", "value": "number", "examples": 28134, "metrics": {"accuracy": 54.1}}],
    "settings": {"split": "validation", "bootstrap_samples": 1000, "seed": 0},
    "notes": {"out_of_vocabulary": 12345},
    "grouped_by": "image",
    "groups": 40504,
}
VISUAL_EXAMPLES = [
    {
        "id": "262148000",
        "question": "Where is he looking?",
        "image": "COCO_val2014_000000262148",
        "prediction": "up",
        "probability": 0.75,
        "answers": ["down", "down", "at table", "down", "skateboard"],
        "scores": {"accuracy": 0.0},
        "slices": {"answer_type": "other"},
    }
]
VISION_MODEL = {
    "source": "hf://google/vit-base-patch16-224-in21k",
    "model": "google/vit-base-patch16-224-in21k",
    "revision": "b4569560a39a0f1af58e3ddaf17facf20ab919b0",
    "licence": "apache-2.0",
    "model_type": "vision-encoder-decoder",
    "decoder": {
        "source": "hf://openai-community/gpt2",
        "model": "openai-community/gpt2",
        "revision": "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "licence": "mit",
    },
}
CAPTIONING_FEATURES = {
    "vocabulary_size": 50257,
    "settings": {"captions_per_image": 1, "max_length": 64, "image_size": 224},
    "splits": {
        "train": {"examples": 23000, "rows": 23000, "tokens": 290000, "digest": "a" * 64},
        "validation": {"examples": 7500, "rows": 7500, "tokens": 95000, "digest": "b" * 64},
    },
    "details": {
        "train": {"rejected_captions": 10000, "images": 23431, "images_set_aside": 0},
        "validation": {"rejected_captions": 5605, "images": 7750, "images_set_aside": 1},
    },
    "profile": {
        "train": {
            "examples": 23000,
            "sources": 22990,
            "text_lengths": [40, 45, 60, 110, 300],
            "source_lengths": [],
            "without_answer": 0,
            "answers": 22900,
            "most_frequent": 12,
        },
        "validation": {
            "examples": 7500,
            "sources": 7500,
            "text_lengths": [40, 45, 60, 110, 280],
            "source_lengths": [],
            "without_answer": 0,
            "answers": 7480,
            "most_frequent": 5,
            "overlap": {"exact": 1, "normalised": 2, "sources": 1, "texts": 9, "named": ["17", "18"]},
        },
    },
}
CAPTIONING_EVALUATION = {
    "examples": 7500,
    "grouped_by": "",
    "groups": 0,
    "rows": 7500,
    "loss": 2.4134,
    "metrics": {
        "bleu_4": {"value": 17.5, "low": 17.0, "high": 18.0},
        "cider": {"value": 0.61, "low": 0.58, "high": 0.64},
        "rouge_l": {"value": 42.0, "low": 41.5, "high": 42.5},
    },
    "slices": [
        {
            "name": "caption_length",
            "value": "10 to 14 words",
            "examples": 4000,
            "metrics": {"rouge_l": 43.0, "cider": 0.7},
        }
    ],
    "settings": {
        "split": "validation",
        "beams": 4,
        "max_length": 32,
        "length_penalty": 1.0,
        "bootstrap_samples": 1000,
        "seed": 0,
    },
    "notes": {"padded_loss": 0.0751},
}
CAPTIONED = [
    {
        "id": str(23431 + number),
        "image": f"VizWiz_val_0000000{number}.jpg",
        "prediction": prediction,
        "answers": ["A can of soup.", "a red can on a table", "a can of <soup>"],
        "scores": {"rouge_l": 40.0, "cider": cider},
        "slices": {},
    }
    for number, (prediction, cider) in enumerate([("a can of soup", 10.0), ("a dog", 0.02), ("a bottle", 0.01)])
]


class Run:
    """The six artifacts of a run below a directory, and what else the step is given."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.facts: Dict[str, Dict[str, Any]] = {
            "raw-data": copy.deepcopy(RAW_DATA),
            "base-model": copy.deepcopy(BASE_MODEL),
            "features": copy.deepcopy(FEATURES),
            "checkpoint": copy.deepcopy(CHECKPOINT),
            "evaluation": copy.deepcopy(EVALUATION),
            "verdict": copy.deepcopy(VERDICT),
        }
        self.card: Dict[str, Any] = copy.deepcopy(CARD)
        self.name = "bert-base-uncased-squad"
        self.log: Any = copy.deepcopy(LOG)
        self.examples: Any = copy.deepcopy(EXAMPLES)
        self.fill_features: Callable[[Path], None] = _write_questions

    def becomes(self, task: str, **facts: Mapping[str, Any]) -> None:
        """Make it another task's run, whose facts differ in these."""
        for kind, changed in facts.items():
            self.facts[kind.replace("_", "-")].update(copy.deepcopy(changed))
        for kind in ("features", "checkpoint", "evaluation"):
            self.facts[kind]["task"] = task

    def write(self) -> Dict[str, Path]:
        """Seal the artifacts, each naming those it was made from; return the paths of what the step is given."""
        raw_data = self._seal("raw-data", {}, {})
        base_model = self._seal("base-model", {}, {})
        features = self._seal("features", {"raw_data": raw_data}, {})
        made_from = {"features": features, "base_model": base_model}
        model = {"model/config.json": [{}], "model/model.safetensors": ["weights"]}
        checkpoint = self._seal("checkpoint", made_from, {"log.jsonl": self.log, **model})
        made_from = {"features": features, "checkpoint": checkpoint}
        evaluation = self._seal("evaluation", made_from, {"examples.jsonl": self.examples})
        self._seal("verdict", {"evaluation": evaluation}, {})
        of_large: Dict[str, Any] = {"raw-data": RAW, "base-model": BASE, "features": PREPARED, "checkpoint": TRAINED}
        for kind, of in of_large.items():
            files = shown_files(PREPARED.read(self.directory / kind)) if kind == "features" else ["log.jsonl"]
            write_facts(of, self.directory / kind, self.directory / f"{kind}-facts", files)
        names = {kind: f"{kind}-facts" if kind in of_large else kind for kind in self.facts}
        return {kind.replace("-", "_"): self.directory / name for kind, name in names.items()}

    def _seal(self, kind: str, made_from: Mapping[str, str], files: Mapping[str, Any]) -> str:
        """Write one artifact and return its digest; facts that a test gave win over `made_from`."""
        with sealing(self.directory / kind, kind, 1) as draft:
            draft.facts.update({**made_from, **self.facts[kind]})
            if kind == "features":
                self.fill_features(draft.path)
            for name, lines in files.items():
                (draft.path / name).parent.mkdir(exist_ok=True)
                (draft.path / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            if kind == "evaluation":
                features = PREPARED.read(self.directory / "features")
                write_usage(draft.path, usage_of(features, "validation", self.examples))
        return read_manifest(self.directory / kind, kind, 1).digest


@pytest.fixture
def finished_run(tmp_path: Path) -> Run:
    """A run of the published BERT recipe, not yet written: change it, then call write()."""
    return Run(tmp_path / "run")


@pytest.fixture
def visual_run(finished_run: Run) -> Run:
    """The run made one of VQA."""
    finished_run.becomes(
        "visual-question-answering",
        raw_data={"source": "/data/vqa", "dataset": "Graphcore/vqa-lxmert", "revision": "", "licence": "cc-by-4.0"},
        base_model={
            "source": "hf://unc-nlp/lxmert-base-uncased",
            "model": "unc-nlp/lxmert-base-uncased",
            "revision": "",
            "licence": "mit",
            "model_type": "lxmert",
        },
        features=VISUAL_FEATURES,
        evaluation=VISUAL_EVALUATION,
        verdict={
            **NOT_PAIRED,
            "reasons": ["accuracy is 72.42, at or above its floor of 70.00"],
            "grouped_by": "image",
            "settings": {"metric": "accuracy", "floors": {"accuracy": 70.0}, "tolerance": 1.0},
        },
    )
    finished_run.name = "lxmert-vqa-uncased"
    finished_run.card.update(
        description="LXMERT, fine-tuned to answer English questions about pictures.",
        intended_use="Visual question answering.",
        limits="It knows the answers of its vocabulary only.",
        tags=["vqa"],
    )
    finished_run.card["reference"] = {"source": "Graphcore", "metrics": {"accuracy": 72.42, "loss": 0.0008745193}}
    finished_run.log = [line for line in finished_run.log if "loss" in line]
    finished_run.examples = copy.deepcopy(VISUAL_EXAMPLES)
    finished_run.fill_features = _write_regions
    return finished_run


@pytest.fixture
def captioning_run(finished_run: Run) -> Run:
    """The run made one of captioning, with two models as its base and three small pictures."""
    finished_run.becomes(
        "image-captioning",
        raw_data={
            "source": "/data/vizwiz",
            "dataset": "vizwiz/captions",
            "revision": "",
            "licence": "cc-by-4.0",
            "splits": {"validation.captions": "validation.json", "validation.images": "validation"},
        },
        base_model=VISION_MODEL,
        features=CAPTIONING_FEATURES,
        evaluation=CAPTIONING_EVALUATION,
        verdict={
            **NOT_PAIRED,
            "reasons": ["bleu_4 is 17.50, at or above its floor of 15.00"],
            "grouped_by": "",
            "champion_metrics": {"bleu_4": 17.2, "cider": 0.58},
            "differences": {"cider": {"champion": 0.58, "value": 0.03, "low": 0.01, "high": 0.05}},
            "difference": {"value": 0.03, "low": 0.01, "high": 0.05},
            "settings": {"metric": "cider", "floors": {"bleu_4": 15.0}, "tolerance": 0.05},
        },
    )
    finished_run.name = "vit-gpt2-vizwiz"
    finished_run.card.update(
        description="ViT and GPT-2, fine-tuned to describe pictures that blind people took.",
        intended_use="Captions of photographs.",
        limits="It describes also what it cannot see.",
        tags=["vizwiz"],
    )
    finished_run.card["reference"] = {"source": "Graphcore", "metrics": {"padded_loss": 0.0708, "meteor": 20.0}}
    finished_run.log = [
        {"step": 1035, "epoch": 1.5, "loss": 2.5, "learning_rate": 3e-05},
        {"step": 1380, "epoch": 2.0, "evaluation": {"bleu_1": 60.0, "bleu_4": 17.0, "cider": 0.6, "loss": 2.4}},
        {"step": 2070, "epoch": 3.0, "loss": 2.3, "learning_rate": 0.0},
    ]
    finished_run.examples = copy.deepcopy(CAPTIONED)
    finished_run.fill_features = _write_pixels
    return finished_run


def _write_questions(features: Path) -> None:
    (features / "validation").mkdir()
    questions = []
    for row, example in enumerate(EXAMPLES):
        texts: Any = example["answers"]
        answers = tuple(Answer(text, CONTEXTS[row].index(text)) for text in texts)
        questions.append(Question(str(example["id"]), str(example["question"]), answers, False, row))
    write_questions(features / "validation", questions, CONTEXTS)


def _write_regions(features: Path) -> None:
    (features / "validation").mkdir()
    arrays = {
        "image": np.zeros(1, dtype=np.int32),
        "features": np.ones((1, 36, 2048), dtype=np.float16),
        "boxes": np.full((1, 36, 4), 0.5, dtype=np.float32),
    }
    for name, array in arrays.items():
        save_array(features / "validation", name, array)


def _pixels() -> np.ndarray:
    """Three pictures of one colour each: red, green, blue."""
    pixels = np.zeros((3, 16, 16, 3), dtype=np.uint8)
    for row in range(3):
        pixels[row, :, :, row] = 200
    return pixels


def _write_pixels(features: Path) -> None:
    (features / "validation").mkdir()
    pixels = _pixels()
    np.save(features / "validation" / "images.npy", pixels)
    records = [ImageRecord(str(row), f"{row}.jpg", "0" * 64, ("a",), ("a",), {}) for row in range(3)]
    tokens = Ragged(np.array([5, 2, 5, 2, 5, 2], dtype=np.int32), np.array([0, 2, 4, 6]))
    write_captions(features / "validation", records, tokens)
    names = [f"VizWiz_val_0000000{row}.jpg" for row in range(3)]
    with TemporaryDirectory() as published:
        for name, picture in zip(names, pixels):
            Image.fromarray(picture).resize((32, 16)).save(Path(published) / name)  # twice as wide as high
        write_previews(features, "validation", DataFile(Path(published)), names)


@pytest.fixture
def contents(finished_run: Run) -> Callable[[], Any]:
    """A function that writes the run and works out what the card says of it."""
    from podtune.sections import read_section
    from podtune.steps.write_card.contents import contents_of
    from podtune.steps.write_card.records import open_records
    from podtune.steps.write_card.settings import CardSettings

    def work_out() -> Any:
        records = open_records(finished_run.write())
        card = read_section(CardSettings, finished_run.card, "card")
        return contents_of(records, card, finished_run.name)

    return work_out


@pytest.fixture
def literal_contents(contents: Callable[[], Any]) -> Any:
    """What the card says of the unchanged run."""
    return contents()
