import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.tasks.visual_question_answering.accuracy import clean, normalise


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("a dog.", "dog"),
        ("3,000", "3000"),
        ("top-left", "top left"),
        ("two/three", "2 3"),
        ("St. John's", "st john's"),
        ("Frisbee", "frisbee"),
        ("none", "0"),
        ("ten", "10"),
        ("eleven", "eleven"),
        ("an apple and the a", "apple and"),
        ("theater", "theater"),
        ("  yes \n no\t", "yes no"),
        ("", ""),
        ("?", ""),
    ],
)
def test_answers_are_read_as_the_official_score_reads_them(answer: str, expected: str) -> None:
    assert normalise(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("left-right", "left right"),
        ("left - right", "left right"),
        ("left -right", "left right"),
        ("red,white, blue", "redwhite blue"),
        ("red,white,blue", "red white blue"),
        ("1,000 red/white", "1000 redwhite"),
        ("12,b", "12 b"),
        ("o'clock:5", "o'clock:5"),
    ],
)
def test_a_sign_vanishes_where_it_touches_a_space_and_else_becomes_one(answer: str, expected: str) -> None:
    assert normalise(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("5.30", "5.30"), ("5.", "5"), ("5.pm", "5pm"), (".5", ".5"), ("p.m.", "pm"), ("." * 34, "..")],
)
def test_full_stops_go_unless_a_digit_follows_and_never_more_than_32(answer: str, expected: str) -> None:
    assert normalise(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("dont", "don't"),
        ("couldntve", "couldntve"),
        ("couldnt've", "couldn't've"),
        ("couldn'tve", "couldn't've"),
        ("y'alldve", "y'alldve"),
        ("y'alld've", "y'all'd've"),
        ("Hes", "he's"),
        ("shes", "shes"),
        ("somebody'd", "somebodyd"),
        ("somebodyd", "somebodyd"),
        ("'ow'sat", "'ow's'at"),
        ("Im", "im"),
    ],
)
def test_a_contraction_gets_one_lost_apostrophe_back(answer: str, expected: str) -> None:
    assert normalise(answer) == expected


def test_an_answer_that_all_agree_on_keeps_its_spelling() -> None:
    assert clean("\tThe Dog.\n") == "The Dog."
    assert clean("a\nb\tc") == "a b c"


@given(st.text())
def test_nothing_is_left_to_split_or_strip(answer: str) -> None:
    normalised = normalise(answer)

    assert normalised == " ".join(normalised.split())
    assert not set(normalised) & set(';/[]"{}()=+\\_-><@`,?!')
    assert not {"a", "an", "the", "none", "zero", "ten"} & set(normalised.split())
