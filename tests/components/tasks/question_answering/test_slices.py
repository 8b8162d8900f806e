import numpy as np
import pytest
from podtune.tasks.question_answering.questions import Answer, Question
from podtune.tasks.question_answering.scores import answer_length, question_word, slices_of_questions


def asked(text: str, *answers: str) -> Question:
    return Question("q", text, tuple(Answer(answer, 0) for answer in answers), not answers, context=0)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Who won?", "who"),
        ("To whom was it given?", "who"),
        ("Whose is it?", "who"),
        ("In what year did who win?", "what"),
        ("WHEN?", "when"),
        ("What's new?", "what"),
        ("The town is where?", "where"),
        ("Why not?", "why"),
        ("Of which?", "which"),
        ("How many?", "how"),
        ("Somewhere, somehow?", "other"),
        ("Name it.", "other"),
    ],
)
def test_the_first_question_word_counts_wherever_it_stands(text: str, word: str) -> None:
    assert question_word(text) == word


@pytest.mark.parametrize(
    ("answers", "length"),
    [
        ((), "no answer"),
        (("1903",), "1 word"),
        (("-",), "1 word"),
        (("San  Francisco", "in San Francisco Bay"), "2 words"),
        (("the San Francisco",), "3 to 5 words"),
        (("one two three four five",), "3 to 5 words"),
        (("one two three four five six",), "6 words or more"),
    ],
)
def test_the_first_answer_has_a_length_in_words(answers: "tuple[str, ...]", length: str) -> None:
    assert answer_length(asked("Who?", *answers)) == length


def test_every_question_has_its_slices() -> None:
    questions = [asked("Who?", "I"), asked("What?", "It")]

    assert slices_of_questions(questions, np.array([2, 3])) == [
        {"question_word": "who", "answer_length": "1 word", "windows": "2"},
        {"question_word": "what", "answer_length": "1 word", "windows": "3 or more"},
    ]


def test_questions_that_may_have_no_answer_are_divided_by_that() -> None:
    questions = [asked("Who?", "I"), asked("What?")]

    assert [slices["answerable"] for slices in slices_of_questions(questions, np.array([1, 1]))] == ["yes", "no"]
