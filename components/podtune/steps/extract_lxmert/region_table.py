"""Graphcore's layout of VQA and GQA: Arrow or Parquet tables in which every question repeats its image's regions.

A column `label` has the label of the one right answer, or `ids` and `weights` of several. The answers stand in the
schema, where the library `datasets` writes what it knows of the columns.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.ragged import Array
from podtune.formats.raw_data import DataFile
from podtune.formats.set_aside import CURE, SetAside
from podtune.formats.tables import Table, open_tables
from podtune.parsing import parse_json
from podtune.steps.extract_lxmert.questions import QuestionFile, with_most_right
from podtune.steps.extract_lxmert.reports import BadRow, ReportBadRow, part_of
from podtune.tasks.visual_question_answering import region_store
from podtune.tasks.visual_question_answering.questions import VisualQuestion

_QUESTION_COLUMNS = ("question_id", "image_id", "question", "label")
_SLICES = ("question_type", "answer_type")
_REGION_COLUMNS = ("image_id", "features", "normalized_boxes")
_COLUMNS = (*_QUESTION_COLUMNS, *_SLICES, *_REGION_COLUMNS)


def read_table_answers(table: DataFile) -> Optional[List[str]]:
    """The vocabulary that a table's schema names; None where it names none."""
    first = _tables(table)[0]
    described = first.metadata.get(b"huggingface")
    try:
        return _class_names(parse_json(described)["info"]["features"].get("label")) if described else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(
            f"{first.file} describes its columns under 'huggingface' otherwise than `datasets` does"
        ) from error


def read_table_questions(table: DataFile, answers: Sequence[str], aside: SetAside) -> QuestionFile:
    """Read the questions of a table, whose labels count in `answers`; rows that cannot be read are set aside."""
    questions: List[Tuple[DataFile, VisualQuestion]] = []
    bad_rows = BadRows(table, CURE)
    for one in _tables(table):
        columns = [*_required(one, _QUESTION_COLUMNS), *(name for name in _SLICES if name in one.names)]
        for number, row in enumerate(one.rows(columns), start=1):
            with bad_rows:
                questions.append((one.file, _question(row, answers, f"{one.file}: row {number}")))
    read = with_most_right(questions, bad_rows, aside)
    read.require_some(table, aside)
    return read


def store_table_regions(table: DataFile, directory: Path, regions: int, report: ReportBadRow) -> Set[str]:
    """Put the regions of every image into the split's store, from its first row; return the images that have some."""
    rows, shape = region_store.rows_of_images(directory), (regions, region_store.FEATURE_SIZE)
    stored: Set[str] = set()
    with region_store.open_region_store(directory) as store:
        numbered = ((one.file, *row) for one in _tables(table) for row in enumerate(_regions(one), start=1))
        for file, number, (image, features, boxes) in numbered:
            if image in rows and image not in stored:
                try:
                    seen = _matrix(features, "features", shape), _matrix(boxes, "normalized_boxes", (regions, 4))
                    store.put(rows[image], *seen)
                    stored.add(image)
                except region_store.BadRegions as mistake:
                    report(BadRow(number, image, str(mistake), part_of(table, file)))
    return stored


def _regions(table: Table) -> Iterator[Tuple[str, Any, Any]]:
    """Image, features and boxes of every row; the arrays have this one row."""
    for batch in table.batches(_required(table, _REGION_COLUMNS)):
        features, boxes = batch.column("features"), batch.column("normalized_boxes")
        for row, image in enumerate(map(str, batch.column("image_id").to_pylist())):
            yield image, features.slice(row, 1), boxes.slice(row, 1)


def _question(row: Mapping[str, Any], answers: Sequence[str], where: str) -> VisualQuestion:
    missing = [name for name in _QUESTION_COLUMNS if row[name] is None or row[name] == ""]
    if missing:
        raise BadInput(f"{where} has no {missing[0]}")
    labels, slices = _labels(row["label"], answers, where), {name: row[name] for name in _SLICES if row.get(name)}
    name, image, question = str(row["question_id"]), str(row["image_id"]), str(row["question"])
    return VisualQuestion(name, image, question, labels=labels, answers=(), slices=slices)


def _labels(label: Any, answers: Sequence[str], where: str) -> Dict[str, float]:
    try:
        pairs = _pairs(label)
    except (TypeError, KeyError, ValueError) as error:
        raise BadInput(f"{where}: label must be a number, or have as many weights as ids; got {label}") from error
    for number, weight in pairs:
        if not (isinstance(number, int) and 0 <= number < len(answers)):
            raise BadInput(f"{where}: the label {number} is not one of {len(answers)} answers")
        if not (isinstance(weight, (int, float)) and 0 < weight <= 1):
            raise BadInput(f"{where}: the weight {weight} must be above 0 and at most 1")
    return {answers[number]: round(float(weight), 6) for number, weight in pairs}  # 0.3 in float32 is not quite 0.3


def _pairs(label: Any) -> List[Tuple[Any, Any]]:
    """Labels with their weights."""
    if isinstance(label, int):
        return [(label, 1.0)]
    if isinstance(label, dict):
        return list(zip(label["ids"], label["weights"], strict=True))
    return [(each["ids"], each["weights"]) for each in label]


def _class_names(feature: Any) -> Optional[List[str]]:
    """The names of a feature that is a class, or of the `ids` of several."""
    if isinstance(feature, list):
        feature = feature[0] if feature else None
    if not isinstance(feature, dict):
        return None
    if isinstance(feature.get("names"), list):
        return [str(name) for name in feature["names"]]
    return _class_names(feature.get("ids", feature.get("feature")))


def _tables(table: DataFile) -> List[Table]:
    """A table's files, in order: itself, or those of a folder."""
    files = [part for part in table.parts() if part is table or part.path.suffix in (".arrow", ".parquet")]
    if not files:
        raise BadInput(f"{table} is neither an Arrow or Parquet file nor a folder of such files")
    return open_tables(files, _COLUMNS)


def _required(table: Table, columns: Sequence[str]) -> Sequence[str]:
    """The columns; BadInput where the table lacks one."""
    missing = [name for name in columns if name not in table.names]
    if missing:
        raise BadInput(f"{table.file} has no column {missing[0]}; it has {', '.join(table.names)}")
    return columns


def _matrix(row: Any, name: str, shape: Sequence[int]) -> Array:
    """The list of lists of an array with one row, float32 of this shape."""
    try:
        lists = row.flatten()
        values = lists.flatten()
        shaped = len(lists) == shape[0] and set(lists.value_lengths().to_pylist()) == {shape[1]}
        numbers = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float32)
    except (AttributeError, TypeError, ValueError) as error:
        raise region_store.BadRegions(f"{name} must be lists of lists of numbers; it is {row.type}") from error
    if not shaped or values.null_count:
        due = f"{shape[0]} of {shape[1]:,} are due"
        raise region_store.BadRegions(f"{name} has {len(lists)} lists with {len(values):,} numbers; {due}")
    return numbers.reshape(tuple(shape))
