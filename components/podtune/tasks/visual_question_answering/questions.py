"""A split of visual question-answering Features: questions, and the regions of the images that they ask about.

`answers.json`, beside the splits, is the vocabulary: a list, in which an answer's index is its label. In a split,
`questions.jsonl` has one object a question, with the fields of VisualQuestion, and `images.json` is the list of the
images' names. Every array is a file named like its field (formats/ragged.py). An image is stored once, however many
questions ask about it, and in float16: VQA's 82,783 training images take 82,783 x 36 x 2048 x 2 bytes, which are
11.4 GiB, and its 443,757 questions another 0.2 GiB.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import List, Mapping, Sequence, Tuple

import numpy as np

from podtune.errors import BadInput
from podtune.formats.features import FeaturesFacts
from podtune.formats.json_lines import read_json_lines, write_json_lines
from podtune.formats.profile import Traces, hashes, lengths, normalised
from podtune.formats.ragged import Array, Batch, Ragged, map_array, map_ragged, save_array
from podtune.formats.sums import known_sums

ANSWERS = "answers.json"
QUESTIONS = "questions.jsonl"
IMAGES = "images.json"
REGION_FEATURES = "features"
BOXES = "boxes"

IGNORED = -100
"""The hard label of a question whose answer is out of vocabulary: it has no loss."""


@dataclass(frozen=True)
class VisualQuestion:
    """A question about an image, and what is known of its answers."""

    id: str
    """As published, with the zeros that some of GQA's begin with."""

    image: str
    """The image's name beside its regions."""

    question: str
    labels: Mapping[str, float]
    """Right answers, also those out of vocabulary, to how right they are, from 0 to 1."""

    answers: Tuple[str, ...]
    """What each of several people answered, as published; empty where that is not known."""

    slices: Mapping[str, str]
    """What the question is counted under, such as {"answer_type": "number"}."""


@dataclass(frozen=True)
class VisualQuestions:
    """The questions of one split; `training.protocols.Examples`."""

    directory: Path
    tokens: Ragged
    """int32: each question's token ids, special tokens included."""

    image: Array
    """int32 [questions]: row of `features` and `boxes`."""

    labels: Ragged
    """int32: each question's right answers that the vocabulary has, the most right ones first."""

    weights: Array
    """float32, offsets as in `labels`: how right each is."""

    features: Array
    """float16 [images, regions, 2048]; a row that no question points to, as its image was set aside, is zero."""

    boxes: Array
    """float32 [images, regions, 4]: left, top, right, bottom, in shares of the image's width and height."""

    answers: int
    """Of the vocabulary."""

    soft: bool
    """Whether several answers of a question may be right, each as much as it weighs, or one is."""

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def lengths(self) -> Array:
        """int64 [questions]: the tokens of each and the regions of its image."""
        lengths: Array = self.tokens.lengths + self.features.shape[1]
        return lengths

    def names(self, rows: Array) -> List[str]:
        """The questions' ids."""
        ids = [question.id for question in _read_lines(self.directory / QUESTIONS)]
        return [ids[row] for row in rows]

    def batch(self, rows: Array) -> Batch:
        """Gather questions: stream tokens, columns regions, boxes and target, which LxmertObjective describes."""
        tokens, images = self.tokens.take(rows), self.image[rows]
        columns = {
            "regions": np.take(self.features, images, axis=0),
            "boxes": np.take(self.boxes, images, axis=0),
            "target": self._soft_target(rows) if self.soft else self._hard_target(rows),
        }
        return Batch(tokens.offsets, {"tokens": tokens.values}, columns)

    def _soft_target(self, rows: Array) -> Array:
        """float32 [rows, answers]: how right each answer of the vocabulary is."""
        labels, weights = self.labels.take(rows), Ragged(self.weights, self.labels.offsets).take(rows)
        target = np.zeros((len(rows), self.answers), dtype=np.float32)
        target[np.repeat(np.arange(len(rows)), labels.lengths), labels.values] = weights.values
        return target

    def _hard_target(self, rows: Array) -> Array:
        """int64 [rows]: the most right answer; IGNORED where the vocabulary has none."""
        known = self.labels.lengths[rows] > 0
        target = np.full(len(rows), IGNORED, dtype=np.int64)
        target[known] = self.labels.values[self.labels.offsets[rows[known]]]
        return target


def write_answers(features: Path, answers: Sequence[str]) -> None:
    """Write the vocabulary into a Features directory."""
    (features / ANSWERS).write_text(json.dumps(list(answers), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def read_answers(features: Path) -> List[str]:
    """Read the vocabulary of a verified Features directory; an answer's index is its label."""
    return list(json.loads((features / ANSWERS).read_text(encoding="utf-8")))


def write_questions(
    directory: Path, questions: Sequence[VisualQuestion], tokens: Ragged, image: Array, answers: Sequence[str]
) -> None:
    """Write a split's questions beside its features and boxes; `answers` is the vocabulary."""
    write_json_lines(directory / QUESTIONS, map(vars, questions))
    labels, weights = _label_table(questions, answers)
    for name, array in (("tokens", tokens), ("image", image), ("labels", labels), ("weights", weights)):
        save_array(directory, name, array)


def open_questions(features: Path, split: str, *, soft: bool) -> VisualQuestions:
    """Memory-map one split of a verified Features directory; BadInput where there is no such split."""
    directory = features / split
    if not (directory / QUESTIONS).is_file():
        names = ", ".join(sorted(path.parent.name for path in features.glob(f"*/{QUESTIONS}"))) or "none"
        raise BadInput(f"{features} has no split {split!r} of questions; it has {names}")
    return VisualQuestions(
        directory=directory,
        tokens=map_ragged(directory, "tokens"),
        image=np.asarray(map_array(directory, "image")),
        labels=map_ragged(directory, "labels"),
        weights=np.asarray(map_array(directory, "weights")),
        features=np.asarray(map_array(directory, REGION_FEATURES)),
        boxes=np.asarray(map_array(directory, BOXES)),
        answers=len(read_answers(features)),
        soft=soft,
    )


def read_questions(features: Path, split: str) -> List[VisualQuestion]:
    """Read a split's questions, in the data's order."""
    return _read_lines(features / split / QUESTIONS)


def are_labels_soft(features: FeaturesFacts) -> bool:
    """Whether several answers of a question may be right, more or less, as in VQA; in GQA one is."""
    return bool(features.settings["labels"] == "soft")


def split_digest(directory: Path) -> str:
    """SHA-256 of a split's questions, true answers and regions, whatever the tokenizer and the vocabulary."""
    digest = hashlib.sha256()
    files = (QUESTIONS, "image.npy", f"{REGION_FEATURES}.npy", f"{BOXES}.npy")
    for found in known_sums([directory / name for name in files]):
        digest.update(bytes.fromhex(found))
    return digest.hexdigest()


def traces_of(directory: Path, questions: Sequence[VisualQuestion], image: Array) -> Traces:
    """What the profile needs of a split's questions, whose regions are written; `image` has their rows.

    A source is an image, known by its name and its boxes: two images of one name, as of 1.jpg in two folders, differ
    in their boxes. The answer that counts is the most right one.
    """
    boxes = map_array(directory, BOXES)
    found = {row: hash((questions[first].image, boxes[row].tobytes())) for row, first in zip(*np.unique(image, True))}
    sources = [found[row] for row in image.tolist()]
    texts = [normalised(question.question) for question in questions]
    return Traces(
        ids=[question.id for question in questions],
        exact=hashes((source, question.question) for source, question in zip(sources, questions)),
        normalised=hashes(zip(sources, texts)),
        sources=hashes(sources),
        texts=hashes(texts),
        answers=hashes(max(one.labels, key=one.labels.__getitem__) for one in questions if one.labels),
        text_lengths=lengths(question.question for question in questions),
        source_lengths=np.empty(0, dtype=np.int64),
    )


def _read_lines(path: Path) -> List[VisualQuestion]:
    return [VisualQuestion(**{**values, "answers": tuple(values["answers"])}) for values in read_json_lines(path)]


def _label_table(questions: Sequence[VisualQuestion], answers: Sequence[str]) -> Tuple[Ragged, Array]:
    """The labels of each question's right answers and, with the same offsets, their weights."""
    labels = {answer: label for label, answer in enumerate(answers)}
    ids: List[int] = []
    weights: List[float] = []
    offsets = np.zeros(len(questions) + 1, dtype=np.int64)
    for row, question in enumerate(questions):
        known = [(answer, weight) for answer, weight in question.labels.items() if answer in labels and weight > 0]
        known.sort(key=lambda pair: -pair[1])  # stable: of equal ones the first published stays first
        ids += [labels[answer] for answer, _ in known]
        weights += [weight for _, weight in known]
        offsets[row + 1] = len(ids)
    return Ragged(np.array(ids, dtype=np.int32), offsets), np.array(weights, dtype=np.float32)
