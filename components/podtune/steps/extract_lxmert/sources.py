"""What a split is made of: questions, and regions from a file, a table or a detector, as RawData's file names say."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Set

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.json_files import of_kind, read_json
from podtune.formats.raw_data import DataFile
from podtune.formats.set_aside import SetAside
from podtune.steps.extract_lxmert.questions import QuestionFile, read_question_file
from podtune.steps.extract_lxmert.region_file import store_region_file
from podtune.steps.extract_lxmert.region_pictures import store_picture_regions
from podtune.steps.extract_lxmert.region_table import read_table_answers, read_table_questions, store_table_regions
from podtune.steps.extract_lxmert.reports import ReportBadRow

ANSWERS = "answers"
DETECTOR = "detector"
_ROLES = ("questions", "annotations", "features", "images", "table", ANSWERS, DETECTOR)

StoreRegions = Callable[[Path, int, ReportBadRow], Set[str]]
"""Directory of a split's store, regions an image, and a callback; to the images that have regions now."""


@dataclass(frozen=True)
class Source:
    """One split as published."""

    questions: QuestionFile
    questions_file: DataFile
    regions: DataFile
    """The file of the regions, or what holds the images."""

    store_regions: StoreRegions
    aside: SetAside
    images: Optional[DataFile] = None
    """What holds the images, where the data has them; a card shows them."""


def files_of_splits(files: Mapping[str, DataFile], source: str) -> Dict[str, Dict[str, DataFile]]:
    """Split to its files by role; BadInput where a name is none of a split's file."""
    splits: Dict[str, Dict[str, DataFile]] = defaultdict(dict)
    for name, file in files.items():
        split, _, role = name.rpartition(".")
        if not split or role not in _ROLES:
            wanted = ", ".join(f"train.{known}" for known in _ROLES)
            raise BadInput(f"{source} has a file for {name!r}; files are known for {wanted}, and other splits'")
        splits[split][role] = file
    return dict(splits)


def open_source(
    split: str,
    files: Mapping[str, DataFile],
    aside: SetAside,
    *,
    answers: Optional[List[str]],
    detector: Optional[DataFile],
) -> Source:
    """Read a split's questions; `answers` is the published vocabulary, and `detector` looks at images."""
    if "table" in files:
        table, named = files["table"], read_table_answers(files["table"])
        if answers is None:
            raise BadInput(f"{table} names no answers for its labels; give a vocabulary as train.{ANSWERS}")
        if named and named != answers:
            counts = f"{len(named):,}, which has {len(answers):,}"
            raise BadInput(f"{table} names other answers than the vocabulary: {counts}")
        questions = read_table_questions(table, answers, aside)
        return Source(questions, table, table, partial(store_table_regions, table), aside)
    if "questions" not in files or not {"features", "images"} & files.keys():
        missing = "features" if "questions" in files else "questions"
        wanted = f"{split}.questions with {split}.features or {split}.images, or {split}.table"
        raise BadInput(f"the data has no {split}.{missing}; a split has {wanted}")
    questions = read_question_file(files["questions"], files.get("annotations"), aside)
    if "features" in files:
        regions = files["features"]
        store = partial(store_region_file, regions)
        return Source(questions, files["questions"], regions, store, aside, files.get("images"))
    if detector is None:
        raise BadInput(f"{split}.images need a detector to look at them; give its weights as train.{DETECTOR}")
    images = files["images"]
    store = partial(store_picture_regions, images, detector)
    return Source(questions, files["questions"], images, store, aside, images)


def detector_of(files: Mapping[str, Mapping[str, DataFile]]) -> Optional[DataFile]:
    """What finds the regions of images; None where the data has none."""
    return next((of_split[DETECTOR] for of_split in files.values() if DETECTOR in of_split), None)


def published_answers(files: Mapping[str, Mapping[str, DataFile]]) -> Optional[List[str]]:
    """The vocabulary that the data has: in a file of its own, else in the schema of a table; None where it has none."""
    for of_split in files.values():
        if ANSWERS in of_split:
            return read_answer_file(of_split[ANSWERS])
    for of_split in files.values():
        names = read_table_answers(of_split["table"]) if "table" in of_split else None
        if names:
            return _checked_answers(names, of_split["table"])
    return None


def read_answer_file(file: DataFile) -> List[str]:
    """Read a list of answers by label (label2ans), or an object of labels by answer (ans2label)."""
    document = of_kind(read_json(file.path, shown=str(file)), (list, dict), str(file))
    answers = document
    bad_rows = BadRows(file)
    if isinstance(document, dict):
        for answer, label in document.items():
            with bad_rows:
                of_kind(label, (int,), f"{file}: the label of {answer!r}")
        bad_rows.stop()
        answers = sorted(document, key=document.__getitem__)
        if [document[answer] for answer in answers] != list(range(len(answers))):
            raise BadInput(f"{file}: the labels of {len(answers)} answers must be 0 to {len(answers) - 1}, each once")
    for label, answer in enumerate(answers):
        with bad_rows:
            of_kind(answer, (str,), f"{file}: answer {label}")
    bad_rows.stop()
    return _checked_answers(answers, file)


def _checked_answers(answers: List[str], file: DataFile) -> List[str]:
    """The same answers; BadInput unless there are at least two, all different."""
    if len(answers) < 2:
        raise BadInput(f"{file}: a vocabulary has at least two answers; got {len(answers)}")
    bad_rows = BadRows(file)
    for answer, count in Counter(answers).items():
        if count > 1:
            bad_rows.add(f"{file}: the answer {answer!r} has {count} labels; it must have one")
    bad_rows.stop()
    return answers


def make_vocabulary(chosen: Iterable[str], minimum: int) -> List[str]:
    """The answers that so many questions or more have, the most frequent first; equally frequent ones by alphabet."""
    counts = Counter(answer for answer in chosen if answer)
    frequent = [answer for answer, count in counts.items() if count >= minimum]
    frequent.sort(key=lambda answer: (-counts[answer], answer))
    if len(frequent) < 2:
        raise BadInput(
            f"{len(frequent)} of {len(counts)} answers are given to {minimum} questions; a vocabulary has at least two:"
            " give more questions, a vocabulary, or a lower features.minimum_answers"
        )
    return frequent
