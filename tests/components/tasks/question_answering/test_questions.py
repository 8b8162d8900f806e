from dataclasses import replace
from pathlib import Path

from podtune.tasks.question_answering.questions import (
    Answer,
    Question,
    read_articles,
    read_contexts,
    read_questions,
    split_digest,
    write_questions,
)

CONTEXTS = ["Zürich\u2028 ", "\\n🙂"]
QUESTIONS = [
    Question("b", ' "Wo"? ', (Answer("Zürich", 0), Answer("ü", 1)), is_impossible=False, context=0),
    Question("a", "", (), is_impossible=True, context=1),
]


def digest(path: Path, questions: "list[Question]", contexts: "list[str]") -> str:
    path.mkdir(exist_ok=True)
    write_questions(path, questions, contexts)
    return split_digest(path)


def test_questions_and_contexts_are_read_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()

    write_questions(tmp_path / "train", QUESTIONS, CONTEXTS)

    assert read_questions(tmp_path, "train") == QUESTIONS
    assert read_contexts(tmp_path, "train") == CONTEXTS
    assert (tmp_path / "train" / "questions.jsonl").read_text(encoding="utf-8").split("\n")[0] == (
        '{"id": "b", "question": " \\"Wo\\"? ", "answers": [{"text": "Zürich", "answer_start": 0},'
        ' {"text": "ü", "answer_start": 1}], "is_impossible": false}'
    )


def test_the_digest_changes_with_every_part_of_the_examples(tmp_path: Path) -> None:
    one, two = QUESTIONS
    moved = Question("a", "", (), is_impossible=True, context=0)
    others = [
        ([two, one], CONTEXTS),
        ([one], CONTEXTS),
        ([one, moved], CONTEXTS),
        (QUESTIONS, ["Zürich", "\\n🙂"]),
        ([Question("b", one.question, one.answers[:1], is_impossible=False, context=0), two], CONTEXTS),
    ]

    digests = {digest(tmp_path, questions, contexts) for questions, contexts in [(QUESTIONS, CONTEXTS), *others]}

    assert len(digests) == 6
    assert digest(tmp_path, QUESTIONS, CONTEXTS) == "50b14084464929551a7523f83fd8591603388bdd185aaf834453493401756070"


def test_articles_are_numbered_and_no_part_of_the_digest(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    before = digest(tmp_path / "train", QUESTIONS * 2, CONTEXTS)
    earlier = read_articles(tmp_path, "train")
    titled = [replace(one, article=title) for one, title in zip(QUESTIONS * 2, ("Zürich", "", "Bern", "Zürich"))]

    assert digest(tmp_path / "train", titled, CONTEXTS) == before
    assert read_articles(tmp_path, "train") == [0, -1, 1, 0]
    assert earlier == [-1, -1, -1, -1]
