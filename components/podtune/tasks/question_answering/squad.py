"""A split in SQuAD's format, in any of the forms in which it is published. Whatever else an entry holds is ignored.

| what | is read from |
|---|---|
| a file | JSON or JSON Lines in UTF-8 or UTF-16, Parquet or Arrow, each also as `.gz`; or several such files |
| questions | `data`, `paragraphs` and `qas`, each in the one before; a list of what is in any of them |
| the version | the questions: 2.0 where one is impossible, else 1.1; what the file says of itself is ignored |
| `context` | the question, or else the paragraph or article that holds it |
| the article | `title`, a text, of the same; without one its questions belong to their context |
| `id` | `id`, `guid`, `question_id` or `qid`, a text or a whole number; without one, the question's place in the file |
| `answers` | `detected_answers`, `answers` or `answer`: a list of objects, an object of lists, or one object |
| an answer | `text` or `answer`, and where it begins: `answer_start`, `answer_begin_position`, `start`, `char_spans` |
| no answer | `is_impossible` is true, whatever answers stand there; or is not said, and no answer has a text |
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.json_files import field, of_kind, text
from podtune.formats.raw_data import DataFile
from podtune.formats.set_aside import CURE
from podtune.parsing import MOST_DIGITS
from podtune.tasks.question_answering.questions import Answer, Question
from podtune.tasks.question_answering.squad_files import DamagedLine, read_values

_HOLDERS = ("data", "paragraphs", "qas")
_IDS = ("id", "guid", "question_id", "qid")
_ANSWERS = ("detected_answers", "answers", "answer")
"""MRQA's `answers` are texts without a place; where these were found, `detected_answers` says."""

_TEXTS = ("text", "answer")
_STARTS = ("answer_start", "answer_begin_position", "start")
_SPANS = "char_spans"
_COLUMNS = {*_HOLDERS, *_IDS, *_ANSWERS, "context", "question", "is_impossible", "title"}

_field, _text = partial(field, form="SQuAD"), partial(text, form="SQuAD")


@dataclass(frozen=True)
class SquadSplit:
    """The questions of one file, in its order."""

    questions: List[Question]
    contexts: List[str]
    """Each distinct one once, in the order of first use; `Question.context` counts in them."""

    file: str
    """What messages call it."""

    with_plausible_answers: int = 0
    """Impossible questions that have answers, which are not used."""


class _Entry(NamedTuple):
    """A question as it stands in a file."""

    file: str
    """What messages call it."""

    part: str
    """The file's path among several, with a slash; empty for one file."""

    place: str
    """Where in the file."""

    value: Any
    context: Any
    """Of what holds the question."""

    title: Any = None
    """The same."""

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.file}: {self.place}" if self.place else self.file


class _Row(NamedTuple):
    id: str
    question: str
    context: str
    answers: Tuple[Answer, ...]
    is_impossible: bool
    has_plausible_answers: bool = False


def read_squad(file: DataFile) -> Tuple[SquadSplit, BadRows]:
    """Read one split, and what is wrong with the others of its questions; BadInput where no question has an answer."""
    bad_rows = BadRows(file, CURE)
    contexts: Dict[str, int] = {}
    questions: Dict[str, Question] = {}
    files: Dict[str, str] = {}
    plausible = 0
    for entry in _entries(file, bad_rows):
        with bad_rows:
            row = _row(entry)
            if row.id in questions:
                elsewhere = f" of {files[row.id]}" if files[row.id] != entry.file else ""
                given = f"the id {row.id!r} was given to an earlier question{elsewhere}"
                raise BadInput(f"{entry.where}: {given}; ids must differ")
            files[row.id] = entry.file
            plausible += row.has_plausible_answers
            context = contexts.setdefault(row.context, len(contexts))
            questions[row.id] = Question(row.id, row.question, row.answers, row.is_impossible, context, _title(entry))
    if not bad_rows.entries:
        _require_answers(list(questions.values()), file)
    return SquadSplit(list(questions.values()), list(contexts), str(file), plausible), bad_rows


def _require_answers(questions: Sequence[Question], file: DataFile) -> None:
    """Stop where a model would learn that nothing can be answered."""
    if not questions:
        raise BadInput(f"{file} holds no question")
    if all(question.is_impossible for question in questions):
        raise BadInput(f"{file} has no question with an answer; answers stand under {' or '.join(_ANSWERS)}")


def _entries(file: DataFile, bad_rows: BadRows) -> Iterator[_Entry]:
    for part in file.parts():
        for place, value in read_values(part, _COLUMNS):
            name = "" if part is file else f"{file.part_name(part)}/"
            yield from _walk(_Entry(str(part), name, place, value, None), _HOLDERS, bad_rows)


def _walk(entry: _Entry, holders: Sequence[str], bad_rows: BadRows) -> Iterator[_Entry]:
    """The questions of an entry: it is one, or holds others under one of these keys."""
    value = entry.value
    holds = isinstance(value, dict) and value.get("question") is None
    holder = _first(value, holders) if holds else ""
    if not holder:
        yield entry
        return
    with bad_rows:
        context = entry.context if value.get("context") is None else value["context"]
        title = entry.title if value.get("title") is None else value["title"]
        inside = holders[holders.index(holder) + 1 :]
        for number, inner in enumerate(_field(value, holder, (list,), entry.where)):
            step = f"{holder}[{number}]"
            place = f"{entry.place}.{step}" if entry.place else step
            inner_entry = entry._replace(place=place, value=inner, context=context, title=title)
            yield from _walk(inner_entry, inside, bad_rows)


def _row(entry: _Entry) -> _Row:
    value, where = entry.value, entry.where
    if isinstance(value, DamagedLine):
        raise BadInput(f"{where} is not JSON: {value.reason}")
    question = _text(value, "question", where)
    context = _context(entry)
    name = _id(value, where) or f"{entry.part}{entry.place}"
    said = _is_impossible(value, where)
    if said:
        return _Row(name, question, context, (), True, _has_answers(value, where))
    answers = _answers(value, where)
    where = f"{where} (question {name!r})"
    if said is False and not answers:
        raise BadInput(f"{where}: is_impossible is false, and there is no answer; one of them must be otherwise")
    for answer in answers:
        _require_in_context(answer, context, where)
    return _Row(name, question, context, answers, not answers)


def _context(entry: _Entry) -> str:
    if entry.value.get("context") is not None:
        return _text(entry.value, "context", entry.where)
    if entry.context is None:
        raise BadInput(f"{entry.where} is not SQuAD: it has no 'context', nor has what holds it")
    return _text({"context": entry.context}, "context", entry.where)


def _title(entry: _Entry) -> str:
    """The name of the article; empty where nothing that could be one is said."""
    title = entry.value.get("title") or entry.title
    return title if isinstance(title, str) else ""


def _first(holder: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The first of these keys that has a value; empty where none has."""
    for key in keys:
        if holder.get(key) is not None:
            return key
    return ""


def _id(question: Mapping[str, Any], where: str) -> str:
    """What the question is called; empty where it is not said."""
    key = _first(question, _IDS)
    if not key:
        return ""
    if type(question[key]) is str:
        return _text(question, key, where)
    return str(of_kind(_whole(question[key]), (str, int), f"{where} is not SQuAD: {key}"))


def _whole(number: Any) -> Any:
    """The same as a whole number where it is one: some files have floats, as a table's column with gaps, or digits."""
    if type(number) is str:
        return int(number) if number.isdecimal() and len(number) <= MOST_DIGITS else number
    return int(number) if type(number) is float and number.is_integer() else number


def _is_impossible(question: Mapping[str, Any], where: str) -> Optional[bool]:
    """What is said of it; None where nothing is."""
    said = question.get("is_impossible")
    said = {"true": True, "false": False}.get(said.lower(), said) if type(said) is str else said
    if said in (None, 0, 1):
        return None if said is None else bool(said)
    return bool(of_kind(said, (bool,), f"{where} is not SQuAD: is_impossible"))


def _has_answers(question: Mapping[str, Any], where: str) -> bool:
    """Whether it has any, however they are written."""
    try:
        return bool(_answers(question, where))
    except BadInput:
        return True


def _answers(question: Mapping[str, Any], where: str) -> Tuple[Answer, ...]:
    """The answers of a question that have a text; the official score leaves out the others too."""
    key = _first(question, _ANSWERS)
    if not key:
        return ()
    listed = of_kind(question[key], (list, dict), f"{where} is not SQuAD: {key}")
    listed = _side_by_side(listed, f"{where}: {key}") if isinstance(listed, dict) else listed
    answers = [_answer(answer, f"{where}.{key}[{number}]") for number, answer in enumerate(listed)]
    return tuple(answer for answer in answers if answer)


def _side_by_side(listed: Mapping[str, Any], where: str) -> List[Mapping[str, Any]]:
    """The answers of an object, which is one, or has lists of texts and starts."""
    lists = {key: listed[key] for key in (*_TEXTS, *_STARTS) if isinstance(listed.get(key), list)}
    if not lists:
        return [listed] if listed else []
    lengths = {key: len(values) for key, values in lists.items()}
    if len(set(lengths.values())) > 1:
        counted = ", ".join(f"{count} {key}" for key, count in lengths.items())
        raise BadInput(f"{where} must be lists of one length; got {counted}")
    return [dict(zip(lists, values)) for values in zip(*lists.values())]


def _answer(answer: Any, where: str) -> Optional[Answer]:
    """An answer with its place; None where it has no text."""
    of_kind(answer, (dict,), f"{where} is not SQuAD: it")
    key = _first(answer, _TEXTS)
    if (not key and any(text in answer for text in _TEXTS)) or (key and answer[key] == ""):
        return None
    said = _text(answer, key or _TEXTS[0], where)
    if answer.get(_SPANS):
        return Answer(said, _start_of_spans(answer[_SPANS], f"{where} is not SQuAD: {_SPANS}"))
    key = _first(answer, _STARTS) or _STARTS[0]
    start = _whole(_field(answer, key, (int, float, str), where))
    return Answer(said, of_kind(start, (int,), f"{where} is not SQuAD: {key}"))


def _start_of_spans(spans: Any, where: str) -> int:
    """Where an answer begins first: MRQA lists all its places as pairs of the first and the last character."""
    first = of_kind(of_kind(spans, (list,), where)[0], (list,), f"{where}[0]")
    start: int = of_kind(first[0] if first else None, (int,), f"{where}[0][0]")
    return start


def _require_in_context(answer: Answer, context: str, where: str) -> None:
    if answer.answer_start < 0 or not context.startswith(answer.text, answer.answer_start):
        position = context.find(answer.text)
        found = "its context does not contain it" if position < 0 else f"it is at {position}"
        said = answer.text if len(answer.text) <= 60 else f"{answer.text[:60]}…"
        raise BadInput(
            f"{where}: the answer {said!r} is not in its context at character {answer.answer_start}; {found}"
        )
