"""A SQuAD file, read strictly: the original JSON of version 1.1 or 2.0, or the Hub's flat Parquet."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from podtune.errors import BadInput
from podtune.formats.json_files import field, read_json, text
from podtune.tasks.question_answering.questions import Answer, Question

_PARQUET_MAGIC = b"PAR1"
_field, _text = partial(field, form="SQuAD"), partial(text, form="SQuAD")


@dataclass(frozen=True)
class SquadSplit:
    """The questions of one file, in its order."""

    questions: List[Question]
    contexts: List[str]
    """Each distinct one once, in the order of first use; `Question.context` counts in them."""

    version: str
    """1.1, or 2.0 where questions may be unanswerable."""


class _Row(NamedTuple):
    location: str
    context: str
    id: str
    question: str
    answers: Tuple[Answer, ...]
    is_impossible: bool


def read_squad(path: Path) -> SquadSplit:
    """Read one split; BadInput names the first thing that is not as SQuAD has it, and its location."""
    rows, version = _parquet_rows(path) if _is_parquet(path) else _json_rows(path)
    contexts: Dict[str, int] = {}
    questions: Dict[str, Question] = {}
    for row in rows:
        _check(row, version)
        if row.id in questions:
            raise BadInput(f"{row.location}: the id {row.id!r} was given to an earlier question; ids must differ")
        context = contexts.setdefault(row.context, len(contexts))
        questions[row.id] = Question(row.id, row.question, row.answers, row.is_impossible, context)
    if not questions:
        raise BadInput(f"{path} holds no question")
    return SquadSplit(list(questions.values()), list(contexts), version)


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist; it should be a SQuAD file") from error


def _check(row: _Row, version: str) -> None:
    """Refuse what could not be learnt from or scored."""
    location = f"{row.location} (question {row.id!r})"
    if row.is_impossible and version == "1.1":
        raise BadInput(f"{location}: is_impossible must be false in version 1.1")
    if row.is_impossible and row.answers:
        raise BadInput(f"{location}: an impossible question must have no answers; it has {len(row.answers)}")
    if not row.is_impossible and not row.answers:
        raise BadInput(f"{location}: a question needs an answer, or version v2.0 and is_impossible true")
    for answer in row.answers:
        if not answer.text:
            raise BadInput(f"{location}: an answer must not be empty")
        if answer.answer_start < 0 or not row.context.startswith(answer.text, answer.answer_start):
            raise BadInput(f"{location}: {_misplaced(answer, row.context)}")


def _misplaced(answer: Answer, context: str) -> str:
    position = context.find(answer.text)
    where = "its context does not contain it" if position < 0 else f"it is at {position}"
    text = answer.text if len(answer.text) <= 60 else f"{answer.text[:60]}…"
    return f"the answer {text!r} is not in its context at character {answer.answer_start}; {where}"


def _json_rows(path: Path) -> Tuple[Iterator[_Row], str]:
    document = read_json(path, "JSON in UTF-8 or Parquet")
    named = _field(document, "version", (str,), str(path))
    version = named[1:] if named.startswith("v") else named
    if version not in ("1.1", "2.0"):
        raise BadInput(f"{path}: version must be 1.1 or v2.0; got {named!r}")
    return _walk(document, path), version


def _walk(document: Any, path: Path) -> Iterator[_Row]:
    for article_number, article in enumerate(_field(document, "data", (list,), str(path))):
        article_location = f"{path}: data[{article_number}]"
        for paragraph_number, paragraph in enumerate(_field(article, "paragraphs", (list,), article_location)):
            location = f"{article_location}.paragraphs[{paragraph_number}]"
            context = _text(paragraph, "context", location)
            for number, question in enumerate(_field(paragraph, "qas", (list,), location)):
                yield _json_row(question, context, f"{location}.qas[{number}]")


def _json_row(question: Any, context: str, location: str) -> _Row:
    answers = _field(question, "answers", (list,), location)
    return _Row(
        location,
        context,
        _text(question, "id", location),
        _text(question, "question", location),
        tuple(_answer(answer, f"{location}.answers[{number}]") for number, answer in enumerate(answers)),
        "is_impossible" in question and _field(question, "is_impossible", (bool,), location),
    )


def _answer(answer: Any, location: str) -> Answer:
    return Answer(_text(answer, "text", location), _field(answer, "answer_start", (int,), location))


def _parquet_rows(path: Path) -> Tuple[Iterator[_Row], str]:
    table = _read_table(path)
    rows = [_parquet_row(row, f"{path}: row {number}") for number, row in enumerate(table)]
    return iter(rows), "2.0" if any(row.is_impossible for row in rows) else "1.1"


def _read_table(path: Path) -> List[Dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    columns = ["id", "context", "question", "answers"]
    try:
        file = pyarrow.parquet.ParquetFile(path)
        missing = [column for column in columns if column not in file.schema_arrow.names]
        if missing:
            raise BadInput(f"{path} is not SQuAD: it has no column {', '.join(missing)}")
        return file.read(columns).to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{path} is cut off or damaged Parquet: {' '.join(str(error).split())}") from error


def _parquet_row(row: Dict[str, Any], location: str) -> _Row:
    """In Parquet the answers are two lists side by side, and none means that the question is impossible."""
    listed = _field(row, "answers", (dict,), location)
    texts, starts = (_field(listed, key, (list,), f"{location} answers") for key in ("text", "answer_start"))
    if len(texts) != len(starts):
        raise BadInput(
            f"{location}: answers must have as many answer_start as text; got {len(starts)} and {len(texts)}"
        )
    pairs = ({"text": text, "answer_start": start} for text, start in zip(texts, starts))
    answers = tuple(_answer(pair, f"{location} answers[{number}]") for number, pair in enumerate(pairs))
    context, name, question = (_text(row, key, location) for key in ("context", "id", "question"))
    return _Row(location, context, name, question, answers, not answers)
