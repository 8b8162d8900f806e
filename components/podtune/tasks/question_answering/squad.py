"""A SQuAD file, read strictly: the original JSON of version 1.1 or 2.0, or the Hub's flat Parquet."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.json_files import field, read_json, text
from podtune.formats.raw_data import DataFile
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

    file: str
    """What messages call it."""


class _Row(NamedTuple):
    location: str
    context: str
    id: str
    question: str
    answers: Tuple[Answer, ...]
    is_impossible: bool


def read_squad(file: DataFile) -> SquadSplit:
    """Read one split; BadInput names what is not as SQuAD has it, and where that is."""
    bad_rows = BadRows(file)
    rows, version = (_parquet_rows if _is_parquet(file) else _json_rows)(file, bad_rows)
    contexts: Dict[str, int] = {}
    questions: Dict[str, Question] = {}
    for row in rows:
        with bad_rows:
            _check(row, version)
            if row.id in questions:
                raise BadInput(f"{row.location}: the id {row.id!r} was given to an earlier question; ids must differ")
            context = contexts.setdefault(row.context, len(contexts))
            questions[row.id] = Question(row.id, row.question, row.answers, row.is_impossible, context)
    bad_rows.stop()
    if not questions:
        raise BadInput(f"{file} holds no question")
    return SquadSplit(list(questions.values()), list(contexts), version, str(file))


def _is_parquet(file: DataFile) -> bool:
    try:
        with file.path.open("rb") as stream:
            return stream.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except FileNotFoundError as error:
        raise BadInput(f"{file} does not exist; it should be a SQuAD file") from error


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


def _json_rows(file: DataFile, bad_rows: BadRows) -> Tuple[Iterator[_Row], str]:
    document = read_json(file.path, "JSON in UTF-8 or Parquet", str(file))
    named = _field(document, "version", (str,), str(file))
    version = named[1:] if named.startswith("v") else named
    if version not in ("1.1", "2.0"):
        raise BadInput(f"{file}: version must be 1.1 or v2.0; got {named!r}")
    articles = _field(document, "data", (list,), str(file))
    return _walk(articles, file, bad_rows), version


def _walk(articles: List[Any], file: DataFile, bad_rows: BadRows) -> Iterator[_Row]:
    for location, paragraph in _paragraphs(articles, file, bad_rows):
        with bad_rows:
            context = _text(paragraph, "context", location)
            yield from _questions(paragraph, context, location, bad_rows)


def _paragraphs(articles: List[Any], file: DataFile, bad_rows: BadRows) -> Iterator[Tuple[str, Any]]:
    for number, article in enumerate(articles):
        with bad_rows:
            location = f"{file}: data[{number}]"
            for index, paragraph in enumerate(_field(article, "paragraphs", (list,), location)):
                yield f"{location}.paragraphs[{index}]", paragraph


def _questions(paragraph: Any, context: str, location: str, bad_rows: BadRows) -> Iterator[_Row]:
    for number, question in enumerate(_field(paragraph, "qas", (list,), location)):
        with bad_rows:
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


def _parquet_rows(file: DataFile, bad_rows: BadRows) -> Tuple[Iterator[_Row], str]:
    rows = []
    for number, row in enumerate(_read_table(file)):
        with bad_rows:
            rows.append(_parquet_row(row, f"{file}: row {number}"))
    return iter(rows), "2.0" if any(row.is_impossible for row in rows) else "1.1"


def _read_table(file: DataFile) -> List[Dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    columns = ["id", "context", "question", "answers"]
    try:
        table = pyarrow.parquet.ParquetFile(file.path)
        missing = [column for column in columns if column not in table.schema_arrow.names]
        if missing:
            raise BadInput(f"{file} is not SQuAD: it has no column {', '.join(missing)}")
        return table.read(columns).to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{file} is cut off or damaged Parquet: {' '.join(str(error).split())}") from error


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
