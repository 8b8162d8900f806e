"""Graphcore's layout of VQA and GQA: Arrow or Parquet tables in which every question repeats its image's regions.

A column `label` has the label of the one right answer, or `ids` and `weights` of several. The answers stand in the
schema, where the library `datasets` writes what it knows of the columns.
"""

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.ragged import Array
from podtune.formats.raw_data import DataFile
from podtune.formats.set_aside import CURE, SetAside
from podtune.steps.extract_lxmert.questions import QuestionFile, with_most_right
from podtune.steps.extract_lxmert.reports import BadRow, ReportBadRow, part_of
from podtune.tasks.visual_question_answering import region_store
from podtune.tasks.visual_question_answering.questions import VisualQuestion

_QUESTION_COLUMNS = ("question_id", "image_id", "question", "label")
_SLICES = ("question_type", "answer_type")
_REGION_COLUMNS = ("image_id", "features", "normalized_boxes")
_BATCH = 256
"""Rows read at a time: 77 MB of regions."""


def read_table_answers(table: DataFile) -> Optional[List[str]]:
    """The vocabulary that a table's schema names; None where it names none."""
    file = _files(table)[0]
    described = (_schema(file).metadata or {}).get(b"huggingface")
    try:
        return _class_names(json.loads(described)["info"]["features"].get("label")) if described else None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadInput(f"{file} describes its columns under 'huggingface' otherwise than `datasets` does") from error


def read_table_questions(table: DataFile, answers: Sequence[str], aside: SetAside) -> QuestionFile:
    """Read the questions of a table, whose labels count in `answers`; rows that cannot be read are set aside."""
    questions: List[Tuple[DataFile, VisualQuestion]] = []
    bad_rows = BadRows(table, CURE)
    for file in _files(table):
        rows = (row for batch in _batches(file, _QUESTION_COLUMNS, _SLICES) for row in batch.to_pylist())
        for number, row in enumerate(rows, start=1):
            with bad_rows:
                questions.append((file, _question(row, answers, f"{file}: row {number}")))
    read = with_most_right(questions, bad_rows, aside)
    read.require_some(table, aside)
    return read


def store_table_regions(table: DataFile, directory: Path, regions: int, report: ReportBadRow) -> Set[str]:
    """Put the regions of every image into the split's store, from its first row; return the images that have some."""
    rows, shape = region_store.rows_of_images(directory), (regions, region_store.FEATURE_SIZE)
    stored: Set[str] = set()
    with region_store.open_region_store(directory) as store:
        numbered = ((file, *row) for file in _files(table) for row in enumerate(_regions(file), start=1))
        for file, number, (image, features, boxes) in numbered:
            if image in rows and image not in stored:
                try:
                    seen = _matrix(features, "features", shape), _matrix(boxes, "normalized_boxes", (regions, 4))
                    store.put(rows[image], *seen)
                    stored.add(image)
                except region_store.BadRegions as mistake:
                    report(BadRow(number, image, str(mistake), part_of(table, file)))
    return stored


def _regions(file: DataFile) -> Iterator[Tuple[str, Any, Any]]:
    """Image, features and boxes of every row; the arrays have this one row."""
    for batch in _batches(file, _REGION_COLUMNS):
        features, boxes = _array(batch, "features"), _array(batch, "normalized_boxes")
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


def _files(table: DataFile) -> List[DataFile]:
    """A table's files, in order: itself, or those of a folder."""
    files = [part for part in table.parts() if part is table or part.path.suffix in (".arrow", ".parquet")]
    if not files:
        raise BadInput(f"{table} is neither an Arrow or Parquet file nor a folder of such files")
    return files


def _is_parquet(file: DataFile) -> bool:
    with file.path.open("rb") as opened:
        return opened.read(4) == b"PAR1"


def _schema(file: DataFile) -> Any:
    try:
        return parquet.read_schema(file.path) if _is_parquet(file) else _open_arrow(file).schema
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{file} is neither Arrow nor Parquet: {' '.join(str(error).split())}") from error


def _open_arrow(file: DataFile) -> Any:
    """Open Arrow's stream, which `datasets` writes, or its file."""
    mapped = pa.memory_map(str(file.path))
    try:
        return pa.ipc.open_stream(mapped)
    except pa.ArrowInvalid:
        return pa.ipc.open_file(mapped)


def _batches(file: DataFile, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Any]:
    """Record batches of a file with the required columns, and the optional ones where it has them."""
    names = _schema(file).names
    missing = [name for name in required if name not in names]
    if missing:
        raise BadInput(f"{file} has no column {missing[0]}; it has {', '.join(names)}")
    columns = [*required, *(name for name in optional if name in names)]
    try:
        if _is_parquet(file):
            yield from parquet.ParquetFile(file.path).iter_batches(_BATCH, columns=columns)
        else:
            yield from (batch.select(columns) for batch in _arrow_batches(file))
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{file} is cut off or damaged: {' '.join(str(error).split())}") from error


def _arrow_batches(file: DataFile) -> Iterator[Any]:
    reader = _open_arrow(file)
    if isinstance(reader, pa.RecordBatchStreamReader):
        yield from reader
    else:
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))


def _array(batch: Any, name: str) -> Any:
    column = batch.column(name)
    return column.storage if isinstance(column, pa.ExtensionArray) else column


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
