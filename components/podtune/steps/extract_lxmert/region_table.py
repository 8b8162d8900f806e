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
from podtune.formats.ragged import Array
from podtune.steps.extract_lxmert.questions import QuestionFile, with_most_right
from podtune.steps.extract_lxmert.set_aside import BadRow, ReportBadRow
from podtune.tasks.visual_question_answering import region_store
from podtune.tasks.visual_question_answering.questions import VisualQuestion

_QUESTION_COLUMNS = ("question_id", "image_id", "question", "label")
_SLICES = ("question_type", "answer_type")
_REGION_COLUMNS = ("image_id", "features", "normalized_boxes")
_BATCH = 256
"""Rows read at a time: 77 MB of regions."""


def read_table_answers(path: Path) -> Optional[List[str]]:
    """The vocabulary that a table's schema names; None where it names none."""
    described = (_schema(_files(path)[0]).metadata or {}).get(b"huggingface")
    features = json.loads(described)["info"]["features"] if described else {}
    return _class_names(features.get("label"))


def read_table_questions(path: Path, answers: Sequence[str]) -> QuestionFile:
    """Read the questions of a table, whose labels count in `answers`; BadInput names the first wrong row."""
    rows = (row for batch in _batches(path, _QUESTION_COLUMNS, _SLICES) for row in batch.to_pylist())
    questions = [_question(row, answers, f"{path}: row {number}") for number, row in enumerate(rows, start=1)]
    table = with_most_right(questions)
    table.require_distinct(path)
    return table


def store_table_regions(path: Path, directory: Path, regions: int, report: ReportBadRow) -> Set[str]:
    """Put the regions of every image into the split's store, from its first row; return the images that have some."""
    rows, shape = region_store.rows_of_images(directory), (regions, region_store.FEATURE_SIZE)
    stored: Set[str] = set()
    with region_store.open_region_store(directory) as store:
        for number, (image, features, boxes) in enumerate(_regions(path), start=1):
            if image in rows and image not in stored:
                try:
                    seen = _matrix(features, "features", shape), _matrix(boxes, "normalized_boxes", (regions, 4))
                    store.put(rows[image], *seen)
                    stored.add(image)
                except region_store.BadRegions as mistake:
                    report(BadRow(number, image, str(mistake)))
    return stored


def _regions(path: Path) -> Iterator[Tuple[str, Any, Any]]:
    """Image, features and boxes of every row; the arrays have this one row."""
    for batch in _batches(path, _REGION_COLUMNS):
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
    if isinstance(label, int):
        pairs = [(label, 1.0)]
    elif isinstance(label, dict):
        pairs = list(zip(label["ids"], label["weights"]))
    else:
        pairs = [(each["ids"], each["weights"]) for each in label]
    for number, weight in pairs:
        if not (isinstance(number, int) and 0 <= number < len(answers)):
            raise BadInput(f"{where}: the label {number} is not one of {len(answers)} answers")
        if not 0 < weight <= 1:
            raise BadInput(f"{where}: the weight {weight} must be above 0 and at most 1")
    return {answers[number]: round(float(weight), 6) for number, weight in pairs}  # 0.3 in float32 is not quite 0.3


def _class_names(feature: Any) -> Optional[List[str]]:
    """The names of a feature that is a class, or of the `ids` of several."""
    if isinstance(feature, list):
        feature = feature[0] if feature else None
    if not isinstance(feature, dict):
        return None
    if isinstance(feature.get("names"), list):
        return [str(name) for name in feature["names"]]
    return _class_names(feature.get("ids", feature.get("feature")))


def _files(path: Path) -> List[Path]:
    """A table's files, in order: itself, or those of a folder."""
    tables = (file for file in path.rglob("*") if file.suffix in (".arrow", ".parquet"))
    files = sorted(tables) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise BadInput(f"{path} is neither an Arrow or Parquet file nor a folder of such files")
    return files


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _schema(path: Path) -> Any:
    try:
        return parquet.read_schema(path) if _is_parquet(path) else _open_arrow(path).schema
    except pa.ArrowInvalid as error:
        raise BadInput(f"{path} is neither Arrow nor Parquet: {error}") from error


def _open_arrow(path: Path) -> Any:
    """Open Arrow's stream, which `datasets` writes, or its file."""
    mapped = pa.memory_map(str(path))
    try:
        return pa.ipc.open_stream(mapped)
    except pa.ArrowInvalid:
        return pa.ipc.open_file(mapped)


def _batches(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Any]:
    """Record batches of a table with the required columns, and the optional ones where it has them."""
    for file in _files(path):
        names = _schema(file).names
        missing = [name for name in required if name not in names]
        if missing:
            raise BadInput(f"{file} has no column {missing[0]}; it has {', '.join(names)}")
        columns = [*required, *(name for name in optional if name in names)]
        if _is_parquet(file):
            yield from parquet.ParquetFile(file).iter_batches(_BATCH, columns=columns)
        else:
            yield from (batch.select(columns) for batch in _arrow_batches(file))


def _arrow_batches(path: Path) -> Iterator[Any]:
    reader = _open_arrow(path)
    if isinstance(reader, pa.RecordBatchStreamReader):
        yield from reader
    else:
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))


def _array(batch: Any, name: str) -> Any:
    column = batch.column(name)
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _matrix(row: Any, name: str, shape: Sequence[int]) -> Array:
    """The list of lists of an array with one row, float32 of this shape."""
    lists = row.flatten()
    values = lists.flatten()
    if len(lists) != shape[0] or set(lists.value_lengths().to_pylist()) != {shape[1]} or values.null_count:
        due = f"{shape[0]} of {shape[1]:,} are due"
        raise region_store.BadRegions(f"{name} has {len(lists)} lists with {len(values):,} numbers; {due}")
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float32).reshape(tuple(shape))
