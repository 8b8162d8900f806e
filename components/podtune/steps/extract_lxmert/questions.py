"""Files of questions in their published forms, recognised by content: LXMERT's, GQA's, VizWiz's and VQA's.

OK-VQA's are VQA's without the chosen answer. Ids are texts or whole numbers; types may be missing or null.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.json_files import field, of_kind, read_json, words
from podtune.formats.raw_data import DataFile
from podtune.formats.set_aside import CURE, SetAside
from podtune.tasks.visual_question_answering.accuracy import clean, normalise, soft_accuracy
from podtune.tasks.visual_question_answering.questions import VisualQuestion

_VQA_SLICES = ("question_type", "answer_type")
_GQA_SLICES = ("structural", "semantic")


@dataclass(frozen=True)
class QuestionFile:
    """The questions of one split, in their order."""

    questions: List[VisualQuestion]
    chosen: List[str]
    """The one answer of each that counts where a vocabulary is made; empty where there is none."""

    set_aside: int
    """Questions that cannot be read."""

    def require_some(self, file: DataFile, aside: SetAside) -> None:
        """BadInput where there is no question, or more are set aside than may be."""
        aside.require_few(file, "questions", self.set_aside, self.set_aside + len(self.questions))
        if not self.questions:
            raise BadInput(f"{file} holds no question")


@dataclass(frozen=True)
class _Annotation:
    """What VQA knows of a question."""

    where: str
    """Its place in its file."""

    image: str
    answers: Tuple[str, ...]
    chosen: str
    """The one that counts where a vocabulary is made."""

    slices: Dict[str, str]
    document: Any
    """What it stands in."""


def read_question_file(questions: DataFile, annotations: Optional[DataFile], aside: SetAside) -> QuestionFile:
    """Read the questions of a split; only VQA's have `annotations`. What cannot be read is set aside."""
    documents = [(part, read_json(part.path, shown=str(part))) for part in questions.parts()]
    of_vqa = [part for part, document in documents if _is_vqa(document)]
    others = [part for part, document in documents if not _is_vqa(document)]
    if of_vqa and annotations is None:
        raise BadInput(f"{of_vqa[0]} has VQA's questions, whose answers lie in another file; name it too")
    if others and annotations is not None:
        raise BadInput(f"{others[0]} has not VQA's questions, so {annotations} cannot have their answers")
    if annotations is None:
        read = _read_others(documents, questions, aside)
    else:
        read = _read_vqa(documents, questions, annotations, aside)
    read.require_some(questions, aside)
    return read


def _is_vqa(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("questions"), list)  # GQA's keys are numbers


def _read_others(documents: Sequence[Tuple[DataFile, Any]], file: DataFile, aside: SetAside) -> QuestionFile:
    """Read LXMERT's or VizWiz's lists, or GQA's objects: a key there is an id, a text, as some begin with zeros."""
    questions: List[Tuple[DataFile, VisualQuestion]] = []
    bad_rows = BadRows(file, CURE)
    for part, document in documents:
        if isinstance(document, list):
            for number, entry in enumerate(document):
                with bad_rows:
                    read = _vizwiz_question if isinstance(entry, dict) and "image" in entry else _lxmert_question
                    questions.append((part, read(entry, f"{part}: entry {number}")))
        else:
            for name, entry in of_kind(document, (dict,), str(part)).items():
                with bad_rows:
                    questions.append((part, _gqa_question(name, entry, f"{part}: question {name!r}")))
    return with_most_right(questions, bad_rows, aside)


def with_most_right(
    questions: Sequence[Tuple[DataFile, VisualQuestion]], bad_rows: BadRows, aside: SetAside
) -> QuestionFile:
    """The answer that counts is the one that weighs most, the first of equal ones.

    Set aside are the bad rows, and all but the first question with an id.
    """
    distinct: Dict[str, Tuple[DataFile, VisualQuestion]] = {}
    for part, one in questions:
        first, _ = distinct.setdefault(one.id, (part, one))
        if distinct[one.id][1] is not one:
            elsewhere = "" if first == part else f" of {first}"
            bad_rows.add(f"{part}: the id {one.id!r} was given to an earlier question{elsewhere}; ids must differ")
    aside.take(bad_rows)
    kept = [one for _, one in distinct.values()]
    chosen = [max(one.labels, key=one.labels.__getitem__, default="") for one in kept]
    return QuestionFile(kept, chosen, len(bad_rows.entries))


def _lxmert_question(entry: Any, where: str) -> VisualQuestion:
    """Read a question with the labels that a model learns; one without any has only answers out of vocabulary."""
    name, image, question = _id(entry, "question_id", where), _id(entry, "img_id", where), words(entry, "sent", where)
    labels = field(entry, "label", (dict,), where)
    for answer, weight in labels.items():
        of_kind(weight, (float, int), f"{where}: the weight of {answer!r}")
        if not 0 < weight <= 1:
            raise BadInput(f"{where}: the weight of {answer!r} must be above 0 and at most 1; got {weight}")
    weights = {answer: float(weight) for answer, weight in labels.items()}
    slices = _slices(entry, _VQA_SLICES, where)
    return VisualQuestion(name, image, question, labels=weights, answers=(), slices=slices)


def _gqa_question(name: str, entry: Any, where: str) -> VisualQuestion:
    image, question = _id(entry, "imageId", where), words(entry, "question", where)
    types = {} if entry.get("types") is None else field(entry, "types", (dict,), where)
    slices = _slices(types, _GQA_SLICES, f"{where}: types")
    return VisualQuestion(name, image, question, {words(entry, "answer", where): 1.0}, (), slices)


def _vizwiz_question(entry: Any, where: str) -> VisualQuestion:
    """Read a question with its answers, the only one about its image and called after it."""
    image, question, answers = words(entry, "image", where), words(entry, "question", where), _answers(entry, where)
    slices = _slices(entry, _VQA_SLICES, where)
    return VisualQuestion(image, PurePosixPath(image).stem, question, soft_labels(answers), answers, slices)


def _id(entry: Any, key: str, where: str) -> str:
    """A name that may be a number."""
    found = field(entry, key, (str, int), where)
    return words(entry, key, where) if type(found) is str else str(found)


def _slices(entry: Mapping[str, Any], keys: Sequence[str], where: str) -> Dict[str, str]:
    return {key: words(entry, key, where) for key in keys if entry.get(key) is not None}


def _read_vqa(
    documents: Sequence[Tuple[DataFile, Any]], file: DataFile, annotations: DataFile, aside: SetAside
) -> QuestionFile:
    """Join questions with what ten people answered to each, by id; either without the other is set aside."""
    answered = _annotations_by_id(annotations, aside)
    joined: Dict[str, VisualQuestion] = {}
    asked: Dict[str, DataFile] = {}
    bad_rows = BadRows(file, CURE)
    for part, document in documents:
        for number, entry in enumerate(document["questions"]):
            where = f"{part}: questions[{number}]"
            with bad_rows:
                name = _id(entry, "question_id", where)
                if name in asked:
                    earlier = "an earlier one" if asked[name] == part else f"one of {asked[name]}"
                    raise BadInput(f"{where} has the id {name}, which is given to {earlier}; ids must differ")
                asked[name] = part
                if name not in answered:
                    raise BadInput(f"{where} has the id {name}, which is not in {annotations}")
                joined[name] = _vqa_question(name, entry, answered[name], where)
    aside.take(bad_rows)
    aside.take(_not_asked(answered, asked, file, annotations))
    of_part = {str(part): document for part, document in documents}
    questions = []
    for name, one in joined.items():
        described, beside = of_part[str(asked[name])], answered[name].document
        described = beside if "data_subtype" in beside and "data_subtype" not in described else described
        questions.append(replace(one, image=_image_name(described, str(asked[name]), one.image)))
    return QuestionFile(questions, [answered[name].chosen for name in joined], len(bad_rows.entries))


def _image_name(described: Any, where: str, image: str) -> str:
    """An image's name beside its regions: its number is written as COCO's files are called."""
    number = f"{image.lstrip('0'):0>12}"
    return f"COCO_{words(described, 'data_subtype', where)}_{number}" if image.isdecimal() else image


def _not_asked(
    answered: Mapping[str, _Annotation], asked: Collection[str], file: DataFile, annotations: DataFile
) -> BadRows:
    bad_rows = BadRows(annotations, f"they must be of the same split; {CURE}")
    for name, annotation in answered.items():
        if name not in asked:
            bad_rows.add(f"{annotation.where} answers question {name}, which is not in {file}")
    return bad_rows


def _annotations_by_id(file: DataFile, aside: SetAside) -> Dict[str, _Annotation]:
    annotations: Dict[str, _Annotation] = {}
    bad_rows = BadRows(file, CURE)
    for part in file.parts():
        document = read_json(part.path, shown=str(part))
        for number, entry in enumerate(field(document, "annotations", (list,), str(part))):
            where = f"{part}: annotations[{number}]"
            with bad_rows:
                name = _id(entry, "question_id", where)
                if name in annotations:
                    raise BadInput(f"{where}: question {name} has an earlier annotation; each question must have one")
                annotations[name] = _annotation(entry, document, where)
    aside.take(bad_rows)
    return annotations


def _annotation(entry: Any, document: Any, where: str) -> _Annotation:
    answers = _answers(entry, where)
    image, slices = _id(entry, "image_id", where), _slices(entry, _VQA_SLICES, where)
    if entry.get("multiple_choice_answer") is None:
        counts = Counter(normalise(clean(answer)) for answer in answers)
        return _Annotation(where, image, answers, counts.most_common(1)[0][0], slices, document)
    chosen = normalise(clean(field(entry, "multiple_choice_answer", (str,), where)))
    return _Annotation(where, image, answers, chosen, slices, document)


def _answers(entry: Any, where: str) -> Tuple[str, ...]:
    answers = tuple(
        field(person, "answer", (str,), f"{where}: answers[{number}]")
        for number, person in enumerate(field(entry, "answers", (list,), where))
    )
    if not answers:
        raise BadInput(f"{where} has no answers; there must be one of every person asked")
    return answers


def _vqa_question(name: str, entry: Any, annotation: _Annotation, where: str) -> VisualQuestion:
    image = _id(entry, "image_id", where)
    if annotation.image != image:
        raise BadInput(
            f"{where} is of image {image}; {annotation.where}, of the same question, is of {annotation.image}"
        )
    return VisualQuestion(
        id=name,
        image=image,
        question=words(entry, "question", where),
        labels=soft_labels(annotation.answers),
        answers=annotation.answers,
        slices=annotation.slices,
    )


def soft_labels(answers: Tuple[str, ...]) -> Dict[str, float]:
    """Each answer, as the official score reads it, to the accuracy that it gets; those that get none are left out."""
    said = [clean(answer) for answer in answers]
    if len(set(said)) > 1:
        said = [normalise(answer) for answer in said]
    scores = {answer: soft_accuracy(answer, answers) for answer in dict.fromkeys(said)}
    return {answer: score for answer, score in scores.items() if score > 0}
